"""PACE with generic mapping over elliptic curves, from the chip's side (9303-11 §4.4).

The chip reads its own EF.CardAccess to know what it offers; it keeps nothing between attempts.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from eid import ec, tlv
from eid.chip import crypto
from eid.chip.crypto import Suite
from eid.errors import FormatError
from eid.testing.softcard_apdu import (
    SW_AUTHENTICATION_FAILED,
    SW_CONDITIONS,
    SW_REFERENCE_NOT_FOUND,
    SW_WRONG_DATA,
    Refused,
)
from eid.testing.softcard_messaging import ChipSession

_GENERIC_MAPPING: Final = "0.4.0.127.0.7.2.2.4.2."
_SUITES: Final = {
    "1": Suite.DES3,
    "2": Suite.AES_128,
    "3": Suite.AES_192,
    "4": Suite.AES_256,
}
_DYNAMIC_DATA: Final = 0x7C
_NONCE_SIZE: Final = 16
MRZ: Final = 1
CAN: Final = 2


@dataclass(frozen=True, slots=True)
class _Offer:
    oid: str
    suite: Suite
    curve: ec.Curve


@dataclass(frozen=True, slots=True)
class _Step:
    tag: int
    run: Callable[[bytes], tuple[int, bytes]]


class ChipPace:
    """One attempt at PACE: chosen by MSE:Set AT, then four steps of GENERAL AUTHENTICATE."""

    def __init__(self, offer: _Offer, password: bytes, rng: Callable[[int], bytes]) -> None:
        self._offer = offer
        self._password = password
        self._rng = rng
        self._generator = offer.curve.generator
        self._nonce = 0
        self._theirs = self._mine = offer.curve.generator
        self._keys = (b"", b"")
        self._steps = [
            _Step(0, self._give_nonce),
            _Step(0x81, self._map),
            _Step(0x83, self._agree),
            _Step(0x85, self._confirm),
        ]

    @classmethod
    def begin(
        cls,
        request: bytes,
        *,
        card_access: bytes,
        passwords: Mapping[int, bytes],
        rng: Callable[[int], bytes],
    ) -> ChipPace:
        """Accept the data of MSE:Set AT: protocol, password reference, curve."""
        try:
            objects = {item.tag: item.value for item in tlv.parse_all(request)}
            oid = tlv.decode_oid(objects.get(0x80, b""))
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        password = passwords.get(int.from_bytes(objects.get(0x83, b""), "big"))
        if password is None:
            raise Refused(SW_REFERENCE_NOT_FOUND)
        parameter = objects.get(0x84)
        wanted = None if parameter is None else int.from_bytes(parameter, "big")
        return cls(_choose(card_access, oid, wanted), password, rng)

    @property
    def session(self) -> ChipSession:
        """The secure messaging agreed upon, once the last step is done."""
        return ChipSession(self._offer.suite, *self._keys)

    def step(self, request: bytes, *, last: bool) -> bytes:
        """Answer one GENERAL AUTHENTICATE; ``last`` is whether the chain ends with it."""
        step = self._steps.pop(0)
        if last == bool(self._steps):
            raise Refused(SW_CONDITIONS)
        try:
            objects = tlv.children(tlv.only([tlv.parse(request)], _DYNAMIC_DATA))
            number, answer = step.run(tlv.only(objects, step.tag).value if step.tag else b"")
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        return tlv.encode(_DYNAMIC_DATA, tlv.encode(number, answer))

    def _give_nonce(self, _: bytes) -> tuple[int, bytes]:
        suite = self._offer.suite
        nonce = self._rng(_NONCE_SIZE)
        self._nonce = int.from_bytes(nonce, "big")
        key = crypto.kdf(self._password, crypto.KDF_PASSWORD, suite)
        return 0x80, crypto.encrypt(suite, key, nonce)

    def _map(self, theirs: bytes) -> tuple[int, bytes]:
        curve = self._offer.curve
        scalar = ec.random_scalar(curve, self._rng)
        shared = ec.multiply(curve, scalar, ec.decode_point(curve, theirs))
        self._generator = ec.multiply_add(curve, self._nonce, curve.generator, shared)
        return 0x82, ec.encode_point(curve, ec.multiply(curve, scalar, curve.generator))

    def _agree(self, theirs: bytes) -> tuple[int, bytes]:
        curve, suite = self._offer.curve, self._offer.suite
        scalar = ec.random_scalar(curve, self._rng)
        self._theirs = ec.decode_point(curve, theirs)
        self._mine = ec.multiply(curve, scalar, self._generator)
        if self._mine == self._theirs:
            raise Refused(SW_WRONG_DATA)
        product, _ = ec.multiply(curve, scalar, self._theirs)
        secret = product.to_bytes(curve.size, "big")
        self._keys = (
            crypto.kdf(secret, crypto.KDF_ENC, suite),
            crypto.kdf(secret, crypto.KDF_MAC, suite),
        )
        return 0x84, ec.encode_point(curve, self._mine)

    def _confirm(self, token: bytes) -> tuple[int, bytes]:
        if not hmac.compare_digest(token, self._token(self._mine)):
            raise Refused(SW_AUTHENTICATION_FAILED)
        return 0x86, self._token(self._theirs)

    def _token(self, point: ec.Point) -> bytes:
        data = tlv.encode(
            0x7F49,
            tlv.encode(0x06, tlv.encode_oid(self._offer.oid)),
            tlv.encode(0x86, ec.encode_point(self._offer.curve, point)),
        )
        return crypto.mac(self._offer.suite, self._keys[1], data)


def passwords(can: str, mrz_information: str) -> dict[int, bytes]:
    """The chip's PACE passwords by reference: MRZ as SHA-1 of its information, CAN as it is."""
    known: dict[int, bytes] = {CAN: can.encode("ascii")} if can else {}
    if mrz_information:
        known[MRZ] = sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()
    return known


def _choose(card_access: bytes, oid: str, parameter: int | None) -> _Offer:
    fitting = [
        offered
        for offered, number in _offers(card_access)
        if offered.oid == oid and parameter in (None, number)
    ]
    if len(fitting) != 1:
        raise Refused(SW_WRONG_DATA)
    return fitting[0]


def _offers(card_access: bytes) -> list[tuple[_Offer, int]]:
    found = []
    for info in tlv.children(tlv.parse(card_access)):
        oid, *numbers = tlv.children(info)
        dotted = tlv.decode_oid(oid.value)
        suite = _SUITES.get(dotted.removeprefix(_GENERIC_MAPPING))
        if suite is not None and len(numbers) == 2:
            number = tlv.decode_int(numbers[1].value)
            found.append((_Offer(dotted, suite, ec.by_parameter_id(number)), number))
    return found
