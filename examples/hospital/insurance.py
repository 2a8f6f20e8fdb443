"""The social-insurance portal as a port, and a fake one with the faults of the real world.

The portal's public interface is unspecified, so a hospital writes its own adapter of this shape.
Its answer is a source of its own: it never says who somebody is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

State = Literal["covered", "no_data", "two_answers"]
Fault = Literal["", "slow", "down", "no_data", "two_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the portal said; ``cards`` are the insurance cards it knows for the number."""

    state: State
    cards: tuple[str, ...] = ()
    took_s: float = 0.0


class PortalDown(Exception):
    """No answer in time; ``took_s`` is how long the desk waited for it."""

    def __init__(self, took_s: float) -> None:
        super().__init__("The insurance portal does not answer.")
        self.took_s = took_s


class InsurancePortal(Protocol):
    """Where a hospital asks whether a person is insured."""

    def __call__(self, number: str, name: str, birth_date: str, *, at: datetime) -> Answer:
        """The answer, or PortalDown within `TIMEOUT_S`."""


TIMEOUT_S = 5.0
REST_S = 30.0
USUAL_S, SLOW_S = 0.8, 4.0


@dataclass(slots=True)
class FakePortal:
    """Answers by chance, the same for the same seed and number; ``down`` are its bad times.

    ``shares`` says how often each fault happens. ``fault`` makes every answer that one.
    """

    seed: int = 0
    down: tuple[tuple[datetime, datetime], ...] = ()
    fault: Fault = ""
    shares: tuple[tuple[Fault, float], ...] = field(
        default=(("slow", 0.06), ("no_data", 0.04), ("two_answers", 0.02))
    )

    def __call__(self, number: str, name: str, birth_date: str, *, at: datetime) -> Answer:
        """One look-up; nothing is remembered of it."""
        del name, birth_date
        chance = random.Random(f"{self.seed}:{number}")
        fault = self.fault or self._fault(chance)
        if fault == "down" or any(start <= at < end for start, end in self.down):
            raise PortalDown(TIMEOUT_S)
        took = SLOW_S if fault == "slow" else USUAL_S * chance.uniform(0.5, 1.5)
        cards = tuple(f"GD4{chance.randrange(10**12):012d}" for _ in range(2))
        if fault == "no_data":
            return Answer(state="no_data", took_s=took)
        if fault == "two_answers":
            return Answer(state="two_answers", cards=cards, took_s=took)
        return Answer(state="covered", cards=cards[:1], took_s=took)

    def _fault(self, chance: random.Random) -> Fault:
        drawn = chance.random()
        for fault, share in self.shares:
            if drawn < share:
                return fault
            drawn -= share
        return ""


@dataclass(slots=True)
class Breaker:
    """After no answer, the next `REST_S` seconds nobody waits for one: down is said at once."""

    portal: InsurancePortal
    _rests_until: datetime | None = None

    def __call__(self, number: str, name: str, birth_date: str, *, at: datetime) -> Answer:
        """One look-up, or PortalDown without having waited."""
        if self._rests_until is not None and at < self._rests_until:
            raise PortalDown(0.0)
        try:
            return self.portal(number, name, birth_date, at=at)
        except PortalDown:
            self._rests_until = at + timedelta(seconds=REST_S)
            raise
