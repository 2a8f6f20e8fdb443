"""What a running provider does by itself: let go of what has had its time (row D-004)."""

from __future__ import annotations

import logging
import random
import threading
from datetime import UTC, datetime

from eid.app.installation import Installation
from eid.errors import Unavailable
from eid.levels.rules import Rules
from eid.store.retention import retain

EVERY_S = 300.0
_log = logging.getLogger("eid.app")


def start_upkeep(installation: Installation, *, every_s: float = EVERY_S) -> threading.Event:
    """Run retention now and then in the background; set the event to end it.

    Several workers may do so at once: each step is one transaction that any of them may win. A
    database that is down is tried again the next time.
    """
    stop = threading.Event()
    arguments = (installation, every_s, stop)
    threading.Thread(target=_run, args=arguments, name="eid-upkeep", daemon=True).start()
    return stop


def _run(installation: Installation, every_s: float, stop: threading.Event) -> None:
    rules = Rules.load()
    # Workers that start together should not meet at every turn.
    while not stop.wait(every_s * random.uniform(0.5, 1.5)):  # noqa: S311 - only spreads work
        upkeep(installation, rules, at=datetime.now(UTC))


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
