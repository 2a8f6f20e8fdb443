"""Card-verifiable certificates as a chip reads and checks them (TR-03110-3 appendix C).

A public key is RSA or over a curve; only a CVCA's certificate spells its curve out, all others are
on the curve of their issuer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from eid import ec, tlv
from eid.errors import FormatError

TA_RSA: Final = "0.4.0.127.0.7.2.2.2.1"
TA_ECDSA: Final = "0.4.0.127.0.7.2.2.2.2"
READ_DG3: Final = 0x01
READ_DG4: Final = 0x02
CVCA, DV, FOREIGN_DV, TERMINAL = 0xC0, 0x80, 0x40, 0x00
ROLE: Final = 0xC0
_ECDSA_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "1": hashes.SHA1,
    "2": hashes.SHA224,
    "3": hashes.SHA256,
    "4": hashes.SHA384,
    "5": hashes.SHA512,
}


@dataclass(frozen=True, slots=True)
class _RsaScheme:
    hash: type[hashes.HashAlgorithm]
    pss: bool = False


_RSA_SCHEMES: Final = {
    "1": _RsaScheme(hashes.SHA1),
    "2": _RsaScheme(hashes.SHA256),
    "3": _RsaScheme(hashes.SHA1, pss=True),
    "4": _RsaScheme(hashes.SHA256, pss=True),
    "5": _RsaScheme(hashes.SHA512),
    "6": _RsaScheme(hashes.SHA512, pss=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CvKey:
    """A public key of a certificate; ``curve`` and ``point``, or RSA ``n`` and ``e``."""

    oid: str
    curve: ec.Curve | None = None
    point: ec.Point = (0, 0)
    n: int = 0
    e: int = 0

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether a plain signature by this key is right."""
        scheme = self.oid.rsplit(".", 1)[1]
        if self.curve is None:
            return self._verify_rsa(_RSA_SCHEMES[scheme], message, signature)
        size = (self.curve.n.bit_length() + 7) // 8
        digest = hashes.Hash(_ECDSA_HASHES[scheme]())
        digest.update(message)
        r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
        if len(signature) != 2 * size:
            return False
        return ec.verify_ecdsa(self.curve, self.point, digest.finalize(), r, s)

    def _verify_rsa(self, scheme: _RsaScheme, message: bytes, signature: bytes) -> bool:
        if not self.n:
            return False
        key = rsa.RSAPublicNumbers(self.e, self.n).public_key()
        kind = scheme.hash
        way: padding.AsymmetricPadding = padding.PKCS1v15()
        if scheme.pss:
            way = padding.PSS(padding.MGF1(kind()), kind().digest_size)
        try:
            key.verify(signature, message, way, kind())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class CvCertificate:
    """A certificate taken apart; ``rights`` is the authorization octet with its role."""

    authority: bytes
    holder: bytes
    key: CvKey
    rights: int
    effective: date
    expires: date
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def role(self) -> int:
        """CVCA, DV, FOREIGN_DV or TERMINAL."""
        return self.rights & ROLE


def read(data: bytes, *, curve: ec.Curve | None = None) -> CvCertificate:
    """Take a certificate apart, with or without its outer tag; FormatError for anything else.

    ``curve`` is that of the issuer's key: all but a CVCA's certificates leave the curve out.
    """
    items = tlv.parse_all(data)
    if len(items) == 1 and items[0].tag == 0x7F21:
        items = items[0].children()
    body, signature = tlv.only(items, 0x7F4E), tlv.only(items, 0x5F37)
    parts = body.children()
    rights = tlv.only(tlv.only(parts, 0x7F4C).children(), 0x53).value
    return CvCertificate(
        authority=tlv.only(parts, 0x42).value,
        holder=tlv.only(parts, 0x5F20).value,
        key=_read_key(tlv.only(parts, 0x7F49), curve),
        rights=rights[0] if rights else 0,
        effective=_read_day(tlv.only(parts, 0x5F25).value),
        expires=_read_day(tlv.only(parts, 0x5F24).value),
        body=body.raw,
        signature=signature.value,
    )


def _read_key(item: tlv.Tlv, inherited: ec.Curve | None) -> CvKey:
    parts = {part.tag: part.value for part in item.children()}
    oid = tlv.decode_oid(parts.get(0x06, b""))
    number = {tag: int.from_bytes(value, "big") for tag, value in parts.items()}
    if oid.startswith(f"{TA_RSA}.") and {0x81, 0x82} <= parts.keys():
        return CvKey(oid=oid, n=number[0x81], e=number[0x82])
    if not oid.startswith(f"{TA_ECDSA}.") or 0x86 not in parts:
        raise FormatError("The certificate's key has an unknown form.", code="cv.key")
    curve = inherited
    if 0x81 in parts:
        curve = ec.from_explicit(
            p=number[0x81],
            a=number.get(0x82, 0),
            b=number.get(0x83, 0),
            g=parts.get(0x84, b""),
            n=number.get(0x85, 0),
            h=number.get(0x87),
        )
    if curve is None:
        return CvKey(oid=oid)
    return CvKey(oid=oid, curve=curve, point=ec.decode_point(curve, parts[0x86]))


def _read_day(value: bytes) -> date:
    digits = "".join(map(str, value))
    try:
        year, month, day = (int(digits[i : i + 2]) for i in (0, 2, 4))
        return date(2000 + year if len(digits) == len(value) == 6 else 0, month, day)
    except ValueError as e:
        raise FormatError("The certificate's dates are malformed.", code="cv.date") from e
