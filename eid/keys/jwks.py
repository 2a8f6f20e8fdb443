"""The public keys of one issuer (RFC 7517 §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eid.errors import FormatError
from eid.keys.encoding import JSON
from eid.keys.jwk import CURVES, PRIVATE_MEMBERS, RSA_ALGORITHMS, PublicKey
from eid.keys.signing import SigningKey

MAX_KEYS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JwkSet:
    """The keys of one issuer, by ``kid``; encryption keys are kept apart."""

    keys: Mapping[str, PublicKey]
    encryption: tuple[Mapping[str, JSON], ...] = ()

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, JSON]) -> JwkSet:
        """A JWKS document (RFC 7517 §5): unknown kinds are skipped, weak or private keys refused.

        FormatError for a repeated ``kid``, too many keys, or a malformed key.
        """
        listed = jwks.get("keys")
        if not isinstance(listed, list) or len(listed) > MAX_KEYS:
            raise FormatError("The key set has no list of keys, or too many.", code="jwks")
        keys: dict[str, PublicKey] = {}
        encryption: list[Mapping[str, JSON]] = []
        for jwk in listed:
            if not isinstance(jwk, Mapping):
                raise FormatError("The key set holds something that is no key.", code="jwks")
            if PRIVATE_MEMBERS & jwk.keys():
                raise FormatError("The key set holds a private or secret key.", code="jwk.private")
            if jwk.get("use", "sig") != "sig":
                encryption.append(jwk)
            elif _known(jwk):
                key = PublicKey.from_jwk(jwk)
                if key.kid in keys:
                    raise FormatError("The key set repeats a kid.", code="jwks.duplicate_kid")
                keys[key.kid] = key
        return cls(keys=keys, encryption=tuple(encryption))

    @classmethod
    def of(cls, *keys: PublicKey | SigningKey) -> JwkSet:
        """The set of these keys."""
        public = (key.public if isinstance(key, SigningKey) else key for key in keys)
        return cls(keys={key.kid: key for key in public})

    def encryption_jwk(self) -> Mapping[str, JSON]:
        """The first key that :func:`encrypt_jwe` can use; FormatError if there is none."""
        for jwk in self.encryption:
            if (jwk.get("use"), jwk.get("kty"), jwk.get("crv")) == ("enc", "EC", "P-256"):
                return jwk
        raise FormatError("The key set has no usable encryption key.", code="jwks.no_encryption")


def _known(jwk: Mapping[str, JSON]) -> bool:
    kty, crv, alg = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    if kty == "EC":
        return crv in CURVES
    if kty == "OKP":
        return crv == "Ed25519"
    return kty == "RSA" and (alg is None or alg in RSA_ALGORITHMS)
