"""Whose keys are believed, and for which issuer (contracts: issuer bound to key).

>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> public = Ed25519PrivateKey.generate().public_key()
>>> keys = IssuerKeys.of([IssuerKey.of("https://id.example", public)])
>>> len(keys.candidates(cose.key_id(public)))
1
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from eid.errors import FormatError, Inconsistent, Revoked, SignatureInvalid, UntrustedIssuer
from eid.keys import JSON, PublicKey as JwkPublicKey
from eid.qr import cose
from eid.qr.algorithms import IssuerPublicKey, read_key
from eid.qr.cose import Message, PublicKey

MAX_CANDIDATES = 8
"""Keys tried for one message; kids are short, so two issuers may share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """What a key signed with ``iat`` from *start* to *end* (epoch seconds) counts for nothing.

    ``None`` leaves a side open; with both open the whole key is denied.
    """

    start: int | None = None
    end: int | None = None

    def covers(self, issued_at: int | None) -> bool:
        """Whether a message of that time is meant; one without time always is."""
        if issued_at is None:
            return True
        after = self.start is None or issued_at >= self.start
        return after and (self.end is None or issued_at <= self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKey:
    """A public key and the one issuer it speaks for. ``kid`` is what messages call it.

    ``denied`` are the times of its misuse, as a trust list tells them.
    """

    issuer: str
    kid: bytes
    public_key: IssuerPublicKey
    denied: tuple[Denied, ...] = ()
    alg: int | None = field(init=False, repr=False, compare=False)
    """`eid.qr.cose.own_algorithm` of the key, so that it is asked once and not for each code."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "alg", cose.own_algorithm(self.public_key))

    @classmethod
    def of(cls, issuer: str, public_key: PublicKey, *, kid: bytes | None = None) -> IssuerKey:
        """Pin a key for codes of ours; without *kid* its name is `cose.key_id`.

        ``ValueError`` for other curves: name such keys of foreign codes with `foreign`.
        """
        cose.algorithm(public_key)
        own = cose.key_id(public_key)
        return cls(issuer=issuer, kid=own if kid is None else kid, public_key=public_key)

    @classmethod
    def foreign(cls, issuer: str, kid: bytes, public_key: bytes) -> IssuerKey:
        """Pin the key of a foreign issuer, DER (`eid.qr.algorithms.read_key`); ``FormatError``."""
        return cls(issuer=issuer, kid=kid, public_key=read_key(public_key))

    @classmethod
    def from_jwk(
        cls, issuer: str, jwk: Mapping[str, JSON], *, kid: bytes | None = None
    ) -> IssuerKey:
        """Pin a P-256 or Ed25519 JWK (RFC 7518 §6.2, RFC 8037 §2); ``FormatError`` for others."""
        loaded = JwkPublicKey.from_jwk(jwk)
        if isinstance(loaded.key, RSAPublicKey) or loaded.alg not in {"ES256", "EdDSA"}:
            raise FormatError("Signed codes use P-256 or Ed25519 keys.", code="qr.key")
        return cls.of(issuer, loaded.key, kid=kid)

    def check_issued(self, issued_at: int | None) -> None:
        """``Revoked`` ``qr.key_denied`` for what was signed in a denied time."""
        if self.denied and any(window.covers(issued_at) for window in self.denied):
            raise Revoked("Its signer's key was misused at that time.", code="qr.key_denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKeys:
    """The keys that a verifier believes."""

    keys: tuple[IssuerKey, ...]
    _by_kid: Mapping[bytes, tuple[IssuerKey, ...]] = field(repr=False, compare=False)

    @classmethod
    def of(cls, keys: Iterable[IssuerKey]) -> IssuerKeys:
        """Collect keys; several with one kid are all tried."""
        every = tuple(keys)
        by_kid: dict[bytes, list[IssuerKey]] = {}
        for key in every:
            by_kid.setdefault(key.kid, []).append(key)
        named = {kid: tuple(found[:MAX_CANDIDATES]) for kid, found in by_kid.items()}
        return cls(keys=every, _by_kid=named)

    def candidates(self, kid: bytes) -> tuple[IssuerKey, ...]:
        """Keys of that name, at most `MAX_CANDIDATES`."""
        return self._by_kid.get(kid, ())

    def verify(
        self, message: Message, *, issuer: str | None, external_aad: bytes = b""
    ) -> IssuerKey:
        """The key that signed *message* in the name of *issuer*.

        Without a kid in the message all keys of the claimed *issuer* are tried.
        ``UntrustedIssuer`` ``qr.kid_unknown`` or ``qr.issuer_unknown``; ``SignatureInvalid``
        ``qr.alg`` or ``qr.signature``; ``Inconsistent`` ``qr.issuer_of_key`` when the key
        belongs to another issuer than the message names.
        """
        tried = self.tried(message, issuer)
        signer = _first_that_verifies(message, tried, external_aad)
        if signer.issuer != issuer:
            raise Inconsistent(
                "The code names another issuer than the one its key belongs to.",
                code="qr.issuer_of_key",
            )
        return signer

    def signer(
        self, message: Message, *, issuer: str | None = None, external_aad: bytes = b""
    ) -> IssuerKey:
        """As `verify`, for messages that may not name their issuer: compare it yourself."""
        return _first_that_verifies(message, self.tried(message, issuer), external_aad)

    def tried(self, message: Message, issuer: str | None) -> tuple[IssuerKey, ...]:
        """The keys that may have signed *message*; ``UntrustedIssuer`` without one."""
        if message.kid is not None:
            tried = self._by_kid.get(message.kid, ())
            if not tried:
                raise UntrustedIssuer("No trusted key has this name.", code="qr.kid_unknown")
            return tried
        tried = tuple(key for key in self.keys if key.issuer == issuer)[:MAX_CANDIDATES]
        if not tried:
            raise UntrustedIssuer("The issuer is not trusted.", code="qr.issuer_unknown")
        return tried


def _first_that_verifies(
    message: Message, keys: tuple[IssuerKey, ...], external_aad: bytes
) -> IssuerKey:
    if len(keys) > 1:
        keys = tuple(key for key in keys if key.alg == message.alg) or keys
        for key in keys[:-1]:
            with contextlib.suppress(SignatureInvalid):
                cose.verify_as(key.alg, message, key.public_key, external_aad)
                return key
    last = keys[-1]
    cose.verify_as(last.alg, message, last.public_key, external_aad)
    return last
