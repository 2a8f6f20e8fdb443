"""The chip's authentication commands: BAC, PACE, Chip and Terminal Authentication by turns.

MANAGE SECURITY ENVIRONMENT says by its parameters which protocol the following commands belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from eid import tlv
from eid.errors import FormatError
from eid.testing.card_image import CardImage
from eid.testing.softcard_apdu import (
    SW_CONDITIONS,
    SW_OK,
    SW_SECURITY_STATUS,
    SW_WRONG_DATA,
    SW_WRONG_LENGTH,
    SW_WRONG_P1P2,
    ChipCommand,
    Refused,
)
from eid.testing.softcard_bac import NONCE_SIZE, ChipBac
from eid.testing.softcard_chip_auth import Agreement, ChipAuthentication, Choice
from eid.testing.softcard_deviations import Answer
from eid.testing.softcard_files import Rights
from eid.testing.softcard_messaging import ChipSession
from eid.testing.softcard_pace import ChipPace, ChipSecrets
from eid.testing.softcard_passwords import CAN, MOST_TRIES, PIN, PUK, ChipPasswords
from eid.testing.softcard_quirks import MOST_UNCHAINED
from eid.testing.softcard_terminal import ChipTerminalAuthentication, TrustPoints

_CHAINING: Final = 0x10
_PARTS: Final = frozenset({0x22, 0x2A, 0x82})
_GENERAL_AUTHENTICATE: Final = 0x86
_DYNAMIC_DATA: Final = 0x7C
_DATES_OF_MRZ: Final = 14


class Authentication:
    """What was proven since the reset, and the session keys that follow from it."""

    def __init__(
        self,
        image: CardImage,
        passwords: ChipPasswords,
        trust: TrustPoints,
        rng: Callable[[int], bytes],
        quirks: frozenset[str],
    ) -> None:
        self._image = image
        self._passwords = passwords
        self._trust = trust
        self._rng = rng
        self._quirks = quirks
        self._bac = ChipBac(image.mrz_information, rng=rng)
        self._terminal = ChipTerminalAuthentication(trust, rng)
        self._pace: ChipPace | None = None
        self._choice: Choice | None = None
        self._granted = False
        self._shown = 0
        self._chip_name = b""
        self._terminal_key = b""
        self._stuck = False
        self.session: ChipSession | None = None
        self.successor: ChipSession | None = None
        self.handlers: Mapping[int, Callable[[ChipCommand, bytes], Answer]] = {
            0x22: self._set_environment,
            0x2A: self._verify_certificate,
            0x2C: self._reset_retry_counter,
            0x82: self._external_authenticate,
            0x84: self._get_challenge,
            0x86: self._general_authenticate,
        }

    @property
    def rights(self) -> Rights:
        """What may be read."""
        return Rights(granted=self._granted, biometrics=self._terminal.rights)

    @property
    def in_pace(self) -> bool:
        """Whether a chained GENERAL AUTHENTICATE is a step of PACE rather than a part."""
        return self._pace is not None

    @property
    def stuck(self) -> bool:
        """Whether the chip wants a reset before anything else."""
        return self._stuck and "stuck-after-pace" in self._quirks

    def takes_parts(self, instruction: int) -> bool:
        """Whether a command may continue in a further one."""
        chip = instruction == _GENERAL_AUTHENTICATE and self._choice is not None
        return chip or instruction in _PARTS

    def _set_environment(self, command: ChipCommand, data: bytes) -> Answer:
        self._pace = self._choice = None
        environments: Mapping[int, Callable[[bytes], int]] = {
            0xC1A4: self._begin_pace,
            0x41A4: self._choose_key,
            0x41A6: self._agree_at_once,
            0x81B6: self._select_issuer,
            0x81A4: self._select_terminal,
        }
        environment = environments.get(command.p1 << 8 | command.p2)
        if environment is None:
            raise Refused(SW_WRONG_P1P2)
        return b"", environment(data)

    def _begin_pace(self, data: bytes) -> int:
        chip = ChipSecrets(
            card_access=self._image.files.get("EF.CardAccess", b"\x31\x00"),
            passwords=self._passwords,
            rng=self._rng,
            static_keys=self._chip_keys().by_id(),
            authorities=self._trust.names,
            tricks=self._quirks,
            resumed=self._shown == CAN,
        )
        self._pace = ChipPace(chip, data)
        return self._pace.status

    def _general_authenticate(self, command: ChipCommand, data: bytes) -> Answer:
        choice, self._choice = self._choice, None
        if choice is not None:
            return self._authenticate_chip(choice, command, data), SW_OK
        pace, self._pace = self._pace, None
        if pace is None:
            raise Refused(SW_CONDITIONS)
        last = not command.cla & _CHAINING
        try:
            answer = pace.step(data, last=last)
        except Refused:
            self._stuck = True
            raise
        if last:
            self.successor, self._granted, self._shown = pace.session, True, pace.reference
            self._chip_name = pace.domain.compressed(pace.mine)
            if pace.proves_chip:
                self._terminal_key = pace.domain.compressed(pace.theirs)
        else:
            self._pace = pace
        return answer, SW_OK

    def _choose_key(self, data: bytes) -> int:
        self._choice = self._chip_authentication().choose(data)
        return SW_OK

    def _agree_at_once(self, data: bytes) -> int:
        if "ca-no-kat" in self._quirks:
            raise Refused(SW_WRONG_P1P2)
        self._restart(self._chip_authentication().agree_at_once(data))
        return SW_OK

    def _authenticate_chip(self, choice: Choice, command: ChipCommand, data: bytes) -> bytes:
        if "ca-chained" in self._quirks and len(command.data) > MOST_UNCHAINED:
            raise Refused(SW_WRONG_LENGTH)
        try:
            objects = tlv.only([tlv.parse(data)], _DYNAMIC_DATA).children()
            theirs = tlv.only(objects, 0x80).value
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        self._restart(choice.agree(theirs))
        return tlv.encode(_DYNAMIC_DATA, b"")

    def _restart(self, agreement: Agreement) -> None:
        self._terminal_key = agreement.terminal_key
        if "ca-pretends" not in self._quirks:
            self.successor = agreement.session

    def _chip_authentication(self) -> ChipAuthentication:
        if self.session is None:
            raise Refused(SW_CONDITIONS)
        return self._chip_keys()

    def _chip_keys(self) -> ChipAuthentication:
        privates = self._image.ca_private_keys
        if "ca-wrong-key" in self._quirks:
            privates = tuple(private ^ 2 for private in privates)
        return ChipAuthentication(self._image.files.get("EF.DG14", b""), privates)

    def _select_issuer(self, data: bytes) -> int:
        self._terminal.select_issuer(data)
        return SW_OK

    def _select_terminal(self, data: bytes) -> int:
        self._terminal.select_terminal(data)
        return SW_OK

    def _verify_certificate(self, command: ChipCommand, data: bytes) -> Answer:
        if (command.p1, command.p2) != (0x00, 0xBE):
            raise Refused(SW_WRONG_P1P2)
        if self.session is None:
            raise Refused(SW_SECURITY_STATUS)
        self._terminal.verify_certificate(data)
        return b"", SW_OK

    def _get_challenge(self, command: ChipCommand, _: bytes) -> Answer:
        if command.le < NONCE_SIZE:
            raise Refused(SW_WRONG_LENGTH)
        if self.session is not None:
            return self._terminal.challenge(), SW_OK
        self._require_bac()
        return self._bac.challenge(), SW_OK

    def _external_authenticate(self, _: ChipCommand, data: bytes) -> Answer:
        if self.session is not None:
            self._terminal.authenticate(
                data, chip=self._chip_name, terminal_key=self._terminal_key
            )
            return b"", SW_OK
        self._require_bac()
        answer = self._bac.authenticate(data)
        self.successor, self._granted = self._bac.session, True
        self._chip_name = self._image.mrz_information[:-_DATES_OF_MRZ].encode("ascii")
        return answer, SW_OK

    def _require_bac(self) -> None:
        if not (self._image.traits.bac and self._image.mrz_information):
            raise Refused(SW_CONDITIONS)

    def _reset_retry_counter(self, command: ChipCommand, _: bytes) -> Answer:
        """Free the PIN after the PUK was shown (TR-03110-3 B.9)."""
        if (command.p1, command.p2) != (0x03, PIN):
            raise Refused(SW_WRONG_P1P2)
        if self._shown != PUK:
            raise Refused(SW_SECURITY_STATUS)
        self._passwords.set_tries(PIN, MOST_TRIES)
        return b"", SW_OK
