"""A visit at a kiosk: what was done to know who came, and the chain that orders offline visits.

A visit is no login and carries no authentication level: it says how the identity was established
and how fresh the chip's answer is. ``freshness`` is ``verifier`` where the server gave the
challenge for this one visit, and ``kiosk`` where it came from the day's batch while the line was
down. Offline challenges depend on the visit before, so that an answer can be prepared for the
next place of the chain only, and a missing or doubled place shows at delivery.

>>> from datetime import UTC, datetime, timedelta
>>> at = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
>>> batch = Batch(id="b" * 22, kiosk="k" * 22, random=bytes(32), most=2_000, issued_at=at,
...               expires_at=at + timedelta(hours=24))
>>> start = Head(counter=0, link=bytes(32))
>>> challenge = batch.challenge("https://id.example", start)
>>> visit = VisitRecord(id="v" * 22, kiosk="k" * 22, at=at, established="chip",
...     freshness="kiosk", batch=batch.id, counter=1, previous=start.link, mode="self",
...     purpose="Check-in", salt=bytes(16), commitment=bytes(32))
>>> start.place(visit), start.after(visit).place(visit), "level" in str(visit.to_json())
('next', 'fork', False)
>>> VisitRecord.from_json(visit.to_json()) == visit
True
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, cast, get_args

from eid.errors import FormatError
from eid.keys import JSON, canonical_json, decode_base64url, encode_base64url
from eid.levels.challenge import derive_challenge

Established = Literal["chip", "declared", "nobody"]
Freshness = Literal["verifier", "kiosk", "none"]
Mode = Literal["self", "assisted"]
Reason = Literal["", "no_card", "newborn", "emergency"]
Place = Literal["next", "gap", "fork"]

SOURCE: Final[Mapping[Established, str]] = MappingProxyType(
    {"chip": "chip_local", "declared": "manual", "nobody": "manual"}
)
"""The provenance of a visit in the words of the levels."""
VISIT_TYP: Final = "eid-visit+jwe"
RECORD_TYP: Final = "eid-visit+jws"
DECLARED: Final = frozenset({"name", "born", "mother", "note"})
"""What a clerk may write down where no chip speaks. There is no number among it, on purpose."""
MAX_TEXT: Final = 120
MAX_CLERK: Final = 4_096
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_LABEL: Final = b"eid-visit-v1"
_CONSENT: Final = frozenset({"issuer", "client", "purpose", "files", "text_version", "act", "at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a server gives one kiosk for one day, to make challenges of while the line is down."""

    id: str
    kiosk: str
    random: bytes = field(repr=False)
    most: int
    issued_at: datetime
    expires_at: datetime

    def challenge(self, issuer: str, head: Head) -> bytes:
        """The challenge for the place after ``head`` (contracts §2, with the chain's state)."""
        place = f"{self.id}.{head.counter + 1}.{encode_base64url(head.link)}"
        return derive_challenge(
            issuer=issuer,
            client_id=self.kiosk,
            transaction_id=place,
            cookie_hash=b"",
            random=self.random,
        )

    def covers(self, at: datetime) -> bool:
        """Whether the batch may be used at this time."""
        return self.issued_at <= at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a kiosk's chain stands: so many visits, the last with this link."""

    counter: int
    link: bytes

    def place(self, visit: VisitRecord) -> Place:
        """Whether the visit is the next one, comes after a gap, or at a place that is taken."""
        if visit.counter > self.counter + 1:
            return "gap"
        follows = visit.counter == self.counter + 1 and visit.previous == self.link
        return "next" if follows else "fork"

    def after(self, visit: VisitRecord) -> Head:
        """The head once this visit is the last one."""
        return Head(counter=visit.counter, link=visit.link)


