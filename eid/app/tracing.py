"""Whether this process is traced: the part of the settings that needs an extra of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eid.errors import SettingsError
from eid.oidc.traffic import networks

if TYPE_CHECKING:
    from eid.app.settings import Settings
    from eid.app.traces import Tracing


def tracing_of(settings: Settings, service: str) -> Tracing | None:
    """What traces this process under the name ``service``, None where the settings name nothing.

    SettingsError ``traces.endpoint`` without the extra, which is not even loaded where it is off.
    """
    if settings.traces is None:
        return None
    check_tracing(settings)
    from eid.app.traces import Tracing  # noqa: PLC0415 - see above

    return Tracing.begin(settings.traces, service, networks(settings.trusted_proxies))


def check_tracing(settings: Settings) -> None:
    """SettingsError ``traces.endpoint`` if traces are asked for and cannot be had."""
    if settings.traces is None:
        return
    try:
        import eid.app.traces  # noqa: PLC0415 - whether it can be had
    except ImportError as error:
        raise SettingsError(
            "The settings key traces.endpoint needs eid[otel], which is not installed.",
            key="traces.endpoint",
            expected="pip install eid[otel], or no [traces] in the settings",
        ) from error
