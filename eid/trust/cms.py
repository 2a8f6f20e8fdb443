"""CMS SignedData with exactly one signer, as a chip carries it (RFC 5652 §5; 9303-10 §4.6.2).

BER envelopes are read (cards in the field send indefinite lengths), but the bytes that are hashed
and signed are always those received, never a re-encoding. Signed attributes must be DER inside;
their order is not judged. Refused: no or several signers, missing or repeated attributes,
signatures without attributes, more than 64 certificates.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from eid import tlv
from eid.errors import FormatError, SignatureInvalid
from eid.trust.algorithms import (
    Digest,
    SignatureAlgorithm,
    identifier_parts,
    parse_digest,
    parse_signature_algorithm,
)
from eid.trust.certificates import Certificate, parse_time, public_key
from eid.trust.names import Name, parse_name
from eid.trust.signature import verify

SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_MAX_CERTIFICATES: Final = 64
_MAX_ATTRIBUTES: Final = 32
_MAX_SIGNATURE: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerId:
    """Either issuer and serial number, or a key identifier."""

    issuer: Name | None = None
    serial: int | None = None
    key_id: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    """The one signer; ``signed_attributes`` is the encoded SET that was signed."""

    signer: SignerId
    digest: Digest
    algorithm: SignatureAlgorithm
    signed_attributes: bytes = field(repr=False)
    content_type: str
    message_digest: bytes = field(repr=False)
    signing_time: datetime | None
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """The signed content as received, the certificates as bytes, and the signer."""

    content_type: str
    content: bytes = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    signer_info: SignerInfo


def parse_signed_data(
    data: bytes, *, content_types: Collection[str], most: int = tlv.MAX_SIZE
) -> SignedData:
    """Parse one ContentInfo of at most ``most`` bytes; nothing may follow it.

    ``content_types`` is the allow-list of eContentType (code ``cms.content_type``). Raises
    ``FormatError``.
    """
    outer = tlv.parse(data, ber=True, most=most)
    parts = tlv.children(outer, ber=True) if outer.tag == 0x30 else ()
    if [part.tag for part in parts] != [0x06, 0xA0]:
        raise FormatError("A ContentInfo is malformed.", code="cms.format")
    if tlv.decode_oid(parts[0].value) != SIGNED_DATA:
        raise FormatError("The content is not SignedData.", code="cms.content_info_type")
    inner = tlv.parse(parts[1].value, ber=True, most=most)
    fields = list(tlv.children(inner, ber=True)) if inner.tag == 0x30 else []
    _version(_take(fields, 0x02))
    digests = tlv.children(_take(fields, 0x31), ber=True)
    content_type, content = _content(_take(fields, 0x30), content_types)
    certificates = _certificates(fields)
    if fields and fields[0].tag == 0xA1:
        fields.pop(0)
    signers = tlv.children(_take(fields, 0x31), ber=True)
    if fields or len(signers) != 1:
        raise FormatError("There must be exactly one signer.", code="cms.signers")
    signer_info = _signer_info(signers[0])
    _check_announced(digests, signer_info.digest)
    if signer_info.content_type != content_type:
        raise FormatError("The signed content type differs.", code="cms.content_type_mismatch")
    return SignedData(
        content_type=content_type,
        content=content,
        certificates=certificates,
        signer_info=signer_info,
    )


def verify_signed_data(signed: SignedData, certificate: Certificate) -> None:
    """Return if the content's digest and the signature by ``certificate`` are good.

    Raises ``SignatureInvalid`` (``cms.digest`` if the content is not what was signed) or
    ``FormatError`` for an unusable key.
    """
    info = signed.signer_info
    if not hmac.compare_digest(info.digest.of(signed.content), info.message_digest):
        raise SignatureInvalid("The content is not what was signed.", code="cms.digest")
    verify(public_key(certificate), info.algorithm, info.signed_attributes, info.signature)


def _take(fields: list[tlv.Tlv], tag: int) -> tlv.Tlv:
    if not fields or fields[0].tag != tag:
        raise FormatError("SignedData lacks a field.", code="cms.format")
    return fields.pop(0)


def _version(item: tlv.Tlv) -> int:
    number = tlv.decode_int(item.value)
    if not 1 <= number <= 5:
        raise FormatError("A CMS version is unknown.", code="cms.version")
    return number


def _check_announced(digests: tuple[tlv.Tlv, ...], used: Digest) -> None:
    """The signer's digest is in the list; what else the list names does not matter."""
    named = [item for item in digests if identifier_parts(item)[0] == used.oid]
    if not named or any(parse_digest(item) != used for item in named):
        raise FormatError("The signer's digest is not announced.", code="algorithm.digest")


