"""Refresh tokens (contracts §7; row O-036): one successor, a short grace, dead families."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from eid.keys import SigningKey
from eid.oidc.handles import key_of

both_stores = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def begin(world, client="keeper", **changed):
    code = world.code(client_id=client, **changed)
    auth = None if client == "pocket" else client
    form = {"client_id": "pocket"} if client == "pocket" else {}
    return world.redeem(code, auth=auth, **form).json()


@both_stores
def test_rotation_and_its_end(world):
    first = begin(world)
    world.wait(60)
    second = world.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert "id_token" not in second
    assert world.userinfo(second["access_token"]).status == 200
    world.wait(60)
    replayed = world.refresh(first["refresh_token"])
    assert (replayed.status, replayed.json()["error"]) == (400, "invalid_grant")
    assert "refresh.replayed" in world.events()
    for dead in (first, second):
        assert world.userinfo(dead["access_token"]).status == 401
    assert world.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


@both_stores
def test_a_retry_within_the_grace_gets_the_same_successor(world):
    first = begin(world)
    second = world.refresh(first["refresh_token"]).json()
    world.wait(9)
    again = world.refresh(first["refresh_token"]).json()
    assert again["refresh_token"] == second["refresh_token"]
    assert again["access_token"] != second["access_token"]
    assert world.userinfo(again["access_token"]).status == 200


def test_no_grace_once_the_successor_was_used(world):
    first = begin(world)
    second = world.refresh(first["refresh_token"]).json()
    third = world.refresh(second["refresh_token"]).json()
    assert world.refresh(first["refresh_token"]).status == 400
    assert world.refresh(third["refresh_token"]).status == 400


def test_no_grace_after_ten_seconds(world):
    first = begin(world)
    world.refresh(first["refresh_token"])
    world.wait(10)
    assert world.refresh(first["refresh_token"]).status == 400


def test_a_grace_of_zero(world):
    settings_ = replace(world.provider.settings, refresh_grace_s=0)
    object.__setattr__(world.provider, "settings", settings_)
    first = begin(world)
    second = world.refresh(first["refresh_token"]).json()
    assert world.refresh(first["refresh_token"]).status == 400
    assert world.userinfo(second["access_token"]).status == 401


def test_public_clients_without_a_key_get_no_grace(world):
    first = begin(world, "pocket")
    refresh = {"auth": None, "client_id": "pocket"}
    second = world.refresh(first["refresh_token"], **refresh).json()
    assert world.refresh(first["refresh_token"], **refresh).status == 400
    assert world.refresh(second["refresh_token"], **refresh).status == 400


def test_a_public_client_with_a_key_gets_it(world):
    code = world.code(client_id="pocket")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "pocket",
        "redirect_uri": "https://portal.example/callback",
        "code_verifier": world.verifier,
    }
    first = world.call("/token", form, DPoP=world.proof()).json()
    again = {"grant_type": "refresh_token", "client_id": "pocket"}
    again["refresh_token"] = first["refresh_token"]
    answers = [world.call("/token", again, DPoP=world.proof()).json() for _ in range(2)]
    assert answers[0]["refresh_token"] == answers[1]["refresh_token"]
    thief = world.proof(key=SigningKey.generate("client"))
    assert world.call("/token", again, DPoP=thief).json()["error"] == "invalid_grant"
    assert world.call("/token", again).json()["error"] == "invalid_grant"


def test_another_client_kills_the_family(world):
    first = begin(world)
    assert world.refresh(first["refresh_token"], auth=None, client_id="pocket").status == 400
    assert "refresh.misused" in world.events()
    assert world.refresh(first["refresh_token"]).status == 400


def test_scopes_narrow_and_never_widen(world):
    first = begin(world, scope="openid profile address")
    narrow = world.refresh(first["refresh_token"], scope="openid address").json()
    assert narrow["scope"] == "openid address"
    assert world.userinfo(narrow["access_token"]).json().keys() == {"sub", "address"}
    wide = world.refresh(narrow["refresh_token"], scope="openid eid:number")
    assert wide.json()["error"] == "invalid_scope"
    whole = world.refresh(narrow["refresh_token"]).json()
    assert whole["scope"] == "openid profile address"


@pytest.mark.parametrize("change", [{"state": "locked"}, {"level": 1}])
def test_a_changed_account_kills_the_family(world, change):
    first = begin(world)
    account = world.people["thu"]
    world.accounts.change(replace(account, **change, version=account.version + 1))
    assert world.refresh(first["refresh_token"]).status == 400
    assert "refresh.outdated" in world.events()
    world.accounts.change(account)
    assert world.refresh(first["refresh_token"]).status == 400


def test_a_code_that_comes_back_kills_the_refresh_token(world):
    code = world.code(client_id="keeper")
    body = world.redeem(code, auth="keeper").json()
    world.redeem(code, auth="keeper")
    assert world.refresh(body["refresh_token"]).status == 400


def test_the_family_ends_when_its_first_token_would_have(world):
    token = begin(world)["refresh_token"]
    for _ in range(3):
        world.wait(86400 * 9)
        token = world.refresh(token).json()["refresh_token"]
    world.wait(86400 * 3)
    assert world.refresh(token).status == 400


@pytest.mark.parametrize("token", ["x", "A" * 43, "é" * 30, "A" * 200])
def test_unknown_tokens(world, token):
    assert world.refresh(token).json()["error"] == "invalid_grant"


def test_the_token_is_missing(world):
    assert world.refresh("").json()["error"] == "invalid_request"


def test_only_registered_clients_get_one(world):
    assert "refresh_token" not in world.redeem(world.code()).json()
    answer = world.refresh("A" * 43, auth="portal")
    assert answer.json()["error"] == "unauthorized_client"


def test_resources(world):
    first = begin(world, resource="https://api.example")
    wrong = world.refresh(first["refresh_token"], resource="https://other.example")
    assert wrong.json()["error"] == "invalid_target"
    right = world.refresh(first["refresh_token"], resource="https://api.example")
    assert right.status == 200


@both_stores
def test_eight_at_once_have_one_successor(world):
    token, answers = begin(world)["refresh_token"], []
    gate = threading.Barrier(8)

    def send() -> None:
        gate.wait()
        answers.append(world.refresh(token))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    carried = {a.json()["refresh_token"] for a in answers if a.status == 200}
    assert len(carried) == 1
    assert world.refresh(carried.pop()).status == 200


def machine(world):
    class Families(RuleBasedStateMachine):
        """Any order of refreshing, retrying, replaying and waiting: at most one live token."""

        tokens = Bundle("tokens")

        @initialize(target=tokens)
        def login(self):
            self.family = [begin(world)["refresh_token"]]
            self.used_at = {}
            self.dead = False
            return 0

        @rule(target=tokens, which=tokens)
        def send(self, which):
            token, now = self.family[which], world.now
            answer = world.refresh(token)
            newest = which == len(self.family) - 1
            retry = (
                which == len(self.family) - 2
                and int((now - self.used_at[which]).total_seconds()) < 10
            )
            if self.dead or not (newest or retry):
                assert answer.json()["error"] == "invalid_grant"
                self.dead = True
                return which
            assert answer.status == 200
            successor = answer.json()["refresh_token"]
            if newest:
                self.used_at[which] = now
                self.family.append(successor)
            assert successor == self.family[which + 1]
            return which + 1

        @rule(seconds=st.sampled_from([1, 5, 10, 60]))
        def wait(self, seconds):
            world.wait(seconds)

        @invariant()
        def at_most_one_lives(self):
            if not hasattr(self, "family"):
                return
            grants = world.provider.grants
            live = [t for t in self.family if grants.get("refresh", key_of(t), at=world.now)]
            assert live == ([] if self.dead else self.family[-1:])

    return Families


def test_a_model_of_families(world):
    run_state_machine_as_test(
        machine(world), settings=settings(max_examples=12, stateful_step_count=12, deadline=None)
    )
