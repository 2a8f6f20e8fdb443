"""Introspection, revocation and resource indicators (RFC 7662, 7009, 8707; rows O-035, O-040)."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from eid.oidc.step_up import Demand

API = "https://api.example"


def basic(world, user):
    return sys.modules[type(world).__module__].basic(user, "portal-secret-0123456789")


def introspect(world, token, who="keeper"):
    return world.call("/introspect", {"token": token}, Authorization=basic(world, who))


def revoke(world, token, who="keeper"):
    return world.call("/revoke", {"token": token}, Authorization=basic(world, who))


@pytest.fixture
def body(world):
    code = world.code(client_id="keeper", resource=API)
    return world.redeem(code, auth="keeper", resource=API).json()


def test_a_resource_sees_its_own_tokens(world, body):
    told = introspect(world, body["access_token"], "api").json()
    assert told["active"] is True
    assert (told["aud"], told["client_id"], told["token_type"]) == (API, "keeper", "Bearer")
    assert (told["eid_level"], told["eid_auth_level"], told["acr"]) == (2, 1, "urn:eid:auth:1")
    assert told["exp"] == told["iat"] + 300
    assert not Demand(auth_level=2).is_met(told, now=told["iat"])
    assert Demand(auth_level=1, max_age=60).is_met(told, now=told["auth_time"] + 60)
    assert not Demand(auth_level=1, max_age=60).is_met(told, now=told["auth_time"] + 61)


def test_o040_to_everybody_else_it_is_inactive(world, body):
    for token in (body["access_token"], "x", "A" * 43):
        assert introspect(world, token, "portal").json() == {"active": False}


def test_its_own_client_sees_it(world, body):
    assert introspect(world, body["access_token"]).json()["active"] is True
    assert introspect(world, body["refresh_token"]).json()["client_id"] == "keeper"


def test_a_token_for_a_resource_is_none_for_userinfo(world, body):
    assert world.userinfo(body["access_token"]).status == 401


def test_o035_public_clients_may_not_ask(world):
    answer = world.call("/introspect", {"token": "x", "client_id": "app"})
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_the_token_is_missing(world, path):
    answer = world.call(path, {}, Authorization=basic(world, "keeper"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_bound_tokens_name_their_key(world):
    form = {
        "grant_type": "authorization_code",
        "code": world.code(client_id="keeper"),
        "redirect_uri": "https://portal.example/callback",
        "code_verifier": world.verifier,
    }
    answer = world.call(
        "/token", form, DPoP=world.proof(), Authorization=basic(world, "keeper")
    ).json()
    told = introspect(world, answer["access_token"]).json()
    assert told["token_type"] == "DPoP"
    assert len(told["cnf"]["jkt"]) == 43


def test_revoking_an_access_token(world, body):
    assert revoke(world, body["access_token"], "portal").status == 200
    assert introspect(world, body["access_token"]).json()["active"] is True
    assert revoke(world, body["access_token"]).status == 200
    assert introspect(world, body["access_token"]).json() == {"active": False}
    assert world.refresh(body["refresh_token"]).status == 200
    assert "access.revoked" in world.events()


def test_revoking_a_refresh_token_ends_the_family(world, body):
    assert revoke(world, body["refresh_token"]).status == 200
    assert introspect(world, body["access_token"]).json() == {"active": False}
    assert world.refresh(body["refresh_token"]).status == 400
    assert "refresh.revoked" in world.events()
    assert revoke(world, body["refresh_token"]).status == 200
    assert revoke(world, "x").status == 200


def test_revoking_the_token_before_a_rotation_ends_its_successors(world, body):
    """The answer to the rotation was lost, and the person logs out at the service."""
    successor = world.refresh(body["refresh_token"]).json()
    assert revoke(world, body["refresh_token"], "portal").status == 200
    assert introspect(world, successor["access_token"]).json()["active"] is True
    assert revoke(world, body["refresh_token"]).status == 200
    assert introspect(world, successor["access_token"]).json() == {"active": False}
    assert world.refresh(successor["refresh_token"]).json()["error"] == "invalid_grant"
    assert world.events().count("refresh.revoked") == 1


def test_nothing_of_the_person_is_opened(world, body, monkeypatch):
    def opened(*_given):
        raise AssertionError("the account's data were read")

    monkeypatch.setattr(type(world.provider.accounts), "by_id", opened)
    assert introspect(world, body["access_token"]).json()["active"] is True


def test_a_locked_account_is_inactive(world, body):
    world.accounts.change(replace(world.people["thu"], state="locked"))
    assert introspect(world, body["access_token"]).json() == {"active": False}


def test_a_refresh_token_of_before_a_change_of_the_account_is_inactive(world, body):
    """As it is refused: a new password ends it, and the access token lives out its minutes."""
    thu = world.people["thu"]
    world.accounts.change(replace(thu, version=thu.version + 1))
    assert introspect(world, body["refresh_token"]).json() == {"active": False}
    assert introspect(world, body["access_token"]).json()["active"] is True
    assert world.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"


def without(world, client_id):
    """The service is disabled from now on."""
    known = world.provider.clients
    disabled = replace(known.by_id(client_id), disabled=True)
    others = [one for one in known.clients.values() if one.client_id != client_id]
    object.__setattr__(world.provider, "clients", type(known).of([*others, disabled]))


def test_tokens_of_a_disabled_service_are_inactive_at_once(world, body):
    own = world.redeem(world.code(client_id="keeper"), auth="keeper").json()["access_token"]
    without(world, "keeper")
    assert introspect(world, body["access_token"], "api").json() == {"active": False}
    answer = world.userinfo(own)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_token")
    assert world.refresh(body["refresh_token"]).json()["error"] == "invalid_client"


def test_an_unregistered_resource(world):
    answer = world.authorize(client_id="portal", resource=API)
    assert answer.query["error"] == "invalid_target"


def test_a_resource_that_was_not_asked_for(world):
    code = world.code(client_id="keeper")
    assert world.redeem(code, auth="keeper", resource=API).json()["error"] == "invalid_target"
    assert world.redeem(code, auth="keeper").status == 200


def test_step_up_challenges():
    demand = Demand(acr_values=("urn:eid:level:2",), auth_level=2, max_age=60)
    assert demand.challenge("DPoP") == (
        'DPoP error="insufficient_user_authentication", acr_values="urn:eid:level:2", max_age="60"'
    )
    assert not demand.is_met({"active": False, "eid_auth_level": 2, "auth_time": 0}, now=0)
    assert not demand.is_met({"active": True}, now=0)