def _content(item: tlv.Tlv, allowed: Collection[str]) -> tuple[str, bytes]:
    parts = tlv.children(item, ber=True)
    if [part.tag for part in parts] != [0x06, 0xA0]:
        raise FormatError("The signed content is missing.", code="cms.format")
    content_type = tlv.decode_oid(parts[0].value)
    if content_type not in allowed:
        raise FormatError("The content type is not allowed.", code="cms.content_type")
    return content_type, _octets(tlv.parse(parts[1].value, ber=True, most=len(item.raw)))


def _octets(item: tlv.Tlv) -> bytes:
    """An OCTET STRING, or its BER form in pieces."""
    if item.tag == 0x04:
        return item.value
    pieces = tlv.children(item, ber=True) if item.tag == 0x24 else ()
    if not pieces or any(piece.tag != 0x04 for piece in pieces):
        raise FormatError("The signed content is not an OCTET STRING.", code="cms.format")
    return b"".join(piece.value for piece in pieces)


def _certificates(fields: list[tlv.Tlv]) -> tuple[bytes, ...]:
    if not fields or fields[0].tag != 0xA0:
        return ()
    items = tlv.children(fields.pop(0), ber=True)
    if len(items) > _MAX_CERTIFICATES:
        raise FormatError("There are too many certificates.", code="cms.certificates")
    return tuple(item.raw for item in items if item.tag == 0x30)


def _signer_info(item: tlv.Tlv) -> SignerInfo:
    fields = list(tlv.children(item, ber=True)) if item.tag == 0x30 else []
    version = _version(_take(fields, 0x02))
    signer = _signer_id(fields, version)
    digest = parse_digest(_take(fields, 0x30))
    attributes = tlv.parse(_take(fields, 0xA0).raw)
    algorithm = parse_signature_algorithm(_take(fields, 0x30), digest=digest)
    signature = _octets(_take(fields, 0x04))
    if [field.tag for field in fields] not in ([], [0xA1]) or len(signature) > _MAX_SIGNATURE:
        raise FormatError("A signer is malformed.", code="cms.format")
    values = _attributes(attributes)
    return SignerInfo(
        signer=signer,
        digest=digest,
        algorithm=algorithm,
        signed_attributes=b"\x31" + attributes.raw[1:],
        content_type=tlv.decode_oid(_value(values, _CONTENT_TYPE, 0x06).value),
        message_digest=_value(values, _MESSAGE_DIGEST, 0x04).value,
        signing_time=parse_time(values[_SIGNING_TIME]) if _SIGNING_TIME in values else None,
        signature=signature,
    )


def _signer_id(fields: list[tlv.Tlv], version: int) -> SignerId:
    """Version 1 goes with issuer and serial, version 3 with the key id (RFC 5652 §5.3)."""
    if fields and fields[0].tag == 0x30 and version == 1:
        parts = tlv.children(fields.pop(0), ber=True)
        if [part.tag for part in parts] != [0x30, 0x02] or not parts[1].value:
            raise FormatError("A signer identifier is malformed.", code="cms.signer_id")
        serial = int.from_bytes(parts[1].value, "big", signed=True)
        return SignerId(issuer=parse_name(parts[0]), serial=serial)
    if fields and fields[0].tag == 0x80 and version == 3:
        return SignerId(key_id=fields.pop(0).value)
    raise FormatError("Version and signer identifier disagree.", code="cms.signer_id")


def _attributes(block: tlv.Tlv) -> dict[str, tlv.Tlv]:
    """The single value of every signed attribute; each may stand once."""
    items = tlv.children(block)
    if len(items) > _MAX_ATTRIBUTES:
        raise FormatError("There are too many attributes.", code="cms.attributes")
    tlv.check(block.value)
    values: dict[str, tlv.Tlv] = {}
    for item in items:
        parts = tlv.children(item) if item.tag == 0x30 else ()
        if [part.tag for part in parts] != [0x06, 0x31]:
            raise FormatError("A signed attribute is malformed.", code="cms.attributes")
        oid = tlv.decode_oid(parts[0].value)
        if oid in values:
            raise FormatError("A signed attribute is repeated.", code="cms.attributes")
        values[oid] = _single(oid, tlv.children(parts[1]))
    return values


def _single(oid: str, found: tuple[tlv.Tlv, ...]) -> tlv.Tlv:
    if not found or (len(found) > 1 and oid in (_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME)):
        raise FormatError("A signed attribute has no single value.", code="cms.attributes")
    return found[0]


def _value(values: dict[str, tlv.Tlv], oid: str, tag: int) -> tlv.Tlv:
    item = values.get(oid)
    if item is None or item.tag != tag:
        raise FormatError("A required signed attribute is missing.", code="cms.attributes")
    return item
