"""What the chip does with a command once it is plain: one handler per instruction.

State lives from one reset to the next; what outlives a reset (retry counters, trust points) is
given in. A handler that agrees on new session keys leaves them in ``successor``: they take effect
after its answer has gone out under the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from eid import tlv
from eid.testing import softcard_active
from eid.testing.card_image import CardImage
from eid.testing.softcard_apdu import (
    EXTENDED_MAX,
    SHORT_MAX,
    SW_CONDITIONS,
    SW_END_OF_FILE,
    SW_OK,
    SW_SECURITY_STATUS,
    SW_UNKNOWN_INS,
    SW_WRONG_DATA,
    SW_WRONG_LENGTH,
    SW_WRONG_P1P2,
    ChipCommand,
    Refused,
    far_offset,
)
from eid.testing.softcard_authentication import Authentication
from eid.testing.softcard_deviations import Answer
from eid.testing.softcard_files import ChipFiles
from eid.testing.softcard_passwords import ChipPasswords
from eid.testing.softcard_terminal import TrustPoints

MOST_ANSWER: Final = 65_533
_CHAINING: Final = 0x10
_MOST_CHAINED: Final = 4_096
_MASTER_FILE: Final = (b"", b"\x3f\x00")


@dataclass(frozen=True, slots=True)
class ChipMemory:
    """What a chip keeps without power, and its randomness."""

    image: CardImage
    passwords: ChipPasswords
    trust: TrustPoints
    rng: Callable[[int], bytes]
    quirks: frozenset[str]


class ChipApplication:
    """Files, access and proofs between two resets."""

    def __init__(self, memory: ChipMemory) -> None:
        self._image = memory.image
        self._rng = memory.rng
        self.files = ChipFiles(memory.image.files)
        self.authentication = Authentication(
            memory.image, memory.passwords, memory.trust, memory.rng, memory.quirks
        )
        self._chained = b""
        self._handlers: Mapping[int, Callable[[ChipCommand, int], Answer]] = {
            0xA4: self._select,
            0xB0: self._read_binary,
            0xB1: self._read_far,
            0x88: self._internal_authenticate,
        }

    def knows(self, instruction: int) -> bool:
        """Whether there is such an instruction at all."""
        return instruction in self._handlers or instruction in self.authentication.handlers

    def run(self, command: ChipCommand, room: int) -> Answer:
        """Run a plain command whose answer may have ``room`` bytes; Refused with its status."""
        own = self._handlers.get(command.ins)
        if own is not None:
            return own(command, room)
        authenticate = self.authentication.handlers[command.ins]
        if command.cla & _CHAINING and not self.authentication.in_pace:
            return self._keep(command)
        data, self._chained = self._chained + command.data, b""
        return authenticate(command, data)

    def _keep(self, command: ChipCommand) -> Answer:
        """Keep a part of a command that continues, where such a command can be meant."""
        if not self.authentication.takes_parts(command.ins):
            raise Refused(SW_CONDITIONS)
        if len(self._chained) + len(command.data) > _MOST_CHAINED:
            self._chained = b""
            raise Refused(SW_WRONG_LENGTH)
        self._chained += command.data
        return b"", SW_OK

    def _select(self, command: ChipCommand, _: int) -> Answer:
        how = command.p1, command.p2 & 0xF3
        if how == (0x00, 0x00) and command.data in _MASTER_FILE:
            self.files.select_master()
        elif how == (0x04, 0x00):
            self.files.select_application(command.data)
        elif how == (0x02, 0x00):
            if len(command.data) != 2:
                raise Refused(SW_WRONG_LENGTH)
            file_id = int.from_bytes(command.data, "big")
            self.files.select_file(file_id, self.authentication.rights)
        else:
            raise Refused(SW_WRONG_P1P2)
        return b"", SW_OK

    def _read_binary(self, command: ChipCommand, room: int) -> Answer:
        if not command.le:
            raise Refused(SW_WRONG_LENGTH)
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            if command.p1 & 0x60:
                raise Refused(SW_WRONG_P1P2)
            offset = command.p2
            self.files.select_short(command.p1 & 0x1F, self.authentication.rights)
        most = min(command.le, room) if command.extended else command.le
        data = self.files.read(offset, min(most, MOST_ANSWER))
        if len(data) > room:
            raise Refused(SW_WRONG_LENGTH)
        whole = len(data) == most or command.le in (SHORT_MAX, EXTENDED_MAX)
        return data, SW_OK if whole else SW_END_OF_FILE

    def _read_far(self, command: ChipCommand, room: int) -> Answer:
        """READ BINARY with an odd instruction: offset in DO'54', bytes in DO'53'."""
        if command.p1 or command.p2 & 0xE0:
            raise Refused(SW_WRONG_P1P2)
        if not command.le:
            raise Refused(SW_WRONG_LENGTH)
        if command.p2:
            self.files.select_short(command.p2, self.authentication.rights)
        offset = far_offset(command.data)
        most = min(command.le, room, MOST_ANSWER)
        data = self.files.read(offset, most)
        framed = tlv.encode(0x53, data)
        excess = len(framed) - most
        return (tlv.encode(0x53, data[:-excess]) if excess > 0 else framed), SW_OK

    def _internal_authenticate(self, command: ChipCommand, _: int) -> Answer:
        if not self.authentication.rights.granted:
            raise Refused(SW_SECURITY_STATUS)
        if not self._image.aa_private_key:
            raise Refused(SW_UNKNOWN_INS)
        if len(command.data) != softcard_active.CHALLENGE_SIZE:
            raise Refused(SW_WRONG_DATA)
        traits = self._image.traits
        signature = softcard_active.sign(
            self._image.aa_private_key,
            command.data,
            rng=self._rng,
            digest=traits.signature_digest,
            der=traits.der,
        )
        if command.le < len(signature):
            raise Refused(SW_WRONG_LENGTH)
        return signature, SW_OK
