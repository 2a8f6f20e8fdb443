"""Keys that sign or decrypt, as values; each for one purpose and one algorithm (RFC 7518 §3).

>>> key = SigningKey.generate("tokens")
>>> signature = key.sign(b"message")
>>> key.public.verify(b"message", signature)
>>> len(signature), "d" in key.public_jwk()
(64, False)
>>> SigningKey.generate("tokens", "EdDSA").public_jwk()["crv"]
'Ed25519'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from eid.errors import FormatError
from eid.keys.encoding import JSON, encode_base64url
from eid.keys.jwk import ALGORITHMS, MIN_RSA_BITS, PublicKey, VerificationKey, thumbprint

SigningAlgorithm = Literal["ES256", "RS256", "PS256", "EdDSA"]
SIGNING_ALGORITHMS: tuple[SigningAlgorithm, ...] = get_args(SigningAlgorithm)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePrivate:
    """A private key that stays elsewhere: its public half, and what signs in JOSE form."""

    public: VerificationKey
    signer: Callable[[bytes], bytes] = field(repr=False)

    def public_key(self) -> VerificationKey:
        """The public half."""
        return self.public


_MAKERS: Mapping[SigningAlgorithm, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(65537, MIN_RSA_BITS),
    "PS256": lambda: rsa.generate_private_key(65537, MIN_RSA_BITS),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def new_private_pem(alg: SigningAlgorithm = "ES256") -> bytes:
    """A new private key as unencrypted PKCS#8 PEM."""
    return _MAKERS[alg]().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs for one purpose; ``kid`` is its RFC 7638 thumbprint."""

    kid: str
    purpose: str
    alg: SigningAlgorithm = "ES256"
    private: PrivateKey | RemotePrivate = field(repr=False)

    @classmethod
    def generate(cls, purpose: str, alg: SigningAlgorithm = "ES256") -> SigningKey:
        """A new key."""
        return cls.of(_MAKERS[alg](), purpose, alg)

    @classmethod
    def of(
        cls, private: PrivateKey | RemotePrivate, purpose: str, alg: SigningAlgorithm = "ES256"
    ) -> SigningKey:
        """The key as a value; FormatError unless it fits the algorithm."""
        jwk = _public_jwk(private.public_key(), alg)
        return cls(kid=thumbprint(jwk), purpose=purpose, alg=alg, private=private)

    @classmethod
    def from_pem(cls, pem: bytes, purpose: str, alg: SigningAlgorithm = "ES256") -> SigningKey:
        """An unencrypted PKCS#8 key; FormatError unless it fits the algorithm."""
        return cls.of(load_pem(pem), purpose, alg)

    @property
    def public(self) -> PublicKey:
        """The verifying half."""
        return PublicKey(kid=self.kid, alg=self.alg, key=self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        """A signature in JOSE form: for ES256 64 bytes, r and s."""
        if isinstance(self.private, RemotePrivate):
            return self.private.signer(message)
        return bytes(ALGORITHMS[self.alg].sign(message, self.private))

    def public_jwk(self) -> dict[str, JSON]:
        """The public JWK, with kid, alg and use."""
        jwk = _public_jwk(self.private.public_key(), self.alg)
        return {**jwk, "kid": self.kid, "alg": self.alg, "use": "sig"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey:
    """A P-256 key that JWEs are encrypted to (ECDH-ES+A256KW)."""

    kid: str
    purpose: str
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls, purpose: str) -> EncryptionKey:
        """A new key."""
        return cls.of(ec.generate_private_key(ec.SECP256R1()), purpose)

    @classmethod
    def of(cls, private: ec.EllipticCurvePrivateKey, purpose: str) -> EncryptionKey:
        """The key as a value; FormatError unless it is on P-256."""
        return cls(kid=thumbprint(_ec_jwk(private.public_key())), purpose=purpose, private=private)

    def public_jwk(self) -> dict[str, JSON]:
        """The public JWK, with kid, alg and use."""
        jwk = _ec_jwk(self.private.public_key())
        return {**jwk, "kid": self.kid, "alg": "ECDH-ES+A256KW", "use": "enc"}


def load_pem(pem: bytes) -> PrivateKey:
    """A private key of a kind we sign with, from unencrypted PEM; FormatError otherwise."""
    try:
        # our own file: OpenSSL's primality tests cost 40 ms for each RSA key at every start
        key = serialization.load_pem_private_key(
            pem, password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError) as error:
        raise FormatError("The file is not an unencrypted private key.", code="key.pem") from error
    if not isinstance(
        key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    ):
        raise FormatError("The key is of no kind that is used here.", code="key.curve")
    return key


def load_private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """A P-256 private key from unencrypted PEM; FormatError for anything else."""
    key = load_pem(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise FormatError("The key is not an EC key on P-256.", code="key.curve")
    return key


def _public_jwk(public: VerificationKey, alg: SigningAlgorithm) -> dict[str, JSON]:
    if alg == "ES256" and isinstance(public, ec.EllipticCurvePublicKey):
        return _ec_jwk(public)
    if alg == "EdDSA" and isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(public.public_bytes_raw())}
    if alg in {"RS256", "PS256"} and isinstance(public, rsa.RSAPublicKey):
        return _rsa_jwk(public)
    raise FormatError("The key is not one for its algorithm.", code="key.curve")


def _rsa_jwk(public: rsa.RSAPublicKey) -> dict[str, JSON]:
    numbers = public.public_numbers()
    if numbers.n.bit_length() < MIN_RSA_BITS:
        raise FormatError("The RSA key is too weak.", code="jwk.weak")
    n, e = (
        encode_base64url(value.to_bytes((value.bit_length() + 7) // 8))
        for value in (numbers.n, numbers.e)
    )
    return {"kty": "RSA", "n": n, "e": e}


def _ec_jwk(public: ec.EllipticCurvePublicKey) -> dict[str, JSON]:
    if public.curve.name != "secp256r1":
        raise FormatError("The key is not on P-256.", code="key.curve")
    numbers = public.public_numbers()
    x, y = (encode_base64url(value.to_bytes(32)) for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
