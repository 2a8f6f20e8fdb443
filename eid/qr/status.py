"""Token Status List: has a credential been withdrawn (draft-ietf-oauth-status-list, CWT form).

>>> from datetime import UTC, datetime, timedelta
>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> from eid.qr.issuers import IssuerKey
>>> from eid.qr.signers import SoftwareSigner
>>> now, uri = datetime(2026, 11, 21, tzinfo=UTC), "https://id.example/status/1"
>>> signer = SoftwareSigner.of(Ed25519PrivateKey.generate())
>>> issued = issue_list(
...     pack_statuses({7: INVALID}, size=1 << 20), ListTerms(uri=uri, issuer="https://id.example",
...     issued_at=now, expires_at=now + timedelta(days=1)), signer)
>>> keys = IssuerKeys.of([IssuerKey.of("https://id.example", signer.public_key)])
>>> signed = verify_list(issued, keys, uri=uri, at=now)
>>> signed.status(7), signed.status(8)
(1, 0)

A verifier holds lists by URI and decides how old its knowledge may be (`StatusLists`). Fetching
and keeping them is the caller's; nothing here touches the network.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eid.errors import Expired, FormatError, Inconsistent, Revoked, VerificationError
from eid.keys import SigningKey
from eid.qr import cbor, cose, cwt, envelope, headers
from eid.qr.cbor import Cbor
from eid.qr.cose import Signer
from eid.qr.credential import StatusAnswer, StatusReference
from eid.qr.cwt import Claims
from eid.qr.issuers import IssuerKeys
from eid.qr.signers import as_signer

VALID, INVALID, SUSPENDED = 0, 1, 2
TYPE = "application/statuslist+cwt"
MAX_TOKEN = 4 << 20
MAX_BYTES = 16 << 20
"""Inflated size: 128 million entries of one bit."""
MIN_SIZE = 1 << 20
"""Entries of a list that hides who is meant among enough others."""
_TTL = timedelta(hours=12)
_MAX_TTL_S = 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTerms:
    """Where a list is published, by whom, and until when it counts; ``ttl`` asks to fetch anew."""

    uri: str
    issuer: str
    issued_at: datetime
    expires_at: datetime
    ttl: timedelta = _TTL


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """Statuses of one, two, four or eight bits; entry 0 is in the low bits of byte 0."""

    bits: int
    content: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.content) * 8 // self.bits

    def status(self, index: int) -> int:
        """The status at *index*; ``VerificationError`` ``qr.status_index`` outside the list."""
        at, place = divmod(index * self.bits, 8)
        if index < 0 or at >= len(self.content):
            raise VerificationError("The status list has no such entry.", code="qr.status_index")
        return self.content[at] >> place & (1 << self.bits) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatusList:
    """A list whose signature holds. ``fresh_until`` is the earlier of its end and its ttl."""

    uri: str
    issuer: str
    issued_at: datetime
    fresh_until: datetime
    statuses: StatusList

    def status(self, index: int) -> int:
        """As `StatusList.status`."""
        return self.statuses.status(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLists:
    """The lists that a verifier holds; a `StatusCheck` for `verify_credential`.

    ``max_stale`` is how long after ``fresh_until`` a list still counts for this use: nothing
    for a bank, perhaps a day for a clinic whose line is broken.
    """

    max_stale: timedelta = timedelta(0)
    _by_uri: Mapping[str, SignedStatusList] = field(repr=False)

    @classmethod
    def of(
        cls, lists: Iterable[SignedStatusList], *, max_stale: timedelta = timedelta(0)
    ) -> StatusLists:
        """Hold *lists*; of two for one URI the later issued counts."""
        ordered = sorted(lists, key=lambda signed: signed.issued_at)
        return cls(max_stale=max_stale, _by_uri={signed.uri: signed for signed in ordered})

    def __call__(self, reference: StatusReference, *, issuer: str, at: datetime) -> StatusAnswer:
        """Say how fresh the knowledge is that the credential still holds.

        ``Revoked`` ``qr.revoked`` or ``qr.suspended``; ``Expired`` ``qr.status_stale``;
        ``Inconsistent`` ``qr.status_issuer`` for a list of another issuer;
        ``VerificationError`` ``qr.status_unavailable``, ``qr.status_index``,
        ``qr.status_unknown``.
        """
        signed = self._by_uri.get(reference.uri)
        if signed is None:
            raise VerificationError(
                "The status list is not at hand.", code="qr.status_unavailable"
            )
        if signed.issuer != issuer:
            raise Inconsistent("The status list is of another issuer.", code="qr.status_issuer")
        _check_status(signed.status(reference.index))
        _check_age(signed.fresh_until, at, self.max_stale)
        if at > signed.fresh_until:
            return StatusAnswer(freshness="stale_accepted", as_of=signed.issued_at)
        return StatusAnswer(freshness="fresh", as_of=signed.issued_at)


def pack_statuses(statuses: Mapping[int, int], *, size: int, bits: int = 1) -> StatusList:
    """A list of *size* entries, all valid but those given; ``ValueError`` for what does not fit."""
    if bits not in (1, 2, 4, 8) or not 0 < size * bits <= MAX_BYTES * 8 or size * bits % 8:
        raise ValueError("a list has entries of 1, 2, 4 or 8 bits, in whole bytes")
    content = bytearray(size * bits // 8)
    for index, status in statuses.items():
        if not 0 <= index < size or not 0 <= status < 1 << bits:
            raise ValueError("an entry does not fit into the list")
        at, place = divmod(index * bits, 8)
        content[at] |= status << place
    return StatusList(bits=bits, content=bytes(content))


def issue_list(statuses: StatusList, terms: ListTerms, key: SigningKey | Signer) -> bytes:
    """Sign a list: the body to serve as ``application/statuslist+cwt``."""
    packed: Cbor = {"bits": statuses.bits, "lst": zlib.compress(statuses.content, 9)}
    claims: dict[int | str, Cbor] = {
        cwt.ISS: terms.issuer,
        cwt.SUB: terms.uri,
        cwt.IAT: int(terms.issued_at.timestamp()),
        cwt.EXP: int(terms.expires_at.timestamp()),
        cwt.TTL: int(terms.ttl.total_seconds()),
        cwt.STATUS_LIST: packed,
    }
    return cose.sign(cbor.encode(claims), as_signer(key), protected={headers.TYP: TYPE})


def verify_list(
    data: bytes,
    keys: IssuerKeys,
    *,
    uri: str,
    at: datetime,
    max_stale: timedelta = timedelta(0),
    max_bytes: int = MAX_BYTES,
) -> SignedStatusList:
    """Check a list fetched from *uri*, or kept from there.

    ``FormatError`` (``qr.status_list`` for its structure, else as for credentials);
    ``Inconsistent`` ``qr.status_uri`` when it speaks of another URI; ``UntrustedIssuer``,
    ``SignatureInvalid``; ``Expired`` ``qr.status_stale`` past its end or its ttl by more than
    *max_stale*; ``VerificationError`` when it comes from the future.
    """
    message = cose.parse(data, max_size=MAX_TOKEN)
    if message.typ != TYPE:
        raise FormatError("The message is not a status list.", code="qr.status_list")
    claims = cwt.parse_claims(message.payload, max_size=MAX_TOKEN)
    key = keys.signer(message, issuer=claims.issuer)
    if claims.issuer not in (None, key.issuer):
        raise Inconsistent(
            "The list names another issuer than the one its key belongs to.",
            code="qr.issuer_of_key",
        )
    if claims.subject != uri:
        raise Inconsistent("The list speaks of another address.", code="qr.status_uri")
    key.check_issued(claims.issued_at)
    cwt.check_begun(claims, at=at)
    issued, ends = cwt.instant(claims.issued_at), cwt.instant(claims.expires_at)
    if issued is None:
        raise FormatError("The list does not say when it was issued.", code="qr.status_list")
    ages = issued + _ttl(claims)
    fresh_until = ages if ends is None else min(ends, ages)
    _check_age(fresh_until, at, max_stale)
    return SignedStatusList(
        uri=uri,
        issuer=key.issuer,
        issued_at=issued,
        fresh_until=fresh_until,
        statuses=parse_statuses(claims.every.get(cwt.STATUS_LIST), max_bytes=max_bytes),
    )


def parse_statuses(raw: Cbor, *, max_bytes: int = MAX_BYTES) -> StatusList:
    """Read ``{"bits", "lst"}`` and inflate it to at most *max_bytes*; ``FormatError``."""
    match raw:
        case {"bits": 1 | 2 | 4 | 8 as bits, "lst": bytes(packed)} if not isinstance(bits, bool):
            return StatusList(bits=bits, content=envelope.inflate(packed, max_size=max_bytes))
        case _:
            raise FormatError("The status list is malformed.", code="qr.status_list")


def _ttl(claims: Claims) -> timedelta:
    raw = claims.every.get(cwt.TTL, int(_TTL.total_seconds()))
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 < raw <= _MAX_TTL_S:
        raise FormatError("The list has no proper time to live.", code="qr.status_list")
    return timedelta(seconds=raw)


def _check_age(fresh_until: datetime, at: datetime, max_stale: timedelta) -> None:
    if at - fresh_until > max_stale:
        raise Expired("The status list is too old for this use.", code="qr.status_stale")


def _check_status(status: int) -> None:
    if status == INVALID:
        raise Revoked("The issuer has withdrawn this code.", code="qr.revoked")
    if status == SUSPENDED:
        raise Revoked("The issuer has suspended this code.", code="qr.suspended")
    if status != VALID:
        raise VerificationError(
            "The status of this code has a meaning of its issuer's own.", code="qr.status_unknown"
        )
