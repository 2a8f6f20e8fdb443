"""A kiosk program wired: settings, key, day, queue, line, reader and pages, and what runs beside.

Beside the pages one thread looks after the desk (idle), the line (what waits is delivered, in
order), the day (a new batch in time) and the reports. It stops with the program.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from eid.errors import EidError, RequestRefused, SettingsError
from eid.keys import JSON, load_or_create_signing_key, parse_json_object
from eid.kiosk.agent import Agent
from eid.kiosk.app import create_app
from eid.kiosk.day import DayBook
from eid.kiosk.desk import Desk, ReaderState
from eid.kiosk.enrolled import EnrolledSettings
from eid.kiosk.identity import Identity
from eid.kiosk.kiosk import Kiosk
from eid.kiosk.line import ServerLine
from eid.kiosk.ports import WaitForCard
from eid.kiosk.readers import card_waiter
from eid.kiosk.screen_app import add_screens
from eid.kiosk.screen_pages import ScreenPages, Terms
from eid.kiosk.screens import READING
from eid.kiosk.settings import AgentSettings
from eid.kiosk.texts import load_texts
from eid.kiosk.visits import Visits, deliver_waiting
from eid.kiosk.watch import watch
from eid.store.queue import OfflineQueue

if TYPE_CHECKING:
    import falcon

_log = logging.getLogger("eid.kiosk")
_TICK_S = 1.0
_ROUND_S = 15.0
_REPORT_S = 300.0
_RENEW_BEFORE = timedelta(hours=24)
SERVER_KEY = "server.json"


@dataclass(slots=True)
class KioskProgram:
    """A kiosk that serves; :meth:`start` begins what runs beside the pages, :meth:`stop` ends it."""

    app: falcon.App[falcon.Request, falcon.Response]
    kiosk: Kiosk
    agent: Agent
    queue: OfflineQueue
    line: ServerLine
    day: DayBook
    settings: AgentSettings
    clock: Callable[[], datetime]
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        """Watch the readers, look after the desk, and keep the line busy."""
        self._unwatch = watch(self.settings, self.reader_changed)
        for name, run in (("eid-desk", self._tick), ("eid-line", self._rounds)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End what runs beside the pages, and close the queue."""
        self._stopping.set()
        if self._unwatch is not None:
            self._unwatch()
        for thread in self._threads:
            thread.join()
        self.queue.close()

    def reader_changed(self, state: ReaderState, *, came_back: bool = False) -> None:
        """What the watch saw; a card that is taken away ends the login that it began, too."""
        lifted = state != "card" and self.kiosk.desk.live.reader == "card"
        self.kiosk.reader_changed(state, came_back=came_back)
        jti = self.agent.delivered
        if lifted and jti is not None:
            self.agent.delivered = None
            end = partial(self._attempt, partial(self.line.card_gone, jti))
            threading.Thread(target=end, name="eid-gone", daemon=True).start()

    def renew(self) -> None:
        """Fetch a new day when the old one is due; what fails is logged and tried again."""
        batch, at = self.day.batch(), self.clock()
        due = batch is None or at >= batch.expires_at - _RENEW_BEFORE or at < batch.issued_at
        if due:
            fresh = self.line.day()
            self.day.keep(fresh)
            with self.kiosk.visits.lock:
                if self.kiosk.desk.session.screen not in READING:  # its challenge has its place
                    self.queue.adopt(fresh.head)
                self.queue.seal_to(fresh.server_jwk)
                visits = self.kiosk.visits
                visits.identity = replace(visits.identity, server_jwk=fresh.server_jwk)
            _log.info("day batch=%s", fresh.batch.id)

    def deliver(self) -> int:
        """Deliver what waits, in order; how many went."""
        done = deliver_waiting(self.queue, self.line)
        if done:
            _log.info("delivered visits=%d left=%d", done, len(self.queue))
        return done

    def report(self) -> dict[str, JSON]:
        """How this kiosk does: numbers and states, nobody's data."""
        batch = self.day.batch()
        return {
            "version": _version(),
            "reader": self.kiosk.desk.live.reader,
            "waiting": len(self.queue),
            "refused": len(self.queue.aside()),
            "screen": self.kiosk.desk.live.screen,
            "batch_until": int(batch.expires_at.timestamp()) if batch else 0,
            "time": int(self.clock().timestamp()),
        }

    def _tick(self) -> None:
        while not self._stopping.wait(_TICK_S):
            self.kiosk.desk.tick()

    def _rounds(self) -> None:
        reported = 0.0
        while True:
            for work in (self.renew, self.deliver):
                self._attempt(work)
            reported -= _ROUND_S
            if reported <= 0:
                reported = _REPORT_S
                self._attempt(lambda: self.line.report(self.report()))
            if self._stopping.wait(_ROUND_S):
                return

    def _attempt(self, work: Callable[[], object]) -> None:
        """The outermost loop of the line: every failure is a typed line in the log."""
        try:
            work()
        except RequestRefused as error:
            _log.warning("line refused code=%s", error.code)
            self.kiosk.desk.show(online=False)
        except EidError as error:
            _log.info("line down code=%s", error.code)
            self.kiosk.desk.show(online=False)
        except Exception as error:  # noqa: BLE001 - the thread must outlive a defect
            _log.error("defect type=%s", type(error).__name__)
        else:
            self.kiosk.desk.show(online=True)


