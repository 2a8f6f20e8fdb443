"""Consents, access, erasure, retention and backups: rows D-001, D-003, D-004, F-004."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from eid.errors import AccountError, FormatError, SettingsError, Unavailable
from eid.levels.rules import Rules
from eid.oidc.ports import AuditEvent, Grant
from eid.store import Consent, Database, backup as backups, open_store
from eid.store.schema import openings, person_keys

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "correct horse"


def consent(account, **changes):
    given = {
        "id": "c1",
        "account": account.id,
        "client": "bank",
        "what": ("profile", "eid:number"),
        "purpose": "mở tài khoản",
        "channel": "web",
        "text_version": "2026-11",
        "act": "pressed_agree",
        "given_at": AT,
        "until": AT + timedelta(days=365),
    }
    return Consent(**{**given, **changes})


@pytest.fixture
def account(store, person):
    return store.accounts.create(person(), password=PASSWORD)


# -- D-001: the ledger ---------------------------------------------------------------------------


def test_d001_given_and_withdrawn_with_a_receipt(store, account):
    store.consents.give(consent(account))
    store.consents.give(consent(account, id="c2", client="shop"))
    assert store.consents.of_account(account.id)[0].what == ("profile", "eid:number")
    assert [one.id for one in store.consents.live(account.id, "bank", at=AT)] == ["c1"]
    end = AT + timedelta(days=1)
    withdrawn = store.consents.withdraw("c1", by="self", at=end)
    assert withdrawn.withdrawn_at == end
    assert store.consents.live(account.id, "bank", at=end) == ()
    assert len(store.consents.of_account(account.id)) == 2
    kinds = [row.event.kind for row in store.audit.of_account(account.id)]
    assert kinds.count("consent.given") == 2
    assert kinds[0] == "consent.withdrawn"
    for name, code in (("c1", "consent.withdrawn"), ("c9", "consent.unknown")):
        with pytest.raises(AccountError) as caught:
            store.consents.withdraw(name, by="self", at=end)
        assert caught.value.code == code


def test_a_consent_has_a_beginning_and_an_end(person):
    one = consent(person())
    assert not one.is_live(AT - timedelta(seconds=1))
    assert one.is_live(AT)
    assert not one.is_live(one.until)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"act": "silence"}, "consent.act"),
        ({"channel": "rumour"}, "consent.act"),
        ({"what": ()}, "consent.content"),
        ({"purpose": ""}, "consent.content"),
        ({"text_version": ""}, "consent.content"),
        ({"client": ""}, "consent.content"),
        ({"until": AT}, "consent.until"),
    ],
)
def test_what_is_no_consent(person, change, code):
    with pytest.raises(FormatError) as caught:
        consent(person(), **change)
    assert caught.value.code == code


# -- D-003: access --------------------------------------------------------------------------------


def test_d003_access_is_ones_own_and_machine_readable(store, account, person):
    other = store.accounts.create(person("other", "001190000002"))
    store.consents.give(consent(account))
    store.consents.give(consent(other, id="c2", purpose="việc khác"))
    document = json.loads(json.dumps(store.subjects.access(account.id, by="canbo", at=AT)))
    assert document["profile"]["personal_number"] == "001190000001"
    assert [one["purpose"] for one in document["consents"]] == ["mở tài khoản"]
    assert {row["kind"] for row in document["log"]} == {"consent.given", "account.looked_at"}
    text = json.dumps(document)
    assert "001190000002" not in text
    assert "argon2" not in text
    with pytest.raises(AccountError):
        store.subjects.access("nobody", by="canbo", at=AT)


# -- erasure --------------------------------------------------------------------------------------


def test_erasure_destroys_the_person_and_keeps_the_record(store, account):
    salted = AuditEvent(
        kind="card.read", at=AT, account=account.id, commitment=b"\x01" * 32, opening=b"s" * 48
    )
    store.audit.record([salted])
    assert store.openings.find(b"\x01" * 32) == b"s" * 48
    assert store.openings.find(b"\x02" * 32) is None
    left = store.subjects.erase(account.id, by="canbo", reason="theo yêu cầu", at=AT)
    assert store.accounts.by_id(account.id) == left
    assert (left.state, left.level, left.profile) == ("closed", 0, None)
    assert store.accounts.by_number("001190000001") is None
    assert store.accounts.by_username("thu") is None
    assert store.openings.find(b"\x01" * 32) is None
    with store.database.read() as connection:
        for table in (person_keys, openings):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0
    rows = [row.event for row in store.audit.of_account(account.id)]
    (row,) = [row for row in rows if row.kind == "account.erased"]
    assert row.detail["kept"] == "retention.usage privacy.consent_log"
    assert [row.commitment for row in rows if row.commitment] == [b"\x01" * 32]
    store.audit.verify()
    again = store.subjects.erase(account.id, by="canbo", reason="lần nữa", at=AT)
    assert again.state == "closed"
    with pytest.raises(AccountError):
        store.subjects.erase("nobody", by="canbo", reason="x", at=AT)
    with pytest.raises(AccountError) as caught:
        store.accounts.update(replace(again, profile=account.profile), at=AT)
    assert caught.value.code == "account.erased"


def test_what_opens_a_commitment_stays_as_it_was_first_kept(store, account):
    """One reading of a card stands in many rows of the record, and may come in one batch."""
    one = AuditEvent(kind="x", at=AT, account=account.id, commitment=b"1", opening=b"first")
    store.audit.record([one, replace(one, kind="y")])
    store.audit.record([replace(one, opening=b"later")])
    assert store.openings.find(b"1") == b"first"
    assert store.audit.count("x") == 2


def test_openings_are_bounded_and_about_a_person(store, account):
    with pytest.raises(ValueError, match="salt"):
        store.audit.record(
            [AuditEvent(kind="x", at=AT, account=account.id, commitment=b"1", opening=bytes(257))]
        )
    store.audit.record(
        [
            AuditEvent(kind="x", at=AT, commitment=b"1", opening=b"1"),
            AuditEvent(kind="x", at=AT, account="nobody", commitment=b"2", opening=b"1"),
            AuditEvent(kind="x", at=AT, account=account.id, opening=b"1"),
        ]
    )
    assert store.openings.find(b"1") is None


# -- retention ------------------------------------------------------------------------------------


def test_d004_nothing_is_older_than_its_limit(store, account):
    old = AT - timedelta(days=6 * 365)
    salted = AuditEvent(
        kind="old", at=old, account=account.id, commitment=b"\x01" * 32, opening=b"s"
    )
    store.audit.record([salted] * 300)
    store.grants.put(Grant(kind="code", key=bytes(32), payload={}, expires_at=old))
    with pytest.raises(AccountError):
        store.accounts.check_password("thu", "wrong horse", address="192.0.2.1", at=old)
    gone = store.retain(rules=Rules.load(), at=AT)
    assert (gone.grants, gone.throttles, gone.openings, gone.audit_rows) == (1, 2, 1, 256)
    again = store.retain(rules=Rules.load(), at=AT)
    assert (again.grants, again.throttles, again.openings, again.audit_rows) == (0, 0, 0, 0)
    store.audit.verify()


def test_without_a_rule_nothing_of_the_record_goes(store):
    store.audit.record([AuditEvent(kind="old", at=AT - timedelta(days=9999))] * 300)
    gone = store.retain(rules=Rules(()), at=AT)
    assert gone.audit_rows == 0


# -- backups --------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    return tmp_path / "eid.backup", tmp_path / "eid.keys"


def empty(url):
    """Another empty database of the same kind."""
    if url.startswith("sqlite"):
        return url.replace("eid.db", "other.db")
    database = Database.open(url)
    with database.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    database.close()
    return url


def test_backed_up_and_restored(store, url, files, tmp_path, account, person):
    other = store.accounts.create(person("other", "001190000002"))
    store.consents.give(consent(account))
    backups.backup(url, *files)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert backups.erase_from_keys(files[1], other.id)
    assert not backups.erase_from_keys(files[1], other.id)
    target = empty(url)
    backups.restore(target, *files)
    again = open_store(target, tmp_path, insecure_fast_hash=True)
    assert again.accounts.by_id(account.id) == account
    assert again.accounts.check_password("thu", PASSWORD, address="a", at=AT).id == account.id
    assert again.accounts.by_id(other.id).profile is None  # erased from every data file
    assert again.accounts.by_number("001190000001") == account
    assert again.accounts.numbers.holders("001190000002") == ()
    assert len(again.consents.of_account(account.id)) == 1
    again.audit.verify()
    again.close()
    with pytest.raises(SettingsError) as caught:
        backups.restore(target, *files)
    assert caught.value.code == "database.not_empty"


def test_nobody_can_be_opened_from_a_data_file_alone(sqlite_store, sqlite_url, files, person):
    """Twenty planted people: a data file, with every key of the installation, opens none."""
    people = [
        sqlite_store.accounts.create(person(f"user{n}", f"0011900001{n:02}")) for n in range(20)
    ]
    with sqlite_store.database.read() as connection:
        keys = connection.execute(select(person_keys.c.sealed)).scalars().all()
    backups.backup(sqlite_url, *files)
    data = files[0].read_bytes()
    assert people[0].id.encode() in data
    assert not [key for key in keys if key[8:40] in data]
    everything = b"".join(path.read_bytes() for path in files[0].parent.glob("eid*"))
    for text in ("TRẦN", "1990-05-17", "Phố", *(f"0011900001{n:02}" for n in range(20))):
        assert text.encode() not in everything
    one = people[0]
    sqlite_store.subjects.erase(one.id, by="canbo", reason="x", at=AT)
    assert backups.erase_from_keys(files[1], one.id)
    with sqlite_store.database.read() as connection:
        left = connection.execute(select(person_keys.c.sealed)).scalars().all()
    (gone,) = set(keys) - set(left)
    everything = b"".join(path.read_bytes() for path in files[0].parent.glob("eid*"))
    assert gone[8:40] not in everything


def test_files_that_are_no_backup(store, url, files, tmp_path, account):
    target = empty(url) if url.startswith("sqlite") else url
    files[0].write_bytes(b"garbage" * 100)
    with pytest.raises(SettingsError) as caught:
        backups.restore(target, *files)
    assert caught.value.code == "database.backup"
    if url.startswith("sqlite"):
        files[0].write_bytes(b"SQLite format 3\x00" + b"garbage" * 1000)
        with pytest.raises(SettingsError):
            backups.restore(target, *files)
    else:
        empty(url)
        files[0].write_bytes(b"PGDMP" + b"garbage" * 100)
        with pytest.raises(Unavailable):
            backups.restore(url, *files)


def test_a_key_file_that_is_none(sqlite_store, sqlite_url, files, tmp_path):
    backups.backup(sqlite_url, *files)
    files[1].write_bytes(b"garbage" * 100)
    with pytest.raises(SettingsError):
        backups.restore(empty(sqlite_url), *files)


def test_nobody_is_thought_erased_from_a_file_that_is_no_key_file(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"garbage" * 100)
    for file in (other, tmp_path / "absent", tmp_path):
        with pytest.raises(SettingsError) as caught:
            backups.erase_from_keys(file, "a1")
        assert caught.value.code == "database.backup"
    assert not (tmp_path / "absent").exists()


def test_a_backup_that_fails_leaves_the_old_one(sqlite_store, sqlite_url, files):
    files[0].write_bytes(b"the old one")
    with pytest.raises(OSError, match="No such file"):
        backups.backup(sqlite_url, files[0], Path("/nonexistent/keys"))
    with sqlite3.connect(files[0]) as whole:  # the data file was finished before
        assert whole.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with pytest.raises(SettingsError):
        backups.backup(empty(sqlite_url), *files)


def test_a_tool_that_is_not_there(postgresql_url, files, tmp_path, monkeypatch):
    open_store(postgresql_url, tmp_path, insecure_fast_hash=True).close()
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unavailable) as caught:
        backups.backup(postgresql_url, *files)
    assert caught.value.code == "database.tool"
