"""A chip's passwords and their retry counters (TR-03110-2 §2.4, TR-03110-3 B.1).

MRZ and CAN never block. The PIN has three tries: with one left it is suspended until the CAN was
shown in the same session, with none it is blocked until the PUK frees it. Counters outlive resets.

>>> passwords = ChipPasswords({PIN: b"123456"})
>>> hex(passwords.failed(PIN)), passwords.tries(PIN)
('0x6300', 2)
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1
from typing import Final

from eid.testing.softcard_apdu import (
    SW_AUTHENTICATION_FAILED,
    SW_BLOCKED,
    SW_CONDITIONS,
    SW_OK,
    SW_REFERENCE_NOT_FOUND,
    Refused,
)

MRZ: Final = 1
CAN: Final = 2
PIN: Final = 3
PUK: Final = 4
MOST_TRIES: Final = 3
_TRIES_LEFT: Final = 0x63C0


class ChipPasswords:
    """Passwords by reference; those in ``counted`` block after three wrong ones."""

    def __init__(
        self, values: Mapping[int, bytes], *, counted: frozenset[int] = frozenset({PIN})
    ) -> None:
        self._values = values
        self._tries = {reference: MOST_TRIES for reference in values if reference in counted}

    def tries(self, reference: int) -> int:
        """How many wrong ones are left before it blocks."""
        return self._tries.get(reference, MOST_TRIES)

    def set_tries(self, reference: int, number: int) -> None:
        """Put a counter into another state, as a worn card has it."""
        self._tries[reference] = number

    def select(self, reference: int) -> tuple[bytes, int]:
        """Give a password and the status of choosing it: 9000, or 63Cx when tries are missing."""
        value = self._values.get(reference)
        if value is None:
            raise Refused(SW_REFERENCE_NOT_FOUND)
        left = self.tries(reference)
        return value, SW_OK if left == MOST_TRIES else _TRIES_LEFT | left

    def begin(self, reference: int, *, resumed: bool) -> None:
        """Refuse the first step for a blocked or a suspended password."""
        left = self.tries(reference)
        if left == 0:
            raise Refused(SW_BLOCKED)
        if left == 1 and reference == PIN and not resumed:
            raise Refused(SW_CONDITIONS)

    def failed(self, reference: int) -> int:
        """Count a wrong password; the status word of the last step."""
        if reference in self._tries:
            self._tries[reference] = max(self._tries[reference] - 1, 0)
        return SW_AUTHENTICATION_FAILED

    def succeeded(self, reference: int) -> None:
        """Set the counter back."""
        if reference in self._tries:
            self._tries[reference] = MOST_TRIES


def known(can: str, mrz_information: str, pin: str = "", puk: str = "") -> dict[int, bytes]:
    """Passwords by reference: MRZ as SHA-1 of its information, the others as they are."""
    plain = {CAN: can, PIN: pin, PUK: puk}
    values = {reference: text.encode("ascii") for reference, text in plain.items() if text}
    if mrz_information:
        values[MRZ] = sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()
    return values
