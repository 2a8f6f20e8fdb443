"""Card-verifiable certificates for Terminal Authentication, and a small test issuer of them.

A country's CVCA vouches for a document verifier (DV), which vouches for an inspection system (IS);
rights shrink on the way (TR-03110-3 appendix C, 9303-12 §7.2).

>>> from datetime import date
>>> authority = TerminalAuthority.create(today=date(2026, 11, 20))
>>> [read(der).holder for der in authority.chain]
[b'VNTESTDV00001', b'VNTESTIS00001']
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    ec as pyca_ec,
    padding,
    rsa,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from eid import ec, tlv
from eid.errors import FormatError
from eid.testing.certificates import Key
from eid.testing.softcard_domain import of_curve

INSPECTION_SYSTEM: Final = "0.4.0.127.0.7.3.1.2.1"
TA_RSA: Final = "0.4.0.127.0.7.2.2.2.1"
TA_ECDSA: Final = "0.4.0.127.0.7.2.2.2.2"
READ_DG3: Final = 0x01
READ_DG4: Final = 0x02
CVCA, DV, FOREIGN_DV, TERMINAL = 0xC0, 0x80, 0x40, 0x00
_ROLE: Final = 0xC0
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
        return self.rights & _ROLE


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalAuthority:
    """A test CVCA with one document verifier and one inspection system.

    ``trust_point`` is the CVCA's own certificate, which goes into chips; ``chain`` is what the
    terminal presents; ``terminal_key`` signs for it (:meth:`sign`).
    """

    trust_point: bytes
    chain: tuple[bytes, ...]
    terminal_key: Key

    @classmethod
    def create(
        cls,
        *,
        today: date,
        rights: int = READ_DG3 | READ_DG4,
        curve: str = "brainpoolP256r1",
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> Self:
        """Make keys and certificates valid from ``today``; ``rights`` are the terminal's."""
        domain = of_curve(curve)
        root, verifier, terminal = (
            Key(curve=ec.by_name(curve), scalar=domain.draw(rng)) for _ in range(3)
        )
        everything = READ_DG3 | READ_DG4
        names = b"VNTESTCVCA00001", b"VNTESTDV00001", b"VNTESTIS00001"
        until = today + timedelta(days=365)
        return cls(
            trust_point=certificate(
                root, names[0], root, names[0], CVCA | everything, (today, until)
            ),
            chain=(
                certificate(root, names[0], verifier, names[1], DV | everything, (today, until)),
                certificate(verifier, names[1], terminal, names[2], rights, (today, until)),
            ),
            terminal_key=terminal,
        )

    def certificates(self, trust_points: Sequence[bytes]) -> Sequence[bytes]:
        """The chain for a chip with these trust points, empty for another country's chip."""
        own = read(self.trust_point).holder
        return self.chain if not trust_points or own in trust_points else ()

    @property
    def terminal(self) -> bytes:
        """The inspection system's name, as MSE:Set AT needs it."""
        return read(self.chain[-1], curve=self.terminal_key.curve).holder

    def sign(self, message: bytes) -> bytes:
        """Sign for the terminal, as a SAM behind the reader's port would."""
        return sign(self.terminal_key, message)


def certificate(
    issuer: Key, authority: bytes, key: Key, holder: bytes, rights: int, valid: tuple[date, date]
) -> bytes:
    """Issue a certificate with ECDSA and SHA-256; a CVCA's carries its curve's parameters."""
    body = tlv.encode(
        0x7F4E,
        tlv.encode(0x5F29, b"\x00"),
        tlv.encode(0x42, authority),
        _public_key(key, full=rights & _ROLE == CVCA),
        tlv.encode(0x5F20, holder),
        tlv.encode(
            0x7F4C,
            tlv.encode(0x06, tlv.encode_oid(INSPECTION_SYSTEM)),
            tlv.encode(0x53, bytes([rights])),
        ),
        tlv.encode(0x5F25, _day(valid[0])),
        tlv.encode(0x5F24, _day(valid[1])),
    )
    return tlv.encode(0x7F21, body, tlv.encode(0x5F37, sign(issuer, body)))


def sign(key: Key, message: bytes) -> bytes:
    """Plain ECDSA signature with SHA-256."""
    size = (key.curve.n.bit_length() + 7) // 8
    pair = decode_dss_signature(key.private.sign(message, pyca_ec.ECDSA(hashes.SHA256())))
    return b"".join(part.to_bytes(size, "big") for part in pair)


def _public_key(key: Key, *, full: bool) -> bytes:
    curve, size = key.curve, key.curve.size
    point = tlv.encode(0x86, key.point)
    oid = tlv.encode(0x06, tlv.encode_oid(f"{TA_ECDSA}.3"))
    if not full:
        return tlv.encode(0x7F49, oid, point)
    return tlv.encode(
        0x7F49,
        oid,
        tlv.encode(0x81, curve.p.to_bytes(size, "big")),
        tlv.encode(0x82, curve.a.to_bytes(size, "big")),
        tlv.encode(0x83, curve.b.to_bytes(size, "big")),
        tlv.encode(0x84, ec.encode_point(curve, curve.generator)),
        tlv.encode(0x85, curve.n.to_bytes(size, "big")),
        point,
        tlv.encode(0x87, curve.h.to_bytes(1, "big")),
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


def _day(day: date) -> bytes:
    return bytes(int(digit) for digit in day.strftime("%y%m%d"))


def _read_day(value: bytes) -> date:
    try:
        year, month, day = (10 * value[i] + value[i + 1] for i in (0, 2, 4))
        return date(2000 + year, month, day)
    except (ValueError, IndexError) as e:
        raise FormatError("The certificate's dates are malformed.", code="cv.date") from e
