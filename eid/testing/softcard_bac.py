"""Basic Access Control from the chip's side (9303-11 §4.3).

>>> bac = ChipBac("L898902C<369080619406236", rng=bytes)
>>> len(bac.challenge())
8
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha1
from typing import Final

from eid.chip import crypto
from eid.chip.crypto import Suite
from eid.errors import FormatError
from eid.testing.softcard_apdu import (
    SW_AUTHENTICATION_FAILED,
    SW_CONDITIONS,
    SW_WRONG_LENGTH,
    Refused,
)
from eid.testing.softcard_messaging import ChipSession

NONCE_SIZE: Final = 8
_KEY_SIZE: Final = 16
_CRYPTOGRAM: Final = 2 * NONCE_SIZE + _KEY_SIZE
_SUITE: Final = Suite.DES3


class ChipBac:
    """GET CHALLENGE and EXTERNAL AUTHENTICATE; ``session`` is there once both were right."""

    def __init__(self, mrz_information: str, *, rng: Callable[[int], bytes]) -> None:
        seed = sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()[:_KEY_SIZE]
        self._k_enc = crypto.kdf(seed, crypto.KDF_ENC, _SUITE)
        self._k_mac = crypto.kdf(seed, crypto.KDF_MAC, _SUITE)
        self._rng = rng
        self._rnd_ic = b""
        self.session: ChipSession | None = None

    def challenge(self) -> bytes:
        """Give a nonce, which the next command uses up."""
        self._rnd_ic = self._rng(NONCE_SIZE)
        return self._rnd_ic

    def authenticate(self, request: bytes) -> bytes:
        """Check the terminal's 40 bytes and answer with the chip's; one refusal for any fault."""
        rnd_ic, self._rnd_ic = self._rnd_ic, b""
        if not rnd_ic:
            raise Refused(SW_CONDITIONS)
        if len(request) != _CRYPTOGRAM + crypto.MAC_SIZE:
            raise Refused(SW_WRONG_LENGTH)
        cryptogram, mac = request[:_CRYPTOGRAM], request[_CRYPTOGRAM:]
        plain = self._decrypted(cryptogram)
        right = hmac.compare_digest(mac, crypto.mac(_SUITE, self._k_mac, cryptogram))
        rnd_ifd, claimed, k_ifd = plain[:8], plain[8:16], plain[16:]
        if not (hmac.compare_digest(claimed, rnd_ic) and right):
            raise Refused(SW_AUTHENTICATION_FAILED)
        k_ic = self._rng(_KEY_SIZE)
        seed = bytes(a ^ b for a, b in zip(k_ifd, k_ic, strict=True))
        self.session = ChipSession(
            _SUITE,
            crypto.kdf(seed, crypto.KDF_ENC, _SUITE),
            crypto.kdf(seed, crypto.KDF_MAC, _SUITE),
            ssc=int.from_bytes(rnd_ic[4:] + rnd_ifd[4:], "big"),
        )
        answer = crypto.encrypt(_SUITE, self._k_enc, rnd_ic + rnd_ifd + k_ic)
        return answer + crypto.mac(_SUITE, self._k_mac, answer)

    def _decrypted(self, cryptogram: bytes) -> bytes:
        try:
            return crypto.decrypt(_SUITE, self._k_enc, cryptogram)
        except FormatError as e:
            raise Refused(SW_AUTHENTICATION_FAILED) from e
