"""What the kiosk asks of its queue of visits and of the line to its server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from eid.chip.transport import Transport
from eid.levels.visit import Head, SealedVisit


class Queue(Protocol):
    """Visits in order, each sealed to the server's key, kept through any loss of power.

    Implemented by :mod:`eid.store.queue`. Unavailable ``queue.full`` or ``queue.disk`` when a
    visit cannot be kept, which then was not accepted.
    """

    def head(self) -> Head | None:
        """Where the chain stands, or None when nothing was ever recorded here."""

    def put(self, visit_id: str, content: bytes, *, head: Head | None = None) -> None:
        """Seal and keep a visit and move the chain's head, both or neither, durably."""

    def first(self) -> SealedVisit | None:
        """The oldest visit that is not delivered yet."""

    def delivered(self, visit_id: str) -> None:
        """Let go of a visit that the server has."""

    def set_aside(self, visit_id: str, code: str) -> None:
        """Keep a visit that the server refuses, and why, without offering it; others go on."""

    def adopt(self, head: Head) -> bool:
        """Take the server's word for the head, if this queue is empty and behind it."""

    def __len__(self) -> int:
        """How many visits wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshChallenge:
    """A challenge that the server gave for one visit, with the name to answer it by."""

    id: str = field(repr=False)
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the server says of a visit that it took: its own verdict, and the code of it."""

    verdict: str
    code: str = ""


class Line(Protocol):
    """The kiosk's line to its server; Unavailable whenever it is down."""

    def challenge(self) -> FreshChallenge:
        """A challenge for one visit, good for two minutes."""

    def deliver(self, visit: SealedVisit) -> Receipt:
        """Hand a visit over; the same visit twice is one. RequestRefused ``kiosk.revoked``."""


class WaitForCard(Protocol):
    """Waits for a card that is presented from now on, and connects to it."""

    def __call__(self, timeout: float, cancelled: Callable[[], bool], /) -> Transport:
        """The connection; CardError ``card.none`` after the time, ``card.cancelled`` if so."""
