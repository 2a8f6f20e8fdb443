"""CWT claims and their times (RFC 8392 §3), shared by credentials, presence codes and lists.

>>> from datetime import UTC, datetime
>>> claims = parse_claims(cbor.encode({1: "https://id.example", 4: 1_900_000_000}))
>>> check_times(claims, at=datetime(2026, 11, 21, tzinfo=UTC))
>>> claims.issuer
'https://id.example'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from eid.errors import Expired, FormatError, Inconsistent, VerificationError
from eid.qr import cbor
from eid.qr.cbor import Cbor

ISS, SUB, AUD, EXP, NBF, IAT, CTI = 1, 2, 3, 4, 5, 6, 7
STATUS, STATUS_LIST, TTL = 65535, 65533, 65534
"""Numbers requested by the Token Status List draft; this is their only home."""

DEFAULT_SKEW_S = 60
_MAX_TEXT = 512
_SUBJECT_TYPES = (bytes, str)
_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The registered claims of one token; times are epoch seconds.

    Without slots, as `parse_claims` fills it at once: that takes less than half of the time.
    """

    issuer: str | None
    subject: str | bytes | None = field(repr=False)
    audience: str | None
    expires_at: int | None
    not_before: int | None
    issued_at: int | None
    id: bytes | None = field(repr=False)
    every: Mapping[int | str, Cbor] = field(repr=False)


def parse_claims(payload: bytes, *, max_size: int = cbor.MAX_SIZE) -> Claims:
    """Read a claims set; ``FormatError`` ``qr.cwt`` where a registered claim has a wrong type.

    A subject may be bytes as well as text: ours are random bytes, which cost half the space.
    """
    every = cbor.decode_map(payload, tags=(24,), max_size=max_size)
    get = every.get
    subject, identifier = get(SUB), get(CTI)
    if subject is not None and not (
        isinstance(subject, _SUBJECT_TYPES) and len(subject) <= _MAX_TEXT
    ):
        raise _refuse()
    if identifier is not None and not (isinstance(identifier, bytes) and len(identifier) <= 64):
        raise _refuse()
    claims = object.__new__(Claims)
    vars(claims).update(
        issuer=_text(get(ISS)),
        subject=subject,
        audience=_text(get(AUD)),
        expires_at=_time(get(EXP)),
        not_before=_time(get(NBF)),
        issued_at=_time(get(IAT)),
        id=identifier,
        every=MappingProxyType(every),
    )
    return claims


def check_times(
    claims: Claims,
    *,
    at: datetime,
    skew_s: int = DEFAULT_SKEW_S,
    max_age_s: int | None = None,
) -> None:
    """Refuse a token outside its time.

    ``Expired``: ``qr.expired``, or ``qr.too_old`` past *max_age_s* after ``iat``.
    ``VerificationError``: ``qr.no_expiry`` when neither ``exp`` nor *max_age_s* with ``iat``
    limits it, ``qr.issued_in_future``, ``qr.not_yet_valid``. ``Inconsistent`` ``qr.times``
    when the times contradict each other. *at* must be aware.
    """
    now = int(at.timestamp())
    issued, expires, begins = claims.issued_at, claims.expires_at, claims.not_before
    if expires is None and (max_age_s is None or issued is None):
        raise VerificationError("The code says no end of its validity.", code="qr.no_expiry")
    _check_begun(issued, begins, now + skew_s)
    if expires is not None and now >= expires + skew_s:
        raise Expired("The code has expired.", code="qr.expired")
    if max_age_s is not None and issued is not None and now > issued + max_age_s + skew_s:
        raise Expired("The code is older than this use allows.", code="qr.too_old")
    if expires is not None and expires <= max(issued or 0, begins or 0):
        raise Inconsistent("The times of the code contradict each other.", code="qr.times")


def check_begun(claims: Claims, *, at: datetime, skew_s: int = DEFAULT_SKEW_S) -> None:
    """The half of `check_times` that refuses tokens from the future."""
    _check_begun(claims.issued_at, claims.not_before, int(at.timestamp()) + skew_s)


def _check_begun(issued: int | None, begins: int | None, latest: int) -> None:
    if issued is not None and issued > latest:
        raise VerificationError("The code was issued in the future.", code="qr.issued_in_future")
    if begins is not None and begins > latest:
        raise VerificationError("The code is not valid yet.", code="qr.not_yet_valid")


def instant(seconds: int | None) -> datetime | None:
    """Epoch seconds as an aware time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def _text(value: Cbor) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= _MAX_TEXT):
        return value
    raise _refuse()


def _time(value: Cbor) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= _LATEST):  # a bool is none
        return value
    raise _refuse()


def _refuse() -> FormatError:
    return FormatError("A registered claim has a value of the wrong type.", code="qr.cwt")