START: Final = Head(counter=0, link=bytes(32))
"""The head of a kiosk that has recorded nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRecord:
    """One visit, as the kiosk that recorded it claims; personal data, to be sealed.

    ``at`` is claimed. ``consents`` are the records of the explicit acts, ``clerk`` is the signed
    statement of who was on duty. ``commitment`` and ``salt`` bind the evidence that comes beside.
    """

    id: str
    kiosk: str
    at: datetime
    established: Established
    freshness: Freshness
    mode: Mode
    purpose: str
    salt: bytes = field(repr=False)
    commitment: bytes | None = field(default=None, repr=False)
    batch: str = ""
    counter: int = 0
    previous: bytes = bytes(32)
    challenge_id: str = field(default="", repr=False)
    reason: Reason = ""
    clerk: str = field(default="", repr=False)
    consents: tuple[Mapping[str, JSON], ...] = ()
    declared: Mapping[str, str] = field(default_factory=dict, repr=False)
    verdict: str = ""
    code: str = ""

    def __post_init__(self) -> None:
        if (self.established == "chip") != (self.commitment is not None):
            raise ValueError("evidence belongs to a visit with a chip, and to no other")
        if (self.established == "chip") != (self.freshness != "none"):
            raise ValueError("only a chip answers a challenge")
        if not self.declared.keys() <= DECLARED:
            raise ValueError("a visit declares a name, a birth, a mother or a note")
        if self.established == "chip" and self.declared:
            raise ValueError("what a chip says is not declared")

    @property
    def link(self) -> bytes:
        """What the next visit of the chain depends on; salted, so it gives nothing away."""
        return hashlib.sha256(_LABEL + canonical_json(self.to_json())).digest()

    @property
    def chained(self) -> bool:
        """Whether the visit has a place in the kiosk's chain."""
        return self.counter > 0

    def to_json(self) -> dict[str, JSON]:
        """The members as they are signed."""
        return {
            "version": 1,
            "id": self.id,
            "kiosk": self.kiosk,
            "at": int(self.at.timestamp()),
            "established": self.established,
            "freshness": self.freshness,
            "mode": self.mode,
            "purpose": self.purpose,
            "salt": encode_base64url(self.salt),
            "commitment": None if self.commitment is None else encode_base64url(self.commitment),
            "batch": self.batch,
            "counter": self.counter,
            "previous": encode_base64url(self.previous),
            "challenge_id": self.challenge_id,
            "reason": self.reason,
            "clerk": self.clerk,
            "consents": [dict(consent) for consent in self.consents],
            "declared": dict(self.declared),
            "verdict": self.verdict,
            "code": self.code,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, JSON]) -> VisitRecord:
        """The visit, or FormatError ``visit``; unknown and missing members are refused."""
        try:
            visit = _parse(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError("The visit's record is malformed.", code="visit") from error
        if visit.to_json() != document:
            raise FormatError("The visit's record is malformed.", code="visit")
        return visit


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedVisit:
    """A visit that waits for delivery, encrypted to the server; nobody at the kiosk opens it."""

    id: str
    sealed: str = field(repr=False)


def _parse(document: Mapping[str, JSON]) -> VisitRecord:
    commitment = document["commitment"]
    at = document["at"]
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < 1 << 40:
        raise ValueError("a time in whole seconds")
    return VisitRecord(
        id=_id(document, "id"),
        kiosk=_id(document, "kiosk"),
        at=datetime.fromtimestamp(at, UTC),
        established=cast("Established", _one_of(document, "established", get_args(Established))),
        freshness=cast("Freshness", _one_of(document, "freshness", get_args(Freshness))),
        mode=cast("Mode", _one_of(document, "mode", get_args(Mode))),
        purpose=_text(document, "purpose"),
        salt=_octets(document, "salt", 16),
        commitment=None if commitment is None else _octets(document, "commitment", 32),
        batch=_text(document, "batch"),
        counter=_counter(document),
        previous=_octets(document, "previous", 32),
        challenge_id=_text(document, "challenge_id"),
        reason=cast("Reason", _one_of(document, "reason", get_args(Reason))),
        clerk=_text(document, "clerk", most=MAX_CLERK),
        consents=_consents(document["consents"]),
        declared=_declared(document["declared"]),
        verdict=_text(document, "verdict"),
        code=_text(document, "code"),
    )


def _text(document: Mapping[str, JSON], name: str, *, most: int = MAX_TEXT) -> str:
    value = document[name]
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("a short text")
    return value


def _id(document: Mapping[str, JSON], name: str) -> str:
    value = _text(document, name)
    if not _ID.fullmatch(value):
        raise ValueError("an identifier")
    return value


def _one_of(document: Mapping[str, JSON], name: str, allowed: tuple[str, ...]) -> str:
    value = document[name]
    if value not in allowed:
        raise ValueError("one of the known words")
    return str(value)


def _octets(document: Mapping[str, JSON], name: str, length: int) -> bytes:
    value = decode_base64url(_text(document, name))
    if len(value) != length:
        raise ValueError("so many bytes")
    return value


def _counter(document: Mapping[str, JSON]) -> int:
    value = document["counter"]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise ValueError("a counter")
    return value


def _consents(value: JSON) -> tuple[Mapping[str, JSON], ...]:
    if not isinstance(value, list) or len(value) > 2:
        raise ValueError("at most two consents")
    for item in value:
        if not isinstance(item, dict) or item.keys() != _CONSENT:
            raise ValueError("a consent")
        if len(canonical_json(item)) > 2_048:
            raise ValueError("a short consent")
    return tuple(cast("list[Mapping[str, JSON]]", value))


def _declared(value: JSON) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("an object")
    return {name: _text(value, name) for name in value}
