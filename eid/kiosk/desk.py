"""The one screen of a kiosk: its session, its form, its idle time, and who waits for news.

Everything goes through :meth:`Desk.fire`, so through the state table. A change wakes the live
events of the pages; a wipe begins a new generation, and what an older reading still brings is
dropped.

>>> desk = Desk()
>>> desk.step(desk.form_token, "begin").screen
'consent'
>>> desk.step("stale", "agree")
Traceback (most recent call last):
    ...
eid.errors.RequestRefused: This form was used before.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Any, Literal

from eid.errors import RequestRefused
from eid.kiosk.screens import Session, advance, offers

ReaderState = Literal["unknown", "ready", "card", "none", "down"]
IDLE_S = 60.0
CLERK_IDLE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a page shows that changes by itself: nothing in it names a person."""

    version: int
    screen: str
    reader: ReaderState = "unknown"
    online: bool = True
    done: int = 0
    total: int = 0


class Desk:
    """Holds one session; all methods may be called from any thread."""

    def __init__(
        self,
        *,
        idle_s: float = IDLE_S,
        clerk_idle_s: float = CLERK_IDLE_S,
        clock: Callable[[], float] = time.monotonic,
        token: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        self._idle_s, self._clerk_idle_s = idle_s, clerk_idle_s
        self._clock, self._token = clock, token
        self._changed = threading.Condition(threading.RLock())
        self._session = Session()
        self._live = Live(version=1, screen="welcome")
        self._touched = clock()
        self._generation = 0
        self.form_token = token()
        self.language: str | None = None

    @property
    def session(self) -> Session:
        """The session as it stands."""
        with self._changed:
            return self._session

    @property
    def live(self) -> Live:
        """What the pages show of it."""
        with self._changed:
            return self._live

    @property
    def generation(self) -> int:
        """Grows with every wipe; a reading of an older generation is void."""
        with self._changed:
            return self._generation

    def step(self, form_token: str, event: str, **given: Any) -> Session:  # noqa: ANN401
        """Spend the screen's form; RequestRefused ``agent.form_used`` when it is not this one."""
        with self._changed:
            self.spend(form_token)
            return self.fire(event, **given)

    def spend(self, form_token: str) -> Session:
        """Spend the screen's form before work that may happen once only; the session then."""
        with self._changed:
            if not compare_digest(form_token.encode(errors="replace"), self.form_token.encode()):
                raise RequestRefused("This form was used before.", code="agent.form_used")
            self.form_token = self._token()
            return self._session

    def fire(self, event: str, *, generation: int | None = None, **given: Any) -> Session:  # noqa: ANN401
        """Take one row of the table; an event of an older generation changes nothing."""
        with self._changed:
            if generation is not None and generation != self._generation:
                return self._session
            before = self._session
            self._session = advance(before, event, **given)
            if self._session.screen in {"welcome", "desk"} and before.screen != "clerk":
                self._generation += 1
            if self._session.screen == "welcome":
                self.language = None
            self._touched = self._clock()
            self.form_token = self._token()
            self._tell(screen=self._session.screen, done=0, total=0)
            return self._session

    def happened(self, event: str) -> None:
        """Take an event of the machine if the screen has a row for it, else let it pass."""
        with self._changed:
            if offers(self._session, event):
                self.fire(event)

    def look(self) -> tuple[Session, Live, str]:
        """Session, live state and form as they belong together."""
        with self._changed:
            return self._session, self._live, self.form_token

    def speak(self, form_token: str, language: str) -> None:
        """Another language for the person who is there; the form stays good."""
        with self._changed:
            if compare_digest(form_token.encode(errors="replace"), self.form_token.encode()):
                self.language = language
                self.touch()

    def touch(self) -> None:
        """Somebody is there."""
        with self._changed:
            self._touched = self._clock()

    def tick(self) -> None:
        """Wipe everything once nobody did anything for the idle time."""
        with self._changed:
            limit = self._clerk_idle_s if self._session.clerk else self._idle_s
            if self._clock() - self._touched >= limit:
                self._touched = self._clock()
                self.happened("idle")
                self.language = None

    def idle_left(self) -> float:
        """Seconds until everything is wiped."""
        with self._changed:
            limit = self._clerk_idle_s if self._session.clerk else self._idle_s
            return max(0.0, limit - (self._clock() - self._touched))

    def show(self, **changes: Any) -> None:  # noqa: ANN401 - members of Live
        """Change what the pages show: reader, line, progress."""
        with self._changed:
            if any(getattr(self._live, name) != value for name, value in changes.items()):
                self._tell(**changes)

    def reader_changed(self, state: ReaderState, *, came_back: bool = False) -> None:
        """What a watch of the readers saw; whether a reader came back matters to visits only."""
        del came_back
        self.show(reader=state)

    def wait(self, version: int, timeout: float) -> Live:
        """The live state once it is newer than ``version``, or as it is after ``timeout``."""
        with self._changed:
            self._changed.wait_for(lambda: self._live.version > version, timeout)
            return self._live

    def _tell(self, **changes: Any) -> None:  # noqa: ANN401
        self._live = replace(self._live, version=self._live.version + 1, **changes)
        self._changed.notify_all()
