"""A presence code: this person is here now, for this relying party (own CWT profile; RFC 8392).

>>> from datetime import UTC, datetime
>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> from eid.qr.issuers import IssuerKey
>>> from eid.qr.signers import SoftwareSigner
>>> now, challenge = datetime(2026, 11, 21, tzinfo=UTC), new_challenge()
>>> signer = SoftwareSigner.of(Ed25519PrivateKey.generate())
>>> asked = Asked(audience="https://clinic.example", challenge=challenge)
>>> text = issue_presence(asked, subject=b"subject", key=signer, at=now)
>>> keys = IssuerKeys.of([IssuerKey.of("https://id.example", signer.public_key)])
>>> verify_presence(text, keys, asked, at=now, seen=SeenInMemory()).subject
b'subject'

Every character counts on a small screen: the code is not compressed, since random bytes do not
shrink, and it does not name its issuer, who follows from the key.
The relying party shows a fresh challenge, the person's device has the issuer sign it, and the
relying party checks offline: audience, challenge with the words that were shown beside it, a life of
at most a minute, and once only. A
live relay is not prevented by any code on a screen; see docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from eid.errors import (
    ChallengeMismatch,
    FormatError,
    Inconsistent,
    RequestRefused,
    Unavailable,
    VerificationError,
)
from eid.keys import SigningKey
from eid.qr import base45, cbor, cose, cwt
from eid.qr.cbor import Cbor
from eid.qr.cose import Signer
from eid.qr.cwt import Claims
from eid.qr.issuers import IssuerKeys
from eid.qr.signers import as_signer

MAX_LIFE: Final = timedelta(seconds=60)
DEFAULT_LIFE: Final = timedelta(seconds=30)
REDRAW: Final = timedelta(seconds=10)
"""Draw a new code on the screen at least this often, so that a photograph soon dies."""
SKEW_S: Final = 5
CHALLENGE_SIZE: Final = 16

_NONCE: Final = 10
"""EAT nonce (RFC 9711 §4.1)."""
_CHIP: Final = -70_001
_PURPOSE: Final = b"eid-presence-v1"
"""Signed along, never sent: no other token of the issuer can pass for a presence code."""
_QUESTION: Final = b"eid-presence-question-v1"
_ID_SIZE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the relying party asks: its own identifier and a fresh challenge of 16 bytes.

    ``place`` and ``purpose`` are words for the person who answers; the answer signs them too.
    """

    audience: str
    challenge: bytes = field(repr=False)
    place: str = ""
    purpose: str = ""

    def __post_init__(self) -> None:
        if len(self.challenge) != CHALLENGE_SIZE or not self.audience:
            raise ValueError("a presence code needs an audience and a challenge of 16 bytes")

    @property
    def nonce(self) -> bytes:
        """What the answer names: the challenge, or a digest of the question that has words."""
        if not self.place and not self.purpose:
            return self.challenge
        words = [text.encode() for text in (self.audience, self.place, self.purpose)]
        framed = b"".join(len(word).to_bytes(2, "big") + word for word in words)
        return hashlib.sha256(_QUESTION + framed + self.challenge).digest()[:CHALLENGE_SIZE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A checked presence code. ``chip`` commits to a chip proof, where the issuer had one."""

    issuer: str
    subject: bytes = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    id: bytes = field(repr=False)
    chip: bytes | None = field(repr=False)


class Seen(Protocol):
    """The relying party's own memory of codes."""

    def add(self, keys: tuple[bytes, ...], *, until: datetime, at: datetime) -> bool:
        """Remember all *keys* until then, in one step; false if any was there already."""
        ...


class SeenInMemory:
    """`Seen` for one process; forgets what has expired, refuses when it is full."""

    def __init__(self, *, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._until: dict[bytes, datetime] = {}
        self._lock = threading.Lock()

    def add(self, keys: tuple[bytes, ...], *, until: datetime, at: datetime) -> bool:
        """See `Seen`; ``Unavailable`` ``qr.seen_full`` rather than forget a live code."""
        with self._lock:
            if len(self._until) + len(keys) > self._capacity:
                self._until = {key: end for key, end in self._until.items() if end >= at}
            if len(self._until) + len(keys) > self._capacity:
                raise Unavailable("Too many codes were used in a short time.", code="qr.seen_full")
            if any(key in self._until and self._until[key] >= at for key in keys):
                return False
            self._until.update(dict.fromkeys(keys, until))
            return True


def new_challenge(*, rng: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """A challenge for the relying party to show; use it for one person once."""
    return rng(CHALLENGE_SIZE)


def issue_presence(  # noqa: PLR0913 - all but the question by keyword
    asked: Asked,
    *,
    subject: bytes,
    key: SigningKey | Signer,
    at: datetime,
    life: timedelta = DEFAULT_LIFE,
    evidence_digest: bytes | None = None,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Sign that *subject* (1 to 16 bytes, pairwise or random) is present now.

    *evidence_digest* is that of a chip read that the issuer verified in this very transaction; the
    code carries a commitment to it (`chip_commitment`). ``ValueError`` for a life above a minute.
    """
    if not timedelta(seconds=1) <= life <= MAX_LIFE:
        raise ValueError("a presence code lives for at most a minute")
    if not 0 < len(subject) <= 16:
        raise ValueError("a subject has 1 to 16 bytes")
    now, identifier = int(at.timestamp()), rng(_ID_SIZE)
    claims: dict[int | str, Cbor] = {
        cwt.SUB: subject,
        cwt.AUD: asked.audience,
        cwt.EXP: now + int(life.total_seconds()),
        cwt.IAT: now,
        cwt.CTI: identifier,
        _NONCE: asked.nonce,
    }
    if evidence_digest is not None:
        claims[_CHIP] = chip_commitment(evidence_digest, identifier)
    signed = cose.sign(cbor.encode(claims), as_signer(key), external_aad=_PURPOSE)
    return base45.encode(signed)


def verify_presence(
    text: str, keys: IssuerKeys, asked: Asked, *, at: datetime, seen: Seen
) -> Presence:
    """Check a scanned code against what was *asked*; it passes once.

    ``RequestRefused`` ``qr.audience``; ``ChallengeMismatch`` ``qr.challenge``, ``qr.replayed``;
    ``VerificationError`` ``qr.lifetime`` when it lives longer than a minute; ``FormatError``
    ``qr.presence`` when a claim is missing; else as `eid.qr.credential.verify_credential`.
    """
    message = cose.parse(base45.decode(text))
    claims = cwt.parse_claims(message.payload)
    key = keys.signer(message, issuer=claims.issuer, external_aad=_PURPOSE)
    if claims.issuer not in (None, key.issuer):
        raise Inconsistent(
            "The code names another issuer than the one its key belongs to.",
            code="qr.issuer_of_key",
        )
    presence, nonce = _presence(claims, key.issuer)
    key.check_issued(claims.issued_at)
    cwt.check_times(claims, at=at, skew_s=SKEW_S)
    if presence.expires_at - presence.issued_at > MAX_LIFE:
        raise VerificationError("The code lives longer than it may.", code="qr.lifetime")
    if claims.audience != asked.audience:
        raise RequestRefused("The code was made for somebody else.", code="qr.audience")
    if not hmac.compare_digest(nonce, asked.nonce):
        raise ChallengeMismatch("The code answers another question.", code="qr.challenge")
    once = tuple(_digest(key.issuer, part) for part in (presence.id, nonce))
    until = presence.expires_at + timedelta(seconds=SKEW_S)
    if not seen.add(once, until=until, at=at):
        raise ChallengeMismatch("The code was used before.", code="qr.replayed")
    return presence


def chip_commitment(evidence_digest: bytes, identifier: bytes) -> bytes:
    """What ``Presence.chip`` must equal for the evidence with that digest; 16 bytes."""
    return hashlib.sha256(_PURPOSE + identifier + evidence_digest).digest()[:16]


def _presence(claims: Claims, issuer: str) -> tuple[Presence, bytes]:
    nonce, chip = claims.every.get(_NONCE), claims.every.get(_CHIP)
    issued, expires = cwt.instant(claims.issued_at), cwt.instant(claims.expires_at)
    if (
        not isinstance(claims.subject, bytes)
        or not isinstance(nonce, bytes)
        or not isinstance(chip, bytes | None)
        or (issued is None or expires is None)
        or (claims.id is None or len(claims.id) < _ID_SIZE)
    ):
        raise FormatError("The code is no presence code.", code="qr.presence")
    presence = Presence(
        issuer=issuer,
        subject=claims.subject,
        issued_at=issued,
        expires_at=expires,
        id=claims.id,
        chip=chip,
    )
    return presence, nonce


def _digest(issuer: str, part: bytes) -> bytes:
    return hashlib.sha256(issuer.encode() + b"\0" + part).digest()
