"""Which claims a scope or a claims request releases, and where their values come from.

(OIDC Core §5.4, §5.5; contracts §7.) The table is the whole list: nothing outside it, no hash of
the card's data, no chip key, no certificate number, ever reaches a token.

>>> [field.name for field in released(("openid", "eid:number"), ())]
['personal_number']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from eid.errors import FormatError, OAuthError
from eid.keys import JSON, canonical_json, parse_json_object
from eid.levels.account import Profile
from eid.oidc.acr import AcrRequest
from eid.oidc.payload import Payload, optional_text, texts
from eid.oidc.verified import parse_verified

MAX_CLAIMS = 4096
MAX_ACR_VALUES = 16
_GENDERS = {"M": "male", "F": "female"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimField:
    """One claim: its wire ``name``, its ``scope``, what the person reads, and its source."""

    name: str
    scope: str
    vietnamese: str
    english: str
    read: Callable[[Profile], JSON]


FIELDS: tuple[ClaimField, ...] = (
    ClaimField(
        name="name",
        scope="profile",
        vietnamese="Họ, chữ đệm và tên",
        english="Full name",
        read=lambda profile: profile.name,
    ),
    ClaimField(
        name="birthdate",
        scope="profile",
        vietnamese="Ngày sinh",
        english="Date of birth",
        read=lambda profile: profile.birth_date,
    ),
    ClaimField(
        name="gender",
        scope="profile",
        vietnamese="Giới tính",
        english="Sex",
        read=lambda profile: _GENDERS.get(profile.sex),
    ),
    ClaimField(
        name="address",
        scope="address",
        vietnamese="Nơi cư trú",
        english="Place of residence",
        read=lambda profile: {"formatted": profile.address} if profile.address else None,
    ),
    ClaimField(
        name="personal_number",
        scope="eid:number",
        vietnamese="Số định danh cá nhân",
        english="Personal number",
        read=lambda profile: profile.personal_number,
    ),
    ClaimField(
        name="card_issue_date",
        scope="eid:card",
        vietnamese="Ngày cấp thẻ",
        english="Card's date of issue",
        read=lambda profile: profile.issue_date,
    ),
    ClaimField(
        name="card_expiry_date",
        scope="eid:card",
        vietnamese="Ngày hết hạn của thẻ",
        english="Card's date of expiry",
        read=lambda profile: profile.expiry,
    ),
    ClaimField(
        name="card_issuer",
        scope="eid:card",
        vietnamese="Nơi cấp thẻ",
        english="Card's issuing state",
        read=lambda profile: profile.issuing_state,
    ),
)
BY_NAME: Mapping[str, ClaimField] = MappingProxyType({field.name: field for field in FIELDS})
SCOPES: frozenset[str] = frozenset(field.scope for field in FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRequest:
    """The ``claims`` parameter, as far as it can be served: names by place, and a wanted sub.

    ``verified`` are names to be delivered as ``verified_claims`` of the place; ``frameworks`` the
    trust frameworks that will do, empty for any (OIDC Identity Assurance §6).
    """

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    subject: str | None = None
    verified_id_token: tuple[str, ...] = ()
    verified_userinfo: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """For the stored interaction; what is absent is left out."""
        members: dict[str, JSON] = {
            "id_token": list(self.id_token),
            "userinfo": list(self.userinfo),
            "subject": self.subject,
            "verified_id_token": list(self.verified_id_token),
            "verified_userinfo": list(self.verified_userinfo),
            "frameworks": list(self.frameworks),
        }
        return {name: value for name, value in members.items() if value}

    @property
    def names(self) -> tuple[str, ...]:
        """Every claim that is asked for by name, wherever it is delivered."""
        return (
            *self.id_token,
            *self.userinfo,
            *self.verified_id_token,
            *self.verified_userinfo,
        )

    @classmethod
    def from_json(cls, payload: Payload) -> ClaimsRequest:
        """From the stored interaction."""
        return cls(
            id_token=texts(payload, "id_token"),
            userinfo=texts(payload, "userinfo"),
            subject=optional_text(payload, "subject"),
            verified_id_token=texts(payload, "verified_id_token"),
            verified_userinfo=texts(payload, "verified_userinfo"),
            frameworks=texts(payload, "frameworks"),
        )


def parse_claims(
    text: str | None, *, allowed: Iterable[str], verified: bool = False
) -> tuple[ClaimsRequest, AcrRequest]:
    """Parse the ``claims`` parameter; ``invalid_request`` if it is malformed.

    Claims that are unknown, or outside the ``allowed`` scopes, are left out: a claims request is
    voluntary, except for an essential ``acr`` or ``sub`` of the ID token. ``verified`` says
    whether verified claims may be asked for.
    """
    if text is None:
        return ClaimsRequest(), AcrRequest()
    try:
        document = parse_json_object(text.encode(), max_size=MAX_CLAIMS)
    except FormatError as error:
        raise _malformed() from error
    id_token, userinfo = _section(document, "id_token"), _section(document, "userinfo")
    scopes = frozenset(allowed)
    in_token = parse_verified(id_token.get("verified_claims"))
    in_userinfo = parse_verified(userinfo.get("verified_claims"))
    return (
        ClaimsRequest(
            id_token=_served(id_token, scopes),
            userinfo=_served(userinfo, scopes),
            subject=_subject(id_token),
            verified_id_token=_served(in_token.claims, scopes) if verified else (),
            verified_userinfo=_served(in_userinfo.claims, scopes) if verified else (),
            frameworks=tuple(dict.fromkeys((*in_token.frameworks, *in_userinfo.frameworks))),
        ),
        _acr(id_token.get("acr")),
    )


def names_somebody(text: str | None) -> bool:
    """Whether a claims parameter that was parsed holds a value of anything but a level.

    >>> names_somebody('{"id_token": {"acr": {"value": "urn:eid:auth:2"}, "name": null}}')
    False
    >>> names_somebody('{"id_token": {"sub": {"value": "a subject"}}}')
    True
    """
    document = {} if text is None else parse_json_object(text.encode(), max_size=MAX_CLAIMS)
    sections = (_section(document, place) for place in ("id_token", "userinfo"))
    wishes = ((name, wish) for section in sections for name, wish in section.items())
    return any(name != "acr" and b'"value' in canonical_json(wish) for name, wish in wishes)


def released(scopes: Iterable[str], names: Iterable[str]) -> tuple[ClaimField, ...]:
    """The fields of these scopes and claim names, in the table's order."""
    of_scopes, named = frozenset(scopes), frozenset(names)
    return tuple(f for f in FIELDS if f.scope in of_scopes or f.name in named)


