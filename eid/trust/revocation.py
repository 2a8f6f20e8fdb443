"""Certificate revocation lists (RFC 5280 §5; ICAO Doc 9303-12 §7.1.4).

A list counts only if the authority that issued the certificate signed it, or one of the same name
that is pinned, or leads to an anchor and is not revoked itself. Being on any such list is final,
however old the list is. Not being on one is good only on a fresh list; otherwise the answer is
``stale`` or ``unknown``, never ``good``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from eid import tlv
from eid.errors import FormatError
from eid.trust.algorithms import SignatureAlgorithm, parse_signature_algorithm
from eid.trust.certificates import parse_time
from eid.trust.names import Name, parse_name
from eid.trust.public_keys import bit_string

State = Literal["good", "stale", "unknown"]
MAX_CRL: Final = tlv.MAX_SIZE
_KNOWN_CRITICAL: Final = frozenset({"2.5.29.20", "2.5.29.35", "2.5.29.21", "2.5.29.24"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """One list as received; ``serials`` are those revoked."""

    tbs: bytes = field(repr=False)
    issuer: Name
    this_update: datetime
    next_update: datetime | None
    serials: frozenset[int] = field(repr=False)
    algorithm: SignatureAlgorithm
    signature: bytes = field(repr=False)
    fingerprint: str

    def fresh(self, at: datetime) -> bool:
        """Whether ``at`` lies between this update and the announced next one."""
        return self.next_update is not None and self.this_update <= at <= self.next_update


def parse_crl(data: bytes) -> Crl:
    """Parse one complete DER CRL of at most 1 MiB. Raises ``FormatError``.

    Partial, indirect and delta lists (any unknown critical extension) are refused.
    """
    if len(data) > MAX_CRL:
        raise FormatError("A revocation list is too long.", code="crl.size")
    outer, _ = tlv.parse_first(data, ber=True)
    parts = tlv.children(outer, ber=True) if outer.tag == 0x30 else ()
    if [part.tag for part in parts] != [0x30, 0x30, 0x03]:
        raise FormatError("A revocation list is malformed.", code="crl.format")
    fields = list(tlv.children(parts[0], ber=True))
    if fields and fields[0].tag == 0x02:
        fields.pop(0)
    if len(fields) < 3 or fields[0].raw != parts[1].raw:
        raise FormatError("A revocation list is malformed.", code="crl.format")
    issuer, this_update = parse_name(fields[1]), parse_time(fields[2])
    rest = fields[3:]
    next_update = parse_time(rest.pop(0)) if rest and rest[0].tag in (0x17, 0x18) else None
    entries = rest.pop(0) if rest and rest[0].tag == 0x30 else None
    _check_extensions(rest)
    return Crl(
        tbs=parts[0].raw,
        issuer=issuer,
        this_update=this_update,
        next_update=next_update,
        serials=frozenset() if entries is None else _serials(entries),
        algorithm=parse_signature_algorithm(parts[1]),
        signature=bit_string(parts[2]),
        fingerprint=hashlib.sha256(outer.raw).hexdigest(),
    )


def _serials(entries: tlv.Tlv) -> frozenset[int]:
    found = set()
    for entry in tlv.children(entries, ber=True):
        parts = tlv.children(entry, ber=True) if entry.tag == 0x30 else ()
        if not 2 <= len(parts) <= 3 or parts[0].tag != 0x02 or not parts[0].value:
            raise FormatError("A revoked entry is malformed.", code="crl.entry")
        if len(parts) == 3:
            _check_critical(parts[2])
        found.add(int.from_bytes(parts[0].value, "big", signed=True))
    return frozenset(found)


def _check_extensions(rest: list[tlv.Tlv]) -> None:
    if not rest:
        return
    if len(rest) != 1 or rest[0].tag != 0xA0:
        raise FormatError("A revocation list is malformed.", code="crl.format")
    _check_critical(tlv.parse(rest[0].value, ber=True))


def _check_critical(block: tlv.Tlv) -> None:
    for item in tlv.children(block, ber=True):
        parts = tlv.children(item, ber=True)
        if len(parts) < 2 or parts[0].tag != 0x06:
            raise FormatError("A list extension is malformed.", code="crl.format")
        critical = parts[1].tag == 0x01 and parts[1].value != b"\x00"
        if critical and tlv.decode_oid(parts[0].value) not in _KNOWN_CRITICAL:
            raise FormatError("A list extension is not supported.", code="crl.extension")
