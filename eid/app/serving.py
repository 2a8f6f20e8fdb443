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
from eid.app.upkeep import start_notices, start_upkeep
from eid.errors import SettingsError
from eid.oidc.documents import Documents
from eid.oidc.endpoint import Traffic
from eid.oidc.http import MAX_SEALED
from eid.oidc.pages import check_theme
from eid.oidc.routes import routes
from eid.oidc.traffic import RateLimit, networks
from eid.oidc.web import create_app, guards

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from eid.oidc.traffic import Network

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
        if settings.traces is not None:
            _tracing()
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
    trusted = networks(settings.trusted_proxies)
    gate = Gate(create_wsgi(settings), max_body=MAX_SEALED, trusted=trusted)
    return gate if settings.traces is None else _tracing()(gate, settings.traces, trusted)


def _tracing() -> Callable[[WSGIApplication, str, tuple[Network, ...]], WSGIApplication]:
    """What wraps an application in traces: an extra of its own, else not even loaded."""
    try:
        from eid.app.traces import trace  # noqa: PLC0415 - see above
    except ImportError as error:
        raise SettingsError(
            "The settings key traces.endpoint needs eid[otel], which is not installed.",
            key="traces.endpoint",
            expected="pip install eid[otel], or no [traces] in the settings",
        ) from error
    return trace


def create_wsgi(settings: Settings) -> WSGIApplication:
    """The provider as a WSGI application, for one worker process or another server."""
    stack = ExitStack()
    installation = stack.enter_context(open_installation(settings))
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
