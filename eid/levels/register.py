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

from eid.errors import AccountError
from eid.levels.account import Profile

_IDENTITY = frozenset({"name", "birth_date", "sex", "personal_number"})
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


def check_register(answer: RegisterAnswer) -> dict[str, str]:
    """What goes on record beside the chip's verdict; AccountError where the register says no.

    Codes: ``account.number_cancelled`` (the number is nobody's any more), ``account.register``
    (the register has name, birth date, sex or number otherwise: its record wins over the chip).
    Other differences, such as an address, are recorded and change nothing.
    """
    if answer.status == "cancelled":
        raise AccountError("The personal number was cancelled.", code="account.number_cancelled")
    weighty = sorted(set(answer.differs) & _IDENTITY)
    if answer.status == "differs" and weighty:
        raise AccountError(
            "The register has this person otherwise than the chip.",
            code="account.register",
            differs=tuple(weighty),
        )
    detail = {"register": answer.status, "register_source": answer.source}
    return {**detail, "register_differs": " ".join(answer.differs)} if answer.differs else detail