def values(fields: Iterable[ClaimField], profile: Profile | None) -> dict[str, JSON]:
    """The claims of these fields; what has no value is left out, never null or empty."""
    if profile is None:
        return {}
    read = {field.name: field.read(profile) for field in fields}
    return {name: value for name, value in read.items() if value}


def _section(document: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise _malformed()
    for wish in section.values():
        if wish is not None and not isinstance(wish, Mapping):
            raise _malformed()
    return section


def _served(section: Mapping[str, JSON], scopes: frozenset[str]) -> tuple[str, ...]:
    return tuple(f.name for f in FIELDS if f.name in section and f.scope in scopes)


def _subject(section: Mapping[str, JSON]) -> str | None:
    wish = section.get("sub")
    value = wish.get("value") if isinstance(wish, Mapping) else None
    if value is not None and not isinstance(value, str):
        raise _malformed()
    return value


def _acr(wish: JSON) -> AcrRequest:
    if not isinstance(wish, Mapping):
        return AcrRequest()
    essential = wish.get("essential", False)
    listed = wish.get("values", [wish["value"]] if "value" in wish else [])
    if not isinstance(essential, bool) or not isinstance(listed, list):
        raise _malformed()
    if len(listed) > MAX_ACR_VALUES or not all(isinstance(value, str) for value in listed):
        raise _malformed()
    wanted = tuple(str(value) for value in listed)
    return AcrRequest(essential=wanted) if essential else AcrRequest(voluntary=wanted)


def _malformed() -> OAuthError:
    return OAuthError("invalid_request", "The claims parameter is malformed.")
