from datetime import UTC, datetime

import pytest

from eid.oidc.clients import client_from_metadata
from eid.store.clients import Clients

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def client(client_id="portal", **changes):
    metadata = {
        "client_id": client_id,
        "client_secret": "correct-horse-battery",
        "client_name": "Portal",
        "redirect_uris": ["https://portal.example/callback"],
        "scope": "openid profile",
        **changes,
    }
    return client_from_metadata(metadata, legal_entity="Example Ltd")


@pytest.fixture
def clients(store):
    return Clients(store.database, audit=store.audit, legal_entity="Example Ltd")


def test_added_found_and_replaced(clients, store):
    assert clients.by_id("portal") is None
    first, other = client(), client("shop")
    clients.put([first, other], at=AT)
    assert clients.by_id("portal") == first
    assert clients.all() == (first, other)
    changed = client(client_name="New portal")
    clients.put([changed], at=AT)
    assert clients.by_id("portal") == changed
    assert [store.audit.count(kind) for kind in ("client.added", "client.changed")] == [2, 1]


def test_o033_secrets_are_hashed(clients, sqlite_url, tmp_path, store):
    clients.put([client()], at=AT)
    store.close()
    for path in tmp_path.glob("eid.db*"):
        assert b"correct-horse-battery" not in path.read_bytes()
