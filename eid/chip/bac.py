"""Basic Access Control: the MRZ opens a 3DES session (9303-11 §4.3, D.3).

Its keys have as little entropy as the MRZ and travel protected by it alone: whoever recorded the
session can try all passports of a country. It is for chips without PACE.

>>> keys = derive_keys(MrzKey(document_number="L898902C", birth="690806", expiry="940623"))
>>> [len(key) for key in keys]
[16, 16]
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eid.chip.access import MrzKey
from eid.chip.apdu import SW_WRONG_LENGTH, Command, Exchange, Response, expect
from eid.chip.crypto import KDF_ENC, KDF_MAC, MAC_SIZE, Suite, decrypt, encrypt, kdf, mac
from eid.chip.messaging import SecureMessaging
from eid.errors import AccessDenied, ProtocolError

Rng = Callable[[int], bytes]
_NONCE: Final = 8
_KEY: Final = 16
_CRYPTOGRAM: Final = 2 * _NONCE + _KEY
_SUITE: Final = Suite.DES3


@dataclass(frozen=True, slots=True)
class _Terminal:
    """The reader's keys and random numbers; its repr, and so a traceback, shows none of them."""

    k_enc: bytes = field(repr=False)
    k_mac: bytes = field(repr=False)
    rnd_ifd: bytes = field(repr=False)
    k_ifd: bytes = field(repr=False)

    def seal(self, rnd_ic: bytes) -> bytes:
        """Return cryptogram and MAC for EXTERNAL AUTHENTICATE."""
        cryptogram = encrypt(_SUITE, self.k_enc, self.rnd_ifd + rnd_ic + self.k_ifd)
        return cryptogram + mac(_SUITE, self.k_mac, cryptogram)

    def open(self, answer: bytes, rnd_ic: bytes) -> SecureMessaging | None:
        """Return the session, or None for an answer that does not prove the chip's keys."""
        body, their_mac = answer[:_CRYPTOGRAM], answer[_CRYPTOGRAM:]
        plain = decrypt(_SUITE, self.k_enc, body)
        good = hmac.compare_digest(mac(_SUITE, self.k_mac, body), their_mac)
        good &= hmac.compare_digest(plain[: 2 * _NONCE], rnd_ic + self.rnd_ifd)
        if not good:
            return None
        seed = bytes(a ^ b for a, b in zip(self.k_ifd, plain[2 * _NONCE :], strict=True))
        ssc = rnd_ic[4:] + self.rnd_ifd[4:]
        return SecureMessaging(_SUITE, kdf(seed, KDF_ENC, _SUITE), kdf(seed, KDF_MAC, _SUITE), ssc)


def establish(
    exchange: Exchange, key: MrzKey, *, rng: Rng = secrets.token_bytes
) -> SecureMessaging:
    """Authenticate to the chip and return the session, with 3DES.

    AccessDenied: the chip refused the key fields (``access.wrong_password``, with ``sw``), or
    its answer does not prove that it knows them. StatusError: it gave no challenge.
    ProtocolError: an answer has a wrong length. Nothing tells a wrong MAC from a wrong nonce.
    """
    rnd_ic = expect(exchange(Command(0x00, 0x84, 0x00, 0x00, le=_NONCE)), "BAC: GET CHALLENGE")
    if len(rnd_ic) != _NONCE:
        raise ProtocolError("The chip's challenge has a wrong length.", code="bac.challenge")
    ours = _Terminal(*derive_keys(key), rng(_NONCE), rng(_KEY))
    response = _authenticate(exchange, ours.seal(rnd_ic))
    if not response.ok:
        raise _refused("The chip did not accept the MRZ.", response.sw)
    if len(response.data) != _CRYPTOGRAM + MAC_SIZE:
        raise ProtocolError("The chip's answer has a wrong length.", code="bac.answer")
    session = ours.open(response.data, rnd_ic)
    if session is None:
        raise _refused("The chip did not prove that it knows the MRZ.", response.sw)
    return session


def derive_keys(key: MrzKey) -> tuple[bytes, bytes]:
    """Return K_Enc and K_MAC of the MRZ's key fields."""
    seed = hashlib.sha1(key.information(), usedforsecurity=False).digest()[:16]
    return kdf(seed, KDF_ENC, _SUITE), kdf(seed, KDF_MAC, _SUITE)


def _authenticate(exchange: Exchange, data: bytes) -> Response:
    """EXTERNAL AUTHENTICATE; some chips take no length but zero, so 6700 leads to that one."""
    response = exchange(Command(0x00, 0x82, 0x00, 0x00, data, len(data)))
    if response.sw == SW_WRONG_LENGTH:
        response = exchange(Command(0x00, 0x82, 0x00, 0x00, data, 256))
    return response


def _refused(message: str, sw: int) -> AccessDenied:
    return AccessDenied(message, code="access.wrong_password", sw=sw)
