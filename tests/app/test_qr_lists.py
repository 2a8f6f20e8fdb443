from datetime import UTC, datetime, timedelta
from pathlib import Path

import falcon
import falcon.testing
import pytest

from eid.app.qr_lists import SignedLists, add_routes, allocate, qr_key, register_of
from eid.app.settings import Settings
from eid.qr import status
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.trust_list import verify_trust_list

ISSUER = "https://id.example.vn"
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        issuer=ISSUER,
        host="127.0.0.1",
        port=8443,
        database="sqlite:///eid.db",
        data_dir=tmp_path / "data",
        trust=tmp_path / "trust",
        agent_url="http://127.0.0.1:8350",
        legal_entity="Clinic",
        role="own_services",
    )


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def pinned(settings: Settings) -> IssuerKeys:
    return IssuerKeys.of([IssuerKey.from_jwk(ISSUER, qr_key(settings).public_jwk())])


def test_both_lists_are_served_with_their_media_types(settings: Settings) -> None:
    app = falcon.App()
    add_routes(app, SignedLists(settings, clock=Clock()))
    client = falcon.testing.TestClient(app)
    listed = client.simulate_get("/status/1")
    assert listed.headers["content-type"] == "application/statuslist+cwt"
    assert "max-age=1800" in listed.headers["cache-control"]
    held = status.verify_list(listed.content, pinned(settings), uri=f"{ISSUER}/status/1", at=NOW)
    assert len(held.statuses) == status.MIN_SIZE
    trust = client.simulate_get("/trust-list")
    assert trust.headers["content-type"] == "application/eid-trust-list+cose"
    known = verify_trust_list(trust.content, pinned(settings), at=NOW).keys
    assert known.keys == pinned(settings).keys
    assert client.simulate_get("/status/2").status_code == 404
    assert client.simulate_post("/status/1").status_code == 405


def test_a_list_is_signed_anew_after_a_change_and_with_time(settings: Settings) -> None:
    clock = Clock()
    lists = SignedLists(settings, clock=clock)
    first = lists.statuses()
    clock.now += timedelta(minutes=20)
    assert lists.statuses() is first
    _, _, place = allocate(settings)
    register_of(settings).set_status(place.index, status.INVALID)
    second = lists.statuses()
    held = status.verify_list(second.body, pinned(settings), uri=place.uri, at=clock.now)
    assert held.status(place.index) == status.INVALID
    clock.now += timedelta(minutes=30)
    assert lists.statuses() is not second


def test_no_list_of_before_is_served_while_the_register_cannot_be_read(settings: Settings) -> None:
    """A withdrawal might be what cannot be read."""
    allocate(settings)
    app = falcon.App()
    add_routes(app, SignedLists(settings, clock=Clock()))
    client = falcon.testing.TestClient(app)
    assert client.simulate_get("/status/1").status_code == 200
    file = register_of(settings).file
    whole = file.read_bytes()
    file.write_bytes(b"{")
    away = client.simulate_get("/status/1")
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    assert client.simulate_get("/trust-list").status_code == 200
    file.write_bytes(whole)
    assert client.simulate_get("/status/1").status_code == 200
