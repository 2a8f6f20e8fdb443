"""Certificates and revocation lists of the test issuer (9303-12 §7.1, RFC 5280 §4, §5).

Written by hand over DER because issuers of travel documents put a curve's explicit parameters
into the key, which general X.509 builders refuse to write.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha1
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec

from eid import ec, tlv
from eid.testing import der

_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_PRIME_FIELD = "1.2.840.10045.1.1"
_SIGNATURES = {
    "sha256": ("1.2.840.10045.4.3.2", hashes.SHA256),
    "sha384": ("1.2.840.10045.4.3.3", hashes.SHA384),
    "sha512": ("1.2.840.10045.4.3.4", hashes.SHA512),
}
_PYCA_CURVES: dict[str, pyca_ec.EllipticCurve] = {
    "brainpoolP256r1": pyca_ec.BrainpoolP256R1(),
    "brainpoolP384r1": pyca_ec.BrainpoolP384R1(),
    "brainpoolP512r1": pyca_ec.BrainpoolP512R1(),
    "secp256r1": pyca_ec.SECP256R1(),
    "secp384r1": pyca_ec.SECP384R1(),
    "secp521r1": pyca_ec.SECP521R1(),
}


class SigningKey(Protocol):
    """What an issuer or a document signer signs with."""

    @property
    def identifier(self) -> bytes:
        """Subject key identifier."""

    @property
    def public_info(self) -> bytes:
        """SubjectPublicKeyInfo."""

    def algorithm(self, digest: str) -> bytes:
        """AlgorithmIdentifier of a signature with this digest."""

    def sign(self, data: bytes, digest: str) -> bytes:
        """Signature over ``data``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An elliptic-curve key pair of the test issuer; ``explicit`` spells its curve out."""

    curve: ec.Curve
    scalar: int = field(repr=False)
    explicit: bool = False

    @property
    def private(self) -> pyca_ec.EllipticCurvePrivateKey:
        """The key pair for `cryptography`."""
        return pyca_ec.derive_private_key(self.scalar, _PYCA_CURVES[self.curve.name])

    @property
    def point(self) -> bytes:
        """The public point, uncompressed."""
        numbers = self.private.public_key().public_numbers()
        return ec.encode_point(self.curve, (numbers.x, numbers.y))

    @property
    def identifier(self) -> bytes:
        """Subject key identifier: SHA-1 of the public point (RFC 5280 §4.2.1.2)."""
        return sha1(self.point, usedforsecurity=False).digest()

    @property
    def public_info(self) -> bytes:
        """SubjectPublicKeyInfo with the curve by name or spelled out."""
        return public_key_info(self.curve, self.point, explicit=self.explicit)

    def algorithm(self, digest: str) -> bytes:
        """AlgorithmIdentifier of ECDSA with this digest."""
        return signature_algorithm(digest)

    def sign(self, data: bytes, digest: str) -> bytes:
        """ECDSA signature over ``data`` as a DER sequence of r and s."""
        return self.private.sign(data, pyca_ec.ECDSA(_SIGNATURES[digest][1]()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who signs: a distinguished name, its key, and the digest it signs with."""

    name: bytes = field(repr=False)
    key: SigningKey
    digest: str = "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Validity of a certificate and, inside it, the time in which its key signs."""

    not_before: datetime
    not_after: datetime
    signs_until: datetime


def pyca_curve(name: str) -> pyca_ec.EllipticCurve:
    """The curve as `cryptography` knows it; KeyError where it does not."""
    return _PYCA_CURVES[name]


def name(country: str, organisation: str, common_name: str) -> bytes:
    """Distinguished name of country, organisation and common name."""
    parts = (
        ("2.5.4.6", der.printable(country)),
        ("2.5.4.10", der.utf8(organisation)),
        ("2.5.4.3", der.utf8(common_name)),
    )
    return der.sequence(*(der.set_of(der.sequence(der.oid(kind), value)) for kind, value in parts))


def printable_name(encoded: bytes) -> bytes:
    """The same name with every text as PrintableString, as some issuers write it in CMS."""
    parts = []
    for relative in tlv.parse(encoded).children():
        kind, value = relative.children()[0].children()
        parts.append(
            der.set_of(der.sequence(kind.raw, der.printable(value.value.decode("ascii"))))
        )
    return der.sequence(*parts)


