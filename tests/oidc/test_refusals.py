"""What the record says of a refusal, and how it is shown (row O-075)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from eid.oidc.clients import RegisteredClients
from eid.oidc.ports import AuditEvent
from eid.oidc.refusals import advice, explained

AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("hostile", ["\u202eevil", "\x1b[31mred", "a\r\nadvice: trust me", "\x00"])
def test_o075_what_the_sender_chose_moves_no_cursor(hostile):
    detail = {"error": "invalid_redirect_uri", "reason": "redirect_uri", "received": hostile}
    lines = explained(AuditEvent(kind="request.refused", at=AT, client="portal", detail=detail))
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("advice:") for line in lines) == 1
    assert "client: portal" in lines


def test_a_vietnamese_address_stays_readable():
    detail = {"received": "https://cổng.example/quay-lại"}
    lines = explained(AuditEvent(kind="request.refused", at=AT, detail=detail))
    assert "received: https://cổng.example/quay-lại" in lines


@pytest.mark.parametrize(
    ("named", "kept"), [("a%00b", "a?b"), ("a%1b%5b31m", "a?[31m"), ("x" * 500, "x" * 128)]
)
def test_o075_an_id_that_no_service_can_have_is_refused_and_on_record(world, named, kept):
    """PostgreSQL takes no NUL in a text and no more than a column holds: neither is a fault."""

    class Clients:
        def by_id(self, client_id):
            assert client_id.isprintable()

    object.__setattr__(world.provider, "clients", Clients())
    basic = "Basic " + b64encode(f"{named}:secret".encode()).decode()
    answer = world.call("/introspect", {"token": "x"}, Authorization=basic)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    [refused] = world.provider.grants.events
    assert (refused.kind, refused.client) == ("request.refused", kept)
    assert refused.detail["reason"] == "unknown"


def test_keys_that_cannot_be_had_are_not_called_a_wrong_signature(world):
    """Else the service's developer looks for a fault in what he signed."""
    by_address = replace(
        world.provider.clients.by_id("keyed"), jwks=None, jwks_uri="https://rp.example/jwks"
    )
    object.__setattr__(world.provider, "clients", RegisteredClients.of([by_address]))
    called = world.call("/token", {"grant_type": "refresh_token", **world.assertion()})
    assert (called.status, called.json()["error"]) == (401, "invalid_client")
    page = world.authorize(client_id="keyed", request=world.request_object("keyed"))
    assert page.code == "invalid_request_object"
    reasons = [one.detail["reason"] for one in world.provider.grants.events]
    assert reasons == ["client_keys", "client_keys"]
    assert "jwks_uri" in advice(*reasons)
