"""The document security object of a test card: CMS SignedData (9303-10 §4.6.2, RFC 5652 §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import new
from typing import Final

from eid import tlv
from eid.testing import der
from eid.testing.certificates import SigningKey

LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
CARD_SECURITY_OBJECT = "0.4.0.127.0.7.3.2.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_FIRST_NAMED = "0108"
_UNICODE = "040000"
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null())
_DIGESTS: Final = {
    "sha256": _SHA256,
    "sha512": der.sequence(der.oid("2.16.840.1.101.3.4.2.3"), der.null()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedForm:
    """How a SignedData is written; the defaults are by the rules.

    ``content_type`` empty is the object's own; ``by_key_id`` names the signer by its key
    identifier, ``printable_issuer`` by its issuer in another string type; ``indefinite`` writes
    outer lengths and the content as BER allows; ``with_anchor`` adds the country's certificate.
    ``digest`` is the signer's, beside the SHA-256 of the data groups; ``attributes`` False signs
    the content itself; ``long_integers`` writes an ECDSA signature's numbers with a 00 too many.
    """

    content_type: str = ""
    version: int = 3
    by_key_id: bool = False
    printable_issuer: bool = False
    indefinite: bool = False
    with_anchor: bool = False
    digest: str = "sha256"
    attributes: bool = True
    long_integers: bool = False


BY_THE_RULES: Final = SignedForm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs: key, certificate, and issuer with serial number as CMS writes them.

    ``further`` certificates lie beside the signer's.
    """

    key: SigningKey
    certificate: bytes
    issuer_and_serial: bytes
    further: tuple[bytes, ...] = ()


def lds_security_object(hashes: Mapping[int, bytes], *, lds: str = "0107") -> bytes:
    """LDSSecurityObject: the SHA-256 digest of each data group by its number.

    Version 0, or 1 with the version named from LDS 1.8 on (9303-10 §4.6.2.3).
    """
    entries = (
        der.sequence(der.integer(number), der.octets(digest))
        for number, digest in sorted(hashes.items())
    )
    listed = _SHA256 + der.sequence(*entries)
    if lds < _FIRST_NAMED:
        return der.sequence(der.integer(0), listed)
    names = der.sequence(der.printable(lds), der.printable(_UNICODE))
    return der.sequence(der.integer(1), listed, names)


def security_object(
    content: bytes,
    *,
    key: SigningKey,
    certificate: bytes,
    issuer_and_serial: bytes,
    content_type: str = LDS_SECURITY_OBJECT,
    signing_time: datetime | None = None,
) -> bytes:
    """EF.SOD around ``content``."""
    signer = Signer(key=key, certificate=certificate, issuer_and_serial=issuer_and_serial)
    return tlv.encode(0x77, signed_data(content, signer, content_type, signing_time))


def signed_data(
    content: bytes,
    signer: Signer,
    content_type: str,
    signing_time: datetime | None = None,
    form: SignedForm = BY_THE_RULES,
) -> bytes:
    """CMS SignedData: a digest and the signer's scheme over signed attributes, signer included."""
    content_type = form.content_type or content_type
    attributes = _signed_attributes(content, content_type, signing_time, form.digest)
    covered = der.set_of(*attributes) if form.attributes else content
    signature = signer.key.sign(covered, form.digest)
    if form.long_integers:
        signature = _lengthened(signature)
    digest = _DIGESTS[form.digest]
    key_id = der.implicit(0, signer.key.identifier)
    signer_info = der.sequence(
        der.integer(3 if form.by_key_id else 1),
        key_id if form.by_key_id else signer.issuer_and_serial,
        digest,
        der.explicit(0, *sorted(attributes)) if form.attributes else b"",
        signer.key.algorithm(form.digest),
        der.octets(signature),
    )
    around = _indefinite if form.indefinite else tlv.encode
    octets = _in_two(content) if form.indefinite else der.octets(content)
    body = around(
        0x30,
        der.integer(form.version),
        der.set_of(digest),
        around(0x30, der.oid(content_type), around(0xA0, octets)),
        der.explicit(0, signer.certificate, *signer.further),
        der.set_of(signer_info),
    )
    return around(0x30, der.oid(_SIGNED_DATA), around(0xA0, body))


def _indefinite(tag: int, *values: bytes) -> bytes:
    """Write a constructed object without its length, closed by an end mark."""
    return bytes([tag, 0x80]) + b"".join(values) + bytes(2)


def _in_two(content: bytes) -> bytes:
    """Write an OCTET STRING in two parts, as signers that stream do."""
    middle = len(content) // 2
    return _indefinite(0x24, der.octets(content[:middle]), der.octets(content[middle:]))


def _lengthened(signature: bytes) -> bytes:
    """Write both numbers of an ECDSA signature with a 00 that DER does not allow."""
    numbers = tlv.parse(signature).children()
    return der.sequence(*(tlv.encode(0x02, b"\x00", number.value) for number in numbers))


def _signed_attributes(
    content: bytes, content_type: str, signing_time: datetime | None, digest: str
) -> tuple[bytes, ...]:
    attributes = [
        der.sequence(der.oid(_CONTENT_TYPE), der.set_of(der.oid(content_type))),
        der.sequence(
            der.oid(_MESSAGE_DIGEST), der.set_of(der.octets(new(digest, content).digest()))
        ),
    ]
    if signing_time is not None:
        attributes.append(der.sequence(der.oid(_SIGNING_TIME), der.set_of(der.time(signing_time))))
    return tuple(attributes)
