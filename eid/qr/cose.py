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

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
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
from eid.qr.headers import ALG, KID, NO_HEADERS, Headers, check_unprotected, kid_of, read_protected

ES256 = -7
EDDSA = -8
KID_SIZE = 8

_TAG_SIGN1, _TAG_CWT = 18, 61
_SIGNATURE_SIZE = 64
_USUAL_LEAST = 96
_CONTEXT, _EMPTY = b"\x84\x6aSignature1", b"\x40"
"""How each Sig_structure begins, and its member for no additional data (RFC 9052 §4.4)."""
_ECDSA = ec.ECDSA(hashes.SHA256())

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | Ed25519PublicKey
_Parts: TypeAlias = tuple[bytes, dict[int | str, Cbor], bytes, bytes]


class Signer(Protocol):
    """What `sign` needs: software key or token alike."""

    @property
    def kid(self) -> bytes: ...  # noqa: D102

    @property
    def alg(self) -> int: ...  # noqa: D102

    def sign(self, data: bytes) -> bytes:
        """Sign *data*: ES256 as r‖s, EdDSA as is; 64 bytes each."""
        ...


@dataclass(frozen=True, kw_only=True)
class Message:
    """A parsed COSE_Sign1. Nothing in it is proven before `verify` has passed.

    Without slots, as `parse` fills it at once: that takes less than half of the time.
    """

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
    alg = own_algorithm(key)
    if alg is None:
        raise ValueError("signed codes use P-256 or Ed25519 keys")
    return alg


def is_own(key: IssuerPublicKey) -> TypeGuard[PublicKey]:
    """Whether *key* can sign codes of ours: P-256 and Ed25519 can."""
    return own_algorithm(key) is not None


def own_algorithm(key: IssuerPublicKey) -> int | None:
    """As `algorithm`, with ``None`` for keys that only codes of others use."""
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
    protected_raw, unprotected, payload, signature = _usual_parts(data) or _parts(data, max_size)
    head = read_protected(protected_raw)
    kid = head.kid
    if unprotected:
        check_unprotected(unprotected, head.labels)
        kid = kid_of(unprotected) if KID not in head.labels else kid
    message = object.__new__(Message)
    vars(message).update(
        alg=head.alg,
        kid=kid,
        typ=head.typ,
        protected=head.labels,
        unprotected=MappingProxyType(unprotected) if unprotected else NO_HEADERS,
        payload=payload,
        signature=signature,
        protected_raw=protected_raw,
    )
    return message


def verify(message: Message, key: IssuerPublicKey, *, external_aad: bytes = b"") -> None:
    """Check the signature with *key*; ``SignatureInvalid`` unless alg, length and value fit."""
    verify_as(own_algorithm(key), message, key, external_aad)


def verify_as(
    alg: int | None, message: Message, key: IssuerPublicKey, external_aad: bytes = b""
) -> None:
    """As `verify`, for keys whose `own_algorithm` is known to be *alg*."""
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
    aad = cbor.head(2, len(external_aad)) + external_aad if external_aad else _EMPTY
    return b"".join(
        (
            _CONTEXT,
            cbor.head(2, len(protected)),
            protected,
            aad,
            cbor.head(2, len(payload)),
            payload,
        )
    )


def _usual_parts(data: bytes) -> _Parts | None:
    """As `_parts`, for a message laid out as nearly all are; ``None`` for every other, good or bad.

    Tag 18 around a list: less than 24 bytes of protected header, nothing unprotected, 24 to 255
    bytes of payload, 64 of signature.
    """
    if len(data) < _USUAL_LEAST or data[:2] != b"\xd2\x84" or not 0x40 <= data[2] < 0x58:
        return None
    head_end = 3 + data[2] - 0x40
    size = data[head_end + 2]
    payload_end = head_end + 3 + size
    if (
        size < 24
        or len(data) != payload_end + 2 + _SIGNATURE_SIZE
        or data[head_end : head_end + 2] != b"\xa0\x58"
        or data[payload_end : payload_end + 2] != b"\x58\x40"
    ):
        return None
    return data[3:head_end], {}, data[head_end + 3 : payload_end], data[payload_end + 2 :]


def _parts(data: bytes, max_size: int) -> _Parts:
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
