"""Public keys as values: strength and kind are checked on loading (RFC 7517, 7518 §6, 8725)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from eid.errors import FormatError, SignatureInvalid
from eid.keys.encoding import JSON, canonical_json, decode_base64url, encode_base64url

MAX_MEMBER = 1500
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192

VerificationKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

ALGORITHMS = get_default_algorithms()
CURVES: Mapping[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
    "P-521": (ec.SECP521R1(), "ES512"),
}
RSA_ALGORITHMS = frozenset({"RS256", "PS256", "RS384", "PS384", "RS512", "PS512"})
_THUMBPRINT = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key for exactly one signature algorithm, ``alg``."""

    kid: str
    alg: str
    key: VerificationKey = field(repr=False)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, JSON]) -> PublicKey:
        """One public JWK for signatures; FormatError if weak, private, malformed or unknown."""
        if PRIVATE_MEMBERS & jwk.keys():
            raise FormatError("The key set holds a private or secret key.", code="jwk.private")
        load = _LOADERS.get(str(jwk.get("kty")))
        if load is None:
            raise FormatError("The key has an unknown type.", code="jwk.unknown")
        key, alg = load(jwk)
        kid = jwk.get("kid", thumbprint(jwk))
        if not isinstance(kid, str) or not 0 < len(kid) <= 256:
            raise FormatError("The key has no usable kid.", code="jwk.kid")
        return cls(kid=kid, alg=alg, key=key)

    def verify(self, message: bytes, signature: bytes) -> None:
        """SignatureInvalid unless ``signature`` (JOSE form: ECDSA is r and s) is over ``message``."""
        if not ALGORITHMS[self.alg].verify(message, self.key, signature):
            raise SignatureInvalid("The signature does not hold.", code="jws.signature")


def thumbprint(jwk: Mapping[str, JSON]) -> str:
    """The RFC 7638 thumbprint of a public JWK, SHA-256, base64url."""
    members = _THUMBPRINT[str(jwk["kty"])]
    text = canonical_json({name: jwk.get(name) for name in members})
    return encode_base64url(hashlib.sha256(text).digest())


def load_ec_point(jwk: Mapping[str, JSON]) -> ec.EllipticCurvePublicKey:
    """The public key of an EC JWK on P-256, P-384 or P-521; FormatError if it is off its curve."""
    return _load_ec({**jwk, "alg": None})[0]


def _member(jwk: Mapping[str, JSON], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or len(text) > MAX_MEMBER:
        raise FormatError("A member of the key is missing or too long.", code="jwk.member")
    return decode_base64url(text)


def _load_ec(jwk: Mapping[str, JSON]) -> tuple[ec.EllipticCurvePublicKey, str]:
    curve, alg = CURVES.get(str(jwk.get("crv")), (None, ""))
    if curve is None or jwk.get("alg") not in {None, alg}:
        raise FormatError("The key's curve is unknown or not its algorithm's.", code="jwk.unknown")
    x, y = _member(jwk, "x"), _member(jwk, "y")
    size = (curve.key_size + 7) // 8
    if len(x) != size or len(y) != size:
        raise FormatError("The key's coordinates have a wrong length.", code="jwk.member")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y), alg
    except ValueError as error:
        raise FormatError("The key is not a point of its curve.", code="jwk.point") from error


def _load_rsa(jwk: Mapping[str, JSON]) -> tuple[rsa.RSAPublicKey, str]:
    alg = jwk.get("alg", "RS256")
    if not isinstance(alg, str) or alg not in RSA_ALGORITHMS:
        raise FormatError("The key is for an algorithm that is not allowed.", code="jwk.unknown")
    n, e = (int.from_bytes(_member(jwk, name)) for name in ("n", "e"))
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS or not 65537 <= e < 1 << 32:
        raise FormatError("The RSA key is too weak or too large.", code="jwk.weak")
    try:
        return rsa.RSAPublicNumbers(e, n).public_key(), alg
    except ValueError as error:
        raise FormatError("The RSA key is not valid.", code="jwk.weak") from error


def _load_okp(jwk: Mapping[str, JSON]) -> tuple[ed25519.Ed25519PublicKey, str]:
    if jwk.get("crv") != "Ed25519" or jwk.get("alg", "EdDSA") not in {"EdDSA", "Ed25519"}:
        raise FormatError("The key's curve is unknown.", code="jwk.unknown")
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(_member(jwk, "x")), "EdDSA"
    except ValueError as error:
        raise FormatError("The key is not a point of its curve.", code="jwk.point") from error


_Loader = Callable[[Mapping[str, JSON]], tuple[VerificationKey, str]]
_LOADERS: Mapping[str, _Loader] = {"EC": _load_ec, "RSA": _load_rsa, "OKP": _load_okp}
