import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eid.app import Settings, open_installation
from eid.cli import main

CLIENT = {
    "client_id": "portal",
    "client_secret": "correct-horse-battery",
    "client_name": "Cổng thử",
    "redirect_uris": ["http://127.0.0.1:9000/callback"],
    "scope": "openid profile",
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "eid.toml"
    path.write_text(
        'issuer = "http://127.0.0.1:8080"\nlisten = "127.0.0.1:8080"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n',
        encoding="utf-8",
    )
    (tmp_path / "trust").mkdir()
    return str(path)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))


def add(config: str, *options: str) -> int:
    given = ["--config", config, "--username", "canbo", "--password-stdin"]
    return main(["account", "add", *given, *options])


def show(config: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["account", "show", "--config", config, "--username", "canbo"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_officer(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, "--role", "officer") == 0
    shown = show(config, capsys)
    assert (shown["level"], shown["state"], shown["roles"]) == (0, "registered", ["officer"])
    assert "password" not in shown


def test_a_level_needs_who_and_why(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, "--level", "2") == 2
    assert add(config, "--level", "2", "--proofed-by", "An") == 2
    assert add(config, "--level", "3", "--proofed-by", "An", "--reason", "Gặp mặt") == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert add(config, "--level", "2", "--proofed-by", "An", "--reason", "Gặp mặt") == 0
    shown = show(config, capsys)
    assert (shown["level"], shown["source"], shown["holder_match"]) == (2, "manual", "officer")


def test_fictional_people_on_loopback(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, "--level", "1", "--insecure-unproofed") == 0
    assert show(config, capsys)["level"] == 1


def test_no_fictional_people_in_production(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(config)
    text = path.read_text("utf-8").replace("http://127.0.0.1:8080", "https://id.example.vn")
    text = text.replace("insecure_fast_hash = true", "").replace(
        "[password]", '[operator]\nlegal_entity = "Thử"\nrole = "own_services"'
    )
    path.write_text(text, encoding="utf-8")
    assert add(config, "--level", "1", "--insecure-unproofed") == 2
    assert "loopback" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_password_is_asked_twice_at_a_terminal_only(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["account", "add", "--config", config, "--username", "canbo"]
    assert main(given) == 2
    assert "--password-stdin" in capsys.readouterr().err
    typed = iter(["correct horse battery", "another", *["correct horse battery"] * 2])
    monkeypatch.setattr("eid.cli.account.getpass", lambda _prompt: next(typed))
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(given) == 2
    assert "differ" in capsys.readouterr().err
    assert main(given) == 0


def test_unusable_accounts(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, "--role", "king") == 2
    assert main(["account", "show", "--config", config, "--username", "nobody"]) == 1
    assert add("/nonexistent.toml") == 2
    errors = capsys.readouterr().err
    for code in ("input.role", "account.unknown", "settings"):
        assert f"({code})" in errors


def test_names_are_taken_once(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add(config) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert add(config) == 1
    assert "account.username_taken" in capsys.readouterr().err


def happen(config: str, command: str, *options: str) -> int:
    given = ["--config", config, "--username", "canbo", "--by", "An", "--reason", "yêu cầu"]
    return main(["account", command, *given, *options])


def test_locked_unlocked_closed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config, "--level", "2", "--proofed-by", "An", "--reason", "Gặp mặt") == 0
    assert happen(config, "lock", "--ground", "card_withdrawn") == 0
    assert (show(config, capsys)["state"], show(config, capsys)["lock_ground"]) == (
        "locked",
        "card_withdrawn",
    )
    assert happen(config, "unlock") == 0
    assert show(config, capsys)["level"] == 2
    assert happen(config, "close") == 0
    assert "closed, level 0" in capsys.readouterr().out
    assert happen(config, "unlock") == 1
    assert "account.impossible_move" in capsys.readouterr().err
    assert main(["account", "history", "--config", config, "--username", "canbo"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["kind"].removeprefix("account.") for row in rows] == [
        "closed",
        "unlocked",
        "locked",
        "added",
    ]
    assert rows[0]["detail"]["by"] == "An"


def test_ones_own_log_as_a_page(config: str, tmp_path: Path) -> None:
    assert add(config) == 0
    page = tmp_path / "log.html"
    given = ["--config", config, "--username", "canbo", "--page", str(page)]
    assert main(["account", "history", *given]) == 0
    assert "account created" in page.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600


def test_locked_for_good(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(config) == 0
    assert happen(config, "lock", "--ground", "death") == 0
    assert happen(config, "unlock") == 1
    assert happen(config, "lock", "--ground", "boredom") == 2
    assert happen(config, "close", "--reason", " ") == 2
    errors = capsys.readouterr().err
    for code in ("account.locked_for_good", "input.ground", "input.reason"):
        assert f"({code})" in errors


def test_cases(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["account", "cases", "--config", config]) == 0
    settings = Settings.load(Path(config))
    with open_installation(settings) as installation:
        now = datetime.now(UTC)
        book = installation.accounts.cases
        case = book.open("breach", account=None, other=None, by="An", at=now)
        old = now - timedelta(days=9)
        book.open("lock_request", account=None, other=None, by="An", at=old)
    assert main(["account", "cases", "--config", config]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["kind"], one["overdue"]) for one in listed] == [
        ("lock_request", True),
        ("breach", False),
    ]
    decide = ["account", "cases", "--config", config, "--decide", case.id]
    assert main(decide) == 2
    assert main([*decide, "--decision", "notified", "--by", "An"]) == 0
    assert main([*decide, "--decision", "notified", "--by", "An"]) == 1
    assert "case.decided" in capsys.readouterr().err


def test_a_case_is_opened_and_has_its_time(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(config) == 0
    capsys.readouterr()
    given = ["account", "cases", "--config", config, "--by", "An"]
    assert main([*given, "--open", "subject_request", "--username", "canbo"]) == 0
    (case,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (case["kind"], bool(case["account"]), bool(case["due_at"])) == (
        "subject_request",
        True,
        True,
    )
    assert main([*given, "--open", "boredom"]) == 2
    assert main([*given, "--open", "breach", "--username", "nobody"]) == 1
    assert "input.case_kind" in capsys.readouterr().err


def test_a_card_is_lost_and_a_number_replaced(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add(config, "--level", "2", "--proofed-by", "An", "--reason", "Gặp mặt") == 0
    assert happen(config, "expire", "--because", "card_lost") == 0
    assert show(config, capsys)["level"] == 0
    assert happen(config, "expire", "--because", "boredom") == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("001190000077\n"))
    assert happen(config, "replace-number") == 1  # nobody was proofed by a card here
    assert happen(config, "replace-number", "--number", "1") == 2
    errors = capsys.readouterr().err
    for code in ("input.because", "account.no_person", "account.number"):
        assert f"({code})" in errors


def test_clients(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps([CLIENT, CLIENT | {"client_id": "shop"}]), encoding="utf-8")
    assert main(["client", "add", "--config", config, "--file", str(path)]) == 0
    assert capsys.readouterr().out == "portal\nshop\n"
    assert main(["client", "list", "--config", config]) == 0
    out = capsys.readouterr().out
    listed = [json.loads(line) for line in out.splitlines()]
    assert [one["client_id"] for one in listed] == ["portal", "shop"]
    assert "secret" not in "".join(listed[0])
    assert CLIENT["client_secret"] not in out


def test_unusable_clients(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "clients.json"
    for text in ("", "{}", "[3]", json.dumps(CLIENT | {"eid_surprise": 1})):
        path.write_text(text, encoding="utf-8")
        assert main(["client", "add", "--config", config, "--file", str(path)]) == 2
    path.write_text(json.dumps(CLIENT | {"eid_legal_entity": "Người khác"}), encoding="utf-8")
    assert main(["client", "add", "--config", config, "--file", str(path)]) == 2
    assert "settings.client_role" in capsys.readouterr().err
    assert main(["client", "list", "--config", config]) == 0
    assert not capsys.readouterr().out
