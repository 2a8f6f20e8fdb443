"""JWE in one suite only: ECDH-ES+A256KW on P-256 with A256GCM (RFC 7516, 7518 §4.6, §5.3).

>>> key = EncryptionKey.generate("evidence")
>>> token = encrypt_jwe(b"secret", key.public_jwk(), typ="eid-evidence+jwe")
>>> decrypt_jwe(token, key, typ="eid-evidence+jwe", max_bytes=100)
b'secret'
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from eid.errors import FormatError, RequestRefused, SignatureInvalid
from eid.keys.encoding import (
    JSON,
    canonical_json,
    decode_base64url,
    encode_base64url,
    parse_json_object,
)
from eid.keys.jwk import load_ec_point
from eid.keys.signing import EncryptionKey

ALGORITHM = "ECDH-ES+A256KW"
ENCRYPTION = "A256GCM"
MAX_HEADER = 2 * 1024
_HEADERS = frozenset({"alg", "enc", "kid", "typ", "epk"})
_EPK = frozenset({"kty", "crv", "x", "y"})
_WRAPPED, _NONCE, _TAG = 40, 12, 16


def encrypt_jwe(
    payload: bytes,
    recipient_jwk: Mapping[str, JSON],
    *,
    typ: str,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """A compact JWE to a P-256 public JWK; FormatError if the key is unusable."""
    if recipient_jwk.get("crv") != "P-256":
        raise FormatError("The recipient's key is not on P-256.", code="jwe.key")
    recipient = load_ec_point(recipient_jwk)
    ephemeral = EncryptionKey.generate("ephemeral")
    epk: JSON = {name: value for name, value in ephemeral.public_jwk().items() if name in _EPK}
    header: dict[str, JSON] = {"alg": ALGORITHM, "enc": ENCRYPTION, "epk": epk, "typ": typ}
    if "kid" in recipient_jwk:
        header["kid"] = recipient_jwk["kid"]
    protected = encode_base64url(canonical_json(header))
    content_key, nonce = rng(32), rng(_NONCE)
    wrapped = aes_key_wrap(_wrapping_key(ephemeral.private, recipient), content_key)
    sealed = AESGCM(content_key).encrypt(nonce, payload, protected.encode("ascii"))
    parts = (wrapped, nonce, sealed[:-_TAG], sealed[-_TAG:])
    return ".".join((protected, *map(encode_base64url, parts)))


def decrypt_jwe(token: str, key: EncryptionKey, *, typ: str, max_bytes: int) -> bytes:
    """The payload, at most ``max_bytes``; FormatError, RequestRefused or SignatureInvalid."""
    if len(token) > max_bytes * 4 // 3 + MAX_HEADER + 128:
        raise FormatError("The encrypted token is too long.", code="jwe.size")
    segments = token.split(".", 5)
    if len(segments) != 5:
        raise FormatError("The encrypted token does not have five segments.", code="jwe.form")
    if len(segments[0]) > MAX_HEADER:
        raise FormatError("The encrypted token's header is too long.", code="jwe.size")
    header = parse_json_object(decode_base64url(segments[0]))
    ephemeral = _check_header(header, key, typ)
    wrapped, nonce, ciphertext, tag = map(decode_base64url, segments[1:])
    if (len(wrapped), len(nonce), len(tag)) != (_WRAPPED, _NONCE, _TAG):
        raise FormatError("A part of the encrypted token has a wrong length.", code="jwe.form")
    if len(ciphertext) > max_bytes:
        raise FormatError("The encrypted token is too long.", code="jwe.size")
    try:
        content_key = aes_key_unwrap(_wrapping_key(key.private, ephemeral), wrapped)
        return AESGCM(content_key).decrypt(nonce, ciphertext + tag, segments[0].encode("ascii"))
    except (InvalidUnwrap, InvalidTag) as error:
        raise SignatureInvalid("The encrypted token is not authentic.", code="jwe.tag") from error


def _check_header(
    header: Mapping[str, JSON], key: EncryptionKey, typ: str
) -> ec.EllipticCurvePublicKey:
    if not header.keys() <= _HEADERS:
        raise FormatError("The encrypted token asks for an extension.", code="jwe.extension")
    if (header.get("alg"), header.get("enc")) != (ALGORITHM, ENCRYPTION):
        raise FormatError("The encrypted token's algorithm is not allowed.", code="jwe.algorithm")
    if header.get("typ") != typ:
        raise RequestRefused("The encrypted token is of another kind.", code="jwe.type")
    if header.get("kid", key.kid) != key.kid:
        raise RequestRefused("The encrypted token is for another key.", code="jwe.key")
    epk = header.get("epk")
    if not isinstance(epk, Mapping) or epk.keys() != _EPK or epk.get("crv") != "P-256":
        raise FormatError("The ephemeral key is malformed.", code="jwe.ephemeral_key")
    return load_ec_point(epk)


def _wrapping_key(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> bytes:
    """Concat KDF of RFC 7518 §4.6.2 with empty PartyUInfo and PartyVInfo."""
    name = ALGORITHM.encode("ascii")
    info = len(name).to_bytes(4) + name + bytes(4) + bytes(4) + (256).to_bytes(4)
    secret = private.exchange(ec.ECDH(), public)
    return ConcatKDFHash(algorithm=hashes.SHA256(), length=32, otherinfo=info).derive(secret)
