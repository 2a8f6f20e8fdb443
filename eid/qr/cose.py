"""COSE_Sign1, strictly: one signer, the algorithm from the key (RFC 9052 §4.2, §4.4; RFC 9053 §2).

>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> from eid.qr.signers import SoftwareSigner
>>> signer = SoftwareSigner.of(Ed25519PrivateKey.generate())
>>> message = parse(sign(b"content", signer))
>>> verify(message, signer.public_key)
>>> message.payload
b'content'

Narrower than COSE: ``alg`` stands in the protected header, ES256 means P-256 and EdDSA means
Ed25519, signatures have exactly 64 bytes, an unknown label in ``crit`` is refused, and a label
must not say two things in the two headers. ``x5u`` is never followed.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, NoneType
from typing import Protocol, TypeAlias, TypeGuard, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from eid.errors import FormatError, SignatureInvalid
from eid.qr import cbor
from eid.qr.algorithms import IssuerPublicKey
from eid.qr.cbor import Cbor

ES256 = -7
EDDSA = -8
ALG, CRIT, CONTENT_TYPE, KID, TYP = 1, 2, 3, 4, 16
KID_SIZE = 8

_UNDERSTOOD = frozenset({ALG, CRIT, CONTENT_TYPE, KID, TYP})
_TAG_SIGN1, _TAG_CWT = 18, 61
_SIGNATURE_SIZE = 64
_MAX_KEPT = 64
_ECDSA = ec.ECDSA(hashes.SHA256())
_KID_TYPES = (bytes, NoneType)
_TYP_TYPES = (str, int, NoneType)

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | Ed25519PublicKey
Headers: TypeAlias = Mapping[int | str, Cbor]


class Signer(Protocol):
    """What `sign` needs: software key or token alike."""

    @property
    def kid(self) -> bytes: ...  # noqa: D102

    @property
    def alg(self) -> int: ...  # noqa: D102

    def sign(self, data: bytes) -> bytes:
        """Sign *data*: ES256 as r‖s, EdDSA as is; 64 bytes each."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A parsed COSE_Sign1. Nothing in it is proven before `verify` has passed."""

    alg: int
    kid: bytes | None
    typ: str | int | None
    protected: Headers = field(repr=False)
    unprotected: Headers = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    protected_raw: bytes = field(repr=False)


def algorithm(key: PublicKey) -> int:
    """The one algorithm a key stands for; ``ValueError`` for other curves."""
    alg = _own_algorithm(key)
    if alg is None:
        raise ValueError("signed codes use P-256 or Ed25519 keys")
    return alg


def is_own(key: IssuerPublicKey) -> TypeGuard[PublicKey]:
    """Whether *key* can sign codes of ours: P-256 and Ed25519 can."""
    return _own_algorithm(key) is not None


def _own_algorithm(key: IssuerPublicKey) -> int | None:
    if isinstance(key, Ed25519PublicKey):
        return EDDSA
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return ES256
    return None


