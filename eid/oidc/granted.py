"""What a finished login grants: carried by the code, and in part by the access token.

>>> Authentication(acr="urn:eid:auth:1", amr=("pwd",), auth_time=0, level=2, auth_level=1,
...                source="chip_local").claims()["eid_auth_level"]
1
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eid.keys import JSON
from eid.oidc.authorization import AuthorizationRequest, read_request, stored_request
from eid.oidc.payload import Payload, integer, members, optional_text, text, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How the person was authenticated; both axes are integers (contracts §6)."""

    acr: str
    amr: tuple[str, ...]
    auth_time: int
    level: int
    auth_level: int
    source: str

    def claims(self) -> dict[str, JSON]:
        """As claims of the ID token."""
        return {
            "acr": self.acr,
            "amr": list(self.amr),
            "auth_time": self.auth_time,
            "eid_level": self.level,
            "eid_auth_level": self.auth_level,
            "eid_source": self.source,
        }

    @classmethod
    def from_json(cls, payload: Payload) -> Authentication:
        """From the stored claims."""
        return cls(
            acr=text(payload, "acr"),
            amr=texts(payload, "amr"),
            auth_time=integer(payload, "auth_time"),
            level=integer(payload, "eid_level"),
            auth_level=integer(payload, "eid_auth_level"),
            source=text(payload, "eid_source"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """One person's yes to one service's request.

    ``session`` is the family of the browser's session, ``version`` the account's at that time.
    ``kiosk`` is the enrolled kiosk where it happened: no refresh token leaves from there.
    """

    request: AuthorizationRequest
    account_id: str
    authentication: Authentication
    interaction: str = field(repr=False)
    session: str | None = field(default=None, repr=False)
    version: int = 1
    kiosk: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """For the code's row."""
        return {
            "request": stored_request(self.request),
            "account": self.account_id,
            "authentication": self.authentication.claims(),
            "interaction": self.interaction,
            "session": self.session,
            "version": self.version,
            "kiosk": self.kiosk,
        }

    @classmethod
    def from_json(cls, payload: Payload) -> Granted:
        """From the code's row."""
        return cls(
            request=read_request(payload.get("request")),
            account_id=text(payload, "account"),
            authentication=Authentication.from_json(members(payload, "authentication")),
            interaction=text(payload, "interaction"),
            session=optional_text(payload, "session"),
            version=integer(payload, "version"),
            kiosk=optional_text(payload, "kiosk"),
        )
