"""Active Authentication: the chip signs a challenge (9303-11 §6.1; ISO/IEC 9796-2 scheme 1).

:func:`challenge_chip` talks and judges nothing; :func:`check` judges and talks to nobody. That the
challenge is the verifier's own, and fresh, is not settled here.

>>> from eid.trust.public_keys import RsaKey
>>> check(RsaKey(n=(1 << 1023) + 1, e=3), None, bytes(8), bytes(128))
Traceback (most recent call last):
    ...
eid.errors.NotGenuine: The chip's signature is out of range.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from eid import ec
from eid.chip.apdu import (
    EXTENDED,
    SHORT_LE,
    SW1_WRONG_LE,
    SW_WRONG_LENGTH,
    Command,
    Exchange,
    Response,
    expect,
)
from eid.chip.lds.dg15 import PublicKeyInfo
from eid.chip.lds.security_infos import SecurityInfos
from eid.errors import NotGenuine
from eid.trust.algorithms import (
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    Digest,
    signature_algorithm_by_oid,
)
from eid.trust.public_keys import EcKey, RsaKey
from eid.trust.signature import der_pair

CHALLENGE_SIZE: Final = 8
FOUND_DER: Final = "aa.der_signature"
FOUND_NO_INFO: Final = "aa.no_info"

_HEADER: Final = 0x6  # 0110: partial recovery, because the challenge is not in the signature
_SHA1_ALONE: Final = 0xBC
_EXPLICIT: Final = 0xCC
_TRAILERS: Final[Mapping[int, Digest]] = MappingProxyType(
    {0x33: SHA1, 0x34: SHA256, 0x35: SHA512, 0x36: SHA384, 0x38: SHA224}
)


def challenge_chip(exchange: Exchange, challenge: bytes, *, extended: bool = True) -> bytes:
    """Have the chip sign eight bytes; StatusError when it will not.

    Chips disagree on how much may be asked for, so 6700 and 6Cxx lead to one other length each.
    """
    if len(challenge) != CHALLENGE_SIZE:
        raise ValueError("an Active Authentication challenge has eight bytes")
    response = _ask(exchange, challenge, EXTENDED if extended else SHORT_LE)
    if response.sw == SW_WRONG_LENGTH and extended:
        response = _ask(exchange, challenge, SHORT_LE)
    elif response.sw >> 8 == SW1_WRONG_LE:
        response = _ask(exchange, challenge, response.sw & 0xFF or SHORT_LE)
    return expect(response, "Active Authentication")


def check(
    key: PublicKeyInfo, dg14: SecurityInfos | None, challenge: bytes, response: bytes
) -> tuple[str, ...]:
    """Return what was odd about a good answer, as codes; raise NotGenuine for a bad one.

    ``dg14`` names the algorithm of an elliptic-curve chip. Oddities that are let pass:
    ``aa.der_signature`` (DER where plain form is prescribed), ``aa.no_info`` (no algorithm
    named, so the curve's size decides).
    """
    if len(challenge) != CHALLENGE_SIZE:
        raise _bad("The challenge has not eight bytes.", "aa.challenge")
    if isinstance(key, RsaKey):
        _check_rsa(key, challenge, response)
        return ()
    return _check_ecdsa(key, dg14, challenge, response)


def _ask(exchange: Exchange, challenge: bytes, le: int) -> Response:
    return exchange(Command(0x00, 0x88, 0x00, 0x00, challenge, le))


def _bad(message: str, code: str) -> NotGenuine:
    return NotGenuine(message, code=code)


def _check_rsa(key: RsaKey, challenge: bytes, response: bytes) -> None:
    size = (key.n.bit_length() + 7) // 8
    signature = int.from_bytes(response, "big")
    if len(response) != size or not 0 < signature < key.n:
        raise _bad("The chip's signature is out of range.", "aa.range")
    block = pow(signature, key.e, key.n).to_bytes(size, "big")
    digest, body = _trailer(block)
    recovered, signed = _recover(body, digest)
    expected = hashlib.new(digest.name, recovered + challenge).digest()
    if not hmac.compare_digest(expected, signed):
        raise _bad("The chip's signature does not fit the challenge.", "aa.signature")


def _trailer(block: bytes) -> tuple[Digest, bytes]:
    """Return the hash that the trailer names, and the block without it."""
    if block[-1] == _SHA1_ALONE:
        return SHA1, block[:-1]
    digest = _TRAILERS.get(block[-2]) if block[-1] == _EXPLICIT else None
    if digest is None:
        raise _bad("The chip's signature has an unknown trailer.", "aa.trailer")
    return digest, block[:-2]


def _recover(body: bytes, digest: Digest) -> tuple[bytes, bytes]:
    """Return the recovered message part and the hash: 6A, or 6B BB … BA, comes before them."""
    if body[0] >> 4 != _HEADER or body[0] & 0xF not in (0xA, 0xB):
        raise _bad("The chip's signature has a wrong header.", "aa.header")
    start = 1
    if body[0] & 0xF == 0xB:
        start = len(body) - len(body[1:].lstrip(b"\xbb")) + 1
        if body[start - 1 : start] != b"\xba":
            raise _bad("The chip's signature is padded wrongly.", "aa.header")
    end = len(body) - digest.size
    if end < start:
        raise _bad("The chip's signature has no room for its hash.", "aa.header")
    return body[start:end], body[end:]


def _check_ecdsa(
    key: EcKey, dg14: SecurityInfos | None, challenge: bytes, response: bytes
) -> tuple[str, ...]:
    named = _named_digest(dg14)
    digest = named or _digest_by_size(key.curve)
    hashed = hashlib.new(digest.name, challenge).digest()
    findings = () if named else (FOUND_NO_INFO,)
    size = (key.curve.n.bit_length() + 7) // 8
    if len(response) == 2 * size:
        r, s = int.from_bytes(response[:size], "big"), int.from_bytes(response[size:], "big")
        if ec.verify_ecdsa(key.curve, key.point, hashed, r, s):
            return findings
    pair = der_pair(response) if len(response) <= 2 * size + 16 else None
    if pair is None or not ec.verify_ecdsa(key.curve, key.point, hashed, *pair):
        raise _bad("The chip's signature does not fit the challenge.", "aa.signature")
    return (*findings, FOUND_DER)


def _named_digest(dg14: SecurityInfos | None) -> Digest | None:
    infos = dg14.active_authentication if dg14 else ()
    if not infos:
        return None
    oids = {info.signature_algorithm for info in infos}
    algorithm = signature_algorithm_by_oid(oids.pop()) if len(oids) == 1 else None
    if algorithm is None or algorithm.scheme not in ("ecdsa", "ecdsa-plain"):
        raise _bad("DG14 names no usable algorithm for the chip's key.", "aa.algorithm")
    return algorithm.digest


def _digest_by_size(curve: ec.Curve) -> Digest:
    sizes = ((512, SHA512), (384, SHA384), (256, SHA256), (224, SHA224))
    return next((digest for bits, digest in sizes if curve.bits >= bits), SHA1)
