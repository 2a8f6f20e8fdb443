"""Requests that wait for the person, in memory and bounded; each form works once.

>>> from datetime import UTC, datetime
>>> seen = SeenOnce(limit=2)
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> seen.first("a", until=now, at=now), seen.first("a", until=now, at=now)
(True, False)
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest

from eid.errors import RequestRefused, Unavailable
from eid.kiosk.request import CardRequest

MAX_WAITING = 32
MAX_SEEN = 4_096
_KEEP_SEEN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request on the screen. ``form_token`` is spent by the next answer, whatever it is."""

    id: str
    form_token: str = field(repr=False)
    request: CardRequest


class SeenOnce:
    """Identifiers that were used; full means refuse, never forget."""

    def __init__(self, *, limit: int = MAX_SEEN) -> None:
        self._limit = limit
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def first(self, name: str, *, until: datetime, at: datetime) -> bool:
        """Whether this is the first use of a name, which is then remembered past ``until``."""
        with self._lock:
            if name in self._until:
                return False
            if len(self._until) >= self._limit:
                self._until = {key: end for key, end in self._until.items() if end >= at}
            if len(self._until) >= self._limit:
                raise Unavailable("Too many requests at this reader.", code="agent.busy")
            self._until[name] = until + _KEEP_SEEN
            return True


class WaitingRoom:
    """The requests that wait for the person's answer, by unguessable id."""

    def __init__(self, *, token: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> None:
        self._token = token
        self._waiting: dict[str, Waiting] = {}
        self._lock = threading.Lock()

    def add(self, request: CardRequest, *, at: datetime) -> Waiting:
        """Keep a request for the person to answer; Unavailable (``agent.busy``) when full."""
        with self._lock:
            self._waiting = {
                key: item for key, item in self._waiting.items() if item.request.useful_until > at
            }
            if len(self._waiting) >= MAX_WAITING:
                raise Unavailable("Too many requests at this reader.", code="agent.busy")
            item = Waiting(id=self._token(), form_token=self._token(), request=request)
            self._waiting[item.id] = item
            return item

    def take(self, waiting_id: str, form_token: str, *, at: datetime) -> Waiting:
        """Spend a form; RequestRefused when it is unknown, used, foreign or too old."""
        with self._lock:
            item = self._waiting.get(waiting_id)
            if item is None or not compare_digest(
                item.form_token.encode(), form_token.encode(errors="replace")
            ):
                raise RequestRefused("This form was used before.", code="agent.form_used")
            del self._waiting[waiting_id]
        if item.request.useful_until <= at:
            raise RequestRefused("This request is too old.", code="agent.request_old")
        return item

    def renew(self, item: Waiting) -> Waiting:
        """Put a taken request back under a new form token, for another try."""
        with self._lock:
            renewed = replace(item, form_token=self._token())
            self._waiting[renewed.id] = renewed
            return renewed
