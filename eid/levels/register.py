"""The population register as a port: what it says stands beside the chip's verdict.

"No answer" is a state of its own, and where the chip and the state's record disagree, the state's
record wins; both are kept (contracts §1, Law 26/2023 art. 33(2)).

>>> from datetime import UTC, datetime
>>> person = Profile(name="A", birth_date="1990-05-17", personal_number="001190000001")
>>> no_register(person, at=datetime(2026, 11, 21, tzinfo=UTC)).status
'no_answer'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from eid.levels.account import Profile

Status = Literal["confirmed", "differs", "cancelled", "no_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterAnswer:
    """What the register said, when, and which fields it has otherwise; ``source`` names it."""

    status: Status
    at: datetime
    source: str
    differs: tuple[str, ...] = ()


class PopulationRegister(Protocol):
    """Checks a person against a register of the state."""

    def __call__(self, profile: Profile, *, at: datetime) -> RegisterAnswer:
        """The register's answer; ``no_answer`` when it is silent, never an exception."""


def no_register(profile: Profile, *, at: datetime) -> RegisterAnswer:
    """The default: nobody is asked, and that is said."""
    del profile
    return RegisterAnswer(status="no_answer", at=at, source="none")
