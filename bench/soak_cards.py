"""Cards that break off or lie at every command: ``make soak``; ends with 1 at the first surprise.

At every command of a whole read, in long and in short commands: the card is pulled, answers noise,
flips a bit, answers too little, too much or without protection; and every status word 6xxx and
9xxx stands at every step, in the clear and protected. Each must end in a typed error, or in
evidence that holds what the card holds; and no session may stay open. ``SOAK_STATUS_STEP`` takes
every n-th status word only (default 1).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from eid.chip import card as card_module
from eid.chip.messaging import SecureMessaging
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.errors import CardError
from eid.testing.faults import KINDS, Fault
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_apdu import ChipCommand
from tests.chip.read.reference import CAN, reference_card

AT = datetime(2026, 11, 20, tzinfo=UTC)
IMAGE = reference_card()
WORDS = [word for word in range(0x6000, 0xA000) if word >> 12 in (6, 9) and word != 0x9000]
_SESSIONS: list[SecureMessaging] = []


class Saying(SoftwareCard):
    """A card whose n-th command is answered by a status word, as it is or protected."""

    def __init__(self, step: int, word: int, *, naked: bool) -> None:
        self._step, self._word, self._naked = step, word, naked
        super().__init__(IMAGE)

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        due = self._naked and self.count == self._step
        return self._word.to_bytes(2, "big") if due else answer

    def _run(self, command: ChipCommand, room: int, *, protected: bool) -> tuple[bytes, int]:
        if not self._naked and self.count == self._step:
            return b"", self._word
        return super()._run(command, room, protected=protected)


def cards(step: int) -> Iterator[tuple[str, SoftwareCard, bool]]:
    """What is tried: a name, the card, and whether the read keeps to short commands."""
    for short, commands in ((False, 16), (True, 106)):
        for at in range(1, commands + 1):
            for kind in KINDS:
                yield f"{kind}@{at}", SoftwareCard(IMAGE, faults=[Fault(kind, at)]), short
    for word in WORDS[::step]:
        for at in range(1, 17):
            for naked in (True, False):
                name = f"{word:04X}@{at} {'naked' if naked else 'in place'}"
                yield name, Saying(at, word, naked=naked), False


def surprise(card: SoftwareCard, *, short: bool) -> str:
    """What went otherwise than it may; empty where nothing did."""
    _SESSIONS.clear()
    found = ""
    try:
        evidence = read(
            card,
            CAN,
            plan=PLANS["bank"],
            challenge=bytes(8),
            at=AT,
            extended=False if short else None,
        )
        for name, content in evidence.files.items():
            if name != "EF.CardAccess" and content != IMAGE.files[name]:
                found = f"{name} is not what the card holds"
    except CardError:
        pass
    if any(session.is_open for session in _SESSIONS):
        found = found or "a session was left open"
    return found or ("it did not end" if card.count > 2_000 else "")


def main() -> int:
    secure = card_module.Card.secure

    def noting(self: card_module.Card, messaging: SecureMessaging) -> None:
        _SESSIONS.append(messaging)
        secure(self, messaging)

    card_module.Card.secure = noting  # type: ignore[method-assign]
    tried = 0
    for name, card, short in cards(int(os.environ.get("SOAK_STATUS_STEP", "1"))):
        tried += 1
        try:
            found = surprise(card, short=short)
        except Exception:
            print(f"{name}:", flush=True)
            raise
        if found:
            print(f"{name}: {found}")
            return 1
        if tried % 2_000 == 0:
            print(f"{tried} reads, last {name}", flush=True)
    print(f"{tried} reads of cards that break off or lie: each ended as it must")
    return 0


if __name__ == "__main__":
    sys.exit(main())
