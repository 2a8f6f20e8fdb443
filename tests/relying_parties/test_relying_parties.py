"""Real relying parties, each a process of its own, against the provider as a process.

oauth4webapi and openid-client run in node, with the pinned lock file of this folder; Authlib is a
Python client over HTTP. Skipped with a reason where node or its packages cannot be had.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from eid.keys import JwkSet, SigningKey, verify_jwt

HERE = Path(__file__).parent
PLACE = HERE.parents[1] / ".eid" / "relying_parties"
CALLBACK = "http://127.0.0.1:9/callback"
KEY = SigningKey.generate("client")


def private_jwk() -> dict[str, str]:
    pem = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = ECKey.import_key(pem).as_dict(private=True)
    return {**jwk, "kid": KEY.kid}


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the pinned packages."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    if not (PLACE / "node_modules" / "openid-client").exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, PLACE)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=PLACE, capture_output=True, timeout=90, check=False)
        if done.returncode:
            pytest.skip("the node packages cannot be installed here")
    return PLACE


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("rp")
    base = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"]}
    keyed = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.public_jwk()]}}
    clients = [
        {"client_id": "plain", "client_secret": "plain-secret", **base},
        {"client_id": "fapi", "eid_profile": "fapi2", **base, **keyed},
        {"client_id": "keyed", **base, **keyed},
    ]
    file = folder / "clients.json"
    file.write_text(json.dumps(clients), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    program = str(Path(sys.executable).parent / "eid")
    command = [program, "serve", "--dev", "--port", str(port), "--clients", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        for _ in range(600):
            assert process.poll() is None
            try:
                if requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).ok:
                    break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def log_in(url: str) -> str:
    """A person's browser: from the service's address to the address that it is sent back to."""
    with requests.Session() as browser:
        page = browser.get(url)
        form = {"csrf": field(page.text, "csrf"), "username": "level2"}
        page = browser.post(f"{page.url}/password", data=form | {"password": "development"})
        assert page.url.endswith("/consent"), page.text
        form = {"csrf": field(page.text, "csrf")}
        answer = browser.post(page.url, data=form, allow_redirects=False)
        return answer.headers["Location"]


def field(text: str, name: str) -> str:
    match = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert match, text
    return unescape(match[1])


def run(packages: Path, script: str, *arguments: str) -> dict[str, object]:
    """Run a relying party to its end; what it says that it got."""
    shutil.copy(HERE / script, packages)
    command = ["node", script, *arguments]
    with subprocess.Popen(
        command,
        cwd=packages,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        if not url:
            pytest.fail(process.stderr.read())
        out, err = process.communicate(log_in(url) + "\n", timeout=60)
    assert process.returncode == 0, err
    told: dict[str, object] = json.loads(out)
    return told


def test_oauth4webapi(packages: Path, issuer: str) -> None:
    told = run(packages, "basic.mjs", issuer, "plain", "plain-secret", CALLBACK)
    assert told.pop("name")
    assert told == {"acr": "urn:eid:auth:1", "rotated": True, "active": True, "afterwards": False}


def test_openid_client_in_the_profile_fapi2(packages: Path, issuer: str) -> None:
    told = run(packages, "fapi2.mjs", issuer, "fapi", json.dumps(private_jwk()), CALLBACK)
    assert told.pop("name")
    assert told == {"acr": "urn:eid:auth:1", "type": "dpop", "kept": True}


def test_authlib(issuer: str) -> None:
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session(
        "plain",
        "plain-secret",
        scope="openid profile",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    verifier = "v" * 48
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce="n"
    )
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=log_in(url).replace("http://127.0.0.1:9", "https://rp.example"),
        state=state,
        code_verifier=verifier,
    )
    keys = JwkSet.from_jwks(requests.get(metadata["jwks_uri"], timeout=10).json())
    claims = verify_jwt(
        token["id_token"], keys, typ="JWT", issuer=issuer, audience="plain", at=datetime.now(UTC)
    )
    told = session.get(metadata["userinfo_endpoint"]).json()
    assert told["sub"] == claims["sub"]
    fresh = session.refresh_token(metadata["token_endpoint"])
    assert fresh["refresh_token"] != token["refresh_token"]
    session.close()
