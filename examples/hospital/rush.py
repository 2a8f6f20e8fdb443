"""The morning rush: 300 patients in an hour, four desks, and a line that is down for ten minutes.

The clock is simulated, the library is not: every card is read from a software chip, every code
parsed or verified, every visit written to the book. How long people take is a model (`SECONDS`),
and the same for the same seed. Beside it stands a check-in that waits for the portal before it
lets anybody go on: the same people, the same minutes, by arithmetic alone.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

import eid
from eid.chip.access import personal_number

from .book import Visit
from .checkin import CheckIn
from .insurance import Breaker, FakePortal
from .trial import Trial, fictional, printed_code, trial_book

START = datetime(2026, 11, 30, 0, 0, tzinfo=UTC)
"""Seven in the morning in Vietnam."""
SHARES = (("chip", 50), ("printed", 30), ("presence", 12), ("no_papers", 4), ("emergency", 3),
          ("newborn", 1))  # fmt: skip
SECONDS = {
    "chip": (26, 42),
    "printed": (22, 36),
    "presence": (20, 34),
    "no_papers": (60, 120),
    "emergency": (15, 30),
    "newborn": (60, 120),
}
"""From the greeting to the next patient, without the portal: the reading of a chip is within."""
RETRY_EVERY_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One arrival: seconds after the start, the way he comes in, how long he takes."""

    index: int
    arrives: float
    way: str
    takes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """What is played."""

    patients: int = 300
    minutes: int = 60
    desks: int = 4
    seed: int = 1

    @property
    def down(self) -> tuple[float, float]:
        """When the line goes down and comes back, in minutes: a sixth of the time, after a third."""
        return self.minutes / 3, self.minutes / 2

    def arrivals(self) -> list[Patient]:
        """Who comes when, and with what; the same for the same seed."""
        chance = random.Random(self.seed)
        ways, weights = zip(*SHARES, strict=True)
        times = sorted(chance.uniform(0, self.minutes * 60) for _ in range(self.patients))
        drawn = chance.choices(ways, weights, k=self.patients)
        return [
            Patient(index=index, arrives=at, way=way, takes=chance.uniform(*SECONDS[way]))
            for index, (at, way) in enumerate(zip(times, drawn, strict=True))
        ]

    def portal(self) -> FakePortal:
        """The portal of that morning."""
        start, end = (START + timedelta(minutes=minute) for minute in self.down)
        return FakePortal(seed=self.seed, down=((start, end),))


@dataclass(slots=True)
class Result:
    """How it went; times in seconds."""

    waits: list[float] = field(default_factory=list)
    last_leaves: float = 0.0
    established: Counter[str] = field(default_factory=Counter)
    at_the_desk: Counter[str] = field(default_factory=Counter)
    in_the_end: Counter[str] = field(default_factory=Counter)
    pending_until: float = 0.0

    def add(self, patient: Patient, begins: float, ends: float) -> None:
        """One patient was served."""
        self.waits.append(begins - patient.arrives)
        self.last_leaves = max(self.last_leaves, ends)

    def rows(self) -> dict[str, str]:
        """What both ways have in common."""
        ordered = sorted(self.waits)
        return {
            "patients": str(len(ordered)),
            "median wait": _clock(median(ordered)),
            "95 % wait less than": _clock(ordered[int(len(ordered) * 0.95)]),
            "longest wait": _clock(ordered[-1]),
            "last one leaves at": _clock(self.last_leaves),
        }


def play(morning: Morning) -> Result:
    """The check-in of this example: the visit first, the insurance when it answers."""
    trial = Trial(START)
    portal = Breaker(morning.portal())
    checkin = trial.checkin(trial_book(None), portal)
    result = Result()
    retried = 0.0

    def serve(patient: Patient, begins: float) -> float:
        nonlocal retried
        while retried + RETRY_EVERY_S <= begins:
            retried += RETRY_EVERY_S
            _retry(checkin, result, retried)
        visit = _check_in(checkin, trial, patient, _at(begins))
        known, waited = checkin.look_up(visit, at=_at(begins + patient.takes))
        result.established[visit.established] += 1
        result.at_the_desk[known.insurance] += 1
        return patient.takes + waited

    _through_the_desks(morning, serve, result)
    while checkin.book.pending():
        retried += RETRY_EVERY_S
        _retry(checkin, result, retried)
    for visit in checkin.book.latest(morning.patients + 1):
        result.in_the_end[visit.insurance] += 1
    return result


def play_waiting(morning: Morning) -> Result:
    """A check-in that holds every patient at the desk until the portal has answered."""
    portal, result = morning.portal(), Result()
    down = [
        ((start - START).total_seconds(), (end - START).total_seconds())
        for start, end in portal.down
    ]

    def serve(patient: Patient, begins: float) -> float:
        asks = begins + patient.takes
        if patient.way in {"no_papers", "emergency", "newborn"}:
            return patient.takes
        back = next((end for start, end in down if start <= asks < end), asks)
        person = fictional(patient.index)
        answer = portal(person.number, person.name, "", at=_at(back))
        return back - begins + answer.took_s

    _through_the_desks(morning, serve, result)
    return result


def table(morning: Morning) -> str:
    """The results as a table of two columns, then where the visits of this example stand."""
    ours, theirs = play(morning), play_waiting(morning)
    waiting, (start, end) = theirs.rows(), morning.down
    lines = [
        f"{morning.patients} patients in {morning.minutes} minutes, {morning.desks} desks, "
        f"line down from {_clock(start * 60)} to {_clock(end * 60)}, seed {morning.seed}",
        "",
        f"{'':24}{'this check-in':>16}{'waits for portal':>20}",
        *(f"{name:24}{value:>16}{waiting[name]:>20}" for name, value in ours.rows().items()),
        "",
        "identity established by  " + _counts(ours.established),
        "insurance at the desk    " + _counts(ours.at_the_desk),
        "insurance in the end     " + _counts(ours.in_the_end),
        f"nothing pending from     {_clock(ours.pending_until)}",
    ]
    return "\n".join(lines)


def _through_the_desks(
    morning: Morning, serve: Callable[[Patient, float], float], result: Result
) -> None:
    """First come, first served, at whichever desk is free first."""
    desks = [0.0] * morning.desks
    for patient in morning.arrivals():
        begins = max(patient.arrives, heapq.heappop(desks))
        ends = begins + serve(patient, begins)
        heapq.heappush(desks, ends)
        result.add(patient, begins, ends)


def _check_in(checkin: CheckIn, trial: Trial, patient: Patient, at: datetime) -> Visit:
    """One patient through the real check-in."""
    person, by = fictional(patient.index), "desk"
    if patient.way == "chip":
        number, challenge = personal_number(person.number), checkin.challenge()
        with closing(trial.card(person)) as card:
            evidence = eid.read(
                card,
                eid.can_from_number(number),
                plan=eid.PLANS["kiosk"],
                challenge=challenge,
                at=at,
            )
        return checkin.by_card(evidence, challenge, number, by=by, at=at)
    if patient.way == "printed":
        return checkin.by_printed(printed_code(person), by=by, at=at)
    if patient.way == "presence":
        known = checkin.book.patient(person.number, person.name, person.birth_date.isoformat())
        checkin.book.tie("https://id.example", person.number[-9:].encode(), known.id)
        asked = checkin.ask_presence()
        return checkin.by_presence(trial.answer(asked, person, at=at), asked, by=by, at=at)
    return checkin.without_number(patient.way, person.name, by=by, at=at)


def _retry(checkin: CheckIn, result: Result, second: float) -> None:
    if checkin.retry(at=_at(second)):
        result.pending_until = second


def _at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
