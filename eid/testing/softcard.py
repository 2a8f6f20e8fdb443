"""A whole chip in software, written from the card's side of the specification (9303-11).

It speaks PACE with generic mapping, secure messaging, file reads and Active Authentication; it
forgets everything on reset, as a chip does. What it shares with the reader is arithmetic only.

>>> from eid.testing.card_image import CardImage
>>> card = SoftwareCard(CardImage(files={"EF.CardAccess": bytes(3)}, can="123456"))
>>> card.transmit(bytes.fromhex("00A4020C02011C")).hex()
'9000'
>>> card.transmit(bytes.fromhex("00B0000000")).hex()
'0000009000'
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from eid import tlv
from eid.chip.transport import ReaderInfo
from eid.errors import CardRemoved
from eid.testing import softcard_active, softcard_pace
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.softcard_apdu import (
    EXTENDED_MAX,
    SHORT_MAX,
    SW_CONDITIONS,
    SW_END_OF_FILE,
    SW_OK,
    SW_SECURITY_STATUS,
    SW_UNKNOWN_CLA,
    SW_UNKNOWN_INS,
    SW_WRONG_DATA,
    SW_WRONG_LENGTH,
    SW_WRONG_P1P2,
    AnswerChain,
    ChipCommand,
    Refused,
    far_offset,
    take_apart,
)
from eid.testing.softcard_files import ChipFiles
from eid.testing.softcard_messaging import ChipSession
from eid.testing.softcard_pace import ChipPace

_MOST_ANSWER: Final = 65_533
_CHAINING: Final = 0x10
_GET_RESPONSE: Final = 0xC0
_PROTECTED: Final = 0x0C

_Answer = tuple[bytes, int]


class SoftwareCard:
    """One chip, usable as a Transport; ``extended`` is whether it takes extended lengths.

    ``faults`` misbehave at the APDU they name; ``rng`` gives nonce, mapping key, ephemeral key
    and the random part of Active Authentication, in this order.
    """

    def __init__(
        self,
        image: CardImage,
        *,
        faults: Collection[Fault] = (),
        extended: bool = True,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._image = image
        self._faults = tuple(faults)
        self._extended = extended
        self._rng = rng
        self._count = 0
        self._gone = False
        self._passwords = softcard_pace.passwords(image.can, image.mrz_information)
        self.reset()

    @property
    def reader(self) -> ReaderInfo:
        """A name that says what this is, and the chip's answer to reset."""
        return ReaderInfo(name="Software card", atr=self._image.atr)

    @property
    def count(self) -> int:
        """How many commands the chip has had since it was made."""
        return self._count

    def reset(self) -> None:
        """Forget session, rights and selection; a pulled card stays away."""
        self._files = ChipFiles(self._image.files)
        self._pace: ChipPace | None = None
        self._session: ChipSession | None = None
        self._granted = False
        self._chain = AnswerChain()

    def close(self) -> None:
        """End the connection: the chip loses power."""
        self.reset()

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU; CardRemoved once the card has been pulled."""
        self._count += 1
        due = [fault for fault in self._faults if fault.due(self._count)]
        if self._gone or any(fault.kind == "pull" for fault in due):
            self._gone = True
            self.reset()
            raise CardRemoved("The card was pulled out.")
        answer = self._answer(command, due)
        for fault in due:
            answer = fault.spoil(answer, self._rng)
        return answer

    def _answer(self, raw: bytes, due: Collection[Fault]) -> bytes:
        """Answer on the level of the wire, where refusals are not protected."""
        try:
            command = take_apart(raw, extended_allowed=self._extended)
            if command.ins == _GET_RESPONSE:
                return self._chain.next(command.le)
            self._chain = AnswerChain()
            if command.cla & _PROTECTED == _PROTECTED:
                return self._protected(command, due)
        except Refused as refusal:
            return refusal.sw.to_bytes(2, "big")
        return self._plain(command)

    def _plain(self, command: ChipCommand) -> bytes:
        """Answer an unprotected command; it ends a session, its rights and the selection."""
        if self._session is not None:
            self.reset()
        data, sw = self._run(command, command.le)
        return data + sw.to_bytes(2, "big")

    def _protected(self, outer: ChipCommand, due: Collection[Fault]) -> bytes:
        session = self._session
        if session is None:
            raise Refused(SW_CONDITIONS)
        try:
            command = session.open(outer)
        except Refused:
            self.reset()
            raise
        limit = _MOST_ANSWER if outer.extended else SHORT_MAX
        data, sw = self._run(replace(command, extended=outer.extended), session.room(limit))
        missing = any(fault.kind == "missing_status" for fault in due)
        answer = session.protect(data, sw, odd=command.ins & 1, status_object=not missing)
        return answer if len(answer) - 2 <= limit else self._chain.begin(answer)

    def _run(self, command: ChipCommand, room: int) -> _Answer:
        handlers: dict[int, Callable[[ChipCommand], _Answer]] = {
            0xA4: self._select,
            0xB0: lambda c: self._read_binary(c, room),
            0xB1: lambda c: self._read_far(c, room),
            0x22: self._set_environment,
            0x86: self._general_authenticate,
            0x88: self._internal_authenticate,
        }
        handler = handlers.get(command.ins)
        if handler is None or command.cla & ~_CHAINING:
            return b"", SW_UNKNOWN_CLA if handler else SW_UNKNOWN_INS
        try:
            return handler(command)
        except Refused as refusal:
            return b"", refusal.sw

    def _select(self, command: ChipCommand) -> _Answer:
        if command.p1 == 0x00:
            raise Refused(SW_UNKNOWN_INS)
        if (command.p1, command.p2 & 0xF3) == (0x04, 0x00):
            self._files.select_application(command.data)
        elif (command.p1, command.p2 & 0xF3) == (0x02, 0x00):
            if len(command.data) != 2:
                raise Refused(SW_WRONG_LENGTH)
            file_id = int.from_bytes(command.data, "big")
            self._files.select_file(file_id, granted=self._granted)
        else:
            raise Refused(SW_WRONG_P1P2)
        return b"", SW_OK

    def _read_binary(self, command: ChipCommand, room: int) -> _Answer:
        if not command.le:
            raise Refused(SW_WRONG_LENGTH)
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            if command.p1 & 0x60:
                raise Refused(SW_WRONG_P1P2)
            offset = command.p2
            self._files.select_short(command.p1 & 0x1F, granted=self._granted)
        most = min(command.le, room) if command.extended else command.le
        data = self._files.read(offset, min(most, _MOST_ANSWER))
        if len(data) > room:
            raise Refused(SW_WRONG_LENGTH)
        whole = len(data) == most or command.le in (SHORT_MAX, EXTENDED_MAX)
        return data, SW_OK if whole else SW_END_OF_FILE

    def _read_far(self, command: ChipCommand, room: int) -> _Answer:
        """READ BINARY with an odd instruction: offset in DO'54', bytes in DO'53'."""
        if command.p1 or command.p2:
            raise Refused(SW_WRONG_P1P2)
        if not command.le:
            raise Refused(SW_WRONG_LENGTH)
        offset = far_offset(command.data)
        data = self._files.read(offset, min(command.le, room, _MOST_ANSWER))
        framed = tlv.encode(0x53, data)
        excess = len(framed) - min(command.le, room, _MOST_ANSWER)
        return (tlv.encode(0x53, data[:-excess]) if excess > 0 else framed), SW_OK

    def _set_environment(self, command: ChipCommand) -> _Answer:
        self._pace = None
        if (command.p1, command.p2) != (0xC1, 0xA4):
            raise Refused(SW_WRONG_P1P2)
        self._pace = ChipPace.begin(
            command.data,
            card_access=self._image.files.get("EF.CardAccess", b"\x31\x00"),
            passwords=self._passwords,
            rng=self._rng,
        )
        return b"", SW_OK

    def _general_authenticate(self, command: ChipCommand) -> _Answer:
        pace, self._pace = self._pace, None
        if pace is None:
            raise Refused(SW_CONDITIONS)
        last = not command.cla & _CHAINING
        answer = pace.step(command.data, last=last)
        if last:
            self._session, self._granted = pace.session, True
        else:
            self._pace = pace
        return answer, SW_OK

    def _internal_authenticate(self, command: ChipCommand) -> _Answer:
        if not self._granted:
            raise Refused(SW_SECURITY_STATUS)
        if not self._image.aa_private_key:
            raise Refused(SW_UNKNOWN_INS)
        if len(command.data) != softcard_active.CHALLENGE_SIZE:
            raise Refused(SW_WRONG_DATA)
        signature = softcard_active.sign(self._image.aa_private_key, command.data, rng=self._rng)
        if command.le < len(signature):
            raise Refused(SW_WRONG_LENGTH)
        return signature, SW_OK
