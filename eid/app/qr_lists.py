"""The signed lists that the provider serves: statuses of its credentials, and whom to trust.

``GET {issuer}/status/1`` and ``GET {issuer}/trust-list`` (contracts §9). Lists are signed when they
are first asked for, again after a change of the register, and before half their time is over; what
signs them is loaded then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from eid.app.secret_source import opened_keys
from eid.app.settings import Settings
from eid.errors import EidError
from eid.keys import SigningKey, load_or_create_signing_key
from eid.oidc.errors import RETRY_AFTER_S

if TYPE_CHECKING:
    import falcon

    from eid.qr.credential import StatusReference
    from eid.qr.register import StatusRegister

_log = logging.getLogger("eid.app.qr_lists")
LIFE: Final = timedelta(days=1)
TTL: Final = timedelta(hours=1)
STATUS_PATH: Final = "/status/1"
TRUST_PATH: Final = "/trust-list"


def register_of(settings: Settings) -> StatusRegister:
    """Where this installation remembers its credentials."""
    from eid.qr.register import StatusRegister  # noqa: PLC0415 - see above

    return StatusRegister(settings.data_dir / "qr")


def qr_key(settings: Settings) -> SigningKey:
    """The key that signs credentials and lists."""
    with opened_keys(settings) as keys:
        return load_or_create_signing_key(replace(keys.folder, token=None), "qr")


def allocate(settings: Settings) -> tuple[SigningKey, str, StatusReference]:
    """Key, issuer and a new place in the status list, for one more credential."""
    from eid.qr.credential import StatusReference  # noqa: PLC0415 - see above

    index = register_of(settings).allocate()
    uri = settings.issuer + STATUS_PATH
    return qr_key(settings), settings.issuer, StatusReference(uri=uri, index=index)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """Bytes to serve, and for how long others may keep them."""

    body: bytes = field(repr=False)
    content_type: str
    max_age_s: int


class SignedLists:
    """Both lists of one installation, signed anew when they must be."""

    def __init__(
        self, settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._key = qr_key(settings)
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, datetime, SignedList]] = {}

    @cached_property
    def _register(self) -> StatusRegister:
        return register_of(self._settings)

    def statuses(self) -> SignedList:
        """The status list (``application/statuslist+cwt``)."""
        return self._fresh(STATUS_PATH, self._register.changed_at(), self._sign_statuses)

    def trust(self) -> SignedList:
        """The trust list, with this issuer's own key; signed by that key, which verifiers pin."""
        return self._fresh(TRUST_PATH, 0, self._sign_trust)

    def _fresh(self, name: str, change: int, sign: Callable[[datetime], SignedList]) -> SignedList:
        now = self._clock()
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept[0] != change or not now - kept[1] < TTL / 2:
                kept = self._kept[name] = (change, now, sign(now))
            return kept[2]

    def _sign_statuses(self, now: datetime) -> SignedList:
        from eid.qr import status  # noqa: PLC0415 - see above

        terms = status.ListTerms(
            uri=self._settings.issuer + STATUS_PATH,
            issuer=self._settings.issuer,
            issued_at=now,
            expires_at=now + LIFE,
            ttl=TTL,
        )
        body = status.issue_list(self._register.packed(), terms, self._key)
        return SignedList(body=body, content_type=status.TYPE, max_age_s=_seconds(TTL / 2))

    def _sign_trust(self, now: datetime) -> SignedList:
        from eid.qr import trust_list  # noqa: PLC0415 - see above
        from eid.qr.issuers import IssuerKey  # noqa: PLC0415 - see above
        from eid.qr.signers import public_key_of  # noqa: PLC0415 - see above

        own = IssuerKey.of(self._settings.issuer, public_key_of(self._key))
        edition = trust_list.Edition(
            publisher=self._settings.issuer,
            version=int(now.timestamp()),
            issued_at=now,
            expires_at=now + LIFE,
        )
        body = trust_list.issue_trust_list([own], self._key, edition=edition)
        return SignedList(body=body, content_type=trust_list.TYPE, max_age_s=_seconds(TTL / 2))


def add_routes(app: falcon.App[falcon.Request, falcon.Response], lists: SignedLists) -> None:
    """Serve the lists beside the provider's own paths; anyone may read them."""
    app.add_route(STATUS_PATH, _Served(lists.statuses))
    app.add_route(TRUST_PATH, _Served(lists.trust))


class _Served:
    """A list as Falcon wants it."""

    def __init__(self, get: Callable[[], SignedList]) -> None:
        self._get = get

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """GET and HEAD; 503 while register or key cannot be read, and never a list of before."""
        try:
            served = self._get()
        except (EidError, OSError) as error:
            code = error.code if isinstance(error, EidError) else "system"
            _log.error("a signed list cannot be made: %s", code)
            resp.status = 503
            resp.set_header("Retry-After", str(RETRY_AFTER_S))
            resp.set_header("Cache-Control", "no-store")
            return
        resp.data = served.body
        resp.content_type = served.content_type
        resp.set_header("Cache-Control", f"public, max-age={served.max_age_s}")
        resp.set_header("Access-Control-Allow-Origin", "*")

    on_head = on_get


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
