"""Traces: one span a request and one for each call that leaves it, sent to a collector by OTLP over HTTP; only where settings say so.

A span holds what `/metrics` holds and the reference of the request: the route's pattern, the
method, the status, the time; of a call that leaves, the method, the host and the status. Nothing
that a person or a service sent is in it, and nobody who is called is told of the trace. Spans wait in a
bounded queue and leave in the background: a collector that is away costs spans, never a request.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Final

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
    use_span,
)

from eid.oidc.traffic import within
from eid.oidc.wsgi import CORRELATION, ROUTE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from eid.oidc.traffic import Network

QUEUE: Final = 2048
BATCH: Final = 256
EVERY_MS: Final = 2000
ANSWER_S: Final = 2
FLUSH_S: Final = 3
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_log = logging.getLogger("eid.app.traces")


@dataclass(frozen=True, slots=True)
class Traced:
    """A WSGI application that leaves one span for each request.

    ``traceparent`` is believed from ``trusted`` only, and ``tracestate`` from nobody. ``stop``
    sends what still waits; the end of the process calls it.
    """

    application: WSGIApplication
    tracer: Tracer
    stop: Callable[[], object]
    trusted: tuple[Network, ...] = ()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer as the application does, and leave the span."""
        span = self.tracer.start_span("request", self._parent(environ), SpanKind.SERVER)
        seen: list[int] = []

        def started(
            status: str,
            headers: list[tuple[str, str]],
            *rest: object,  # exc_info
        ) -> object:
            seen.append(int(status[:3]))
            return start(status, headers, *rest)  # type: ignore[arg-type]

        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                return self.application(environ, started)  # type: ignore[arg-type]
        except BaseException:
            seen.append(500)
            raise
        finally:
            _describe(span, environ, seen[-1] if seen else 500)
            span.end()

    def _parent(self, environ: WSGIEnvironment) -> Context:
        said = _PARENT.fullmatch(str(environ.get("HTTP_TRACEPARENT", "")))
        if said is None or not within(str(environ.get("REMOTE_ADDR", "")), self.trusted):
            return Context()
        context = SpanContext(
            trace_id=int(said[1], 16),
            span_id=int(said[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(said[3], 16)),
        )
        return set_span_in_context(NonRecordingSpan(context), Context())


def _describe(span: Span, environ: WSGIEnvironment, status: int) -> None:
    """The span's name and attributes; each has few values, but the reference."""
    method = str(environ.get("REQUEST_METHOD", ""))
    method = method if method in _METHODS else "_OTHER"
    route = environ.get(ROUTE)
    span.update_name(f"{method} {route}" if route else method)
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.response.status_code", status)
    if route:
        span.set_attribute("http.route", str(route))
    if CORRELATION in environ:
        span.set_attribute("eid.correlation_id", str(environ[CORRELATION]))
    if status >= 500:
        span.set_status(StatusCode.ERROR)


@dataclass(slots=True)
class Tolerant(SpanExporter):
    """An exporter that never raises, and says once that the collector does not answer."""

    exporter: SpanExporter
    failing: bool = field(default=False, init=False)
    until: float = field(default=float("inf"), init=False)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Try it; what could not be sent is lost, and so is what is left at the end of ``until``."""
        if time.monotonic() > self.until:
            return SpanExportResult.FAILURE
        try:
            result = self.exporter.export(spans)
        except Exception:  # noqa: BLE001 - whatever happens to a trace is no matter of ours
            result = SpanExportResult.FAILURE
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self.failing:
            _log.warning("traces: the collector takes no spans; they are dropped until it does")
        elif self.failing and not failed:
            _log.warning("traces: the collector takes spans again")
        self.failing = failed
        return result

    def shutdown(self) -> None:
        """Let a try that is under way end."""
        self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - its signature
        """Nothing waits here."""
        return True


def sender(endpoint: str) -> OTLPSpanExporter:
    """What sends spans there, and to no proxy or redirect on the way."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we say it ourselves, once
    session = requests.Session()
    session.trust_env = False
    session.hooks["response"].append(_refuse_redirect)
    return OTLPSpanExporter(endpoint=endpoint, timeout=ANSWER_S, session=session)


def _refuse_redirect(response: requests.Response, **_: object) -> None:
    """A redirect is not followed, and the exporter would count it as a success."""
    if 300 <= response.status_code < 400:
        response.close()
        raise requests.TooManyRedirects("The collector's address leads elsewhere.")


@dataclass(frozen=True, slots=True)
class Tracing:
    """What traces one process. ``stop`` sends what still waits; the process's end calls it."""

    tracer: Tracer
    stop: Callable[[], object]
    trusted: tuple[Network, ...] = ()

    @classmethod
    def begin(cls, endpoint: str, service: str, trusted: tuple[Network, ...] = ()) -> Tracing:
        """Spans of ``service`` to a collector, from this process on."""
        exporter = Tolerant(sender(endpoint))
        provider = TracerProvider(
            sampler=ParentBased(ALWAYS_ON),
            resource=Resource(
                {
                    "service.name": service,
                    "service.version": version("eid"),
                    "host.name": socket.gethostname(),
                    "process.pid": os.getpid(),
                }
            ),
            shutdown_on_exit=False,
        )
        processor = BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=BATCH,
            export_timeout_millis=ANSWER_S * 1000,
        )
        provider.add_span_processor(processor)
        # A worker is a child of multiprocessing, whose end runs finalizers
        stop = Finalize(None, _stop, args=(exporter, processor), exitpriority=1)
        return cls(provider.get_tracer("eid"), stop, trusted)

    def around(self, application: WSGIApplication) -> Traced:
        """``application`` with a span for each request."""
        return Traced(application, self.tracer, self.stop, self.trusted)

    @contextmanager
    def watch(self, method: str, host: str) -> Iterator[Callable[[int], object]]:
        """A span around one call that leaves, below the request that makes it.

        Its headers stay as they are: the trace is nobody's business outside.
        """
        span = self.tracer.start_span(method, kind=SpanKind.CLIENT)
        span.set_attribute("http.request.method", method)
        span.set_attribute("server.address", host)
        try:
            yield partial(span.set_attribute, "http.response.status_code")
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()


def _stop(exporter: Tolerant, processor: SpanProcessor) -> None:
    exporter.until = time.monotonic() + FLUSH_S
    processor.shutdown()
