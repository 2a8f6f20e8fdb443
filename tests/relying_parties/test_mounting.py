"""The provider inside Flask, Django and FastAPI: a whole login below a path of the host's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from eid.app import Settings, open_installation
from eid.errors import OAuthError
from eid.keys import JSON
from eid.oidc.clients import client_from_metadata
from eid.oidc.upstream import RelyingParty, RelyingPartySettings
from eid.testing.browser import Browser

from .packages import ROOT, python
from .place import AUTH_1, LEVEL_2, SECRET, free_port, running

HOSTS = ROOT / "examples" / "mount"
PASSWORD = "a long enough password"
CALLBACK = "http://127.0.0.1:9/callback"


def installation(folder: Path, port: int) -> Path:
    """Settings, a client and an account."""
    config = folder / "eid.toml"
    config.write_text(
        f'issuer = "http://127.0.0.1:{port}/id"\nlisten = "127.0.0.1:{port}"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n'
    )
    (folder / "trust" / "csca").mkdir(parents=True)
    at = datetime.now(UTC)
    client: dict[str, JSON] = {
        "client_id": "service",
        "client_secret": SECRET,
        "redirect_uris": [CALLBACK],
    }
    with open_installation(Settings.load(config)) as opened:
        entity = opened.settings.legal_entity
        opened.add_clients([client_from_metadata(client, legal_entity=entity)], at=at)
        opened.add_account(username="thu", password=PASSWORD, at=at)
    return config


@pytest.mark.parametrize("host", ["flask", "django", "fastapi"])
def test_a_login_below_the_path_of_a_host(host: str, tmp_path: Path) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}/id"
    config = installation(tmp_path, port)
    words = [python(), HOSTS / f"{host}_host.py"]
    env = {"EID_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
    with running(words, f"{issuer}/health/ready", cwd=tmp_path, env=env):
        assert "The host's own page." in requests.get(f"http://127.0.0.1:{port}/", timeout=60).text
        logs_in(issuer)
        stays_below_its_path(issuer)


def logs_in(issuer: str) -> None:
    party = RelyingParty(
        RelyingPartySettings(
            issuer=issuer, client_id="service", client_secret=SECRET, redirect_uri=CALLBACK
        )
    )
    at = datetime.now(UTC)
    url, pending = party.begin(acr=AUTH_1)
    login = party.complete(answer(issuer, url), pending, at=at)
    assert login.claims["acr"] == AUTH_1
    url, pending = party.begin(acr=LEVEL_2)
    with pytest.raises(OAuthError, match="cannot be reached"):
        party.complete(answer(issuer, url), pending, at=at)


def answer(issuer: str, url: str) -> str:
    """Where the browser is sent with the answer; it never leaves the provider's path before."""
    browser = Browser()
    page = browser.open(url)
    assert page.form("login").action.startswith(f"{issuer}/interaction/")
    style = page.text.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    assert requests.get(style, timeout=60).headers["Content-Type"].startswith("text/css")
    form = page.form("login")
    values = {**form.fields, "username": "thu", "password": PASSWORD}
    headers = browser._headers("POST", form.action, page)
    reply = requests.post(
        form.action, data=values, headers=headers, allow_redirects=False, timeout=60
    )
    location = reply.headers["Location"]
    if location.startswith(CALLBACK):
        return location
    browser._store(form.action, reply)
    page = browser.open(location)
    form = page.form("consent")
    headers = browser._headers("POST", form.action, page)
    reply = requests.post(
        form.action, data=form.fields, headers=headers, allow_redirects=False, timeout=60
    )
    return reply.headers["Location"]


def stays_below_its_path(issuer: str) -> None:
    metadata = f"{issuer}/.well-known/openid-configuration"
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "::1"}
    told = requests.get(metadata, timeout=60)
    assert told.json()["issuer"] == issuer
    reply = requests.get(metadata, headers=forged, timeout=60)
    assert "evil" not in reply.text
    missing = requests.get(f"{issuer}/nothing", timeout=60)
    assert missing.status_code == 404
    assert "default-src 'none'" in missing.headers["Content-Security-Policy"]
