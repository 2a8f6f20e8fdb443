"""Secure messaging from the chip's side: open commands, protect answers (9303-11 §9.8)."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Final, Literal

from eid import tlv
from eid.chip import crypto
from eid.chip.crypto import Suite
from eid.errors import FormatError
from eid.testing.softcard_apdu import (
    EXTENDED_MAX,
    SHORT_MAX,
    SW_SM_OBJECT_MISSING,
    SW_SM_OBJECT_WRONG,
    ChipCommand,
    Refused,
)

Padding = Literal["right", "long", "absent"]
_CRYPTOGRAM: Final = 0x87
_CRYPTOGRAM_ODD: Final = 0x85
_LE: Final = 0x97
_MAC: Final = 0x8E
_STATUS: Final = 0x99
_COMMAND_ORDER: Final = (_CRYPTOGRAM_ODD, _CRYPTOGRAM, _LE, _MAC)


class ChipSession:
    """The chip's half of one secure-messaging session; its counter moves with every message."""

    def __init__(self, suite: Suite, ks_enc: bytes, ks_mac: bytes, *, ssc: int = 0) -> None:
        self._suite = suite
        self._ks_enc = ks_enc
        self._ks_mac = ks_mac
        self._ssc = ssc

    def open(self, command: ChipCommand) -> ChipCommand:
        """Check and decrypt a protected command; Refused 6987 or 6988 ends the session."""
        objects = _objects(command.data)
        if _MAC not in objects:
            raise Refused(SW_SM_OBJECT_MISSING)
        ssc = self._step()
        signed = b"".join(item.raw for tag, item in objects.items() if tag != _MAC)
        head = command.head  # padded once: by itself before objects, else with the whole
        covered = crypto.pad(head, self._suite.block_size) + signed if signed else head
        expected = crypto.sm_mac(self._suite, self._ks_mac, ssc, covered)
        if not hmac.compare_digest(expected, objects[_MAC].value):
            raise Refused(SW_SM_OBJECT_WRONG)
        le = objects.get(_LE)
        return replace(
            command,
            cla=command.cla & ~0x0C,
            data=self._plain(objects, ssc),
            le=_expected_length(le.value) if le else 0,
        )

    def protect(
        self,
        data: bytes,
        sw: int,
        *,
        odd: int = 0,
        status_object: bool = True,
        padding: Padding = "right",
    ) -> bytes:
        """Encrypt and authenticate an answer.

        ``odd`` is set for an odd instruction, whose data have no padding indicator;
        ``status_object`` False leaves DO'99' out; ``padding`` is one block too ``long`` or
        ``absent`` on cards that do not pad by the rules.
        """
        ssc = self._step()
        body = b""
        if data:
            tag, indicator = (_CRYPTOGRAM_ODD, b"") if odd else (_CRYPTOGRAM, b"\x01")
            body = tlv.encode(tag, indicator, self._encrypted(data, ssc, padding))
        if status_object:
            body += tlv.encode(_STATUS, sw.to_bytes(2, "big"))
        mac = crypto.sm_mac(self._suite, self._ks_mac, ssc, body)
        return body + tlv.encode(_MAC, mac) + sw.to_bytes(2, "big")

    def room(self, limit: int) -> int:
        """How many plain bytes fit into an answer of ``limit`` bytes."""
        block = self._suite.block_size
        most = (limit // block + 1) * block - 1
        while most > 0 and self._size(most) > limit:
            most -= block
        return max(most, 0)

    def _size(self, plain: int) -> int:
        block = self._suite.block_size
        cryptogram = 1 + (plain // block + 1) * block
        return len(tlv.encode(_CRYPTOGRAM, bytes(cryptogram))) + 4 + 10

    def _plain(self, objects: dict[int, tlv.Tlv], ssc: bytes) -> bytes:
        even, odd = objects.get(_CRYPTOGRAM), objects.get(_CRYPTOGRAM_ODD)
        if even is None and odd is None:
            return b""
        cryptogram = odd.value if odd else _after_indicator(even)
        iv = crypto.sm_iv(self._suite, self._ks_enc, ssc)
        try:
            return crypto.unpad(crypto.decrypt(self._suite, self._ks_enc, cryptogram, iv=iv))
        except FormatError as e:
            raise Refused(SW_SM_OBJECT_WRONG) from e

    def _encrypted(self, data: bytes, ssc: bytes, padding: Padding) -> bytes:
        iv = crypto.sm_iv(self._suite, self._ks_enc, ssc)
        size = self._suite.block_size
        padded = crypto.pad(data, size) + (bytes(size) if padding == "long" else b"")
        if padding == "absent":
            padded = data + bytes(-len(data) % size)
        return crypto.encrypt(self._suite, self._ks_enc, padded, iv=iv)

    def _step(self) -> bytes:
        self._ssc += 1
        return self._ssc.to_bytes(self._suite.block_size, "big")


def _after_indicator(item: tlv.Tlv | None) -> bytes:
    if item is None or item.value[:1] != b"\x01":
        raise Refused(SW_SM_OBJECT_WRONG)
    return item.value[1:]


def _objects(data: bytes) -> dict[int, tlv.Tlv]:
    """Data objects of a protected command, each once and in the prescribed order."""
    try:
        items = tlv.parse_all(data)
    except FormatError as e:
        raise Refused(SW_SM_OBJECT_WRONG) from e
    tags = [item.tag for item in items]
    if tags != [tag for tag in _COMMAND_ORDER if tag in tags]:
        raise Refused(SW_SM_OBJECT_WRONG)
    return {item.tag: item for item in items}


def _expected_length(value: bytes) -> int:
    if len(value) not in (1, 2):
        raise Refused(SW_SM_OBJECT_WRONG)
    most = SHORT_MAX if len(value) == 1 else EXTENDED_MAX
    return int.from_bytes(value, "big") or most
