"""Twenty planted people: nobody is found in clear, and after erasure nobody is found at all.

What is searched: the database as its files lie on disk, backups, the program's output and logs.
A name may be written in several ways, so each is looked for in UTF-8, in UTF-16 and as JSON
escapes it; portraits as bytes and in base64.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import secrets
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy.engine import make_url

from eid.errors import EidError
from eid.keys import load_or_create_secret
from eid.levels.account import Account, Profile
from eid.levels.factors.code import Channel
from eid.oidc.ports import AuditEvent, Grant
from eid.store import (
    AccountKeys,
    AccountSeal,
    Consent,
    backup as backups,
    new_account_id,
    open_store,
)

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
COUNT = 20


def planted(index):
    """Who cannot be there by chance."""
    return Profile(
        name=f"VŨ THỊ GIEO {secrets.token_hex(6).upper()}",
        birth_date=f"19{40 + index}-0{1 + index % 9}-17",
        personal_number=f"0{secrets.randbelow(10**11):011}",
        address=f"Ngõ {secrets.token_hex(5)}, Hà Nội",
        document_number=f"{secrets.randbelow(10**9):09}",
        issuing_state="VNM",
        expiry="2040-01-01",
    )


def portrait():
    return b"\xff\xd8\xff" + secrets.token_bytes(600)


def traces(profile, picture, mail):
    """Every way in which somebody may be written."""
    words = (profile.name, profile.personal_number, profile.address, profile.document_number, mail)
    for word in words:
        yield word.encode()
        yield word.encode("utf-16-le")
        yield json.dumps(word)[1:-1].encode()
    yield picture[:64]
    yield base64.b64encode(picture[:60])
    yield base64.urlsafe_b64encode(picture[:60])
    yield picture[:32].hex().encode()


def files_of(store, url, folder):
    """The database's own files, wherever they lie; PostgreSQL's with its write-ahead log."""
    if url.startswith("sqlite"):
        return sorted(folder.glob("eid.db*"))
    with store.database.read() as connection:
        query = "SELECT oid FROM pg_database WHERE datname = current_database()"
        mine = str(connection.exec_driver_sql(query).scalar_one())
    host = Path(parse_qs(urlsplit(url).query)["host"][0])
    places = (host / "data/base" / mine, host / "data/pg_wal")
    return [
        host / "log",
        *(path for place in places for path in place.iterdir() if path.is_file()),
    ]


def content(paths):
    """What the files hold, without the empty stretches that make a search slow."""
    whole = b"".join(path.read_bytes() for path in paths)
    return re.sub(b"\x00{256,}", b"\x00" * 256, whole)


def enrol(store, profile, picture, number):
    """Everything that a life leaves behind: account, channel, consent, evidence, record."""
    account = store.accounts.create(
        Account(
            id=new_account_id(), username=f"gieo{number}", created_at=AT, state="active", level=2,
            holder_match="officer", source="chip_local", profile=profile, proofed_at=AT,
        ),
        password=PASSWORD,
    )  # fmt: skip
    mail = f"gieo-{secrets.token_hex(6)}@example.vn"
    factor = store.factors.enrol_channel(account.id, Channel(kind="email", address=mail), at=AT)
    store.factors.send_code(account.id, factor, lambda *_, **__: None, service="Thử", at=AT)
    store.factors.enrol_totp(account.id, at=AT)
    store.consents.give(
        Consent(
            id=secrets.token_hex(8), account=account.id, client="bank", what=("profile",),
            purpose="mở tài khoản", channel="web", text_version="1", act="pressed_agree",
            given_at=AT, until=AT + timedelta(days=30),
        )
    )  # fmt: skip
    salt = secrets.token_bytes(32)
    proofed = AuditEvent(
        kind="account.proofed_at_counter", at=AT, account=account.id,
        commitment=secrets.token_bytes(32), opening=salt + secrets.token_bytes(32),
    )  # fmt: skip
    payload = {"evidence": base64.urlsafe_b64encode(picture).decode(), "name": profile.name}
    key, expires = secrets.token_bytes(32), AT + timedelta(minutes=2)
    store.grants.put(
        Grant(kind="handle", key=key, payload=payload, expires_at=expires), events=[proofed]
    )
    store.grants.consume("handle", key, at=AT)
    store.accounts.check_password(f"gieo{number}", PASSWORD, address="192.0.2.9", at=AT)
    stumble(store, profile, number)
    return account, mail


def stumble(store, profile, number):
    """Refusals: their messages and the log must not name anybody either."""
    attempts = (
        lambda: store.accounts.check_password(f"gieo{number}", "wrong", address="a", at=AT),
        lambda: store.accounts.check_password(profile.personal_number, "x", address="b", at=AT),
        lambda: store.accounts.create(
            Account(id=new_account_id(), username="x", created_at=AT, profile=profile)
        ),
    )
    for attempt in attempts:
        with pytest.raises(EidError) as caught:
            attempt()
        logging.getLogger("eid").error("refused", exc_info=caught.value)


def search(found, data, where):
    for one in found:
        for trace in traces(*one):
            assert trace not in data, where


def checkpoint(store):
    """Let PostgreSQL write its pages out, so that a look at its files sees them."""
    with store.database.read() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("CHECKPOINT")


def test_d003_d004_nobody_in_clear_and_after_erasure_nobody(url, tmp_path, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    store = open_store(url, tmp_path, insecure_fast_hash=True)
    people = []
    for index in range(COUNT):
        profile, picture = planted(index), portrait()
        account, mail = enrol(store, profile, picture, index)
        people.append((account, (profile, picture, mail)))
    data, keys = tmp_path / "backup", tmp_path / "backup.keys"
    backups.backup(url, data, keys)
    checkpoint(store)
    everyone = [who for _, who in people]
    places = {
        "database": content(files_of(store, url, tmp_path)),
        "backup": content([data, keys]),
        "log": (caplog.text + "".join(capsys.readouterr())).encode(),
    }
    assert people[0][0].id.encode() in places["database"]  # the search finds what is there
    for where, found in places.items():
        search(everyone, found, where)

    with store.database.read() as connection:
        sealed = connection.exec_driver_sql("SELECT account, sealed FROM person_keys").all()
    assert len(sealed) == COUNT
    for account, _ in people:
        store.subjects.erase(account.id, by="dpo", reason="asked", at=AT)
        backups.erase_from_keys(keys, account.id)
    checkpoint(store)
    gone(store, url, tmp_path, people, [bytes(row.sealed) for row in sealed], data, keys)
    assert store.audit.verify().rows["node-1"] > COUNT * 5
    store.close()


def gone(store, url, folder, people, sealed, data, keys):
    """With every key of the installation nobody can be read, nor be looked up, nor be guessed."""
    for account, (profile, _, _) in people:
        left = store.accounts.by_id(account.id)
        assert (left.profile, left.username.startswith("erased-")) == (None, True)
        assert store.accounts.by_number(profile.personal_number) is None
        assert store.accounts.numbers.holders(profile.personal_number) == ()
        told = json.dumps(store.subjects.access(account.id, by="dpo", at=AT), ensure_ascii=False)
        assert not [word for word in asdict(profile).values() if len(word) > 8 and word in told]
    lookup = AccountSeal(
        AccountKeys(
            lookup=load_or_create_secret(folder, "lookup"), pairwise=bytes(32), envelope=bytes(32)
        )
    )
    hashes = [lookup.number_hash(who[0].personal_number) for _, who in people]
    backup = content([data, keys])
    assert not [one for one in (*sealed, *hashes) if one in backup]
    if make_url(url).get_backend_name() == "sqlite":  # PostgreSQL keeps its log until it turns
        database = content(files_of(store, url, folder))
        assert not [one for one in (*sealed, *hashes) if one in database]
