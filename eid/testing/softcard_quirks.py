"""What real chips do differently, each as a named switch on the wire (``eid simulate --fault``).

A quirk looks at a command before the chip runs it, or changes the answer afterwards; those with
neither are looked up by name where they belong (PACE, Chip Authentication, secure messaging).
Numbers are those of the list of pitfalls in the documentation, "When a card misbehaves".

>>> QUIRKS["le-192"].what
'READ BINARY takes at most 192 bytes: more is 6700'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from eid.testing.softcard_apdu import (
    SHORT_MAX,
    SW_CONDITIONS,
    SW_END_OF_FILE,
    SW_NOT_FOUND,
    SW_OK,
    SW_REFERENCE_NOT_FOUND,
    SW_SECURITY_STATUS,
    SW_UNKNOWN_INS,
    SW_WRONG_DATA,
    SW_WRONG_LENGTH,
    SW_WRONG_OFFSET,
    SW_WRONG_P1P2,
    ChipCommand,
    Refused,
)
from eid.testing.softcard_files import ChipFiles

Answer = tuple[bytes, int]
SELECT, READ, READ_ODD, MSE, AUTHENTICATE, CHALLENGE, SIGN = (
    0xA4,
    0xB0,
    0xB1,
    0x22,
    0x82,
    0x84,
    0x88,
)
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


@dataclass(frozen=True, slots=True)
class Quirk:
    """One deviation: ``pitfall`` is its number; ``before`` may refuse, ``after`` may change."""

    pitfall: int
    what: str
    before: Before | None = None
    after: After | None = None


def _refuses(sw: int, when: Callable[[Situation], bool]) -> Before:
    return lambda situation: sw if when(situation) else None


def _master(situation: Situation) -> bool:
    return situation.command.ins == SELECT and situation.command.p1 == 0x00


def _card_access(situation: Situation) -> bool:
    return situation.target == "EF.CardAccess"


def _with_le(*instructions: int) -> Callable[[Situation], bool]:
    return lambda situation: situation.command.ins in instructions and situation.command.le > 0


def _is(instruction: int) -> Callable[[Situation], bool]:
    return lambda situation: situation.command.ins == instruction


def _basic_access(situation: Situation) -> bool:
    return situation.command.ins in (CHALLENGE, AUTHENTICATE) and not situation.protected


def _other_le(situation: Situation) -> bool:
    return situation.command.ins == AUTHENTICATE and situation.command.le not in (0, SHORT_MAX)


def _deactivated(situation: Situation, answer: Answer) -> Answer:
    data, sw = answer
    mine = "EF.CardAccess" in (situation.target, situation.files.current)
    reading = situation.command.ins in (SELECT, READ)
    return (data, _SELECTED_DEACTIVATED) if mine and reading and sw == SW_OK else answer


def _reading(change: Callable[[Situation, Answer, int], Answer]) -> After:
    """Change answers to READ BINARY, knowing how many bytes the file has left."""

    def after(situation: Situation, answer: Answer) -> Answer:
        if situation.command.ins != READ or situation.files.current is None:
            return answer
        return change(situation, answer, situation.files.length() - situation.offset)

    return after


def _wrong_le(situation: Situation, answer: Answer, left: int) -> Answer:
    exact = situation.command.le <= left or not 0 < left < SHORT_MAX
    return answer if exact else (b"", _WRONG_LE | left)


def _end_refused(situation: Situation, answer: Answer, left: int) -> Answer:
    return answer if situation.command.le <= left else (b"", SW_WRONG_OFFSET)


def _end_marked(situation: Situation, answer: Answer, left: int) -> Answer:
    data, sw = answer
    return (data, SW_END_OF_FILE) if situation.command.le > left and sw == SW_OK else answer


def _end_empty(_: Situation, answer: Answer, left: int) -> Answer:
    return (b"", SW_OK) if left <= 0 else answer


def _end_zeros(situation: Situation, answer: Answer, left: int) -> Answer:
    data, sw = answer
    if sw not in (SW_OK, SW_END_OF_FILE, SW_WRONG_OFFSET) or situation.command.le <= left:
        return answer
    # as much as fits: a real chip of this kind was only ever asked for a few hundred bytes
    return data.ljust(min(situation.command.le, len(data) + 64), b"\x00"), SW_OK


def _extended_empty(situation: Situation, answer: Answer, _: int) -> Answer:
    return (b"", SW_OK) if situation.command.le > SHORT_MAX else answer


def _signature_cut(situation: Situation, answer: Answer) -> Answer:
    data, sw = answer
    signing = situation.command.ins == SIGN and sw == SW_OK
    return (data[: len(data) // 2], SW_OK) if signing else answer


def _signature_length(situation: Situation, answer: Answer) -> Answer:
    data, sw = answer
    if situation.command.ins != SIGN or sw != SW_OK or situation.command.le == len(data):
        return answer
    return b"", _WRONG_LE | len(data) & 0xFF


def _signature_extended(situation: Situation) -> bool:
    return situation.command.ins == SIGN and situation.command.le > SHORT_MAX


def _card_security(situation: Situation) -> bool:
    return situation.command.ins == SELECT and situation.target == "EF.CardSecurity"


def _too_long(situation: Situation) -> bool:
    return situation.command.ins == READ and situation.command.le > _MOST_LE


def _answers_bare(situation: Situation, answer: Answer) -> Answer:
    data, sw = answer
    if situation.command.ins != READ_ODD or sw != SW_OK:
        return answer
    return data[2 if data[1] < 0x80 else 2 + (data[1] & 0x7F) :], sw


def apply_before(names: frozenset[str], situation: Situation) -> None:
    """Raise Refused when a quirk among these stops the command."""
    for name in sorted(names):
        before = QUIRKS[name].before
        sw = before(situation) if before else None
        if sw is not None:
            raise Refused(sw)


def apply_after(names: frozenset[str], situation: Situation, answer: Answer) -> Answer:
    """Return the answer as changed by the quirks among these."""
    for name in sorted(names):
        after = QUIRKS[name].after
        answer = after(situation, answer) if after else answer
    return answer


QUIRKS: Final[Mapping[str, Quirk]] = {
    "select-mf-6d00": Quirk(1, "SELECT MF is unknown (6D00)", _refuses(SW_UNKNOWN_INS, _master)),
    "select-mf-6a86": Quirk(1, "SELECT MF has wrong parameters", _refuses(SW_WRONG_P1P2, _master)),
    "select-mf-6982": Quirk(1, "SELECT MF is forbidden", _refuses(SW_SECURITY_STATUS, _master)),
    "card-access-6982": Quirk(
        2, "EF.CardAccess is locked (6982)", _refuses(SW_SECURITY_STATUS, _card_access)
    ),
    "card-access-6a82": Quirk(
        2, "EF.CardAccess is not found", _refuses(SW_NOT_FOUND, _card_access)
    ),
    "card-access-6283": Quirk(2, "EF.CardAccess comes with 6283", after=_deactivated),
    "no-le-on-select": Quirk(
        3, "SELECT and MSE with Le are 6700", _refuses(SW_WRONG_LENGTH, _with_le(SELECT, MSE))
    ),
    "external-authenticate-le": Quirk(
        3, "EXTERNAL AUTHENTICATE takes no Le but 0", _refuses(SW_WRONG_LENGTH, _other_le)
    ),
    "slow-external-authenticate": Quirk(3, "EXTERNAL AUTHENTICATE takes 619 ms"),
    "no-extended": Quirk(4, "Extended length is 6700"),
    "wrong-le-6c": Quirk(4, "Reading past the end is 6Cxx", after=_reading(_wrong_le)),
    "end-6b00": Quirk(4, "Reading past the end is 6B00", after=_reading(_end_refused)),
    "end-6282": Quirk(4, "Reading past the end is always 6282", after=_reading(_end_marked)),
    "end-empty": Quirk(4, "Past the end there are 0 bytes and 9000", after=_reading(_end_empty)),
    "end-zeros": Quirk(4, "Past the end there are zeros and 9000", after=_reading(_end_zeros)),
    "end-bad-padding": Quirk(4, "A protected 6282 has wrong padding"),
    "extra-padding": Quirk(4, "Protected answers have a block of padding too many"),
    "extended-empty": Quirk(
        4, "Reading more than 256 bytes gives none and 9000", after=_reading(_extended_empty)
    ),
    "le-192": Quirk(
        4,
        "READ BINARY takes at most 192 bytes: more is 6700",
        _refuses(SW_WRONG_LENGTH, _too_long),
    ),
    "get-response": Quirk(4, "Answers beyond 128 bytes come by 61xx and GET RESPONSE"),
    "no-sfi-card-access": Quirk(
        5,
        "EF.CardAccess cannot be read by short identifier",
        _refuses(SW_NOT_FOUND, lambda s: s.by_short and _card_access(s)),
    ),
    "no-sfi": Quirk(
        5, "No file can be read by short identifier", _refuses(SW_WRONG_P1P2, lambda s: s.by_short)
    ),
    "card-security-6a80": Quirk(
        5, "EF.CardSecurity cannot be selected", _refuses(SW_WRONG_DATA, _card_security)
    ),
    "dir-6982": Quirk(
        5, "EF.DIR is locked", _refuses(SW_SECURITY_STATUS, lambda s: s.target == "EF.DIR")
    ),
    "no-odd-read": Quirk(
        6, "READ BINARY has no odd instruction", _refuses(SW_UNKNOWN_INS, _is(READ_ODD))
    ),
    "odd-read-bare": Quirk(6, "READ BINARY B1 answers without DO'53'", after=_answers_bare),
    "aa-partial": Quirk(7, "Half a signature with 9000", after=_signature_cut),
    "aa-6c": Quirk(7, "INTERNAL AUTHENTICATE wants its very Le", after=_signature_length),
    "aa-no-extended": Quirk(
        7,
        "INTERNAL AUTHENTICATE takes no extended Le",
        _refuses(SW_WRONG_LENGTH, _signature_extended),
    ),
    "aa-6d00": Quirk(
        7, "DG15 is there, INTERNAL AUTHENTICATE not", _refuses(SW_UNKNOWN_INS, _is(SIGN))
    ),
    "aa-6985": Quirk(
        7, "DG15 is there, but the chip never signs", _refuses(SW_CONDITIONS, _is(SIGN))
    ),
    "naked-error": Quirk(8, "Errors inside a session are not protected"),
    "pace-needs-parameter": Quirk(10, "MSE:Set AT without DO'84' is 6A80"),
    "leading-zero": Quirk(11, "PACE's shared secret begins with 00"),
    "pace-reflected-key": Quirk(11, "The chip sends the terminal's own PACE key back"),
    "pace-off-curve": Quirk(11, "The chip's mapping key is not on the curve"),
    "pace-infinity": Quirk(11, "The chip's mapping key is the point at infinity"),
    "pace-wrong-token": Quirk(11, "The chip's token is wrong"),
    "pace-reflected-token": Quirk(11, "The chip sends the terminal's own token back"),
    "stuck-after-pace": Quirk(12, "After a failed PACE all is 6985 until a reset"),
    "bac-6a88": Quirk(
        12, "BAC is refused with 6A88", _refuses(SW_REFERENCE_NOT_FOUND, _basic_access)
    ),
    "pin-reduced": Quirk(14, "The PIN has two tries left"),
    "pin-suspended": Quirk(14, "The PIN has one try left and wants the CAN first"),
    "pin-blocked": Quirk(14, "The PIN is blocked; the PUK frees it"),
    "ca-chained": Quirk(15, "Chip Authentication takes its key in parts only"),
    "ca-kills-session": Quirk(15, "A failed Chip Authentication ends the session"),
    "ca-pretends": Quirk(15, "Chip Authentication says 9000 and keeps the old keys"),
    "ca-wrong-key": Quirk(15, "The chip lacks the private key of DG14"),
    "ca-no-kat": Quirk(15, "Chip Authentication with 3DES only by MSE:Set AT"),
    "no-status-object": Quirk(30, "Protected answers lack DO'99'"),
}
MOST_UNCHAINED: Final = 32
PARTS: Final = 128
SLOW_S: Final = 0.619
