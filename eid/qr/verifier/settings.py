"""What the verifier page is told: whom to believe, where its lists are, and how old they may be.

>>> from eid.qr.issuers import IssuerKey
>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> key = IssuerKey.of("https://id.example", Ed25519PrivateKey.generate().public_key())
>>> settings = PageSettings(issuers=(key,), status_uris=("https://id.example/status/1",))
>>> settings.status_paths
{'lists/status-0': 'https://id.example/status/1'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from unicodedata import normalize

from eid.errors import SettingsError
from eid.keys import JSON, canonical_json
from eid.qr import cose
from eid.qr.issuers import IssuerKey
from eid.qr.question import MAX_WORDS
from eid.qr.trust_list import public_key_bytes

VERSION = 1
TRUST_PATH = "lists/trust-list"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """One use of the page. ``publishers`` sign the trust list; ``issuers`` are believed without.

    ``audience`` is the name that presence codes are made for; without it none are asked. ``place``
    and ``purpose`` are the words beside it (`eid.qr.presence.Asked`).
    ``max_stale`` is how long a list counts after its own time (`eid.qr.status.StatusLists`).
    """

    publishers: tuple[IssuerKey, ...] = ()
    issuers: tuple[IssuerKey, ...] = ()
    status_uris: tuple[str, ...] = ()
    audience: str | None = None
    place: str = ""
    purpose: str = ""
    max_stale: timedelta = timedelta(0)
    max_age: timedelta | None = None
    require_status: bool = False

    def __post_init__(self) -> None:
        if not self.publishers and not self.issuers:
            raise _refuse("The verifier page needs a publisher's or an issuer's key.")
        self._check_question()
        if any(key.denied for key in (*self.publishers, *self.issuers)):
            raise _refuse("Denied times belong into the trust list, not beside a pinned key.")

    def _check_question(self) -> None:
        """What `eid.qr.question` writes must fit the code that the page draws."""
        words = (self.audience or "") + self.place + self.purpose
        if self.audience is None and words:
            raise _refuse("Place and purpose belong to an audience of presence codes.")
        if self.audience == "" or len(words.encode()) > MAX_WORDS:
            raise _refuse("Audience, place and purpose have 1 to 200 bytes together.")
        if not words.isprintable() or normalize("NFC", words) != words:
            raise _refuse("Audience, place and purpose hold hidden characters, or are not in NFC.")

    @property
    def status_paths(self) -> Mapping[str, str]:
        """Where the page finds the list of each URI, by path below its own folder."""
        return {f"lists/status-{place}": uri for place, uri in enumerate(self.status_uris)}

    def to_json(self) -> bytes:
        """The page's ``config.json``."""
        return canonical_json(
            {
                "version": VERSION,
                "audience": self.audience,
                "place": self.place,
                "purpose": self.purpose,
                "publishers": [_entry(key) for key in self.publishers],
                "issuers": [_entry(key) for key in self.issuers],
                "policy": {
                    "max_stale_s": int(self.max_stale.total_seconds()),
                    "max_age_s": None
                    if self.max_age is None
                    else int(self.max_age.total_seconds()),
                    "require_status": self.require_status,
                },
                "trust_list": TRUST_PATH if self.publishers else None,
                "statuses": [
                    {"path": path, "uri": uri} for path, uri in self.status_paths.items()
                ],
            }
        )


def _entry(key: IssuerKey) -> dict[str, JSON]:
    if not cose.is_own(key.public_key):
        raise _refuse("The verifier page reads codes signed with P-256 or Ed25519 keys only.")
    return {
        "issuer": key.issuer,
        "kid": key.kid.hex(),
        "key": public_key_bytes(key.public_key).hex(),
    }


def _refuse(message: str) -> SettingsError:
    return SettingsError(message, code="settings.qr_verifier")
