"""CSCA master lists: a state's signed list of the authorities it knows (ICAO Doc 9303-12 §9).

A list is believed only under a certificate that the operator has pinned: the list signer itself,
or the authority that issued it. The list must say when it was signed, must not be older than the
last one taken from the same pin, and not older than a maximum age.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.errors import Expired, FormatError, SignatureInvalid, UntrustedIssuer, VerificationError
from eid.trust.certificates import (
    Certificate,
    algorithm_of,
    parse_certificate,
    verify_issued,
)
from eid.trust.cms import SignedData, SignerId, parse_signed_data, verify_signed_data
from eid.trust.names import Name
from eid.trust.profile import (
    EXTENDED_KEY_USAGE,
    authority_key_id,
    check_authority,
    check_sha1,
    is_authority,
    key_usage,
    subject_key_id,
)

CONTENT_TYPE: Final = "2.23.136.1.1.2"
LIST_SIGNING: Final = "2.23.136.1.1.3"
MAX_LIST: Final = 16 << 20
MAX_AGE: Final = timedelta(days=365)
_MAX_ENTRIES: Final = 10_000
_DIGITAL_SIGNATURE: Final = 0
_SKEW: Final = timedelta(days=1)
NOTHING_TAKEN: Final[Mapping[str, datetime]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterList:
    """A believed list: its certificates as bytes, who signed it under which pin, and when."""

    certificates: tuple[bytes, ...] = field(repr=False)
    signer: Certificate
    pin: Certificate
    signed_at: datetime
    fingerprint: str


def read_master_list(
    data: bytes,
    *,
    pinned: Collection[Certificate],
    at: datetime,
    newest: Mapping[str, datetime] = NOTHING_TAKEN,
    max_age: timedelta = MAX_AGE,
) -> MasterList:
    """Check a list's signature, signer, date and age, and take it apart.

    ``newest`` says by a pin's fingerprint when the last list taken under it was signed. Raises ``FormatError``,
    ``SignatureInvalid``, ``UntrustedIssuer`` (``masterlist.signer``) or ``Expired``
    (``masterlist.age``, ``masterlist.rollback``, ``masterlist.undated``).
    """
    signed = parse_signed_data(data, content_types={CONTENT_TYPE}, most=MAX_LIST)
    signer = _signer(signed, pinned)
    verify_signed_data(signed, signer)
    check_sha1(signed.signer_info.algorithm, insecure_allow_sha1=False)
    signed_at = _date(signed, at=at, max_age=max_age)
    pin = _pin(signer, pinned, signed_at)
    if signed_at < newest.get(pin.fingerprint, signed_at):
        raise Expired("A newer list has been taken before.", code="masterlist.rollback")
    return MasterList(
        certificates=_entries(signed.content),
        signer=signer,
        pin=pin,
        signed_at=signed_at,
        fingerprint=hashlib.sha256(data).hexdigest(),
    )


def is_master_list(data: bytes) -> bool:
    """Whether the bytes look like a CMS message and not like a certificate or CRL."""
    try:
        outer, _ = tlv.parse_first(data, ber=True, most=MAX_LIST)
        return outer.tag == 0x30 and tlv.children(outer, ber=True)[0].tag == 0x06
    except (FormatError, IndexError):
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Authorities by what they are; ``orphans`` are links whose issuer is not among them.

    ``unreadable`` holds the fingerprint of an entry that cannot be read, and a code.
    """

    anchors: tuple[Certificate, ...]
    links: tuple[Certificate, ...]
    orphans: tuple[Certificate, ...]
    unreadable: tuple[tuple[str, str], ...]


def sort_authorities(entries: Iterable[bytes]) -> Sorted:
    """Tell self-signed authorities from link certificates, by their signatures alone."""
    readable: dict[str, Certificate] = {}
    unreadable = []
    for data in entries:
        try:
            certificate = parse_certificate(data)
            readable[certificate.fingerprint] = certificate
        except FormatError as error:
            unreadable.append((hashlib.sha256(data).hexdigest(), error.code))
    anchors = [one for one in readable.values() if one.self_issued and _issued(one, one)]
    roots = {one.fingerprint for one in anchors}
    links = [one for one in readable.values() if one.fingerprint not in roots]
    family = _Family(readable.values())
    orphans = [one for one in links if not any(_issued(one, up) for up in family.above(one))]
    return Sorted(
        anchors=tuple(anchors),
        links=tuple(links),
        orphans=tuple(orphans),
        unreadable=tuple(unreadable),
    )


