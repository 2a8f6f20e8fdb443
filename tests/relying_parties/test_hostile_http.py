"""Bytes that no honest client sends, to the real server: an answer of 2xx to 4xx, or the end.

Never a fault, never two answers to one request, never a word of the sender's in a header, and no
address that a Host names.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from .place import PATIENCE_S

ASKED = (
    "client_id=plain&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&response_type=code"
    f"&scope=openid&code_challenge={'A' * 43}&code_challenge_method=S256"
)
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
CODE = f"grant_type=authorization_code&code={'A' * 43}"


def get(path: str, headers: str = "Host: localhost\r\n", method: str = "GET") -> str:
    return f"{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"


def post(body: str, headers: str = "", *, length: object = None) -> str:
    size = len(body) if length is None else length
    line = "POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head = f"{line}{FORM}Content-Length: {size}\r\n"
    return f"{head}{headers}\r\n{body}"


HOSTS = {
    "foreign": get(f"/authorize?{ASKED}", "Host: evil.example\r\n"),
    "absolute": get(f"http://evil.example/authorize?{ASKED}"),
    "two": get(f"/authorize?{ASKED}", "Host: evil.example\r\nHost: localhost\r\n"),
    "none": get(f"/authorize?{ASKED}", ""),
    "unicode": get(f"/authorize?{ASKED}", "Host: \xe9vil.example\r\n"),
    "credentials": get(f"/authorize?{ASKED}", "Host: x@evil.example\r\n"),
}
SERVED_ANYWAY = {"absolute", "none", "unicode"}
"""The header names nobody foreign, or nobody at all: development refuses every foreign one."""
BYTES = {
    "newline in state": get(f"/authorize?{ASKED}&state=a%0d%0aSet-Cookie:%20evil=1"),
    "nul in state": get(f"/authorize?{ASKED}&state=a%00b"),
    "broken utf-8 in state": get(f"/authorize?{ASKED}&state=%ff%fe"),
    "raw latin in query": get(f"/authorize?{ASKED}&state=\xe9"),
    "broken percents": get(f"/authorize?{ASKED}&state=%zz%"),
    "a parameter twice": get(f"/authorize?{ASKED}&client_id=plain"),
    "path upwards": get("/interaction/../token"),
    "path upwards, encoded": get("/interaction/%2e%2e%2ftoken"),
    "path of no utf-8": get("/interaction/%ff%fe"),
    "newline in path": get("/interaction/%0d%0aEvil:1/card"),
    "nul in path": get("/interaction/%00"),
    "long path": get(f"/{'a' * 20_000}"),
    "long query": get(f"/authorize?{'a' * 70_000}"),
    "long header": get("/jwks", f"Host: localhost\r\nX: {'a' * 900_000}\r\n"),
    "many headers": get("/jwks", "X: a\r\n" * 5_000),
    "many cookies": get("/jwks", "Cookie: " + "; ".join(f"a{n}=b" for n in range(8_000)) + "\r\n"),
    "cookie of no ascii": get(f"/interaction/{'A' * 22}", "Cookie: eid-x=\xff\xfe\r\n"),
    "odd method": get("/jwks", method="EVIL"),
    "long method": get("/jwks", method="A" * 5_000),
    "small letters": get("/jwks", method="get"),
    "trace": get("/token", method="TRACE"),
    "connect": get("127.0.0.1:22", method="CONNECT"),
    "folded header": get("/jwks", "Host: localhost\r\nX: a\r\n b: c\r\n"),
    "nul in header": get("/jwks", "Host: localhost\r\nX: a\x00b\r\n"),
    "http/2 at once": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "authorization of no ascii": post(CODE, "Authorization: Basic \xff\r\n"),
    "two authorizations": post(CODE, "Authorization: Basic eDp5\r\nAuthorization: Basic eDp6\r\n"),
    "long proof": post(CODE, f"DPoP: {'a' * 60_000}\r\n"),
    "two lengths": post(CODE, "Content-Length: 3\r\n"),
    "negative length": post(CODE, length=-1),
    "signed length": post(CODE, length="+5"),
    "length in hex": post(CODE, length="0x10"),
    "giant length": post(CODE, length=10**25),
    "big length": post(CODE, length=10**12),
    "odd coding": post(CODE, "Transfer-Encoding: xchunked\r\n"),
    "space before colon": post(CODE, "Transfer-Encoding : chunked\r\n"),
    "compressed": post(CODE, "Content-Encoding: gzip\r\n"),
    "another charset": post(CODE).replace("urlencoded\r", "urlencoded; charset=utf-16\r"),
    "json": post("{}").replace("x-www-form-urlencoded", "json"),
    "two types": post(CODE, "Content-Type: text/plain\r\n"),
    "expectation": post(CODE, "Expect: 200-ok\r\n"),
}
BROKEN_OFF = {"long query", "long header", "many headers", "big length", "http/2 at once"}
HIDDEN = "GET /jwks HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLED = {
    "length and chunks": post(f"0\r\n\r\n{HIDDEN}", "Transfer-Encoding: chunked\r\n"),
    "two lengths": post(HIDDEN, "Content-Length: 0\r\n"),
    "chunks in small letters": post(f"0\r\n\r\n{HIDDEN}", "transfer-encoding: CHUNKED\r\n"),
    "tab": post(f"0\r\n\r\n{HIDDEN}", "Transfer-Encoding:\tchunked\r\n"),
    "chunks twice": post(f"0\r\n\r\n{HIDDEN}", "Transfer-Encoding: chunked, chunked\r\n"),
    "identity": post(f"0\r\n\r\n{HIDDEN}", "Transfer-Encoding: identity\r\n"),
}


def say(issuer: str, text: str) -> bytes:
    """All that the server answers to these bytes, until it closes."""
    place = urlsplit(issuer)
    answer = b""
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE_S) as line:
        try:
            line.sendall(text.encode("latin-1"))
            while part := line.recv(1 << 16):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)]


@pytest.fixture(autouse=True)
def still_there(issuer: str) -> Iterator[None]:
    assert statuses(say(issuer, get("/jwks"))) == [200]
    yield
    assert requests.get(f"{issuer}/health/ready", timeout=PATIENCE_S).status_code == 200


def test_no_host_leads_anywhere(issuer: str) -> None:
    for name, text in HOSTS.items():
        answer = say(issuer, text)
        assert statuses(answer) == ([200] if name in SERVED_ANYWAY else [400]), name
        assert b"evil" not in answer, name
        addresses = re.findall(rb'(?:href|action|src)="([^"]*)"', answer)
        assert addresses, name
        assert all(address.startswith(f"{issuer}/".encode()) for address in addresses), name
        begun = f"{issuer}/interaction/".encode() in answer
        assert begun is (name in SERVED_ANYWAY), name


def test_bytes_that_mean_nothing(issuer: str) -> None:
    for name, text in BYTES.items():
        answer = say(issuer, text)
        [status] = statuses(answer) or ([400] if name in BROKEN_OFF else [])
        assert status < 500, name
        assert not re.search(rb"(?im)^(set-cookie|x|evil):.*evil", answer), name
        assert b"Traceback" not in answer, name


def test_no_request_hides_in_another(issuer: str) -> None:
    for name, text in SMUGGLED.items():
        answer = say(issuer, text.replace("Connection: close\r\n", "") + get("/health/live"))
        assert statuses(answer)[0] in {400, 401}, name
        assert max(statuses(answer)) < 500, name
        assert b'"keys"' not in answer, name


def test_slow_senders_stop_nobody(issuer: str) -> None:
    place = urlsplit(issuer)
    lines = [socket.create_connection((place.hostname, place.port)) for _ in range(3)]
    try:
        for line in lines:
            line.sendall(b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        assert requests.get(f"{issuer}/jwks", timeout=PATIENCE_S).ok
    finally:
        for line in lines:
            line.close()
