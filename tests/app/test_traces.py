"""Traces: what arrives at a collector, what never does, and what a dead collector costs."""

from __future__ import annotations

import http.server
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from eid.app.counter import _create_gated
from eid.app.serving import serve
from eid.app.settings import Settings
from eid.app.traces import BATCH, QUEUE, Tolerant, Traced, Tracing, sender
from eid.errors import SettingsError, Unavailable
from eid.oidc.outbound import Notifier, Outbound
from eid.oidc.provider import Notice
from eid.oidc.traffic import networks

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(http.server.ThreadingHTTPServer):
    """Takes what is posted; answers ``status``, once ``go`` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Take)
        self.bodies: list[bytes] = []
        self.tokens: list[str | None] = []
        self.status, self.go, self.asked = 200, threading.Event(), threading.Event()
        self.go.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def spans(self) -> list[tuple[dict[str, Any], Any, dict[str, Any]]]:
        """Resource, span and the span's attributes, of all that came."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = plain(resource.resource.attributes)
                for scope in resource.scope_spans:
                    found += [(about, span, plain(span.attributes)) for span in scope.spans]
        return found


def plain(attributes: Iterable[Any]) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


class Take(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.append(self.headers["X-Token"])
        self.server.asked.set()
        self.server.go.wait(60)
        self.server.bodies.append(body)
        try:
            self.send_response(self.server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            pass  # it did not wait

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.go.set()
        server.shutdown()
        thread.join()


def hello(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/fault":
        raise ValueError("Nguyễn planted-in-a-fault")
    if environ["PATH_INFO"] == "/known":
        environ["eid.route"] = "/known/{what}"
    start("200 OK", [])
    return [b"hello"]


def ask(app: Any, path: str = "/known", **environ: str) -> bytes:
    given: dict[str, Any] = {"PATH_INFO": path, "REMOTE_ADDR": "192.0.2.1", **environ}
    setup_testing_defaults(given)
    return b"".join(app(given, lambda *_: None))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def config(folder: Path, port: int, more: str = "") -> Path:
    (folder / "trust" / "csca").mkdir(parents=True)
    path = folder / "eid.toml"
    path.write_text(
        f'issuer = "http://127.0.0.1:{port}"\nlisten = "127.0.0.1:{port}"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        f'[agent]\nurl = "http://127.0.0.1:35970"\n{more}'
    )
    return path


def serving(path: Path, port: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "eid"), "serve", "--config", str(path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1200):
        assert process.poll() is None
        try:
            requests.get(f"http://127.0.0.1:{port}/health/live", timeout=30)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return process
    raise AssertionError("it does not serve")


def test_a_serving_provider_sends_a_span_a_request_and_nothing_of_it(
    tmp_path: Path, collector: Collector
) -> None:
    port = free_port()
    path = config(tmp_path, port, f'[traces]\nendpoint = "{collector.url}"\n')
    process = serving(path, port)
    here = f"http://127.0.0.1:{port}"
    planted = ["user-planted", "001099012345", "code-planted", "secret-planted", "state-planted"]
    user, number, code, secret, state = planted
    try:
        asked = {"client_id": user, "state": state, "login_hint": number}
        requests.get(f"{here}/authorize", params=asked, timeout=60)
        form = {"grant_type": "authorization_code", "code": code}
        head = {"traceparent": f"00-{TRACE}-{PARENT}-01", "Cookie": f"a={state}"}
        token = requests.post(
            f"{here}/token", data=form, auth=(user, secret), headers=head, timeout=60
        )
        lost = requests.get(f"{here}/{number}?code={code}", timeout=60)
        requests.request("PLANTED", f"{here}/token", headers={"X-A": secret}, timeout=60)
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    spans = {span.name: (about, span, seen) for about, span, seen in collector.spans()}
    assert {"GET /authorize", "POST /token", "GET"} <= set(spans)
    about, span, seen = spans["POST /token"]
    assert seen == {
        "http.request.method": "POST",
        "http.response.status_code": token.status_code,
        "http.route": "/token",
        "eid.correlation_id": token.json()["correlation_id"],
    }
    assert span.kind == span.SPAN_KIND_SERVER
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert span.trace_id.hex() != TRACE, "loopback is no trusted proxy unless it is named"
    assert not span.parent_span_id
    assert set(about) == {"service.name", "service.version", "host.name", "process.pid"}
    assert spans["GET"][2]["http.response.status_code"] == lost.status_code == 404
    assert spans["GET"][2]["eid.correlation_id"] in lost.text
    everything = b"".join(collector.bodies)
    for value in [*planted, "PLANTED"]:
        assert value.encode() not in everything, value


@pytest.mark.parametrize(
    ("peer", "said", "continues"),
    [
        ("127.0.0.1", f"00-{TRACE}-{PARENT}-01", True),
        ("192.0.2.9", f"00-{TRACE}-{PARENT}-01", False),
        ("127.0.0.1", f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01", False),
        ("127.0.0.1", f"00-{TRACE}-{'0' * 16}-01", False),
        ("127.0.0.1", f"ff-{TRACE}-{PARENT}-01", False),
        ("127.0.0.1", f"00-{TRACE}-{PARENT}-01\n", False),
        ("127.0.0.1", "", False),
    ],
)
def test_a_trace_is_continued_for_a_trusted_proxy_only(
    collector: Collector, peer: str, said: str, continues: bool
) -> None:
    traced = Tracing.begin(collector.url, "eid", networks(["127.0.0.1"])).around(hello)
    ask(traced, REMOTE_ADDR=peer, HTTP_TRACEPARENT=said, HTTP_TRACESTATE="planted=1")
    traced.stop()
    ((_, span, _),) = collector.spans()
    assert (span.trace_id.hex() == TRACE) is continues
    assert span.parent_span_id.hex() == (PARENT if continues else "")
    assert b"planted" not in collector.bodies[0]


def test_a_trusted_proxy_may_say_that_it_does_not_sample(collector: Collector) -> None:
    traced = Tracing.begin(collector.url, "eid", networks(["127.0.0.1"])).around(hello)
    unsampled = f"00-{TRACE}-{PARENT}-00"
    assert ask(traced, REMOTE_ADDR="127.0.0.1", HTTP_TRACEPARENT=unsampled) == b"hello"
    ask(traced, "/other")
    traced.stop()
    assert [span.name for _, span, _ in collector.spans()] == ["GET"]


def test_a_fault_is_a_span_without_its_words(collector: Collector) -> None:
    traced = Tracing.begin(collector.url, "eid").around(hello)
    with pytest.raises(ValueError, match="planted"):
        ask(traced, "/fault")
    ask(traced, REQUEST_METHOD="BREW")
    traced.stop()
    (_, span, seen), (_, other, _) = collector.spans()
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert seen["http.response.status_code"] == 500
    assert other.name == "_OTHER /known/{what}"
    everything = b"".join(collector.bodies)
    assert b"planted" not in everything
    assert b"BREW" not in everything


def test_the_environment_may_name_a_header_but_no_proxy(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-token=abc")
    traced = Tracing.begin(collector.url, "eid").around(hello)
    ask(traced)
    traced.stop()
    assert len(collector.spans()) == 1
    assert collector.tokens == ["abc"]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_dead_collector_is_said_once_and_costs_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    traced = Tracing.begin(f"http://127.0.0.1:{free_port()}/v1/traces", "eid").around(hello)
    for _ in range(2 * BATCH):
        assert ask(traced) == b"hello"
    traced.stop()
    (said,) = warnings(caplog)
    assert said.startswith("traces: the collector takes no spans")


def test_a_collector_that_hangs_stops_neither_requests_nor_the_end(collector: Collector) -> None:
    collector.go.clear()
    traced = Tracing.begin(collector.url, "eid").around(hello)
    for _ in range(BATCH):
        ask(traced)
    assert collector.asked.wait(60)
    for _ in range(QUEUE + BATCH):  # more than may wait
        assert ask(traced) == b"hello"
    traced.stop()  # comes back although nothing was answered
    assert not collector.bodies


def test_a_collector_that_comes_back_is_said_too(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Tolerant(sender(collector.url))))
    for status in (400, 302, 400, 200, 200):
        collector.status = status
        provider.get_tracer("test").start_span("any").end()  # sent before it returns
    provider.shutdown()
    assert len(collector.bodies) == 5
    assert [line.split(";")[0] for line in warnings(caplog)] == [
        "traces: the collector takes no spans",
        "traces: the collector takes spans again",
    ]


def test_a_call_that_leaves_is_a_span_below_its_request_and_carries_nothing(
    collector: Collector,
) -> None:
    """jwks_uri and logout tokens, the latter from threads of their own."""
    tracing = Tracing.begin(collector.url, "eid")
    heads: list[dict[str, str]] = []

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heads.append(dict(self.headers))
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.02,))
        thread.start()
        here = f"http://127.0.0.1:{service.server_port}/planted?planted=1"
        outbound = Outbound(insecure_loopback=True, watch=tracing.watch)

        def calling(_environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            with pytest.raises(Unavailable):
                outbound.get(here)
            Notifier(outbound)({"planted": Notice(address=here, token="planted")})
            with pytest.raises(Unavailable):
                outbound.get(f"http://127.0.0.1:{free_port()}/planted")
            start("200 OK", [])
            return [b""]

        ask(tracing.around(calling))
        service.shutdown()
        thread.join()
    tracing.stop()
    spans = [(span, seen) for _, span, seen in collector.spans()]
    (request,) = (span for span, _ in spans if span.kind == span.SPAN_KIND_SERVER)
    calls = [(span, seen) for span, seen in spans if span.kind == span.SPAN_KIND_CLIENT]
    asked = {"http.request.method": "GET", "server.address": "127.0.0.1"}
    answered = {"http.response.status_code": 404}
    assert [seen for _, seen in calls] == [
        asked | answered,
        asked | {"http.request.method": "POST"} | answered,
        asked,
    ]
    assert [span.name for span, _ in calls] == ["GET", "POST", "GET"]
    assert {span.parent_span_id for span, _ in calls} == {request.span_id}
    assert {span.trace_id for span, _ in calls} == {request.trace_id}
    assert calls[2][0].status.code == request.status.STATUS_CODE_ERROR
    assert b"planted" not in b"".join(collector.bodies)
    assert len(heads) == 2
    assert not {"traceparent", "tracestate", "baggage"} & {
        name.lower() for head in heads for name in head
    }


def test_the_counter_s_pages_leave_spans_of_their_own(
    tmp_path: Path, collector: Collector
) -> None:
    """The pattern of the page, and nothing that an officer asked for."""
    more = (
        f'[traces]\nendpoint = "{collector.url}"\n'
        '[counter]\nurl = "http://127.0.0.1:8401"\nlisten = "127.0.0.1:8401"\n'
    )
    settings = Settings.load(config(tmp_path, 8400, more))
    gated = _create_gated(settings)
    assert isinstance(gated, Traced)
    ask(gated, "/visit/planted", QUERY_STRING="planted=1")
    gated.stop()
    ((about, span, seen),) = collector.spans()
    assert (about["service.name"], span.name) == ("eid-counter", "GET /visit/{visit_id}")
    assert seen.keys() == {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "eid.correlation_id",
    }
    assert b"planted" not in b"".join(collector.bodies)


def test_off_means_that_nothing_is_even_loaded(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, eid.app.serving as s; from eid.app.settings import Settings\n"
        f"gate = s._create_gated(Settings.load(pathlib.Path({str(config(tmp_path, 8400))!r})))\n"
        "print(type(gate).__name__, [n for n in sys.modules if n.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Gate []\n"


def test_without_the_extra_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = '[traces]\nendpoint = "https://collector.example/v1/traces"\n'
    settings = Settings.load(config(tmp_path, free_port(), more))
    monkeypatch.setitem(sys.modules, "eid.app.traces", None)
    with pytest.raises(SettingsError, match=r"eid\[otel\]") as caught:
        serve(settings)
    assert caught.value.facts["key"] == "traces.endpoint"
