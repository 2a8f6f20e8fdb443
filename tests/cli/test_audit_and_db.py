import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select

from eid.app import Settings, open_installation
from eid.cli import main
from eid.levels.assurance import Factor
from eid.levels.past import PastAssertion
from eid.oidc.ports import AuditEvent
from eid.store.schema import audit_rows


@pytest.fixture
def config(tmp_path, monkeypatch):
    path = tmp_path / "eid.toml"
    path.write_text(
        'issuer = "http://127.0.0.1:8080"\nlisten = "127.0.0.1:8080"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n',
        encoding="utf-8",
    )
    (tmp_path / "trust").mkdir()
    for name in ("thu", "mau"):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        given = ["--config", str(path), "--username", name, "--password-stdin"]
        assert main(["account", "add", *given]) == 0
    return path


def run(capsys, config, *arguments, code=0):
    capsys.readouterr()
    group, command, *rest = arguments
    assert main([group, command, "--config", str(config), *map(str, rest)]) == code
    out = capsys.readouterr()
    return out.out if code == 0 else out.err


def test_verify_export_and_a_cut_tail(config, tmp_path, capsys):
    heads = tmp_path / "heads"
    heads.write_text(run(capsys, config, "audit", "export"), encoding="ascii")
    assert json.loads(run(capsys, config, "audit", "verify", "--heads", heads))["heads"] == 1
    rows = [json.loads(line) for line in run(capsys, config, "audit", "export", "--rows").split()]
    assert [row["kind"] for row in rows] == ["account.added"] * 2
    with (
        open_installation(Settings.load(config)) as installation,
        installation.store.database.write() as connection,
    ):
        connection.execute(delete(audit_rows).where(audit_rows.c.seq == 2))
    assert "audit.missing" in run(capsys, config, "audit", "verify", "--heads", heads, code=1)


def test_ones_own_log_is_proven_without_the_database(config, tmp_path, capsys):
    page, export, keys = tmp_path / "log.html", tmp_path / "mine.json", tmp_path / "keys.json"
    keys.write_text(run(capsys, config, "audit", "key"), encoding="ascii")
    run(capsys, config, "account", "history", "--username", "thu", "--page", page)
    told = run(capsys, config, "account", "access", "--username", "thu", "--by", "dpo")
    export.write_text(told, encoding="utf-8")
    assert "<script" not in page.read_text("utf-8")
    for file, rows in ((page, 1), (export, 2)):
        assert main(["audit", "check", str(file), "--keys", str(keys)]) == 0
        out = capsys.readouterr().out
        assert "account.added" in out
        assert f"{rows} rows are in the record" in out
    export.write_text(told.replace("account.added", "account.closed"), encoding="utf-8")
    assert main(["audit", "check", str(export), "--keys", str(keys)]) == 1
    assert "audit.altered" in capsys.readouterr().err
    page.write_text(page.read_text("utf-8").replace("base64,", "base64,?"), encoding="utf-8")
    assert main(["audit", "check", str(page), "--keys", str(keys)]) == 2
    assert main(["audit", "check", str(keys), "--keys", str(keys)]) == 2


def test_prove_and_affected(config, capsys):
    with (
        open_installation(Settings.load(config)) as installation,
        installation.store.database.read() as connection,
    ):
        node = connection.execute(select(audit_rows.c.node)).scalars().first()
    proof = json.loads(run(capsys, config, "audit", "prove", "--node", node, "--seq", 1))
    assert proof["row"]["kind"] == "account.added"
    run(capsys, config, "audit", "prove", "--node", node, "--seq", 99, code=2)
    window = ("--from", "2020-01-01", "--to", "2099-01-01")
    listed = run(capsys, config, "audit", "affected", *window).splitlines()
    assert [json.loads(line)["rows"] for line in listed] == [1, 1]


def test_what_was_told_is_judged_again(config, capsys):
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    good = PastAssertion(
        at=at, account_level=2, level=2, auth_level=1, source="manual", consent=True,
        factors=(Factor.of("password", at),),
    )  # fmt: skip
    window = ("--from", "2026-11-21", "--to", "2026-11-22")
    with open_installation(Settings.load(config)) as installation:
        for value in (good, replace(good, auth_level=3)):
            row = AuditEvent(
                kind="code.issued", at=at, client="bank", detail={"assertion": value.to_text()}
            )
            installation.audit.record([row])
    out = run(capsys, config, "audit", "reassess", "--from", "2020-01-01", "--to", "2020-01-02")
    assert out.startswith("0 assertions")
    assert main(["audit", "reassess", "--config", str(config), *window]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert json.loads(first)["differs"] == ["auth_level"]
    assert (json.loads(first)["client"], last.split()[0]) == ("bank", "2")


def test_backup_erase_restore(config, tmp_path, capsys):
    file = tmp_path / "b"
    run(capsys, config, "db", "check")
    run(capsys, config, "db", "upgrade")
    assert json.loads(run(capsys, config, "db", "retain"))["audit_rows"] == 0
    assert "keys" in run(capsys, config, "db", "backup", file)
    who = ("--username", "thu", "--by", "An")
    assert json.loads(run(capsys, config, "account", "access", *who))["profile"] is None
    erase = ("account", "erase", *who, "--reason", "yêu cầu", "--backup-keys", tmp_path / "b.keys")
    assert "Erased" in run(capsys, config, *erase)
    assert "account.unknown" in run(capsys, config, "account", "show", "--username", "thu", code=1)
    assert "database.not_empty" in run(capsys, config, "db", "restore", file, code=2)
    for path in tmp_path.glob("eid.db*"):
        path.unlink()
    run(capsys, config, "db", "restore", file)
    run(capsys, config, "audit", "verify")
    run(capsys, config, "account", "show", "--username", "mau")


def test_wrong_keys_are_named(config, tmp_path, capsys):
    (tmp_path / "data/keys/lookup.secret").write_bytes(bytes(32))
    assert "database.key" in run(capsys, config, "db", "check", code=2)
