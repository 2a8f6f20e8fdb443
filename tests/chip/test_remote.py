"""A remote verifier's word: beside ours, bound to our question, and never taken for more."""

from __future__ import annotations

import dataclasses
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.policy import FLOOR, IDENTIFY, LEVEL1, Policy, load_policy
from eid.chip.remote import RemoteReply, consult
from eid.chip.remote_gateway import TYP, SignedGateway, request_body
from eid.chip.verify import judge, verify
from eid.errors import SettingsError
from eid.keys import JwkSet, SigningKey, sign_jwt
from eid.testing.remote_gateway import AUDIENCE, ISSUER, FakeGateway
from eid.testing.softcard_active import sign
from eid.trust.store import TrustStore

CHALLENGE = bytes.fromhex("0123456789abcdef")
REQUIRED = Policy(name="remote", required=IDENTIFY.required | {"remote"})


@pytest.fixture
def evidence(card_image, at):
    return Evidence(files=card_image.files, access=UNKNOWN_ACCESS, read_at=at)


@pytest.fixture
def answered(evidence, card_image):
    """The evidence with an answer to our challenge."""
    response = sign(card_image.aa_private_key, CHALLENGE, rng=secrets.token_bytes)
    proof = ActiveAuthentication(challenge=CHALLENGE, response=response, source="verifier")
    return dataclasses.replace(evidence, active_authentication=proof)


@pytest.fixture
def trust(authority):
    return TrustStore.of(csca=[authority.csca_der])


@pytest.fixture
def gateway(card_image, at):
    made = FakeGateway.create(clock=lambda: at)
    made.issue(card_image)
    return made


def judged(evidence, trust, gateway, at, policy=IDENTIFY):
    result = consult(gateway.adapter(), evidence, at=at)
    verdict = judge(evidence, trust, policy=policy, at=at, remote=result)
    return verdict, verdict.check("remote")


def test_a_confirmation_stands_beside_our_verdict(evidence, trust, gateway, at):
    verdict, check = judged(evidence, trust, gateway, at, REQUIRED)
    assert verdict.verdict == "accepted"
    assert (check.status, check.code) == ("passed", "remote.confirmed")
    assert gateway.asked == 1


def test_it_never_makes_an_anchor(evidence, gateway, at):
    verdict, check = judged(evidence, TrustStore.of(), gateway, at)
    assert check.status == "passed"
    assert verdict.verdict == "unanchored"


def test_level_1_takes_a_confirmation_for_a_missing_anchor(answered, gateway, at):
    """Contracts §6: anchored or remotely confirmed, and who vouched is recorded."""
    result = consult(gateway.adapter(), answered, at=at)
    asked = {"policy": LEVEL1, "at": at, "challenge": CHALLENGE}
    card = verify(answered, TrustStore.of(), remote=result, **asked)
    assert (card.source, card.anchor, card.policy) == ("chip_remote_verifier", "", "level1")
    assert (card.check("sod.chain").code, card.possession_proven) == ("chain.unanchored", False)
    assert judge(answered, TrustStore.of(), **asked).verdict == "unanchored"
    assert judge(answered, TrustStore.of(), remote=result, policy=LEVEL1, at=at).verdict == (
        "rejected"
    )
    later = {**asked, "at": at + timedelta(seconds=LEVEL1.remote_max_age_s + 1)}
    assert judge(answered, TrustStore.of(), remote=result, **later).verdict == "unanchored"


def test_level_1_takes_no_confirmation_against_an_anchor(answered, gateway, authority, trust, at):
    """A chain that is there and bad stays bad; a good one needs its revocation list still."""
    result = consult(gateway.adapter(), answered, at=at)
    asked = {"policy": LEVEL1, "at": at, "challenge": CHALLENGE, "remote": result}
    revoking = authority.crl(at=at, revoked=[authority.ds_serial])
    revoked = TrustStore.of(csca=[authority.csca_der], crl=[revoking])
    assert judge(answered, revoked, **asked).reasons[0] == "chain.revoked"
    assert judge(answered, trust, **asked).reasons[0] == "revocation.unknown"
    clear = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])
    card = verify(answered, clear, **asked)
    assert (card.source, card.possession_proven) == ("chip_local", True)


def test_the_states_record_wins(evidence, trust, gateway, card_image, at):
    gateway.block(card_image)
    verdict, check = judged(evidence, trust, gateway, at)
    assert (verdict.verdict, check.code) == ("rejected", "remote.refused")
    assert verdict.check("sod.chain").status == "passed"


