import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from eid.errors import RequestRefused, Unavailable
from eid.keys import EncryptionKey, JwkSet, SigningKey
from eid.kiosk import outbound
from eid.kiosk.identity import Identity
from eid.kiosk.line import ServerLine
from eid.kiosk.outbound import IssuerKeys, deliver, fetch_keys, seal
from eid.kiosk.settings import PinnedIssuer
from eid.kiosk.visits import deliver_waiting
from eid.store.queue import OfflineQueue


def test_keys_are_kept_for_a_while(serving: Any) -> None:
    now = [0.0]
    keys = IssuerKeys(clock=lambda: now[0])
    assert keys(serving.pinned) is keys(serving.pinned)
    assert serving.fetched == 1
    now[0] = 299.0
    keys(serving.pinned)
    assert serving.fetched == 1
    keys(serving.pinned, max_age_s=10)
    assert serving.fetched == 2
    now[0] = 600.0
    keys(serving.pinned)
    assert serving.fetched == 3


def test_keys_that_are_not_there(serving: Any) -> None:
    pinned = PinnedIssuer(issuer=serving.issuer, jwks_uri=f"{serving.issuer}/none")
    with pytest.raises(Unavailable) as caught:
        fetch_keys(pinned)
    assert caught.value.code == "agent.provider_keys"


def test_keys_that_are_none(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(serving), "jwks", {"keys": 3})
    with pytest.raises(Unavailable) as caught:
        fetch_keys(serving.pinned)
    assert caught.value.code == "agent.provider_keys"


def test_a_provider_without_an_encryption_key(serving: Any, desk: Any) -> None:
    request = serving.accepted()
    path, form = desk.form(desk.begin())
    assert desk.post(path, form).status_code == 303
    evidence = desk.evidence()
    with pytest.raises(Unavailable) as caught:
        seal(evidence, request, JwkSet.of(serving.signing))
    assert caught.value.code == "agent.provider_keys"
    other = EncryptionKey.generate("other").public_jwk() | {"x": "AA"}
    with pytest.raises(Unavailable):
        seal(evidence, request, JwkSet(keys={}, encryption=(other,)))


def test_nobody_listens(provider: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    provider.issuer = f"http://127.0.0.1:{port}"
    with pytest.raises(Unavailable) as caught:
        fetch_keys(provider.pinned)
    assert caught.value.code == "agent.provider_unreachable"


def test_an_answer_without_an_end(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "_TOTAL_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        provider.issuer = f"http://127.0.0.1:{server.getsockname()[1]}"

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                received = b""
                while b"evidence=sealed" not in received:
                    received += connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(Unavailable) as caught:
            deliver("sealed", provider.accepted())
        thread.join(5)
    assert caught.value.code == "agent.provider_answer"


def test_garbage_for_a_handle(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "take", lambda _body: None)
    for answer in ((200, b"x"), (200, b'{"handle": "short"}'), (200, b'{"handle": null}')):
        serving.answer = lambda answer=answer: answer
        with pytest.raises(Unavailable):
            deliver("sealed", serving.accepted())
    serving.answer = lambda: (404, b"")
    with pytest.raises(RequestRefused):
        deliver("sealed", serving.accepted())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413])
@pytest.mark.parametrize("body", [b'{"error": "Not Found", "status": 404}', b"{}", b"<html>"])
def test_a_gateways_answer_sets_no_visit_aside(
    serving: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, body: bytes
) -> None:
    """Only the provider itself refuses a visit; until it is asked, everything waits."""
    monkeypatch.setattr(serving, "take", lambda _body: None)
    server_jwk = serving.encryption.public_jwk()
    line = ServerLine(
        Identity(
            id="k" * 22,
            key=SigningKey.generate("kiosk"),
            issuer=serving.issuer,
            server_jwk=server_jwk,
        )
    )
    queue = OfflineQueue.open(tmp_path / "visits.db", server_jwk)
    queue.put("one", b"who came")
    serving.answer = lambda: (status, body)
    with pytest.raises(Unavailable):
        deliver_waiting(queue, line)
    assert (len(queue), len(queue.aside())) == (1, 0)
    queue.close()


def test_proxies_of_the_environment_are_not_used(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert fetch_keys(serving.pinned).keys
