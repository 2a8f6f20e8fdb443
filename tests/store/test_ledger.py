"""A yes and what it is for are written together, or neither is (contracts §8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from eid.errors import Unavailable
from eid.levels.consent import Consent
from eid.oidc.ports import AuditEvent, Grant
from eid.store.schema import audit_rows

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def account(store, person):
    return store.accounts.create(person(), password="long enough!")


def grant(kind="code", key=b"k" * 32):
    until = AT + timedelta(seconds=60)
    return Grant(kind=kind, key=key, payload={"account": "a1"}, expires_at=until)


def happened(kind):
    return AuditEvent(kind=kind, at=AT)


def kinds(store):
    with store.database.read() as connection:
        return list(connection.execute(select(audit_rows.c.kind).order_by("seq")).scalars())


def given(account, **changed):
    values = {
        "id": "tokens-1",
        "account": account.id,
        "client": "shop",
        "what": ("sub", "name"),
        "purpose": "log in",
        "channel": "web",
        "text_version": "vi-0123456789ab",
        "act": "pressed_agree",
        "given_at": AT,
        "until": AT + timedelta(days=1),
    }
    return Consent(**values | changed)


def test_the_yes_is_entered_with_what_it_is_for(store, account):
    before = len(kinds(store))
    store.grants.put(grant(kind="interaction"))
    issued = grant(key=bytes(32))
    used = store.grants.consume(
        "interaction",
        grant().key,
        at=AT,
        issue=[issued],
        events=[happened("code.issued")],
        consents=[given(account)],
    )
    assert used is not None
    assert store.consents.of_account(account.id) == (given(account),)
    assert kinds(store)[before:] == ["consent.given", "code.issued"]
    [row] = [r for r in store.audit.of_account(account.id) if r.event.kind == "consent.given"]
    assert row.event.detail["what"] == "sub name"
    assert row.event.client == "shop"


def test_whoever_comes_second_agreed_to_nothing(store, account):
    store.grants.put(grant(kind="interaction"))
    assert store.grants.consume("interaction", grant().key, at=AT)
    late = store.grants.consume("interaction", grant().key, at=AT, consents=[given(account)])
    assert late is None
    assert store.consents.of_account(account.id) == ()


def test_a_yes_for_what_cannot_be_issued_is_no_yes(store, account):
    """The whole transaction or nothing: the login can then be finished."""
    before = len(kinds(store))
    taken = grant(key=bytes(32))
    store.grants.put(grant(kind="interaction"), taken)
    with pytest.raises(Unavailable):
        store.grants.consume(
            "interaction", grant().key, at=AT, issue=[taken], consents=[given(account)]
        )
    assert store.consents.of_account(account.id) == ()
    assert len(kinds(store)) == before
    assert store.grants.get("interaction", grant().key, at=AT) is not None


def test_one_id_is_one_yes(store, account):
    store.consents.give(given(account), events=[AuditEvent(kind="code.issued", at=AT)])
    store.grants.put(grant(kind="interaction"))
    with pytest.raises(Unavailable):
        store.grants.consume(
            "interaction", grant().key, at=AT, consents=[replace(given(account), client="other")]
        )
    assert [one.client for one in store.consents.of_account(account.id)] == ["shop"]
