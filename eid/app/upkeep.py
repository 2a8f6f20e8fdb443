"""What a running provider does by itself: let go of what has had its time, send what waits.

(Row D-004 for the first.)
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from eid.app.installation import Installation
from eid.app.people import notice_sender
from eid.errors import Unavailable
from eid.levels.rules import Rules
from eid.oidc.faults import log_fault
from eid.store.notices import Send
from eid.store.retention import retain

EVERY_S = 300.0
NOTICES_EVERY_S = 10.0
_log = logging.getLogger("eid.app")


def start_upkeep(installation: Installation, *, every_s: float = EVERY_S) -> threading.Event:
    """Run retention now and then in the background; set the event to end it.

    Several workers may do so at once: each step is one transaction that any of them may win. A
    database that is down is tried again the next time.
    """
    rules = Rules.load()
    return _start("eid-upkeep", lambda at: upkeep(installation, rules, at=at), every_s)


def start_notices(
    installation: Installation, *, every_s: float = NOTICES_EVERY_S
) -> threading.Event:
    """Send notices to people in the background, as :func:`start_upkeep` does its work."""
    settings = installation.settings
    send = notice_sender(settings.people, settings.legal_entity)
    return _start("eid-notices", lambda _at: notices(installation, send), every_s)


def _start(name: str, work: Callable[[datetime], None], every_s: float) -> threading.Event:
    stop = threading.Event()
    arguments = (work, every_s, stop)
    threading.Thread(target=_run, args=arguments, name=name, daemon=True).start()
    return stop


def _run(work: Callable[[datetime], None], every_s: float, stop: threading.Event) -> None:
    # Workers that start together should not meet at every turn.
    while not stop.wait(every_s * random.uniform(0.5, 1.5)):  # noqa: S311 - only spreads work
        try:
            work(datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - the outermost loop: the next turn comes all the same
            log_fault(error)


def notices(
    installation: Installation,
    send: Send,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """One turn of sending, which may take long; what cannot be sent now is due again later."""
    try:
        while installation.store.notices.deliver(send, at=clock()):
            pass
    except Unavailable as error:
        _log.warning("notices code=%s", error.code)


def upkeep(installation: Installation, rules: Rules, *, at: datetime) -> None:
    """One turn of it."""
    store = installation.store
    try:
        gone = retain(
            store.database, store.grants, store.accounts, store.audit, rules=rules, at=at
        )
    except Unavailable as error:
        _log.warning("upkeep code=%s", error.code)
        return
    if any((gone.grants, gone.throttles, gone.openings, gone.audit_rows)):
        _log.info("upkeep %s", gone)
