"""One card behind a transport: commands in or out of a secure session, files (9303-10 §3.6).

Files are read by short identifier, with the first block as big as the chip can give and the
length taken from it, so that most files cost one command. Chips that know no short identifiers,
no extended length or other block sizes are met half-way, per command and remembered.

>>> class OneFile:
...     reader = ReaderInfo(name="One file")
...     def transmit(self, command: bytes) -> bytes:
...         return bytes.fromhex("6003 5F0100" "6282")
...     def close(self) -> None:
...         pass
>>> Card(OneFile()).read_file(0x011E, 0x1E).hex()
'60035f0100'
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from eid import tlv
from eid.chip.apdu import (
    EXTENDED,
    SHORT_LC,
    SHORT_LE,
    SW1_MORE,
    SW1_WRONG_LE,
    SW_FILE_NOT_FOUND,
    SW_OK,
    SW_SECURITY_STATUS,
    SW_WARNING,
    SW_WARNING_SELECTED,
    SW_WRONG_LENGTH,
    SW_WRONG_OFFSET,
    Command,
    Response,
    expect,
)
from eid.chip.lds.files import CARD_ACCESS, EMRTD_AID
from eid.chip.messaging import SecureMessaging
from eid.chip.transport import ReaderInfo, Timed, Transport
from eid.errors import CardError, DeadlineExceeded, FormatError, ProtocolError, StatusError

MAX_FILE: Final = 1 << 18
_LONG: Final = 0xFF00  # below what the strictest known frame (65,533) leaves to one answer
_STEPS: Final = (_LONG, 4096, 1024, SHORT_LE, 224, 192, 160, 128, 96, 64, 32, 16, 8, 1)
_MAX_OFFSET: Final = 0x7FFF
_MAX_CONTINUATIONS: Final = 300
_MAX_HEAD: Final = 8
_CHAIN: Final = 0x10
_PROTECTED_PART: Final = 223  # what fits beside the objects of secure messaging, for any cipher
_MASTER_FILE: Final = b"\x3f\x00"
_CAN_HOLD_DATA: Final = (SW_OK, SW_WARNING, SW_WARNING_SELECTED)


@dataclass(slots=True)
class _Content:
    """A file as far as it was read; its repr, and so a traceback, shows none of it."""

    octets: bytes = field(repr=False)


class Card:
    """The card's state as the reader knows it: its session, its limits, the time that is left.

    ``extended`` is None until an answer has shown whether the chip takes extended length; give
    False where the reader cannot pass it. ``limit`` is a time of ``clock`` after which nothing is
    sent or taken any more; once ``cancelled`` says so, nothing is sent. Whatever fails inside a session ends it and wipes its keys.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        extended: bool | None = None,
        limit: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._timed = transport if isinstance(transport, Timed) else None
        self._messaging: SecureMessaging | None = None
        self._limit = limit
        self._cancelled = cancelled
        self._clock = clock
        self._block = _LONG
        self._by_sfi = True
        self._to_the_byte = False
        self.extended = extended

    @property
    def reader(self) -> ReaderInfo:
        """The reader the card lies on."""
        return self._transport.reader

    @property
    def secured(self) -> bool:
        """Whether commands travel protected now."""
        return self._messaging is not None

    def secure(self, messaging: SecureMessaging) -> None:
        """Protect every command from here on; an earlier session's keys are wiped."""
        self.wipe()
        self._messaging = messaging

    def wipe(self) -> None:
        """Overwrite the session's keys; a protected session cannot go on in the clear."""
        if self._messaging is not None:
            self._messaging.wipe()

    def exchange(self, command: Command) -> Response:
        """Send one command, protected if there is a session; any failure ends the session.

        Data that the chip cannot take at once travel in parts (7816-4 §5.1.1).
        """
        part = self._part_size()
        while len(command.data) > part:
            first = Command(
                command.cla | _CHAIN, command.ins, command.p1, command.p2, command.data[:part]
            )
            response = self._once(first)
            if not response.ok:
                return response
            command = replace(command, data=command.data[part:])
        return self._once(command)

    def relay(self, command: bytes) -> bytes:
        """Pass on a command that another party protected, and return the answer as it is.

        Our own session is over by then: its keys are wiped first.
        """
        self.wipe()
        return self._transport_answer(command)

    def _once(self, command: Command) -> Response:
        try:
            if self._messaging is None:
                return self._send(command)
            return self._messaging.open(self._send(self._messaging.protect(command)))
        except CardError:
            self.wipe()
            raise

    def _part_size(self) -> int:
        """How many plain bytes one command carries to a chip without extended length."""
        if self.extended is not False:
            return EXTENDED
        return SHORT_LC if self._messaging is None else _PROTECTED_PART

    def select_application(self) -> None:
        """Select the eMRTD application; StatusError when the card has none."""
        command = Command(0x00, 0xA4, 0x04, 0x0C, EMRTD_AID)
        expect(self.exchange(command), "the eMRTD application")

    def read_card_access(self) -> bytes | None:
        """Return EF.CardAccess, or None when no way to it is open.

        Ways, in this order: short identifier (which also shows whether extended length works),
        SELECT in the current folder, SELECT after SELECT MF. Vietnamese cards answer 6D00 to
        SELECT MF, others know no short identifiers here, so a refusal only leads to the next.
        """
        ways: tuple[Callable[[], bytes], ...] = (
            lambda: self._read(CARD_ACCESS.sfi),
            lambda: self._select_and_read(CARD_ACCESS.fid),
            self._card_access_below_master_file,
        )
        for way in ways:
            try:
                return way()
            except StatusError:
                continue
        return None

    def read_file(self, fid: int, sfi: int, *, small: bool = False) -> bytes:
        """Return a whole file, cut where its outer data object ends (at most 256 KiB).

        ``small`` says that it fits a short answer, whose commands are a few bytes shorter.
        StatusError: the card refuses it (6A82: it is not there). ProtocolError: the card's
        answers do not make a file.
        """
        if not self._by_sfi:
            return self._select_and_read(fid)
        try:
            return self._read(sfi, small=small)
        except StatusError as error:
            if error.sw in (SW_FILE_NOT_FOUND, SW_SECURITY_STATUS) or not self._alive:
                raise
            content = self._select_and_read(fid)
            self._by_sfi = False
            return content

    def read_start(self, fid: int, sfi: int) -> bytes:
        """Return a file's first block, for files that are not one data object."""
        try:
            return self._first_block(sfi)
        except StatusError:
            if not self._alive:
                raise
        expect(self.exchange(_select(fid)), f"file {fid:04X}")
        return self._first_block(None)

    @property
    def _alive(self) -> bool:
        return self._messaging is None or self._messaging.is_open

    def _card_access_below_master_file(self) -> bytes:
        expect(self.exchange(Command(0x00, 0xA4, 0x00, 0x0C, _MASTER_FILE)), "the master file")
        return self._select_and_read(CARD_ACCESS.fid)

    def _select_and_read(self, fid: int) -> bytes:
        response = self.exchange(_select(fid))
        if response.sw != SW_WARNING_SELECTED:
            expect(response, f"file {fid:04X}")
        return self._read(None)

    def _read(self, sfi: int | None, *, small: bool = False) -> bytes:
        """Read the file of this short identifier, or the selected one, from its start."""
        found = _Content(self._first_block(sfi, small=small))
        total = self._announced(found)
        if total > MAX_FILE:
            raise ProtocolError("A file announces too many bytes.", code="file.size")
        while len(found.octets) < total:
            if not self._extend(found, total):
                raise ProtocolError("A file ends too early.", code="file.truncated")
        return found.octets[:total]

    def _extend(self, found: _Content, total: int) -> bool:
        """Read on towards this length; False at the end of the file."""
        size = len(found.octets)
        found.octets += self._block_at(size, total - size)
        return len(found.octets) > size

    def _announced(self, found: _Content) -> int:
        """Return the length a file tells in its head, reading on until the head is whole."""
        while True:
            try:
                return tlv.total_length(found.octets[:_MAX_HEAD])
            except FormatError as error:
                whole = len(found.octets) >= _MAX_HEAD or error.code != "tlv.truncated"
                if whole or not self._extend(found, _MAX_HEAD):
                    raise ProtocolError(
                        "A file has no usable length.", code="file.length"
                    ) from error

    def _first_block(self, sfi: int | None, *, small: bool = False) -> bytes:
        p1 = 0x00 if sfi is None else 0x80 | sfi
        session = self._messaging
        most = session.room(extended=False) if small and session is not None else EXTENDED
        for wanted in (_MAX_HEAD if self._to_the_byte else most, _MAX_HEAD, 2):
            block = self._fall_back(
                lambda le: self.exchange(Command(0x00, 0xB0, p1, 0x00, le=le)), wanted
            )
            if block:
                return block
            self._to_the_byte = True  # some chips answer 6B00 to any read past a file's end
        raise ProtocolError("A file is empty.", code="file.empty")

    def _block_at(self, offset: int, wanted: int) -> bytes:
        if offset <= _MAX_OFFSET:
            command = (0x00, 0xB0, offset >> 8, offset & 0xFF)
            return self._fall_back(lambda le: self.exchange(Command(*command, le=le)), wanted)
        data = tlv.encode(0x54, offset.to_bytes(3 if offset > 0xFFFF else 2, "big"))
        answer = self._fall_back(
            lambda le: self.exchange(Command(0x00, 0xB1, 0x00, 0x00, data, le)), wanted + 8
        )
        try:
            item = tlv.parse(answer, ber=True)
        except FormatError as error:
            raise ProtocolError("A block has no usable frame.", code="file.frame") from error
        if item.tag != 0x53 or len(item.value) > wanted:
            raise ProtocolError("A block has a wrong frame.", code="file.frame")
        return item.value

    def _fall_back(self, read: Callable[[int], Response], wanted: int) -> bytes:
        """Ask for as much as is wanted and possible, then for less, until the chip gives."""
        exact: int | None = None
        while True:
            le = min(wanted, self._largest()) if exact is None else exact
            response = read(le)
            if len(response.data) > le:
                self.wipe()
                raise ProtocolError("The card sent more than was asked for.", code="file.excess")
            if response.sw in _CAN_HOLD_DATA and response.data:
                if le > SHORT_LE:
                    self.extended = True
                return response.data
            if response.sw == SW_WRONG_OFFSET:
                return b""
            told = response.sw & 0xFF if response.sw >> 8 == SW1_WRONG_LE else 0
            if told and exact is None and told < le:
                exact = told
            elif self._wants_less(response) and self._smaller(le):
                exact = None
            else:
                return b"" if response.sw in _CAN_HOLD_DATA else expect(response, "a file")

    def _wants_less(self, response: Response) -> bool:
        empty = response.sw in _CAN_HOLD_DATA and not response.data
        return empty or response.sw == SW_WRONG_LENGTH or response.sw >> 8 == SW1_WRONG_LE

    def _largest(self) -> int:
        """Return the most plain bytes to ask for now; unknown extended length is tried in clear."""
        extended = self.extended is True or (self.extended is None and self._messaging is None)
        most = SHORT_LE
        if self._messaging is not None:
            most = self._messaging.room(extended=extended)
        elif extended:
            most = EXTENDED
        return min(most, self._block)

    def _smaller(self, le: int) -> bool:
        """Settle for the next smaller block size; False when there is none."""
        if le > SHORT_LE and self.extended is None:
            self.extended = False
            self._block = SHORT_LE
            return True
        smaller = [step for step in _STEPS if step < le]
        if smaller:
            self._block = smaller[0]
        return bool(smaller)

    def _send(self, command: Command) -> Response:
        """Send one command as it is and collect an answer that comes in parts (61xx)."""
        response = self._transmit(command)
        if response.sw >> 8 != SW1_MORE:
            return response
        data = response.data
        for _ in range(_MAX_CONTINUATIONS):
            more = response.sw & 0xFF or SHORT_LE
            response = self._transmit(Command(0x00, 0xC0, 0x00, 0x00, le=more))
            data += response.data
            if len(data) > EXTENDED:
                break
            if response.sw >> 8 != SW1_MORE:
                return Response(data, response.sw)
        raise ProtocolError("An answer in parts does not end.", code="card.endless_answer")

    def _transmit(self, command: Command) -> Response:
        return Response.parse(self._transport_answer(command.encode(extended=not command.short)))

    def _transport_answer(self, command: bytes) -> bytes:
        left = self._time_left()
        if self._cancelled():
            raise CardError("The read was cancelled.", code="card.cancelled")
        if self._timed is not None and left is not None:
            self._timed.allow(left)
        answer = self._transport.transmit(command)
        self._time_left()
        return answer

    def _time_left(self) -> float | None:
        """Seconds until the limit, None without one; DeadlineExceeded behind it."""
        if self._limit is None:
            return None
        left = self._limit - self._clock()
        if left <= 0:
            raise DeadlineExceeded("The card took too long.")
        return left


def _select(fid: int) -> Command:
    return Command(0x00, 0xA4, 0x02, 0x0C, fid.to_bytes(2, "big"))