def open_kiosk(
    settings: AgentSettings,
    *,
    wait_for_card: WaitForCard | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> KioskProgram:
    """Everything of one enrolled kiosk; SettingsError when it is not set up."""
    own = settings.kiosk
    if own is None:
        raise SettingsError(
            "This kiosk is not enrolled.", key="kiosk", expected="a table [kiosk]: eid kiosk setup"
        )
    identity = load_identity(own, settings.issuers[0].issuer)
    day = DayBook(own.data_dir, clock=clock)
    identity = replace(identity, server_jwk=day.server_jwk() or identity.server_jwk)
    queue = OfflineQueue.open(
        own.data_dir / "visits.db", identity.server_jwk, most_visits=own.most_visits
    )
    line = ServerLine(identity, clock=clock)
    visits = Visits(identity, line=line, queue=queue, judge=day.judge, day=day.batch, clock=clock)
    desk = Desk(idle_s=own.idle_s, clerk_idle_s=own.clerk_idle_s)
    reader_lock = threading.Lock()
    wait = wait_for_card or card_waiter(settings)
    kiosk = Kiosk(
        desk,
        visits,
        wait_for_card=wait,
        clerks=line.sign_in if own.clerks else None,
        card_wait_s=settings.card_wait_s,
        check_clock=day.check_clock,
        reader_lock=reader_lock,
        clock=clock,
    )
    agent = Agent(
        settings,
        connect=lambda timeout: wait(timeout, _never),
        identity=identity,
        desk=desk,
        reader_lock=reader_lock,
        clock=clock,
    )
    app = create_app(settings, agent=agent, desk=desk)
    pages = ScreenPages(load_texts(own.languages, own.texts), _terms(settings, own))
    add_screens(app, kiosk, pages, check_origin=agent.check_own_origin, clock=clock)
    return KioskProgram(
        app=app,
        kiosk=kiosk,
        agent=agent,
        queue=queue,
        line=line,
        day=day,
        settings=settings,
        clock=clock,
    )


def load_identity(own: EnrolledSettings, issuer: str) -> Identity:
    """The kiosk's id and key, and the server's key as it was at the enrolment."""
    path = own.data_dir / SERVER_KEY
    key_file = own.data_dir / "keys" / "kiosk.pem"
    if not key_file.exists():
        raise SettingsError(
            "The kiosk's own key is gone; a new one must be enrolled anew.",
            code="kiosk.key",
            file=str(key_file),
            expected="the key that eid kiosk setup made",
        )
    try:
        server_jwk = parse_json_object(path.read_bytes(), max_size=16 * 1024)
    except (OSError, EidError) as error:
        raise SettingsError(
            "The server's key cannot be read.",
            code="kiosk.server_key",
            file=str(path),
            expected="the file that eid kiosk setup wrote",
        ) from error
    return Identity(
        id=own.id,
        issuer=issuer,
        key=load_or_create_signing_key(own.data_dir, "kiosk"),
        server_jwk=server_jwk,
    )


def _terms(settings: AgentSettings, own: EnrolledSettings) -> Terms:
    return Terms(
        organisation=own.organisation,
        purpose=own.purpose,
        issuer=settings.issuers[0].issuer,
        purposes=own.purposes,
        portrait=own.portrait,
        clerks=own.clerks,
    )


def _never() -> bool:
    return False


def _version() -> str:
    try:
        return version("eid")
    except PackageNotFoundError:
        return "unknown"