def key_id(key: PublicKey) -> bytes:
    """First eight bytes of the key's COSE thumbprint, SHA-256 (RFC 9679 §3)."""
    algorithm(key)
    if isinstance(key, Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        members: dict[int | str, Cbor] = {1: 1, -1: 6, -2: raw}
    else:
        numbers = key.public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        members = {1: 2, -1: 1, -2: x, -3: y}
    return hashlib.sha256(cbor.encode(members)).digest()[:KID_SIZE]


def sign(
    payload: bytes,
    signer: Signer,
    *,
    protected: Headers = MappingProxyType({}),
    external_aad: bytes = b"",
) -> bytes:
    """Write a tagged COSE_Sign1; ``alg`` and ``kid`` are added to *protected*."""
    headers = cbor.encode({**protected, ALG: signer.alg, KID: signer.kid})
    signature = signer.sign(_to_be_signed(headers, payload, external_aad))
    return cbor.encode(cbor.Tag(_TAG_SIGN1, [headers, {}, payload, signature]))


def parse(data: bytes, *, max_size: int = cbor.MAX_SIZE) -> Message:
    """Read a COSE_Sign1 with or without tag 18, and tag 61 around that.

    ``FormatError``: ``qr.cbor`` for the encoding, ``qr.cose`` for the structure,
    ``qr.cose.alg`` without a protected ``alg``, ``qr.cose.crit`` for a critical header that
    is not understood, ``qr.cose.headers`` for labels that contradict each other.
    """
    protected_raw, unprotected, payload, signature = _parts(data, max_size)
    protected = _protected(protected_raw)
    if unprotected or CRIT in protected:
        _check_headers(protected, unprotected)
    alg, typ = protected.get(ALG), protected.get(TYP)
    if not isinstance(alg, int) or isinstance(alg, bool):
        raise FormatError("The protected header names no algorithm.", code="qr.cose.alg")
    kid = protected[KID] if KID in protected else unprotected.get(KID)
    if not isinstance(kid, _KID_TYPES) or not isinstance(typ, _TYP_TYPES):
        raise FormatError("A header has a value of the wrong type.", code="qr.cose.headers")
    return Message(
        alg=alg,
        kid=kid,
        typ=typ,
        protected=protected,
        unprotected=MappingProxyType(unprotected),
        payload=payload,
        signature=signature,
        protected_raw=protected_raw,
    )


def verify(message: Message, key: IssuerPublicKey, *, external_aad: bytes = b"") -> None:
    """Check the signature with *key*; ``SignatureInvalid`` unless alg, length and value fit."""
    alg = _own_algorithm(key)
    if message.alg != alg or alg is None:
        raise SignatureInvalid("The code names another algorithm than its key has.", code="qr.alg")
    _check_signature(key, alg, message.signature, to_be_signed(message, external_aad))


def to_be_signed(message: Message, external_aad: bytes = b"") -> bytes:
    """What the signature of *message* covers."""
    return _to_be_signed(message.protected_raw, message.payload, external_aad)


def _check_signature(key: IssuerPublicKey, alg: int, signature: bytes, signed: bytes) -> None:
    if len(signature) != _SIGNATURE_SIZE:
        raise SignatureInvalid(
            "The signature is empty or has a wrong length.", code="qr.signature"
        )
    try:
        if alg == ES256:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            cast("ec.EllipticCurvePublicKey", key).verify(
                encode_dss_signature(r, s), signed, _ECDSA
            )
        else:
            cast("Ed25519PublicKey", key).verify(signature, signed)
    except InvalidSignature as e:
        raise SignatureInvalid("The signature does not verify.", code="qr.signature") from e


def _to_be_signed(protected: bytes, payload: bytes, external_aad: bytes) -> bytes:
    """The Sig_structure; an empty header map is signed as an empty string (RFC 9052 §4.4)."""
    head = cbor.head
    return b"".join(
        (
            b"\x84\x6aSignature1",
            head(2, len(protected)),
            protected,
            head(2, len(external_aad)),
            external_aad,
            head(2, len(payload)),
            payload,
        )
    )


def _parts(data: bytes, max_size: int) -> tuple[bytes, dict[int | str, Cbor], bytes, bytes]:
    value = _untagged(cbor.decode(data, tags=(_TAG_SIGN1, _TAG_CWT), max_size=max_size))
    if isinstance(value, list) and len(value) == 4:
        protected, unprotected, payload, signature = value
        if (
            isinstance(protected, bytes)
            and isinstance(unprotected, dict)
            and isinstance(payload, bytes)
            and isinstance(signature, bytes)
        ):
            return protected, unprotected, payload, signature
    raise FormatError("The data is not a COSE_Sign1 message.", code="qr.cose")


def _untagged(value: Cbor) -> Cbor:
    if isinstance(value, cbor.Tag) and value.number == _TAG_CWT:
        value = value.value
        if not isinstance(value, cbor.Tag):
            raise FormatError("A CWT tag stands around an untagged message.", code="qr.cose")
    if isinstance(value, cbor.Tag) and value.number == _TAG_SIGN1:
        value = value.value
    return value


def _protected(raw: bytes) -> Headers:
    """The protected header. Short ones are the same in every message of a key, and are kept."""
    if len(raw) <= _MAX_KEPT:
        return _short_header(raw)
    return MappingProxyType(cbor.decode_map(raw))


@functools.lru_cache(maxsize=256)
def _short_header(raw: bytes) -> Headers:
    return MappingProxyType(cbor.decode_map(raw) if raw else {})


def _check_headers(protected: Headers, unprotected: Headers) -> None:
    for shared in protected.keys() & unprotected.keys():
        if cbor.encode(protected[shared]) != cbor.encode(unprotected[shared]):
            raise FormatError("The two headers contradict each other.", code="qr.cose.headers")
    if CRIT in unprotected:
        raise FormatError("Critical headers stand unprotected.", code="qr.cose.crit")
    if CRIT in protected:
        _check_critical(protected[CRIT], protected)


def _check_critical(critical: Cbor, protected: Headers) -> None:
    if not isinstance(critical, list) or not critical:
        raise FormatError("The list of critical headers is empty.", code="qr.cose.crit")
    for label in critical:
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise FormatError("A critical header has no proper label.", code="qr.cose.crit")
        if label not in _UNDERSTOOD or label not in protected:
            raise FormatError("A critical header is not understood.", code="qr.cose.crit")
