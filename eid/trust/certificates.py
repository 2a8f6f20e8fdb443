"""X.509 certificates as the states write them (RFC 5280 §4; ICAO Doc 9303-12 §7).

A tolerant reader of encodings (BER lengths, explicit curves, odd serials, bytes after the end)
that keeps every byte as received. What is wrong with the *contents* for a given role is judged in
:mod:`eid.trust.profile`; only what cannot be read at all is a FormatError here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.errors import FormatError
from eid.trust.algorithms import SignatureAlgorithm, parse_signature_algorithm
from eid.trust.names import Name, parse_name
from eid.trust.public_keys import PublicKey, bit_string, parse_public_key
from eid.trust.signature import verify

MAX_CERTIFICATE: Final = 64 * 1024
_MAX_EXTENSIONS: Final = 64
_MAX_SERIAL: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One extension: whether it is critical, and the contents of its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate. ``findings`` are codes of oddities that a role may refuse."""

    raw: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    version: int
    serial: int
    issuer: Name
    subject: Name
    not_before: datetime
    not_after: datetime
    spki: bytes = field(repr=False)
    signature_algorithm: tlv.Tlv
    signature: bytes = field(repr=False)
    extensions: Mapping[str, Extension] = field(repr=False, compare=False)
    findings: tuple[str, ...]
    fingerprint: str

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are the same name."""
        return self.issuer == self.subject


def parse_certificate(data: bytes) -> Certificate:
    """Parse one DER or BER certificate; equal bytes give the same value. Raises ``FormatError``.

    >>> parse_certificate(bytes.fromhex("3000"))
    Traceback (most recent call last):
        ...
    eid.errors.FormatError: A certificate is malformed.
    """
    if len(data) > MAX_CERTIFICATE:
        raise FormatError("A certificate is too long.", code="certificate.size")
    return _parse(bytes(data))


@lru_cache(maxsize=1024)
def _parse(data: bytes) -> Certificate:
    outer, rest = tlv.parse_first(data, ber=True)
    parts = tlv.children(outer, ber=True) if outer.tag == 0x30 else ()
    if [part.tag for part in parts] != [0x30, 0x30, 0x03]:
        raise FormatError("A certificate is malformed.", code="certificate.format")
    tbs, algorithm, signature = parts
    body = _Body(tlv.children(tbs, ber=True))
    version = body.version()
    serial, serial_finding = body.serial()
    inner = body.take(0x30)
    issuer = parse_name(body.take(0x30))
    not_before, not_after, time_findings = _validity(body.take(0x30))
    subject = parse_name(body.take(0x30))
    spki = body.take(0x30).raw
    extensions, extension_findings = _extensions(body.extensions())
    findings = [*serial_finding, *time_findings, *extension_findings]
    if rest:
        findings.append("certificate.trailing")
    if inner.raw != algorithm.raw:
        findings.append("certificate.algorithm_mismatch")
    if extensions and version != 3:
        findings.append("certificate.version")
    return Certificate(
        raw=outer.raw,
        tbs=tbs.raw,
        version=version,
        serial=serial,
        issuer=issuer,
        subject=subject,
        not_before=not_before,
        not_after=not_after,
        spki=spki,
        signature_algorithm=algorithm,
        signature=bit_string(signature),
        extensions=extensions,
        findings=tuple(findings),
        fingerprint=hashlib.sha256(outer.raw).hexdigest(),
    )


class _Body:
    """The fields of a TBSCertificate, taken in order."""

    def __init__(self, items: tuple[tlv.Tlv, ...]) -> None:
        self._items = list(items)

    def take(self, tag: int) -> tlv.Tlv:
        if not self._items or self._items[0].tag != tag:
            raise FormatError("A certificate lacks a field.", code="certificate.field")
        return self._items.pop(0)

    def version(self) -> int:
        if not self._items or self._items[0].tag != 0xA0:
            return 1
        number = tlv.parse(self._items.pop(0).value, ber=True)
        if number.tag != 0x02 or number.value not in (b"\x00", b"\x01", b"\x02"):
            raise FormatError("A certificate has no known version.", code="certificate.field")
        return number.value[0] + 1

    def serial(self) -> tuple[int, list[str]]:
        octets = self.take(0x02).value
        if not 1 <= len(octets) <= _MAX_SERIAL:
            raise FormatError("A serial number has no usable length.", code="certificate.field")
        number = int.from_bytes(octets, "big", signed=True)
        return number, [] if number > 0 else ["certificate.serial"]

    def extensions(self) -> tlv.Tlv | None:
        """What is left: unique identifiers, which nobody uses, and the extensions."""
        found = [item for item in self._items if item.tag == 0xA3]
        if len(found) > 1 or any(item.tag not in (0x81, 0x82, 0xA3) for item in self._items):
            raise FormatError("A certificate has unknown fields.", code="certificate.field")
        return tlv.parse(found[0].value, ber=True) if found else None


def _extensions(block: tlv.Tlv | None) -> tuple[Mapping[str, Extension], list[str]]:
    if block is None:
        return MappingProxyType({}), []
    items = tlv.children(block, ber=True) if block.tag == 0x30 else ()
    if not 1 <= len(items) <= _MAX_EXTENSIONS:
        raise FormatError("The extensions are malformed.", code="certificate.extensions")
    found: dict[str, Extension] = {}
    findings = []
    for item in items:
        extension = _extension(item)
        if extension.oid in found:
            findings.append("certificate.extension_duplicate")
        found.setdefault(extension.oid, extension)
    return MappingProxyType(found), findings


def _extension(item: tlv.Tlv) -> Extension:
    parts = list(tlv.children(item, ber=True)) if item.tag == 0x30 else []
    critical = False
    if len(parts) == 3 and parts[1].tag == 0x01 and len(parts[1].value) == 1:
        critical = parts.pop(1).value != b"\x00"
    if [part.tag for part in parts] != [0x06, 0x04]:
        raise FormatError("An extension is malformed.", code="certificate.extensions")
    return Extension(oid=tlv.decode_oid(parts[0].value), critical=critical, value=parts[1].value)


def _validity(item: tlv.Tlv) -> tuple[datetime, datetime, list[str]]:
    times = tlv.children(item, ber=True)
    if len(times) != 2:
        raise FormatError("A validity is malformed.", code="certificate.validity")
    first, last = (parse_time(time) for time in times)
    early = [moment for time, moment in zip(times, (first, last), strict=True) if time.tag == 0x18]
    odd = any(moment.year < 2050 for moment in early)
    return first, last, ["certificate.generalized_time"] if odd else []


def parse_time(item: tlv.Tlv) -> datetime:
    """A UTCTime or GeneralizedTime ending in Z, as an aware datetime. Raises ``FormatError``."""
    text = item.value.decode("ascii", "replace")
    digits = text[:-1]
    if item.tag == 0x17 and len(digits) == 12:
        digits = ("20" if digits[:2] < "50" else "19") + digits
    if item.tag not in (0x17, 0x18) or len(digits) != 14 or not _is_zulu(text):
        raise FormatError("A time is malformed.", code="certificate.time")
    try:
        month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
        return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise FormatError("A time does not exist.", code="certificate.time") from error


def _is_zulu(text: str) -> bool:
    return text.endswith("Z") and text[:-1].isascii() and text[:-1].isdigit()


def public_key(certificate: Certificate) -> PublicKey:
    """The certificate's key. Raises ``FormatError`` with a ``key.`` code."""
    return _public_key(certificate.spki)


@lru_cache(maxsize=1024)
def _public_key(spki: bytes) -> PublicKey:
    return parse_public_key(spki)


def algorithm_of(certificate: Certificate) -> SignatureAlgorithm:
    """How the certificate was signed. Raises ``FormatError`` with an ``algorithm.`` code."""
    return parse_signature_algorithm(certificate.signature_algorithm)


def verify_issued(certificate: Certificate, issuer: Certificate) -> None:
    """Return if ``issuer``'s key signed ``certificate``; else ``SignatureInvalid``."""
    verify(
        public_key(issuer),
        algorithm_of(certificate),
        certificate.tbs,
        certificate.signature,
    )
