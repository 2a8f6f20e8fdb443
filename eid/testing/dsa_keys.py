"""DSA keys of a test issuer (FIPS 186-4; RFC 3279 §2.3.2; RFC 5758 §3.1).

No state is known to sign its cards so, but Doc 9303-12 allows it.

>>> authority_key = DsaSigningKey.create()
>>> len(authority_key.identifier)
20
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid.testing import der

_SHA256 = "2.16.840.1.101.3.4.3.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class DsaSigningKey:
    """A DSA key pair that signs with SHA-256, whatever digest an elliptic curve would take."""

    private: dsa.DSAPrivateKey = field(repr=False)

    @classmethod
    def create(cls, *, bits: int = 2048) -> Self:
        """Make a key pair in a domain of its own."""
        return cls(private=dsa.generate_private_key(bits))

    @property
    def identifier(self) -> bytes:
        """Subject key identifier: SHA-1 of the SubjectPublicKeyInfo."""
        return sha1(self.public_info, usedforsecurity=False).digest()

    @property
    def public_info(self) -> bytes:
        """SubjectPublicKeyInfo with the domain in it."""
        return self.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def algorithm(self, digest: str) -> bytes:  # noqa: ARG002 - one digest only
        """AlgorithmIdentifier of DSA with SHA-256; no parameters."""
        return der.sequence(der.oid(_SHA256))

    def sign(self, data: bytes, digest: str) -> bytes:  # noqa: ARG002 - one digest only
        """DSA signature over ``data`` as a DER sequence of r and s."""
        return self.private.sign(data, hashes.SHA256())
