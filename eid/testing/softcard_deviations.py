"""How deviations of the wire look at a command and change an answer (the table is ``quirks``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eid.testing.softcard_apdu import (
    SHORT_MAX,
    SW_END_OF_FILE,
    SW_OK,
    SW_WRONG_OFFSET,
    ChipCommand,
)
from eid.testing.softcard_files import ChipFiles

Answer = tuple[bytes, int]
SELECT, READ, READ_ODD, MSE = 0xA4, 0xB0, 0xB1, 0x22
AUTHENTICATE, CHALLENGE, SIGN = 0x82, 0x84, 0x88
_SELECTED_DEACTIVATED: Final = 0x6283
_WRONG_LE: Final = 0x6C00
_MOST_LE: Final = 192


@dataclass(frozen=True, slots=True)
class Situation:
    """A command as the chip sees it after secure messaging, and the files it would touch."""

    command: ChipCommand
    files: ChipFiles
    protected: bool

    @property
    def target(self) -> str | None:
        """The file that SELECT, or READ BINARY by short identifier, names."""
        command = self.command
        if command.ins == SELECT and command.p1 == 0x02:
            return self.files.named(int.from_bytes(command.data, "big"))
        return self.files.named_short(command.p1 & 0x1F) if self.by_short else None

    @property
    def by_short(self) -> bool:
        """Whether it is READ BINARY by short identifier."""
        return self.command.ins == READ and bool(self.command.p1 & 0x80)

    @property
    def offset(self) -> int:
        """Where READ BINARY begins."""
        command = self.command
        return command.p2 if self.by_short else command.p1 << 8 | command.p2


Before = Callable[[Situation], int | None]
After = Callable[[Situation, Answer], Answer]


def refuses(sw: int, when: Callable[[Situation], bool]) -> Before:
    """Refuse with a status word when a condition holds."""
    return lambda situation: sw if when(situation) else None


def master(situation: Situation) -> bool:
    """SELECT of the master file."""
    return situation.command.ins == SELECT and situation.command.p1 == 0x00


def card_access(situation: Situation) -> bool:
    """A command that names EF.CardAccess."""
    return situation.target == "EF.CardAccess"


def with_le(*instructions: int) -> Callable[[Situation], bool]:
    """One of these instructions with Le."""
    return lambda situation: situation.command.ins in instructions and situation.command.le > 0


def has_instruction(instruction: int) -> Callable[[Situation], bool]:
    """This instruction."""
    return lambda situation: situation.command.ins == instruction


def basic_access(situation: Situation) -> bool:
    """A command of BAC."""
    return situation.command.ins in (CHALLENGE, AUTHENTICATE) and not situation.protected


def other_le(situation: Situation) -> bool:
    """EXTERNAL AUTHENTICATE with an Le other than 0."""
    return situation.command.ins == AUTHENTICATE and situation.command.le not in (0, SHORT_MAX)


def deactivated(situation: Situation, answer: Answer) -> Answer:
    """Answer for EF.CardAccess with the warning 6283."""
    data, sw = answer
    mine = "EF.CardAccess" in (situation.target, situation.files.current)
    reading = situation.command.ins in (SELECT, READ)
    return (data, _SELECTED_DEACTIVATED) if mine and reading and sw == SW_OK else answer


def reading(change: Callable[[Situation, Answer, int], Answer]) -> After:
    """Change answers to READ BINARY, knowing how many bytes the file has left."""

    def after(situation: Situation, answer: Answer) -> Answer:
        if situation.command.ins != READ or situation.files.current is None:
            return answer
        return change(situation, answer, situation.files.length() - situation.offset)

    return after


def wrong_le(situation: Situation, answer: Answer, left: int) -> Answer:
    """6Cxx with the right length."""
    exact = situation.command.le <= left or not 0 < left < SHORT_MAX
    return answer if exact else (b"", _WRONG_LE | left)


def end_refused(situation: Situation, answer: Answer, left: int) -> Answer:
    """6B00 and nothing else."""
    return answer if situation.command.le <= left else (b"", SW_WRONG_OFFSET)


def end_marked(situation: Situation, answer: Answer, left: int) -> Answer:
    """6282 also where the longest answer was asked for."""
    data, sw = answer
    return (data, SW_END_OF_FILE) if situation.command.le > left and sw == SW_OK else answer


def end_empty(_: Situation, answer: Answer, left: int) -> Answer:
    """No bytes and 9000."""
    return (b"", SW_OK) if left <= 0 else answer


def end_zeros(situation: Situation, answer: Answer, left: int) -> Answer:
    """Zeros after the last byte."""
    data, sw = answer
    if sw not in (SW_OK, SW_END_OF_FILE, SW_WRONG_OFFSET) or situation.command.le <= left:
        return answer
    # as much as fits: a real chip of this kind was only ever asked for a few hundred bytes
    return data.ljust(min(situation.command.le, len(data) + 64), b"\x00"), SW_OK


def extended_empty(situation: Situation, answer: Answer, _: int) -> Answer:
    """Nothing for more than a short answer."""
    return (b"", SW_OK) if situation.command.le > SHORT_MAX else answer


def signature_cut(situation: Situation, answer: Answer) -> Answer:
    """Half a signature."""
    data, sw = answer
    signing = situation.command.ins == SIGN and sw == SW_OK
    return (data[: len(data) // 2], SW_OK) if signing else answer


def signature_length(situation: Situation, answer: Answer) -> Answer:
    """6Cxx unless the Le is the signature's length."""
    data, sw = answer
    if situation.command.ins != SIGN or sw != SW_OK or situation.command.le == len(data):
        return answer
    return b"", _WRONG_LE | len(data) & 0xFF


def signature_extended(situation: Situation) -> bool:
    """INTERNAL AUTHENTICATE with an extended Le."""
    return situation.command.ins == SIGN and situation.command.le > SHORT_MAX


def card_security(situation: Situation) -> bool:
    """SELECT of EF.CardSecurity."""
    return situation.command.ins == SELECT and situation.target == "EF.CardSecurity"


def too_long(situation: Situation) -> bool:
    """READ BINARY of more than 192 bytes."""
    return situation.command.ins == READ and situation.command.le > _MOST_LE


def answers_bare(situation: Situation, answer: Answer) -> Answer:
    """The bytes without DO'53'."""
    data, sw = answer
    if situation.command.ins != READ_ODD or sw != SW_OK:
        return answer
    return data[2 if data[1] < 0x80 else 2 + (data[1] & 0x7F) :], sw
