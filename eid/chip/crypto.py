"""Key derivation, ciphers and MACs that reader and card share (9303-11 §9.7, §9.8; ISO 9797-1).

A :class:`Suite` is one cipher family with its key length; the card and the reader use it alike.

>>> suite = Suite.AES_128
>>> key = kdf(bytes(32), KDF_ENC, suite)
>>> unpad(decrypt(suite, key, encrypt(suite, key, pad(b"hello", suite.block_size)))) == b"hello"
True
>>> len(mac(suite, key, b"any length"))
8
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from eid.errors import FormatError

KDF_ENC: Final = 1
KDF_MAC: Final = 2
KDF_PASSWORD: Final = 3
MAC_SIZE: Final = 8


class Suite(Enum):
    """A block cipher of secure messaging, with its key length in bytes."""

    DES3 = ("3DES", 16, 8)
    AES_128 = ("AES-128", 16, 16)
    AES_192 = ("AES-192", 24, 16)
    AES_256 = ("AES-256", 32, 16)

    def __init__(self, label: str, key_size: int, block_size: int) -> None:
        self.label = label
        self.key_size = key_size
        self.block_size = block_size


def kdf(secret: bytes, counter: int, suite: Suite) -> bytes:
    """Derive a key: SHA-1 for 3DES and AES-128, SHA-256 for longer keys (9303-11 §9.7.1)."""
    material = secret + counter.to_bytes(4, "big")
    if suite.key_size > 16:
        return hashlib.sha256(material).digest()[: suite.key_size]
    key = hashlib.sha1(material, usedforsecurity=False).digest()[:16]
    return _odd_parity(key) if suite is Suite.DES3 else key


def pad(data: bytes, block_size: int) -> bytes:
    """Append 80 and zeros up to a whole block (ISO 9797-1 method 2)."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block_size)


def unpad(data: bytes) -> bytes:
    """Remove the padding of :func:`pad`; anything else at the end is a FormatError."""
    body = data.rstrip(b"\x00")
    if not body.endswith(b"\x80"):
        raise FormatError("The padding is wrong.", code="crypto.padding")
    return body[:-1]


def encrypt(suite: Suite, key: bytes, data: bytes, *, iv: bytes | None = None) -> bytes:
    """Encrypt whole blocks in CBC mode; without ``iv`` it is zero."""
    return _run(_cbc(suite, key, iv).encryptor(), data)


def decrypt(suite: Suite, key: bytes, data: bytes, *, iv: bytes | None = None) -> bytes:
    """Decrypt whole blocks in CBC mode; a broken block is a FormatError."""
    if len(data) % suite.block_size:
        raise FormatError("A cryptogram is not whole blocks.", code="crypto.cryptogram")
    return _run(_cbc(suite, key, iv).decryptor(), data)


def sm_iv(suite: Suite, ks_enc: bytes, ssc: bytes) -> bytes:
    """Return secure messaging's IV: zero for 3DES, the encrypted SSC for AES (§9.8.6)."""
    if suite is Suite.DES3:
        return bytes(8)
    return _run(Cipher(algorithms.AES(ks_enc), modes.ECB()).encryptor(), ssc)  # noqa: S305


def sm_iv_maker(suite: Suite, ks_enc: bytes) -> Callable[[bytes], bytes] | None:
    """Return :func:`sm_iv` for one key, whose schedule is made once; None where it is zero."""
    if suite is Suite.DES3:
        return None
    return Cipher(algorithms.AES(ks_enc), modes.ECB()).encryptor().update  # noqa: S305


def mac(suite: Suite, key: bytes, data: bytes) -> bytes:
    """Return the 8-byte MAC of *unpadded* data: Retail MAC pads itself, CMAC needs none.

    Secure messaging pads before it calls this, as its rules say, for AES as well.
    """
    if suite is Suite.DES3:
        return _retail_mac(key, pad(data, 8))
    cmac = CMAC(algorithms.AES(key))
    cmac.update(data)
    return cmac.finalize()[:MAC_SIZE]


def sm_mac(suite: Suite, ks_mac: bytes, ssc: bytes, data: bytes) -> bytes:
    """Return secure messaging's MAC over ``ssc | data``, padded to whole blocks (§9.8.6)."""
    if suite is Suite.DES3:
        return _retail_mac(ks_mac, pad(ssc + data, suite.block_size))
    return _sm_cmac(CMAC(algorithms.AES(ks_mac)), ssc, data)


def sm_mac_maker(suite: Suite, ks_mac: bytes) -> Callable[[bytes, bytes], bytes] | None:
    """Return :func:`sm_mac` for one key, whose schedule is made once; None where there is none."""
    if suite is Suite.DES3:
        return None
    keyed = CMAC(algorithms.AES(ks_mac))

    def make(ssc: bytes, data: bytes) -> bytes:
        return _sm_cmac(keyed.copy(), ssc, data)

    return make


def _sm_cmac(cmac: CMAC, ssc: bytes, data: bytes) -> bytes:
    cmac.update(ssc)
    cmac.update(data)
    cmac.update(b"\x80" + bytes(-(len(ssc) + len(data) + 1) % 16))
    return cmac.finalize()[:MAC_SIZE]


def _cbc(suite: Suite, key: bytes, iv: bytes | None) -> Cipher[modes.CBC]:
    algorithm = TripleDES(key + key[:8]) if suite is Suite.DES3 else algorithms.AES(key)
    return Cipher(algorithm, modes.CBC(iv or bytes(suite.block_size)))


def _run(context: CipherContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()


def _retail_mac(key: bytes, padded: bytes) -> bytes:
    """ISO 9797-1 algorithm 3: single DES in CBC, its last block through the two-key end."""
    first, second = key[:8], key[8:16]
    single = Cipher(TripleDES(first * 3), modes.CBC(bytes(8))).encryptor()
    last = _run(single, padded)[-8:]
    middle = _run(Cipher(TripleDES(second * 3), modes.ECB()).decryptor(), last)  # noqa: S305
    return _run(Cipher(TripleDES(first * 3), modes.ECB()).encryptor(), middle)  # noqa: S305


def _odd_parity(key: bytes) -> bytes:
    return bytes(octet & 0xFE | (octet.bit_count() + (octet & 1) + 1) & 1 for octet in key)