@pytest.mark.parametrize(
    ("fault", "code", "why"),
    [
        ("down", "remote.no_answer", "remote.down"),
        ("slow", "remote.no_answer", "remote.timeout"),
        ("garbage", "remote.no_answer", "jws"),
        ("huge", "remote.no_answer", "remote.size"),
        ("other_key", "remote.no_answer", ""),
        ("wrong_nonce", "remote.other_nonce", ""),
        ("other_card", "remote.other_card", ""),
        ("old", "remote.too_old", ""),
        ("undecided", "remote.undecided", ""),
    ],
)
def test_what_counts_as_no_word(evidence, trust, gateway, at, fault, code, why):
    gateway.faults = (fault,)
    verdict, check = judged(evidence, trust, gateway, at)
    assert (check.status, check.code) == ("unknown", code)
    assert why in check.message
    assert verdict.verdict == "accepted"
    verdict, _ = judged(evidence, trust, gateway, at, REQUIRED)
    assert verdict.verdict == "rejected"
    assert verdict.reasons[0] == code


def test_not_asked_is_its_own_state(evidence, trust, at):
    assert judge(evidence, trust, at=at).check("remote").code == "remote.not_asked"


def test_the_answer_is_about_all_the_data_and_nothing_else(evidence, trust, gateway, at):
    result = consult(gateway.adapter(), evidence, at=at)
    files = dict(evidence.files)
    changed = {**files, "EF.DG13": files["EF.DG13"][:-1] + b"\x00"}
    fewer = {name: data for name, data in files.items() if name != "EF.DG2"}
    for other in (changed, fewer, {"EF.DG1": files["EF.DG1"]}):
        verdict = judge(dataclasses.replace(evidence, files=other), trust, at=at, remote=result)
        assert verdict.check("remote").code == "remote.other_card"


def test_age_is_the_policys(evidence, trust, gateway, at, tmp_path):
    result = consult(gateway.adapter(), evidence, at=at)
    later = at + timedelta(seconds=301)
    code = judge(evidence, trust, at=later, remote=result).check("remote").code
    assert code == "remote.too_old"
    path = tmp_path / "own.toml"
    path.write_text("remote_max_age_s = 600")
    policy = load_policy(path)
    found = judge(evidence, trust, policy=policy, at=later, remote=result).check("remote")
    assert found.status == "passed"
    early = at - timedelta(seconds=61)
    assert judge(evidence, trust, at=early, remote=result).check("remote").code == "remote.too_old"
    path.write_text("remote_max_age_s = true")
    with pytest.raises(SettingsError):
        load_policy(path)


def test_only_what_is_needed_is_sent(evidence, at):
    result = consult(FakeGateway.create(clock=lambda: at).adapter(), evidence, at=at)
    body = request_body(result.query, evidence, share=("EF.SOD",))
    assert b'"files": {"EF.SOD"' in body
    assert b"EF.DG2" in body.split(b'"files"')[0]
    assert b"EF.DG1" not in body.split(b'"files"')[1].split(b'"nonce"')[0]


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "yes"}, {"verdict": 1}, {"data_groups": []}, {"data_groups": {"EF.XX": "AA"}},
        {"data_groups": {"EF.DG1": 5}}, {"iat": None}, {"nonce": None}, {"sod": "*"},
        {"aud": "https://other.example"}, {"iss": "https://other.example"}, {"exp": 1},
    ],
)  # fmt: skip
def test_answers_out_of_form(evidence, trust, at, change):
    key = SigningKey.generate("gateway")
    now = int(at.timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 60, "nonce": "AA",
              "sod": "AA", "data_groups": {}, "verdict": "genuine"}  # fmt: skip
    token = sign_jwt(
        {key: value for key, value in {**claims, **change}.items() if value is not None},
        key, typ=TYP,
    ).encode()  # fmt: skip
    adapter = SignedGateway(
        post=lambda body: token, keys=JwkSet.of(key), issuer=ISSUER, audience=AUDIENCE,
        clock=lambda: at,
    )  # fmt: skip
    result = consult(adapter, evidence, at=at)
    assert result.reply is None
    assert judge(evidence, trust, at=at, remote=result).check("remote").code == "remote.no_answer"


def test_an_answer_about_nothing_confirms_nothing(trust):
    at = datetime(2026, 11, 21, tzinfo=UTC)
    empty = Evidence(files={}, access=UNKNOWN_ACCESS, read_at=at)

    class Yes:
        def ask(self, query, evidence):
            return RemoteReply(by="x", word="genuine", nonce=query.nonce, sod_digest=b"",
                               data_groups={}, answered_at=at)  # fmt: skip

    result = consult(Yes(), empty, at=at)
    assert judge(empty, trust, at=at, remote=result).check("remote").code == "remote.other_card"


def test_no_policy_goes_below_the_floor():
    assert REQUIRED.required >= FLOOR
