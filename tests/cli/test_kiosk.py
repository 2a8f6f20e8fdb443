"""The card agent as the process that `eid kiosk` starts, with a reader it waits at."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from eid.cli import main
from eid.keys import EncryptionKey, SigningKey, decrypt_jwe, encode_base64url, sign_jwt
from eid.testing.people import PEOPLE
from eid.testing.virtual_reader import VirtualReader

HANDLE = "handle-0123456789abcdef"
SIGNING = SigningKey.generate("tokens")
SEALING = EncryptionKey.generate("evidence")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def received() -> list[Any]:
    return []


@pytest.fixture
def issuer(received: list[Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send({"keys": [SIGNING.public_jwk(), SEALING.public_jwk()]})

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            content = decrypt_jwe(
                form["evidence"][0], SEALING, typ="eid-evidence+jwe", max_bytes=400_000
            )
            received.append(json.loads(content))
            self._send({"handle": HANDLE})

        def _send(self, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def kiosk(issuer: str, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    address = f"127.0.0.1:{free_port()}"
    config, log = tmp_path / "kiosk.toml", tmp_path / "kiosk.log"
    config.write_text(
        f'listen = "{address}"\ninsecure_virtual_reader = true\ncard_wait_s = 20\n'
        f'[[issuers]]\nissuer = "{issuer}"\n',
        encoding="utf-8",
    )
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "eid"), "kiosk", "--config", str(config)],
            stdout=out,
            stderr=out,
            env=dict(os.environ),
        )
    try:
        wait_until_live(f"http://{address}/health/live", process)
        yield f"http://{address}", process, log
    finally:
        process.terminate()
        process.wait(60)


def wait_until_live(url: str, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None
        try:
            if requests.get(url, timeout=5).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.05)


def request_for(issuer: str) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": issuer,
        "aud": "eid-agent",
        "jti": encode_base64url(os.urandom(16)),
        "iat": now,
        "exp": now + 60,
        "client_name": "Ngân hàng Thử",
        "purpose": "Đăng nhập",
        "plan": "kiosk",
        "challenge": encode_base64url(os.urandom(8)),
        "return_uri": f"{issuer}/interaction/1/card/return",
        "evidence_uri": f"{issuer}/card/evidence",
        "cookie_hash": encode_base64url(os.urandom(32)),
    }
    return sign_jwt(claims, SIGNING, typ="eid-card-request+jwt")


@pytest.mark.pcsc
def test_a_login_at_a_real_agent(
    kiosk: Any, issuer: str, received: list[Any], case: Any, virtual_reader: VirtualReader
) -> None:
    url, process, log = kiosk
    page = requests.post(
        f"{url}/card",
        data={"request": request_for(issuer)},
        headers={"Origin": issuer},
        timeout=10,
    )
    assert page.status_code == 200, page.text
    action = re.search(r'action="(/card/[^"]+/agree)"', page.text)
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert action
    assert token
    hand = threading.Timer(0.3, virtual_reader.insert, args=(case.image,))
    hand.start()
    try:
        back = requests.post(
            url + action[1],
            data={"form_token": token[1], "agree": "yes", "number": PEOPLE["thu"].number},
            headers={"Origin": url},
            allow_redirects=False,
            timeout=30,
        )
    finally:
        hand.join()
        virtual_reader.remove()
    assert back.status_code == 303, back.text
    assert back.headers["Location"] == f"{issuer}/interaction/1/card/return?handle={HANDLE}"
    assert len(received) == 1
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    written = log.read_text("utf-8")
    assert "consent issuer=" in written
    assert PEOPLE["thu"].number not in written
    assert PEOPLE["thu"].can not in written
    assert "Traceback" not in written


@pytest.mark.parametrize("text", ['listen = "0.0.0.0:80"', "", "listen = 3", "x"])
def test_unusable_settings(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(text)
    assert main(["kiosk", "--config", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_port_that_is_taken(issuer: str, tmp_path: Path, run: Any) -> None:
    path = tmp_path / "kiosk.toml"
    taken = issuer.removeprefix("http://")
    path.write_text(f'listen = "{taken}"\n[[issuers]]\nissuer = "{issuer}"\n')
    done = run("kiosk", "--config", path)
    assert done.returncode == 2
    assert "Address already in use" in done.stderr
