"""Who signs codes: a key of `eid.keys`, or any P-256 or Ed25519 private key (RFC 9053 §2).

>>> from eid.keys import SigningKey
>>> key = SigningKey.generate("credentials")
>>> signer = as_signer(key)
>>> signer.alg == cose.ES256, len(signer.kid), len(signer.sign(b"message"))
(True, 8, 64)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from eid.errors import FormatError
from eid.keys import SigningKey
from eid.keys.signing import RemotePrivate
from eid.qr import cose
from eid.qr.cose import PublicKey, Signer

_ECDSA = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareSigner:
    """A private key in memory."""

    kid: bytes
    alg: int
    public_key: PublicKey
    _private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> SoftwareSigner:
        """Wrap a P-256 or Ed25519 key; its kid is `cose.key_id` of the public half."""
        public = private_key.public_key()
        return cls(
            kid=cose.key_id(public),
            alg=cose.algorithm(public),
            public_key=public,
            _private_key=private_key,
        )

    def sign(self, data: bytes) -> bytes:
        """Sign *data* (see `Signer`)."""
        if isinstance(self._private_key, Ed25519PrivateKey):
            return self._private_key.sign(data)
        r, s = decode_dss_signature(self._private_key.sign(data, _ECDSA))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def as_signer(key: SigningKey | Signer) -> Signer:
    """*key* as a `Signer`. Its kid is the short `cose.key_id`, not the JWK thumbprint."""
    if not isinstance(key, SigningKey):
        return key
    if isinstance(key.private, rsa.RSAPrivateKey | RemotePrivate):
        raise FormatError("A QR code is signed with ES256 or Ed25519.", code="key.curve")
    return SoftwareSigner.of(key.private)


def public_key_of(key: SigningKey) -> PublicKey:
    """The public half of a key that can sign QR codes; FormatError for RSA."""
    public = key.private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        raise FormatError("A QR code is signed with ES256 or Ed25519.", code="key.curve")
    return public
