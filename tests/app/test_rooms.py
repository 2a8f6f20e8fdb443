"""What a provider loads: only what it needs, and everything that it names is there."""

import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eid.app import ManualProof, Settings, open_installation
from eid.app.later import later
from eid.oidc.clients import client_from_metadata
from eid.oidc.late import Late
from eid.oidc.page_routes import Visited
from eid.oidc.routes import Route, routes

LOGIN = Path(__file__).with_name("password_login.py")
NOW = datetime.now(UTC)
# Rooms and packages that a login by password over SQLite has no use for.
UNUSED = (
    "eid.admin",
    "eid.app.gateway",
    "eid.app.traces",
    "eid.chip.card",
    "eid.chip.checks",
    "eid.chip.evidence",
    "eid.chip.pace",
    "eid.chip.verify",
    "eid.cli",
    "eid.kiosk",
    "eid.levels.proofing",
    "eid.levels.visit",
    "eid.oidc.account",
    "eid.oidc.card_login",
    "eid.oidc.kiosk_ports",
    "eid.oidc.kiosks",
    "eid.oidc.logout",
    "eid.oidc.methods",
    "eid.oidc.pushed",
    "eid.oidc.rising",
    "eid.oidc.sign_up",
    "eid.oidc.upstream",
    "eid.qr",
    "eid.store.audit_reading",
    "eid.store.kiosks",
    "eid.store.libpq",
    "eid.store.looks",
    "eid.store.subject",
    "eid.testing",
    "alembic",
    "authlib",
    "babel",
    "fido2",
    "opentelemetry",
    "PIL",
    "pkcs11",
    "psycopg",
    "pydantic",
    "pyotp",
    "qrcode",
    "requests",
    "smartcard",
    "typer",
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation")
    (folder / "trust" / "csca").mkdir(parents=True)
    file = folder / "eid.toml"
    file.write_text(
        'issuer = "http://127.0.0.1:8350"\nlisten = "127.0.0.1:8350"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n'
    )
    with open_installation(Settings.load(file)) as installation:
        installation.add_account(
            username="an",
            password="a long enough password",
            proof=ManualProof(level=2, officer="hoa", reason="a test"),
            at=NOW,
        )
        portal = {
            "client_id": "portal",
            "client_name": "Portal",
            "redirect_uris": ["https://portal.example/callback"],
            "token_endpoint_auth_method": "none",
        }
        legal = installation.settings.legal_entity
        installation.add_clients([client_from_metadata(portal, legal_entity=legal)], at=NOW)
    return file


def rooms(modules: list[str]) -> list[str]:
    return [room for room in UNUSED if any(f"{one}.".startswith(f"{room}.") for one in modules)]


def test_a_login_by_password_enters_no_other_room(settings: Path) -> None:
    done = subprocess.run(
        [sys.executable, LOGIN, settings], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert rooms(loaded["started"]) == []
    assert "jinja2" not in loaded["started"]
    assert rooms(loaded["logged_in"]) == []


def table(settings: Path) -> tuple[Route, ...]:
    with open_installation(Settings.load(settings)) as installation:
        return routes(installation.provider())


def test_every_late_handler_is_there(settings: Path) -> None:
    handlers = [h for route in table(settings) for h in route.handlers.values()]
    late = {h for h in handlers if isinstance(h, Late)}
    pages = {h.page for h in handlers if isinstance(h, Visited)}
    assert len(late) > 30
    assert len(pages) > 20

    def takes(function: Any) -> int:
        return len(inspect.signature(function).parameters)

    for given, named in ((2, late), (1, pages)):
        for one in named:
            found = one.find()
            assert callable(found), one
            assert takes(found) == given, one
            assert found.__module__ == one.module, one


def test_a_part_that_cannot_be_made_says_why_and_is_tried_again() -> None:
    tries: list[str] = []

    def make() -> str:
        tries.append("x")
        if len(tries) == 1:
            raise AttributeError("its own")
        return "made"

    part = later(make)
    with pytest.raises(AttributeError, match="its own"):
        part.upper()
    assert part.upper() == "MADE"
    assert (part.lower(), tries) == ("made", ["x", "x"])