def _signer(signed: SignedData, pinned: Collection[Certificate]) -> Certificate:
    """The certificate that the signer identifier names, in the message or among the pins."""
    inside = []
    for data in signed.certificates:
        try:
            inside.append(parse_certificate(data))
        except FormatError:
            continue
    for certificate in (*pinned, *inside):
        if _is_named(certificate, signed.signer_info.signer):
            return certificate
    raise UntrustedIssuer("The list's signer is not known.", code="masterlist.signer")


def _is_named(certificate: Certificate, signer: SignerId) -> bool:
    if signer.key_id is not None:
        return _key_id(certificate) == signer.key_id
    return certificate.issuer == signer.issuer and certificate.serial == signer.serial


def _pin(signer: Certificate, pinned: Collection[Certificate], moment: datetime) -> Certificate:
    """The pin that vouches for the signer: itself, or the authority that issued it."""
    found = next((pin for pin in pinned if pin.fingerprint == signer.fingerprint), None)
    if found is None:
        found = next((pin for pin in pinned if _vouches(pin, signer, moment)), None)
        if found is None:
            raise UntrustedIssuer("No pin vouches for the signer.", code="masterlist.signer")
        _check_purpose(signer)
    if not signer.not_before <= moment <= signer.not_after:
        raise Expired("The signer was not valid when it signed.", code="masterlist.validity")
    return found


def _vouches(pin: Certificate, signer: Certificate, moment: datetime) -> bool:
    try:
        check_authority(pin)
        check_sha1(algorithm_of(signer), insecure_allow_sha1=False)
    except (FormatError, VerificationError):
        return False
    valid = pin.not_before <= moment <= pin.not_after
    return valid and pin.subject == signer.issuer and _issued(signer, pin)


def _check_purpose(signer: Certificate) -> None:
    """A list signer signs lists and nothing else, and is no authority."""
    extension = signer.extensions.get(EXTENDED_KEY_USAGE)
    purposes = []
    if extension is not None:
        parts = tlv.children(tlv.parse(extension.value, ber=True), ber=True)
        purposes = [tlv.decode_oid(part.value) for part in parts if part.tag == 0x06]
    signs = _DIGITAL_SIGNATURE in key_usage(signer)
    if LIST_SIGNING not in purposes or not signs or is_authority(signer):
        raise UntrustedIssuer("The certificate may not sign lists.", code="masterlist.signer")


def _date(signed: SignedData, *, at: datetime, max_age: timedelta) -> datetime:
    moment = signed.signer_info.signing_time
    if moment is None:
        raise Expired("The list does not say when it was signed.", code="masterlist.undated")
    if moment > at + _SKEW:
        raise Expired("The list was signed in the future.", code="masterlist.future")
    if moment < at - max_age:
        raise Expired("The list is too old.", code="masterlist.age")
    return moment


def _entries(content: bytes) -> tuple[bytes, ...]:
    outer = tlv.parse(content, ber=True, most=MAX_LIST)
    parts = tlv.children(outer, ber=True) if outer.tag == 0x30 else ()
    if [part.tag for part in parts] != [0x02, 0x31] or parts[0].value != b"\x00":
        raise FormatError("The master list is malformed.", code="masterlist.format")
    items = tlv.children(parts[1], ber=True)
    if not 1 <= len(items) <= _MAX_ENTRIES:
        raise FormatError("The list is empty or too long.", code="masterlist.count")
    return tuple(item.raw for item in items)


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        verify_issued(certificate, issuer)
    except (FormatError, SignatureInvalid):
        return False
    return True


class _Family:
    """Authorities by subject key identifier and by name: a child's identifier may be wrong."""

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self._keyed: dict[bytes, list[Certificate]] = {}
        self._named: dict[Name, list[Certificate]] = {}
        for certificate in certificates:
            self._keyed.setdefault(_key_id(certificate), []).append(certificate)
            self._named.setdefault(certificate.subject, []).append(certificate)

    def above(self, child: Certificate) -> Iterator[Certificate]:
        """Who may have issued the child, the likely ones first; never itself."""
        try:
            likely = self._keyed.get(authority_key_id(child), [])
        except FormatError:
            likely = []
        for candidate in (*likely, *self._named.get(child.issuer, ())):
            if candidate.fingerprint != child.fingerprint:
                yield candidate


def _key_id(certificate: Certificate) -> bytes:
    try:
        return subject_key_id(certificate)
    except FormatError:
        return b""
