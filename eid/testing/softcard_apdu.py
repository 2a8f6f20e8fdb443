"""Command APDUs as a chip takes them apart (ISO/IEC 7816-4 §5.2).

>>> take_apart(bytes.fromhex("00b09c0000"))
ChipCommand(cla=0, ins=176, p1=156, p2=0, le=256, extended=False)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SW_OK: Final = 0x9000
SW_END_OF_FILE: Final = 0x6282
SW_AUTHENTICATION_FAILED: Final = 0x6300
SW_WRONG_LENGTH: Final = 0x6700
SW_SECURITY_STATUS: Final = 0x6982
SW_BLOCKED: Final = 0x6983
SW_CONDITIONS: Final = 0x6985
SW_NO_CURRENT_FILE: Final = 0x6986
SW_SM_OBJECT_MISSING: Final = 0x6987
SW_SM_OBJECT_WRONG: Final = 0x6988
SW_WRONG_DATA: Final = 0x6A80
SW_NOT_FOUND: Final = 0x6A82
SW_WRONG_P1P2: Final = 0x6A86
SW_REFERENCE_NOT_FOUND: Final = 0x6A88
SW_WRONG_OFFSET: Final = 0x6B00
SW_UNKNOWN_INS: Final = 0x6D00
SW_UNKNOWN_CLA: Final = 0x6E00

SHORT_MAX: Final = 256
EXTENDED_MAX: Final = 65_536


class Refused(Exception):
    """The chip ends the command with this status word."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


@dataclass(frozen=True, slots=True)
class ChipCommand:
    """One command as received; ``le`` is the number of bytes that may go back."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int = 0
    extended: bool = False

    @property
    def head(self) -> bytes:
        """The four header octets."""
        return bytes([self.cla, self.ins, self.p1, self.p2])


class AnswerChain:
    """An answer longer than a short APDU, handed out part by part with 61xx and GET RESPONSE."""

    def __init__(self) -> None:
        self._rest = b""
        self._status = b""

    def begin(self, answer: bytes, most: int = SHORT_MAX) -> bytes:
        """Keep an answer with its status word and give the first part, up to ``most`` bytes."""
        self._rest, self._status = answer[:-2], answer[-2:]
        return self.next(most)

    def next(self, le: int) -> bytes:
        """Give up to ``le`` bytes more; Refused 6985 when nothing waits."""
        if not self._rest:
            raise Refused(SW_CONDITIONS)
        part, self._rest = self._rest[:le], self._rest[le:]
        if not self._rest:
            return part + self._status
        waiting = len(self._rest)
        return part + bytes([0x61, waiting if waiting < SHORT_MAX else 0])


def take_apart(raw: bytes, *, extended_allowed: bool = True) -> ChipCommand:
    """Split a command APDU of any of the seven cases; Refused 6700 if it is none of them."""
    if len(raw) < 4:
        raise Refused(SW_WRONG_LENGTH)
    head, body = raw[:4], raw[4:]
    extended = len(body) > 2 and body[0] == 0
    if extended and not extended_allowed:
        raise Refused(SW_WRONG_LENGTH)
    data, tail = _extended_body(body) if extended else _short_body(body)
    most = EXTENDED_MAX if extended else SHORT_MAX
    le = (int.from_bytes(tail, "big") or most) if tail else 0
    cla, ins, p1, p2 = head
    return ChipCommand(cla, ins, p1, p2, data=data, le=le, extended=extended)


def far_offset(data: bytes) -> int:
    """Offset that READ BINARY with an odd instruction carries in DO'54', up to three bytes."""
    if len(data) not in (3, 4, 5) or data[0] != 0x54 or data[1] != len(data) - 2:
        raise Refused(SW_WRONG_DATA)
    return int.from_bytes(data[2:], "big")


def _short_body(body: bytes) -> tuple[bytes, bytes]:
    if len(body) < 2:
        return b"", body
    end = 1 + body[0]
    if body[0] == 0 or len(body) not in (end, end + 1):
        raise Refused(SW_WRONG_LENGTH)
    return body[1:end], body[end:]


def _extended_body(body: bytes) -> tuple[bytes, bytes]:
    if len(body) == 3:
        return b"", body[1:]
    end = 3 + int.from_bytes(body[1:3], "big")
    if end == 3 or len(body) not in (end, end + 2):
        raise Refused(SW_WRONG_LENGTH)
    return body[3:end], body[end:]
