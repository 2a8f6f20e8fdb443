"""A login at every level with the provider of `eid serve --dev`, over its own card agent."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from falcon import testing

from eid.cli.development import (
    PASSWORD,
    create_development,
    registered_clients,
    serve_development,
    told,
)
from eid.errors import SettingsError
from eid.keys import encode_base64url, parse_json_object
from eid.keys.encoding import decode_base64url
from eid.levels.factors.code import Channel, message

ISSUER = "http://127.0.0.1:8480"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ISSUER}
VERIFIER = "v" * 43


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> testing.TestClient:
    folder = tmp_path_factory.mktemp("dev")
    extra = folder / "clients.json"
    extra.write_text(
        json.dumps({"client_id": "mine", "redirect_uris": ["http://127.0.0.1:9000/cb"]}),
        encoding="utf-8",
    )
    app = create_development(Path(folder), ISSUER, registered_clients(extra))
    return testing.TestClient(app, headers={"Host": urlsplit(ISSUER).netloc})


def field(text: str, name: str) -> str:
    match = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert match, text
    return unescape(match[1])


def path_of(location: str) -> str:
    return location.removeprefix(ISSUER)


def test_level_2_by_card_and_password(client: testing.TestClient) -> None:
    wanted = {"id_token": {"acr": {"essential": True, "value": "urn:eid:level:2"}}}
    challenge = encode_base64url(hashlib.sha256(VERIFIER.encode()).digest())
    cookies: dict[str, str] = {}

    def send(method: str, path: str, **options: object) -> testing.Result:
        headers = {**FORM, "Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
        path, _, query = path.partition("?")
        got = client.simulate_request(method, path, query_string=query, headers=headers, **options)
        cookies.update({name: cookie.value for name, cookie in got.cookies.items()})
        return got

    query = urlencode(
        {
            "response_type": "code",
            "client_id": "dev",
            "redirect_uri": "http://127.0.0.1:3000/callback",
            "scope": "openid profile",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "claims": json.dumps(wanted),
        }
    )
    first = send("GET", f"/authorize?{query}").text
    here = path_of(re.findall(r'action="([^"]*)/password"', first)[0])
    form = {"csrf": field(first, "csrf"), "username": "level2"}
    send("POST", f"{here}/password", body=urlencode(form | {"password": PASSWORD}))
    request = field(send("GET", f"{here}/card").text, "request")
    choose = send("POST", "/card", body=urlencode({"request": request}))
    numbers = re.findall(r'name="number" value="(\d{12})"', choose.text)
    assert len(numbers) == 3
    levels = dict(re.findall(r">(level\d): (\d{12})<", choose.text))
    read = send("POST", "/card", body=urlencode({"request": request, "number": levels["level2"]}))
    back = send("GET", path_of(read.headers["location"]))
    assert back.headers["location"].endswith("/consent"), back.text
    consent = send("GET", f"{here}/consent")
    agreed = send("POST", f"{here}/consent", body=urlencode({"csrf": field(consent.text, "csrf")}))
    code = parse_qs(urlsplit(agreed.headers["location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://127.0.0.1:3000/callback",
        "code_verifier": VERIFIER,
        "client_id": "dev",
    }
    secret = base64.b64encode(b"dev:development-secret").decode()
    token = client.simulate_post(
        "/token", headers={**FORM, "Authorization": f"Basic {secret}"}, body=urlencode(form)
    ).json
    header, payload, _ = token["id_token"].split(".")
    assert parse_json_object(decode_base64url(header))["kid"].startswith("dev-")
    assert parse_json_object(decode_base64url(payload))["acr"] == "urn:eid:level:2"


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "x-forwarded-port", "Via", "X-Real-IP"],
)
@pytest.mark.parametrize("path", ["/jwks", "/.well-known/openid-configuration", "/authorize"])
def test_whatever_was_forwarded_is_refused(
    client: testing.TestClient, name: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.simulate_get(path, headers={name: "x"})
    assert answer.status_code >= 400
    assert "kid" not in answer.text
    assert "token_endpoint" not in answer.text
    assert "through a proxy" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8480", "127.0.0.1.evil.example"])
def test_a_name_that_was_led_to_loopback_is_refused(client: testing.TestClient, host: str) -> None:
    answer = client.simulate_get("/jwks", headers={"Host": host})
    assert answer.status_code >= 400
    assert "kid" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:8480", "[::1]:8480"])
def test_loopback_has_three_names(client: testing.TestClient, host: str) -> None:
    assert client.simulate_get("/jwks", headers={"Host": host}).status_code == 200


def test_nobody_from_elsewhere(client: testing.TestClient) -> None:
    assert client.simulate_get("/jwks", remote_addr="192.0.2.1").status_code >= 400


def test_the_start_page_says_what_there_is(client: testing.TestClient) -> None:
    page = client.simulate_get("/").text
    for word in (ISSUER, "level2", PASSWORD, "development-secret", "--clients FILE"):
        assert word in page


def test_a_refusal_is_explained_in_the_terminal(
    client: testing.TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"client_id": "dev", "redirect_uri": "http://127.0.0.1:3000/cb", "scope": "openid"}
    client.simulate_get("/authorize", query_string=urlencode({**asked, "response_type": "code"}))
    said = capsys.readouterr().err
    assert "received: http://127.0.0.1:3000/cb" in said
    assert "registered: http://127.0.0.1:3000/callback" in said
    assert "advice: The redirect_uri is not, character by character, a registered one." in said
    right = {**asked, "redirect_uri": "http://127.0.0.1:3000/callback", "response_type": "code"}
    client.simulate_get("/authorize", query_string=urlencode(right))
    said = capsys.readouterr().err
    assert "sent back invalid_request: A code_challenge for S256 is required." in said
    posted = {**right, "response_mode": "form_post"}
    client.simulate_get("/authorize", query_string=urlencode(posted))
    said = capsys.readouterr().err
    assert "sent back invalid_request: A code_challenge for S256 is required." in said
    client.simulate_post(
        "/token", headers=FORM, body="grant_type=authorization_code&client_id=dev"
    )
    said = capsys.readouterr().err
    assert "reason: method" in said
    assert "client_secret_basic" in said


def test_nothing_that_was_sent_moves_the_cursor(
    client: testing.TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.simulate_get("/interaction/\x1b]0;evil\x07\n")
    asked = {"client_id": "dev", "redirect_uri": "https://x/\u202e", "response_type": "code"}
    client.simulate_get("/authorize", query_string=urlencode(asked))
    said = capsys.readouterr().err
    assert "received" in said
    assert all(one.isprintable() or one == "\n" for one in said)


def test_a_card_request_that_is_none(client: testing.TestClient) -> None:
    number = re.findall(r'value="(\d{12})"', client.simulate_post("/card", headers=FORM).text)[0]
    for body in ("request=%09", f"request=a.b.c&number={number}", f"number={number}"):
        answer = client.simulate_post("/card", headers=FORM, body=body)
        assert (answer.status_code, "<code>" in answer.text) == (400, True), body


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"client_id": "x", "redirect_uris": ["http://portal.example/cb"]}', "redirect_uris"),
        ('{"client_id": "dev", "redirect_uris": ["https://portal.example/cb"]}', "client_id"),
        ("{", "file"),
    ],
)
def test_a_client_that_cannot_be_used_is_named_before_anything_starts(
    tmp_path: Path, text: str, key: str
) -> None:
    file = tmp_path / "clients.json"
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        serve_development(config=None, port=free_port(), clients=file, environ={})
    assert key in refused.value.facts.values() or key in refused.value.facts


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_my_account_and_sign_up_are_there_and_codes_are_printed(
    client: testing.TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = client.simulate_get("/account")
    assert path_of(begun.headers["location"]).startswith("/interaction/")
    assert 'id="sign-up"' in client.simulate_get("/sign-up").text
    channel = Channel(kind="email", address="level1@mail.example")
    told(channel, message("12345678", "Example"), at=datetime(2026, 11, 21, tzinfo=UTC))
    assert "level1@mail.example: Example: your code is 12345678" in capsys.readouterr().err


@pytest.mark.parametrize("_attempt", range(2))
def test_told_to_end_while_it_starts(tmp_path: Path, _attempt: int) -> None:
    """Whenever the signal comes, also before a worker can hear it."""
    command = [sys.executable, "-m", "eid.cli", "serve", "--dev", "--port", str(free_port())]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None and not children_of(process.pid):
            time.sleep(0.01)
        process.terminate()
        process.wait(60)
    finally:
        for child in children_of(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait(60)


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
