"""A whole chip in software, written from the card's side of the specification (9303-11).

It speaks BAC, PACE with every mapping, secure messaging, Chip, Active and Terminal Authentication,
and the file reads of 9303-10; it forgets everything on reset but what a chip keeps for life. What
it shares with the reader is arithmetic only.

>>> from eid.testing.card_image import CardImage
>>> card = SoftwareCard(CardImage(files={"EF.CardAccess": bytes(3)}, can="123456"))
>>> card.transmit(bytes.fromhex("00A4020C02011C")).hex()
'9000'
>>> card.transmit(bytes.fromhex("00B0000000")).hex()
'0000009000'
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from eid.chip.transport import ReaderInfo
from eid.errors import CardRemoved
from eid.testing import softcard_passwords, softcard_quirks
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault
from eid.testing.softcard_apdu import (
    SHORT_MAX,
    SW_CONDITIONS,
    SW_END_OF_FILE,
    SW_UNKNOWN_CLA,
    SW_UNKNOWN_INS,
    AnswerChain,
    ChipCommand,
    Refused,
    take_apart,
)
from eid.testing.softcard_application import MOST_ANSWER, ChipApplication, ChipMemory
from eid.testing.softcard_deviations import Answer, Situation
from eid.testing.softcard_messaging import Padding
from eid.testing.softcard_passwords import PIN, PUK
from eid.testing.softcard_terminal import TrustPoints

_CHAINING: Final = 0x10
_GET_RESPONSE: Final = 0xC0
_PROTECTED: Final = 0x0C
_COMPUTING: Final = frozenset({0x2A, 0x82, 0x86, 0x88})
_CHIP_AUTHENTICATION: Final = frozenset({0x22, 0x86})
_TRIES: Final = {"pin-reduced": 2, "pin-suspended": 1, "pin-blocked": 0}


class SoftwareCard:
    """One chip, usable as a Transport; ``extended`` False takes extended lengths from it.

    ``faults`` strike by their number of commands or, as names, add to the chip's own quirks;
    ``rng`` gives nonces and keys in the order in which a chip draws them; ``sleep`` lets the
    chip's own times pass.
    """

    def __init__(
        self,
        image: CardImage,
        *,
        faults: Collection[Fault | str] = (),
        extended: bool = True,
        rng: Callable[[int], bytes] = secrets.token_bytes,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        named = {fault for fault in faults if isinstance(fault, str)}
        traits = replace(image.traits, quirks=image.traits.quirks | named)
        self._image = replace(image, traits=traits)
        self._faults = tuple(fault for fault in faults if isinstance(fault, Fault))
        self._extended = extended and traits.extended and "no-extended" not in traits.quirks
        self._rng = rng
        self._sleep = sleep
        self._count = 0
        self._gone = False
        self._memory = _memory(self._image, rng)
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
        self._application = ChipApplication(self._memory)
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
        self._take_time(command, answer)
        return answer

    def _take_time(self, command: bytes, answer: bytes) -> None:
        instruction = command[1] if len(command) > 1 else 0
        octets = len(command) + len(answer)
        seconds = self._image.traits.seconds(octets, crypto=instruction in _COMPUTING)
        if instruction == 0x82 and "slow-external-authenticate" in self._image.traits.quirks:
            seconds += softcard_quirks.SLOW_S
        if seconds:
            self._sleep(seconds)

    def _answer(self, raw: bytes, due: Collection[Fault]) -> bytes:
        """Answer on the level of the wire, where refusals are not protected."""
        try:
            command = take_apart(raw, extended_allowed=self._extended)
            if command.ins == _GET_RESPONSE:
                return self._chain.next(command.le)
            self._chain = AnswerChain()
            if self._application.authentication.stuck:
                return SW_CONDITIONS.to_bytes(2, "big")
            if command.cla & _PROTECTED == _PROTECTED:
                return self._protected(command, due)
        except Refused as refusal:
            return refusal.sw.to_bytes(2, "big")
        return self._plain(command)

    def _plain(self, command: ChipCommand) -> bytes:
        """Answer an unprotected command; it ends a session, its rights and the selection."""
        if self._application.authentication.session is not None:
            self.reset()
        data, sw = self._run(command, command.le, protected=False)
        self._switch()
        return self._in_parts(data + sw.to_bytes(2, "big"))

    def _protected(self, outer: ChipCommand, due: Collection[Fault]) -> bytes:
        session, quirks = self._application.authentication.session, self._image.traits.quirks
        if session is None:
            raise Refused(SW_CONDITIONS)
        try:
            command = session.open(outer)
        except Refused:
            self.reset()
            raise
        limit = MOST_ANSWER if outer.extended else SHORT_MAX
        command = replace(command, extended=outer.extended)
        data, sw = self._run(command, session.room(limit), protected=True)
        failed = sw >> 12 == 6 and sw >> 8 not in (0x62, 0x63)
        if failed and "naked-error" in quirks:
            return sw.to_bytes(2, "big")
        missing = any(fault.kind == "missing_status" for fault in due)
        answer = session.protect(
            data,
            sw,
            odd=command.ins & 1,
            status_object=not missing and "no-status-object" not in quirks,
            padding=_padding(quirks, sw),
        )
        self._switch()
        if failed and command.ins in _CHIP_AUTHENTICATION and "ca-kills-session" in quirks:
            self.reset()
        return self._chain.begin(answer) if len(answer) - 2 > limit else self._in_parts(answer)

    def _switch(self) -> None:
        """Let newly agreed keys take effect, now that the answer has its old protection."""
        authentication = self._application.authentication
        if authentication.successor is not None:
            authentication.session, authentication.successor = authentication.successor, None

    def _in_parts(self, answer: bytes) -> bytes:
        if "get-response" in self._image.traits.quirks and len(answer) > softcard_quirks.PARTS:
            return self._chain.begin(answer, softcard_quirks.PARTS)
        return answer

    def _run(self, command: ChipCommand, room: int, *, protected: bool) -> Answer:
        application, quirks = self._application, self._image.traits.quirks
        if not application.knows(command.ins):
            return b"", SW_UNKNOWN_INS
        if command.cla & ~_CHAINING:
            return b"", SW_UNKNOWN_CLA
        situation = Situation(command, application.files, protected)
        try:
            softcard_quirks.apply_before(quirks, situation)
            answer = application.run(command, room)
        except Refused as refusal:
            answer = b"", refusal.sw
        return softcard_quirks.apply_after(quirks, situation, answer)


def _memory(image: CardImage, rng: Callable[[int], bytes]) -> ChipMemory:
    """What the chip keeps for life, worn as its quirks say."""
    known = softcard_passwords.known(image.can, image.mrz_information, image.pin, image.puk)
    passwords = softcard_passwords.ChipPasswords(known, counted=frozenset({PIN, PUK}))
    for name in image.traits.quirks & _TRIES.keys():
        passwords.set_tries(PIN, _TRIES[name])
    return ChipMemory(image, passwords, TrustPoints(image.cvca), rng, image.traits.quirks)


def _padding(quirks: frozenset[str], sw: int) -> Padding:
    if sw == SW_END_OF_FILE and "end-bad-padding" in quirks:
        return "absent"
    return "long" if "extra-padding" in quirks else "right"
