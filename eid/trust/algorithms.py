"""Digest and signature algorithms by allow-list (TR-03105-5.1 §7; ICAO Doc 9303-12 §4.4).

What an AlgorithmIdentifier may say, and nothing else; codes start with ``algorithm.``.

>>> DIGESTS["2.16.840.1.101.3.4.2.1"].name
'sha256'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from eid import tlv
from eid.errors import FormatError
from eid.trust.public_keys import RSA_ENCRYPTION, RSASSA_PSS

Scheme = Literal["rsa-pkcs1", "rsa-pss", "ecdsa", "ecdsa-plain", "dsa"]
_NULL: Final = b"\x05\x00"
_MGF1: Final = "1.2.840.113549.1.1.8"
_MAX_SALT: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One hash function; ``size`` in bytes."""

    name: str
    oid: str
    size: int

    def of(self, data: bytes) -> bytes:
        """The digest of ``data``."""
        return _HASHES[self.name](data).digest()


_HASHES: Final = MappingProxyType(
    {
        "sha1": hashlib.sha1,
        "sha224": hashlib.sha224,
        "sha256": hashlib.sha256,
        "sha384": hashlib.sha384,
        "sha512": hashlib.sha512,
    }
)
SHA1: Final = Digest(name="sha1", oid="1.3.14.3.2.26", size=20)
SHA224: Final = Digest(name="sha224", oid="2.16.840.1.101.3.4.2.4", size=28)
SHA256: Final = Digest(name="sha256", oid="2.16.840.1.101.3.4.2.1", size=32)
SHA384: Final = Digest(name="sha384", oid="2.16.840.1.101.3.4.2.2", size=48)
SHA512: Final = Digest(name="sha512", oid="2.16.840.1.101.3.4.2.3", size=64)
DIGESTS: Final[Mapping[str, Digest]] = MappingProxyType(
    {digest.oid: digest for digest in (SHA1, SHA224, SHA256, SHA384, SHA512)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAlgorithm:
    """A scheme with its digest; for PSS also the mask digest and the salt length in bytes."""

    scheme: Scheme
    digest: Digest
    mask_digest: Digest | None = None
    salt_length: int = 0

    @property
    def uses_sha1(self) -> bool:
        """Whether SHA-1 has any part in the signature."""
        return SHA1 in (self.digest, self.mask_digest)


def _fixed(scheme: Scheme, table: Mapping[str, Digest]) -> Mapping[str, SignatureAlgorithm]:
    return {oid: SignatureAlgorithm(scheme=scheme, digest=d) for oid, d in table.items()}


_FIXED: Final[Mapping[str, SignatureAlgorithm]] = MappingProxyType(
    {
        **_fixed(
            "rsa-pkcs1",
            {
                "1.2.840.113549.1.1.5": SHA1,
                "1.2.840.113549.1.1.14": SHA224,
                "1.2.840.113549.1.1.11": SHA256,
                "1.2.840.113549.1.1.12": SHA384,
                "1.2.840.113549.1.1.13": SHA512,
            },
        ),
        **_fixed(
            "ecdsa",
            {
                "1.2.840.10045.4.1": SHA1,
                "1.2.840.10045.4.3.1": SHA224,
                "1.2.840.10045.4.3.2": SHA256,
                "1.2.840.10045.4.3.3": SHA384,
                "1.2.840.10045.4.3.4": SHA512,
            },
        ),
        **_fixed(
            "ecdsa-plain",
            {
                "0.4.0.127.0.7.1.1.4.1.1": SHA1,
                "0.4.0.127.0.7.1.1.4.1.2": SHA224,
                "0.4.0.127.0.7.1.1.4.1.3": SHA256,
                "0.4.0.127.0.7.1.1.4.1.4": SHA384,
                "0.4.0.127.0.7.1.1.4.1.5": SHA512,
            },
        ),
        **_fixed(
            "dsa",
            {
                "1.2.840.10040.4.3": SHA1,
                "2.16.840.1.101.3.4.3.1": SHA224,
                "2.16.840.1.101.3.4.3.2": SHA256,
            },
        ),
    }
)


def parse_digest(identifier: tlv.Tlv) -> Digest:
    """The hash function an AlgorithmIdentifier names. Raises ``FormatError``."""
    oid, parameters = identifier_parts(identifier)
    digest = DIGESTS.get(oid)
    if digest is None:
        raise FormatError("A digest algorithm is not allowed.", code="algorithm.digest", oid=oid)
    if parameters is not None and parameters.raw != _NULL:
        raise FormatError("A digest has unknown parameters.", code="algorithm.parameters")
    return digest


def parse_signature_algorithm(
    identifier: tlv.Tlv, *, digest: Digest | None = None
) -> SignatureAlgorithm:
    """The signature algorithm an AlgorithmIdentifier names.

    ``digest`` is what plain rsaEncryption takes (CMS names it elsewhere, TR-03105-5.1 LDS_H_79).
    Raises ``FormatError``.
    """
    oid, parameters = identifier_parts(identifier)
    if oid == RSASSA_PSS:
        return _pss(parameters)
    if parameters is not None and parameters.raw != _NULL:
        raise FormatError("A signature algorithm has parameters.", code="algorithm.parameters")
    if oid == RSA_ENCRYPTION and digest is not None:
        return SignatureAlgorithm(scheme="rsa-pkcs1", digest=digest)
    found = _FIXED.get(oid)
    if found is None:
        raise FormatError(
            "A signature algorithm is not allowed.", code="algorithm.signature", oid=oid
        )
    return found


def signature_algorithm_by_oid(oid: str) -> SignatureAlgorithm | None:
    """The algorithm of an OID that needs no parameters, if it is allowed."""
    return _FIXED.get(oid)


def identifier_parts(identifier: tlv.Tlv) -> tuple[str, tlv.Tlv | None]:
    """Split an AlgorithmIdentifier into OID and parameters. Raises ``FormatError``."""
    parts = tlv.children(identifier, ber=True) if identifier.tag == 0x30 else ()
    if not 1 <= len(parts) <= 2 or parts[0].tag != 0x06:
        raise FormatError("An algorithm identifier is malformed.", code="format.algorithm")
    return tlv.decode_oid(parts[0].value), parts[1] if len(parts) == 2 else None


def _pss(parameters: tlv.Tlv | None) -> SignatureAlgorithm:
    """RSASSA-PSS-params with the defaults of RFC 4055 §3.1, absent parameters included."""
    if parameters is not None and parameters.tag != 0x30:
        raise FormatError("PSS parameters are malformed.", code="algorithm.parameters")
    fields = {0xA0: b"", 0xA1: b"", 0xA2: b"", 0xA3: b""}
    last = 0
    for part in tlv.children(parameters, ber=True) if parameters is not None else ():
        if part.tag not in fields or part.tag <= last:
            raise FormatError("PSS parameters are malformed.", code="algorithm.parameters")
        fields[part.tag] = part.value
        last = part.tag
    digest = parse_digest(tlv.parse(fields[0xA0], ber=True)) if fields[0xA0] else SHA1
    salt = _small(fields[0xA2], default=20)
    if _small(fields[0xA3], default=1) != 1 or not 0 <= salt <= _MAX_SALT:
        raise FormatError("PSS parameters are out of bounds.", code="algorithm.parameters")
    return SignatureAlgorithm(
        scheme="rsa-pss", digest=digest, mask_digest=_mask(fields[0xA1]), salt_length=salt
    )


def _mask(field: bytes) -> Digest:
    if not field:
        return SHA1
    oid, parameters = identifier_parts(tlv.parse(field, ber=True))
    if oid != _MGF1 or parameters is None:
        raise FormatError("A mask function is not allowed.", code="algorithm.parameters")
    return parse_digest(parameters)


def _small(field: bytes, *, default: int) -> int:
    if not field:
        return default
    item = tlv.parse(field, ber=True)
    if item.tag != 0x02:
        raise FormatError("PSS parameters are malformed.", code="algorithm.parameters")
    return tlv.decode_int(item.value)
