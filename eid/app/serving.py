"""Running the provider: granian, one or more workers, stopped by SIGTERM."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eid.app.gate import Gate
from eid.app.installation import open_installation
from eid.app.listener import listen
from eid.app.logs import log_lines
from eid.app.memory import hold_little
from eid.app.qr_lists import SignedLists, add_routes
from eid.app.settings import Settings
from eid.app.tracing import check_tracing, tracing_of
from eid.app.upkeep import start_notices, start_upkeep
from eid.oidc.documents import Documents
from eid.oidc.endpoint import Traffic
from eid.oidc.http import MAX_SEALED
from eid.oidc.outbound import Watch, unwatched
from eid.oidc.pages import check_theme
from eid.oidc.routes import routes
from eid.oidc.traffic import RateLimit, networks
from eid.oidc.web import create_app, guards

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

STOP_S = 20


def serve(settings: Settings) -> None:
    """Serve until the process is ended; the database is brought up to date first.

    Raises SettingsError or Unavailable before the first request, never at it.
    """
    hold_little()
    with open_installation(settings) as installation:
        installation.store.database.check()
        installation.trust.current()
        installation.provider()
        check_tracing(settings)
        if settings.people.theme is not None:
            check_theme(settings.people.theme)
    with _counter(settings):
        listen(
            "eid",
            (settings.host, settings.port),
            partial(_create_gated, settings),
            workers=settings.workers,
            stop_s=STOP_S,
        )


def _counter(settings: Settings) -> AbstractContextManager[None]:
    """The counter's process, where there is a counter; else its code is not even loaded."""
    if settings.counter is None:
        return nullcontext()
    from eid.app.counter import counter_beside  # noqa: PLC0415 - see above

    return counter_beside(settings)


def _create_gated(settings: Settings) -> WSGIApplication:
    hold_little()  # again: not every system forks
    log_lines(settings.log_level)
    tracing = tracing_of(settings, "eid")
    watch = unwatched if tracing is None else tracing.watch
    trusted = networks(settings.trusted_proxies)
    gate = Gate(create_wsgi(settings, watch=watch), max_body=MAX_SEALED, trusted=trusted)
    return gate if tracing is None else tracing.around(gate)


def create_wsgi(settings: Settings, *, watch: Watch = unwatched) -> WSGIApplication:
    """The provider as a WSGI application, for one worker process or another server.

    ``watch`` sees the calls that it makes to others (:data:`eid.oidc.outbound.Watch`).
    """
    stack = ExitStack()
    installation = stack.enter_context(open_installation(settings, watch=watch))
    traffic = Traffic(
        trusted_proxies=networks(settings.trusted_proxies),
        limit=RateLimit(settings.requests_per_minute),
    )
    start_upkeep(installation)
    start_notices(installation)
    provider = installation.provider()
    served = routes(provider)
    app = create_app(provider, traffic, served)
    add_routes(app, SignedLists(settings))
    return Documents(app, provider, served, traffic, guards(provider.settings))


def wsgi() -> WSGIApplication:
    """For servers that want a factory's name: reads the file that ``EID_CONFIG`` names."""
    return create_wsgi(Settings.load(Path(os.environ["EID_CONFIG"]), os.environ))
