"""What real chips do differently, each as a named switch on the wire (``eid simulate --fault``).

A quirk looks at a command before the chip runs it, or changes the answer afterwards; those with
neither are looked up by name where they belong (PACE, Chip Authentication, secure messaging).
Numbers are those of the list of pitfalls in the documentation, "When a card misbehaves".

>>> QUIRKS["le-192"].what
'READ BINARY takes at most 192 bytes: more is 6700'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eid.testing import softcard_deviations as deviations
from eid.testing.softcard_apdu import (
    SW_CONDITIONS,
    SW_NOT_FOUND,
    SW_REFERENCE_NOT_FOUND,
    SW_SECURITY_STATUS,
    SW_UNKNOWN_INS,
    SW_WRONG_DATA,
    SW_WRONG_LENGTH,
    SW_WRONG_P1P2,
    Refused,
)
from eid.testing.softcard_deviations import (
    MSE,
    READ_ODD,
    SELECT,
    SIGN,
    After,
    Answer,
    Before,
    Situation,
)

MOST_UNCHAINED: Final = 32
PARTS: Final = 128
SLOW_S: Final = 0.619


@dataclass(frozen=True, slots=True)
class Quirk:
    """One deviation: ``pitfall`` is its number; ``before`` may refuse, ``after`` may change."""

    pitfall: int
    what: str
    before: Before | None = None
    after: After | None = None


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
    "select-mf-6d00": Quirk(
        1, "SELECT MF is unknown (6D00)", deviations.refuses(SW_UNKNOWN_INS, deviations.master)
    ),
    "select-mf-6a86": Quirk(
        1, "SELECT MF has wrong parameters", deviations.refuses(SW_WRONG_P1P2, deviations.master)
    ),
    "select-mf-6982": Quirk(
        1, "SELECT MF is forbidden", deviations.refuses(SW_SECURITY_STATUS, deviations.master)
    ),
    "card-access-6982": Quirk(
        2,
        "EF.CardAccess is locked (6982)",
        deviations.refuses(SW_SECURITY_STATUS, deviations.card_access),
    ),
    "card-access-6a82": Quirk(
        2, "EF.CardAccess is not found", deviations.refuses(SW_NOT_FOUND, deviations.card_access)
    ),
    "card-access-6283": Quirk(2, "EF.CardAccess comes with 6283", after=deviations.deactivated),
    "no-le-on-select": Quirk(
        3,
        "SELECT and MSE with Le are 6700",
        deviations.refuses(SW_WRONG_LENGTH, deviations.with_le(SELECT, MSE)),
    ),
    "external-authenticate-le": Quirk(
        3,
        "EXTERNAL AUTHENTICATE takes no Le but 0",
        deviations.refuses(SW_WRONG_LENGTH, deviations.other_le),
    ),
    "slow-external-authenticate": Quirk(3, "EXTERNAL AUTHENTICATE takes 619 ms"),
    "no-extended": Quirk(4, "Extended length is 6700"),
    "wrong-le-6c": Quirk(
        4, "Reading past the end is 6Cxx", after=deviations.reading(deviations.wrong_le)
    ),
    "end-6b00": Quirk(
        4, "Reading past the end is 6B00", after=deviations.reading(deviations.end_refused)
    ),
    "end-6282": Quirk(
        4, "Reading past the end is always 6282", after=deviations.reading(deviations.end_marked)
    ),
    "end-empty": Quirk(
        4,
        "Past the end there are 0 bytes and 9000",
        after=deviations.reading(deviations.end_empty),
    ),
    "end-zeros": Quirk(
        4, "Past the end there are zeros and 9000", after=deviations.reading(deviations.end_zeros)
    ),
    "end-bad-padding": Quirk(4, "A protected 6282 has wrong padding"),
    "extra-padding": Quirk(4, "Protected answers have a block of padding too many"),
    "extended-empty": Quirk(
        4,
        "Reading more than 256 bytes gives none and 9000",
        after=deviations.reading(deviations.extended_empty),
    ),
    "le-192": Quirk(
        4,
        "READ BINARY takes at most 192 bytes: more is 6700",
        deviations.refuses(SW_WRONG_LENGTH, deviations.too_long),
    ),
    "get-response": Quirk(4, "Answers beyond 128 bytes come by 61xx and GET RESPONSE"),
    "no-sfi-card-access": Quirk(
        5,
        "EF.CardAccess cannot be read by short identifier",
        deviations.refuses(SW_NOT_FOUND, lambda s: s.by_short and deviations.card_access(s)),
    ),
    "no-sfi": Quirk(
        5,
        "No file can be read by short identifier",
        deviations.refuses(SW_WRONG_P1P2, lambda s: s.by_short),
    ),
    "card-security-6a80": Quirk(
        5,
        "EF.CardSecurity cannot be selected",
        deviations.refuses(SW_WRONG_DATA, deviations.card_security),
    ),
    "dir-6982": Quirk(
        5,
        "EF.DIR is locked",
        deviations.refuses(SW_SECURITY_STATUS, lambda s: s.target == "EF.DIR"),
    ),
    "no-odd-read": Quirk(
        6,
        "READ BINARY has no odd instruction",
        deviations.refuses(SW_UNKNOWN_INS, deviations.has_instruction(READ_ODD)),
    ),
    "odd-read-bare": Quirk(
        6, "READ BINARY B1 answers without DO'53'", after=deviations.answers_bare
    ),
    "aa-partial": Quirk(7, "Half a signature with 9000", after=deviations.signature_cut),
    "aa-6c": Quirk(
        7, "INTERNAL AUTHENTICATE wants its very Le", after=deviations.signature_length
    ),
    "aa-no-extended": Quirk(
        7,
        "INTERNAL AUTHENTICATE takes no extended Le",
        deviations.refuses(SW_WRONG_LENGTH, deviations.signature_extended),
    ),
    "aa-6d00": Quirk(
        7,
        "DG15 is there, INTERNAL AUTHENTICATE not",
        deviations.refuses(SW_UNKNOWN_INS, deviations.has_instruction(SIGN)),
    ),
    "aa-6985": Quirk(
        7,
        "DG15 is there, but the chip never signs",
        deviations.refuses(SW_CONDITIONS, deviations.has_instruction(SIGN)),
    ),
    "naked-error": Quirk(8, "Errors inside a session are not protected"),
    "pace-needs-parameter": Quirk(10, "MSE:Set AT without DO'84' is 6A80"),
    "pace-long-nonce": Quirk(10, "PACE's nonce has 32 bytes, which is right for long keys only"),
    "leading-zero": Quirk(11, "PACE's shared secret begins with 00"),
    "pace-reflected-key": Quirk(11, "The chip sends the terminal's own PACE key back"),
    "pace-off-curve": Quirk(11, "The chip's mapping key is not on the curve"),
    "pace-infinity": Quirk(11, "The chip's mapping key is the point at infinity"),
    "pace-wrong-token": Quirk(11, "The chip's token is wrong"),
    "pace-reflected-token": Quirk(11, "The chip sends the terminal's own token back"),
    "stuck-after-pace": Quirk(12, "After a failed PACE all is 6985 until a reset"),
    "bac-6a88": Quirk(
        12,
        "BAC is refused with 6A88",
        deviations.refuses(SW_REFERENCE_NOT_FOUND, deviations.basic_access),
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
