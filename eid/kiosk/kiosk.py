"""A kiosk at work: the desk's session on one side, reader, line and queue on the other.

When the table comes to ``present`` a thread asks for a challenge, waits for a card that is put
down from now on, reads it, and fires what came of it. Whatever fails becomes a screen of trouble
with a typed line in the log, and never more than that.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from eid.chip.read import Progress
from eid.chip.transport import Transport
from eid.errors import CardError, EidError, RequestRefused, Unavailable
from eid.kiosk.agent import number_from
from eid.kiosk.consent import ConsentRecord
from eid.kiosk.desk import Desk, ReaderState
from eid.kiosk.ports import Queue, WaitForCard
from eid.kiosk.screens import Outcome, Problem, Session, offers, trouble_of
from eid.kiosk.visits import Ticket, Visits

_log = logging.getLogger("eid.kiosk")
_HAND_OVER_S = 5.0


class Clerks(Protocol):
    """Where a clerk signs in: a signed statement of who is on duty, for the records."""

    def __call__(self, username: str, password: str, /) -> str:
        """The statement; AccountError when it is refused, Unavailable while the line is down."""


class Kiosk:
    """Runs the visits of one desk; the reader's ``lock`` is shared with card logins."""

    def __init__(  # noqa: PLR0913 - the parts of one kiosk
        self,
        desk: Desk,
        visits: Visits,
        *,
        wait_for_card: WaitForCard,
        clerks: Clerks | None = None,
        card_wait_s: float = 45.0,
        check_clock: Callable[[], None] = lambda: None,
        reader_lock: threading.Lock | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.desk = desk
        self.visits = visits
        self._wait_for_card = wait_for_card
        self._clerks = clerks
        self._card_wait_s = card_wait_s
        self._check_clock = check_clock
        self._reader = reader_lock or threading.Lock()
        self._clock = clock
        self._running: threading.Thread | None = None

    @property
    def queue(self) -> Queue:
        """The visits that wait for the line."""
        return self.visits.queue

    def agree(self, form_token: str, consent: ConsentRecord, *, ask_portrait: bool) -> None:
        """Take the explicit act of the consent screen."""
        self.desk.step(form_token, "agree_ask" if ask_portrait else "agree", consent=consent)
        _log.info("%s", consent.line())

    def portrait(self, form_token: str, consent: ConsentRecord | None) -> None:
        """Take the answer to the separate question for the portrait."""
        if consent is None:
            self.desk.step(form_token, "portrait_no")
            return
        self.desk.step(form_token, "portrait_yes", portrait=consent)
        _log.info("%s", consent.line())

    def number(self, form_token: str, text: str) -> None:
        """Take the number as typed or scanned; a slip stays on the screen with what to do."""
        try:
            number = number_from(text)
        except EidError as error:
            self.desk.step(form_token, "slip", problem=logged(error))
        else:
            self.desk.step(form_token, "number", number=number)
            self.start()

    def again(self, form_token: str) -> None:
        """Try again, after trouble."""
        if self.desk.step(form_token, "again").screen == "present":
            self.start()

    def sign_in(self, form_token: str, username: str, password: str) -> None:
        """A clerk signs in with a login of their own."""
        try:
            if self._clerks is None:
                raise Unavailable("No clerks sign in here.", code="kiosk.no_clerks")
            statement = self._clerks(username, password)
        except EidError as error:
            self.desk.step(form_token, "slip", problem=logged(error))
        else:
            self.desk.step(form_token, "signed_in", clerk=statement)

    def note(self, form_token: str, declared: Mapping[str, str]) -> None:
        """Put a visit without a card on record, by the clerk on duty; a form records once."""
        session = self.desk.spend(form_token)
        if session.screen != "manual":
            raise RequestRefused("This step does not follow here.", code="kiosk.step")
        try:
            outcome = self.visits.note(session, declared)
        except EidError as error:
            self.desk.fire("slip", problem=logged(error))
        else:
            self.desk.fire("noted", outcome=outcome)

    def reader_changed(self, state: ReaderState, *, came_back: bool = False) -> None:
        """What the watch of the readers saw."""
        before = self.desk.live.reader
        self.desk.show(reader=state)
        if state == "ready" and before == "card":
            self.desk.happened("card_away")
        if state == "down":
            self.desk.happened("service_gone")
        if came_back and offers(self.desk.session, "reader_back"):
            self.desk.fire("reader_back")
            self.start()

    def start(self) -> None:
        """Begin to wait for a card and to read it, in a thread of its own."""
        session, generation = self.desk.session, self.desk.generation
        if session.screen != "present":  # wiped meanwhile
            return
        self._running = threading.Thread(
            target=self._read, args=(session, generation), name="eid-visit", daemon=True
        )
        self._running.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the reading that runs, if one does."""
        running = self._running
        if running is not None:
            running.join(timeout)

    def _read(self, session: Session, generation: int) -> None:
        """The outermost loop of a reading: every error ends on a screen."""
        try:
            event, outcome = self._attempt(session, generation)
        except EidError as error:
            self._trouble(error, generation)
        except Exception as error:  # noqa: BLE001 - a defect must not leave a dead screen
            problem = Problem(code="error", correlation=secrets.token_hex(6))
            _log.error("defect type=%s id=%s", type(error).__name__, problem.correlation)
            self._fire("defect", generation, problem=problem)
        else:
            self._fire(event, generation, outcome=outcome)

    def _attempt(self, session: Session, generation: int) -> tuple[str, Outcome]:
        self._check_clock()
        if not self._reader.acquire(timeout=_HAND_OVER_S):
            raise CardError("The reader is reading another card.", code="agent.busy")
        try:
            # The wait begins at once: a card that is put down while a dead line is tried would
            # count as one that lay there before.
            transport = self._wait_for_card(self._card_wait_s, lambda: self._over(generation))
            try:
                ticket = self.visits.ticket()
            except BaseException:
                transport.close()
                raise
            self.desk.show(online=ticket.online)
            return self._sit(session, generation, transport, ticket)
        finally:
            self._reader.release()

    def _sit(
        self, session: Session, generation: int, transport: Transport, ticket: Ticket
    ) -> tuple[str, Outcome]:
        self._fire("card", generation)

        def progress(step: Progress) -> None:
            if not self._over(generation):
                self.desk.show(done=step.done, total=step.total)

        evidence = self.visits.read(
            session,
            transport,
            ticket,
            progress=progress,
            cancelled=lambda: self._over(generation),
        )
        if self._over(generation):
            raise CardError("The reading was given up.", code="card.cancelled")
        return self.visits.conclude(session, evidence, ticket)

    def _over(self, generation: int) -> bool:
        return self.desk.generation != generation

    def _trouble(self, error: EidError, generation: int) -> None:
        self._fire(trouble_of(error), generation, problem=logged(error))
        if self.desk.live.reader == "down":  # a dying service fails in several ways
            self.desk.happened("service_gone")

    def _fire(self, event: str, generation: int, **given: object) -> None:
        # the person may have gone on meanwhile: then there is no row, and nothing to show
        with contextlib.suppress(EidError):
            self.desk.fire(event, generation=generation, **given)


def logged(error: EidError) -> Problem:
    """The problem as a screen shows it; the log gets its code and an id, and nothing else."""
    problem = Problem(code=error.code, correlation=secrets.token_hex(6))
    _log.warning("refused code=%s id=%s", problem.code, problem.correlation)
    return problem
