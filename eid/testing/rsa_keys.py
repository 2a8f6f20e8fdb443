"""RSA keys of a test document signer, in the ways that states write them (RFC 8017 §8; RFC 4055).

>>> signer_key("") is None, signer_key("rsa-pss").form
(True, 'pss')
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid.testing import der

Form = Literal["pkcs1", "plain", "pss"]
Signs = Literal["", "rsa", "rsa-plain", "rsa-pss"]
_RSA: Final = "1.2.840.113549.1.1.1"
_PKCS1: Final = {"sha256": "1.2.840.113549.1.1.11", "sha512": "1.2.840.113549.1.1.13"}
_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
_DIGESTS: Final = {"sha256": "2.16.840.1.101.3.4.2.1", "sha512": "2.16.840.1.101.3.4.2.3"}
_HASHES: Final = {"sha256": hashes.SHA256, "sha512": hashes.SHA512}
_SALT: Final = 64
_FORMS: Final[dict[str, Form]] = {"rsa": "pkcs1", "rsa-plain": "plain", "rsa-pss": "pss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaSigningKey:
    """An RSA key pair; ``form`` is how its signatures are made and named.

    ``plain`` names them rsaEncryption, as some states do; ``pss`` takes a salt of 64 bytes, which
    is longer than the digest.
    """

    private: rsa.RSAPrivateKey = field(repr=False)
    form: Form

    @property
    def identifier(self) -> bytes:
        """Subject key identifier: SHA-1 of the SubjectPublicKeyInfo."""
        return sha1(self.public_info, usedforsecurity=False).digest()

    @property
    def public_info(self) -> bytes:
        """SubjectPublicKeyInfo, always as rsaEncryption."""
        return self.private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def algorithm(self, digest: str) -> bytes:
        """AlgorithmIdentifier of a signature with this digest."""
        if self.form != "pss":
            named = _PKCS1[digest] if self.form == "pkcs1" else _RSA
            return der.sequence(der.oid(named), der.null())
        hashed = der.sequence(der.oid(_DIGESTS[digest]), der.null())
        mask = der.sequence(der.oid(_MGF1), hashed)
        parameters = (hashed, mask, der.integer(_SALT))
        listed = (der.explicit(number, value) for number, value in enumerate(parameters))
        return der.sequence(der.oid(_PSS), der.sequence(*listed))

    def sign(self, data: bytes, digest: str) -> bytes:
        """Signature over ``data``."""
        hashed = _HASHES[digest]()
        if self.form == "pss":
            return self.private.sign(data, padding.PSS(padding.MGF1(hashed), _SALT), hashed)
        return self.private.sign(data, padding.PKCS1v15(), hashed)


def signer_key(signs: Signs) -> RsaSigningKey | None:
    """A new key of this kind; None for the authority's usual elliptic curve."""
    if not signs:
        return None
    return RsaSigningKey(private=rsa.generate_private_key(65537, 2048), form=_FORMS[signs])
