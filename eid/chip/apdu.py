"""Commands and responses of a smart card, in short and extended form (ISO/IEC 7816-4 §5).

>>> Command(0x00, 0xB0, 0x9D, 0x00, le=256).encode().hex()
'00b09d0000'
>>> Command(0x00, 0xB0, 0x9D, 0x00, le=65536).encode(extended=True).hex()
'00b09d00000000'
>>> hex(Response.parse(bytes.fromhex("01029000")).sw)
'0x9000'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eid.errors import ProtocolError, StatusError

SW_OK: Final = 0x9000
SW_WARNING: Final = 0x6282
SW_WARNING_SELECTED: Final = 0x6283
SW_AUTHENTICATION_FAILED: Final = 0x6300
SW_WRONG_LENGTH: Final = 0x6700
SW_SECURITY_STATUS: Final = 0x6982
SW_BLOCKED: Final = 0x6983
SW_CONDITIONS: Final = 0x6985
SW_SM_MISSING: Final = 0x6987
SW_SM_WRONG: Final = 0x6988
SW_WRONG_DATA: Final = 0x6A80
SW_FILE_NOT_FOUND: Final = 0x6A82
SW_REFERENCE_NOT_FOUND: Final = 0x6A88
SW_WRONG_P1P2: Final = 0x6A86
SW_WRONG_OFFSET: Final = 0x6B00
SW_UNKNOWN_INS: Final = 0x6D00
SW1_MORE: Final = 0x61
SW1_WRONG_LE: Final = 0x6C

SHORT_LC: Final = 255
SHORT_LE: Final = 256
EXTENDED: Final = 65_536
MAX_RESPONSE: Final = 65_536 + 2


@dataclass(frozen=True, slots=True)
class Command:
    """A command APDU; ``le`` is how many bytes may come back (None: none are expected)."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int | None = None

    @property
    def short(self) -> bool:
        """Whether the short form can carry it."""
        return len(self.data) <= SHORT_LC and (self.le or 0) <= SHORT_LE

    def encode(self, *, extended: bool = False) -> bytes:
        """Write the APDU; extended form where asked for, with zero meaning the most."""
        if len(self.data) >= EXTENDED or not 0 < (self.le or 1) <= EXTENDED:
            raise ValueError("an APDU cannot carry these lengths")
        if not (extended or self.short):
            raise ValueError("this command needs the extended form")
        head = bytes([self.cla, self.ins, self.p1, self.p2])
        width = 2 if extended else 1
        lead = b"\x00" if extended else b""
        body = lead + len(self.data).to_bytes(width, "big") + self.data if self.data else b""
        if self.le is None:
            return head + body
        most = EXTENDED if extended else SHORT_LE
        tail = (self.le % most).to_bytes(width, "big")
        return head + body + (tail if self.data else lead + tail)


@dataclass(frozen=True, slots=True)
class Response:
    """A response APDU: data and status word."""

    data: bytes = field(repr=False)
    sw: int

    @property
    def ok(self) -> bool:
        """Whether the status word is 9000."""
        return self.sw == SW_OK

    @staticmethod
    def parse(raw: bytes) -> Response:
        """Split an answer; fewer than two or too many bytes are a ProtocolError."""
        if not 2 <= len(raw) <= MAX_RESPONSE:
            raise ProtocolError("The card's answer has an impossible length.")
        return Response(raw[:-2], int.from_bytes(raw[-2:], "big"))


Exchange = Callable[[Command], Response]


def expect(response: Response, step: str) -> bytes:
    """Return the data of an answer with status 9000; any other is a StatusError."""
    if not response.ok:
        raise StatusError(
            f"The card refused {step} ({response.sw:04X}).", sw=response.sw, step=step
        )
    return response.data
