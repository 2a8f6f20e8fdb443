"""The counter beside the provider: the same installation, a listener and a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from eid.admin.recovery import RecoveryDesk
from eid.admin.site import Counter, CounterSettings
from eid.admin.web import Admission, App, create_counter_app
from eid.app.gate import Gate
from eid.app.installation import Installation, open_installation
from eid.app.listener import listen
from eid.app.live_keys import CounterKeys
from eid.app.logs import log_lines
from eid.app.settings import Settings
from eid.app.tracing import tracing_of
from eid.errors import SettingsError
from eid.oidc.http import MAX_SEALED
from eid.oidc.logout import end_everything
from eid.oidc.outbound import Watch, unwatched
from eid.oidc.traffic import RateLimit, networks

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from wsgiref.types import WSGIApplication

ORPHAN_S = 1.0


def counter_of(
    installation: Installation, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Counter:
    """The counter of an installation; SettingsError if its settings name none."""
    settings, place = installation.settings, installation.settings.counter
    if place is None:
        raise SettingsError(
            "This installation has no counter.", key="counter.url", expected="[counter] url"
        )
    accounts, grants = installation.accounts, installation.grants
    return Counter(
        settings=CounterSettings(
            url=place.url,
            agent_url=settings.agent_url,
            name=settings.legal_entity,
            second_officer=place.second_officer,
        ),
        keys=CounterKeys(installation.keys),
        grants=grants,
        accounts=accounts,
        looks=installation.store.looks,
        cases=accounts.cases,
        passkeys=installation.store.factors,
        desk=installation.counter(issuer=place.url, clock=clock),
        recovery=RecoveryDesk(register=accounts, cases=accounts.cases, grants=grants),
        end_everything=partial(end_everything, installation.provider(clock=clock)),
        clock=clock,
    )


def create_counter(settings: Settings, *, watch: Watch = unwatched) -> App:
    """The counter as a WSGI application, for this process or another server."""
    stack = ExitStack()
    installation = stack.enter_context(open_installation(settings, watch=watch))
    admission = Admission(
        trusted_proxies=networks(settings.trusted_proxies),
        limit=RateLimit(settings.requests_per_minute),
    )
    return create_counter_app(counter_of(installation), admission)


@contextmanager
def counter_beside(settings: Settings) -> Iterator[None]:
    """While the provider serves, serve the counter too, if the settings name one.

    It ends with the block, and by itself when this process dies without a word.
    """
    if settings.counter is None:
        yield
        return
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=serve_counter, args=(settings, os.getpid()), name="eid-counter")
    child.start()
    try:
        yield
    finally:
        _end(child)


def serve_counter(settings: Settings, parent: int) -> None:
    """Serve the counter until the parent process is gone."""
    if settings.counter is None:
        return
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    place = settings.counter
    listen("eid-counter", (place.host, place.port), partial(_load, settings))


def _load(settings: Settings) -> WSGIApplication:
    """What a process of the counter's own serves; it logs as the provider does."""
    log_lines(settings.log_level)
    return _create_gated(settings)


def _create_gated(settings: Settings) -> WSGIApplication:
    tracing = tracing_of(settings, "eid-counter")
    watch = unwatched if tracing is None else tracing.watch
    trusted = networks(settings.trusted_proxies)
    gate = Gate(create_counter(settings, watch=watch), max_body=MAX_SEALED, trusted=trusted)
    return gate if tracing is None else tracing.around(gate)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _end(child: BaseProcess) -> None:
    child.terminate()
    child.join(timeout=10)
    if child.is_alive():
        child.kill()
        child.join()