def signature_algorithm(digest: str) -> bytes:
    """AlgorithmIdentifier of ECDSA with this digest; no parameters (RFC 5758 §3.2)."""
    return der.sequence(der.oid(_SIGNATURES[digest][0]))


def public_key_info(curve: ec.Curve, point: bytes, *, explicit: bool) -> bytes:
    """SubjectPublicKeyInfo with the curve by name or with all its parameters (RFC 3279 §2.3.5)."""
    parameters = explicit_parameters(curve) if explicit else der.oid(curve.oid)
    return der.sequence(der.sequence(der.oid(_EC_PUBLIC_KEY), parameters), der.bits(point))


def explicit_parameters(curve: ec.Curve) -> bytes:
    """SpecifiedECDomain of a curve."""
    size = curve.size
    return der.sequence(
        der.integer(1),
        der.sequence(der.oid(_PRIME_FIELD), der.integer(curve.p)),
        der.sequence(
            der.octets(curve.a.to_bytes(size, "big")), der.octets(curve.b.to_bytes(size, "big"))
        ),
        der.octets(ec.encode_point(curve, (curve.gx, curve.gy))),
        der.integer(curve.n),
        der.integer(curve.h),
    )


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    """One certificate or list extension."""
    mark = (der.boolean(value=True),) if critical else ()
    return der.sequence(der.oid(dotted), *mark, der.octets(value))


def authority_extensions(
    key: SigningKey, issuer: SigningKey, validity: Validity
) -> tuple[bytes, ...]:
    """Extensions of a country signing certificate, signed by itself or by its predecessor."""
    return (
        extension(
            "2.5.29.19", der.sequence(der.boolean(value=True), der.integer(0)), critical=True
        ),
        extension("2.5.29.15", der.bits(b"\x06", unused=1), critical=True),
        *_key_extensions(key, issuer, validity),
    )


def signer_extensions(
    key: SigningKey, issuer: SigningKey, validity: Validity, types: Collection[str]
) -> tuple[bytes, ...]:
    """Extensions of a document signer for these MRZ document types."""
    listed = der.sequence(der.integer(0), der.set_of(*(der.printable(t) for t in types)))
    return (
        extension("2.5.29.15", der.bits(b"\x80", unused=7), critical=True),
        *_key_extensions(key, issuer, validity),
        extension("2.23.136.1.1.6.2", listed),
    )


def certificate(
    issuer: Issuer,
    *,
    serial: int,
    subject: bytes,
    validity: Validity,
    key: SigningKey,
    extensions: Collection[bytes],
) -> bytes:
    """DER of an X.509 version 3 certificate for ``key``."""
    body = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(serial),
        issuer.key.algorithm(issuer.digest),
        issuer.name,
        der.sequence(der.time(validity.not_before), der.time(validity.not_after)),
        subject,
        key.public_info,
        der.explicit(3, der.sequence(*extensions)),
    )
    return _signed(body, issuer)


def revocation_list(
    issuer: Issuer,
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    revoked: Collection[int],
) -> bytes:
    """DER of a version 2 CRL that revokes these serial numbers at ``this_update``."""
    entries = (
        der.sequence(der.integer(serial), der.time(this_update)) for serial in sorted(revoked)
    )
    listed = (der.sequence(*entries),) if revoked else ()
    body = der.sequence(
        der.integer(1),
        issuer.key.algorithm(issuer.digest),
        issuer.name,
        der.time(this_update),
        der.time(next_update),
        *listed,
        der.explicit(
            0,
            der.sequence(
                extension("2.5.29.35", der.sequence(der.implicit(0, issuer.key.identifier))),
                extension("2.5.29.20", der.integer(number)),
            ),
        ),
    )
    return _signed(body, issuer)


def _key_extensions(key: SigningKey, issuer: SigningKey, validity: Validity) -> tuple[bytes, ...]:
    usage_period = der.sequence(
        der.implicit(0, der.general_time(validity.not_before)),
        der.implicit(1, der.general_time(validity.signs_until)),
    )
    return (
        extension("2.5.29.14", der.octets(key.identifier)),
        extension("2.5.29.35", der.sequence(der.implicit(0, issuer.identifier))),
        extension("2.5.29.16", usage_period),
    )


def _signed(body: bytes, issuer: Issuer) -> bytes:
    signature = issuer.key.sign(body, issuer.digest)
    return der.sequence(body, issuer.key.algorithm(issuer.digest), der.bits(signature))
