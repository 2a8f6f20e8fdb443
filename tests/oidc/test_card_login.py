"""Card login and everybody who would cheat in it (contracts §1, §2, §5)."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from eid.chip.evidence import ActiveAuthentication, ChipAuthentication
from eid.chip.verify import IDENTIFY, verify
from eid.errors import HolderMismatch
from eid.keys import EncryptionKey, JwkSet, decode_base64url, encrypt_jwe, verify_jwt
from eid.levels.challenge import CHALLENGE_SIZE
from eid.oidc.handles import key_of
from eid.testing.softcard_active import sign

LEVEL_2 = json.dumps({"id_token": {"acr": {"essential": True, "value": "urn:eid:level:2"}}})
both_stores = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


def come_back(browser, here, handle):
    return browser.get(f"{here}/card/return?handle={handle}", Sec_Fetch_Site="cross-site")


def test_the_request_is_what_the_contract_says(world, browser):
    here = world.begin(browser)
    page = browser.get(f"{here}/card")
    assert '<form id="card" method="post" action="http://127.0.0.1:8350/card">' in page.text
    assert page.headers["referrer-policy"] == "origin"
    assert "http://127.0.0.1:8350" in page.headers["content-security-policy"]
    token = page.field("request")
    claims = verify_jwt(
        token,
        JwkSet.of(world.provider.keys.card_requests),
        typ="eid-card-request+jwt",
        issuer="https://id.example",
        audience="eid-agent",
        at=world.now,
    )
    assert claims.keys() == {
        "iss",
        "aud",
        "jti",
        "iat",
        "exp",
        "client_name",
        "client_origin",
        "purpose",
        "plan",
        "challenge",
        "cookie_hash",
        "return_uri",
        "evidence_uri",
    }
    assert claims["exp"] - claims["iat"] <= 60
    assert len(decode_base64url(claims["challenge"])) == CHALLENGE_SIZE
    (cookie,) = browser.cookies.values()
    assert decode_base64url(claims["cookie_hash"]) == key_of(cookie)
    assert claims["return_uri"] == f"https://id.example{here}/card/return"
    assert claims["evidence_uri"] == "https://id.example/card/evidence"
    assert claims["client_origin"] == "https://portal.example"


def test_each_request_has_its_own_challenge(world, browser):
    here = world.begin(browser)
    seen = {world.card_request(browser, here)["challenge"] for _ in range(5)}
    assert len(seen) == 5


@both_stores
def test_another_browser_cannot_finish(world, browser):
    here = world.begin(browser)
    handle = world.read(world.card_request(browser, here))
    victim = world.browser()
    answer = come_back(victim, here, handle)
    assert (answer.status, answer.code) == (403, "interaction.other_browser")
    assert "interaction.other_browser" in world.events()
    again = come_back(browser, here, handle)
    assert again.code == "card.handle_used", "and the handle is spent"


def test_another_browser_with_its_own_login_cannot_finish_either(world, browser):
    attacker = world.browser()
    theirs = world.begin(attacker)
    handle = world.read(world.card_request(attacker, theirs))
    mine = world.begin(browser)
    assert come_back(browser, theirs, handle).code == "interaction.other_browser"
    assert browser.get(f"{mine}/consent").path == mine, "nobody is logged in"


def test_a_handle_of_another_login_is_refused(world, browser):
    attacker = world.browser()
    theirs = world.begin(attacker)
    handle = world.read(world.card_request(attacker, theirs), "mau")
    mine = world.begin(browser)
    world.card_request(browser, mine)
    answer = come_back(browser, mine, handle)
    assert (answer.status, answer.code) == (403, "card.other_interaction")
    assert browser.get(f"{mine}/consent").path == mine


def test_two_logins_in_one_browser_do_not_mix(world, browser):
    one, two = world.begin(browser), world.begin(browser)
    handle = world.read(world.card_request(browser, one))
    assert come_back(browser, two, handle).code == "card.other_interaction"
    assert world.password(browser, two, "mau").path == f"{two}/consent"
    assert browser.get(one).status == 200


def test_evidence_alone_means_nothing(world, browser):
    here = world.begin(browser)
    world.read(world.card_request(browser, here))
    assert browser.get(f"{here}/consent").path == here
    assert "login.card" not in world.events()


@both_stores
def test_a_handle_works_once(world, browser):
    here = world.begin(browser)
    handle = world.read(world.card_request(browser, here))
    assert come_back(browser, here, handle).path == f"{here}/consent"
    assert come_back(browser, here, handle).code == "card.handle_used"


@both_stores
def test_a_jti_works_once(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    evidence = world.evidence("thu", decode_base64url(asked["challenge"]))
    assert world.deliver(asked, evidence).status == 200
    again = world.deliver(asked, evidence)
    assert (again.status, again.json()["error"]) == (403, "card.request_over")


def test_of_many_deliveries_at_once_one_is_taken(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    evidence = world.evidence("thu", decode_base64url(asked["challenge"]))
    form = {"jti": asked["jti"], "evidence": world.seal(asked, evidence)}
    answers = []

    def deliver() -> None:
        answers.append(world.browser().send("POST", "/card/evidence", body=urlencode(form)))

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] + [403] * 7


def test_a_newer_request_takes_the_older_ones_place(world, browser):
    here = world.begin(browser)
    first = world.card_request(browser, here)
    world.card_request(browser, here)
    assert come_back(browser, here, world.read(first)).code == "card.request_superseded"


def test_a_request_from_before_the_password_is_void(world, browser):
    here = world.begin(browser, claims=LEVEL_2)
    first = world.card_request(browser, here)
    world.password(browser, here)
    assert come_back(browser, here, world.read(first)).code == "card.request_superseded"


@pytest.mark.parametrize("handle", ["", "x", "A" * 43, "../" * 10])
def test_unknown_handles(world, browser, handle):
    here = world.begin(browser)
    assert come_back(browser, here, handle).code == "card.handle_unknown"


def test_the_challenge_is_over_after_two_minutes(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    evidence = world.evidence("thu", decode_base64url(asked["challenge"]))
    world.wait(121)
    assert world.deliver(asked, evidence).json()["error"] == "card.request_over"


def test_so_is_the_handle(world, browser):
    here = world.begin(browser)
    handle = world.read(world.card_request(browser, here))
    world.wait(121)
    assert come_back(browser, here, handle).code == "card.handle_unknown"


def test_replayed_evidence_of_an_earlier_login(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    old = world.evidence("thu", decode_base64url(asked["challenge"]))
    world.deliver(asked, old)

    thief = world.browser()
    theirs = world.begin(thief)
    handle = world.deliver(world.card_request(thief, theirs), old).json()["handle"]
    answer = come_back(thief, theirs, handle)
    assert (answer.status, answer.code) == (403, "aa.other_challenge")
    assert "challenge" not in answer.text.replace("aa.other_challenge", "")
    assert thief.get(f"{theirs}/consent").path == theirs
    assert "card.refused" in world.events()


def test_a_copied_card_with_a_forged_chip_authentication_transcript(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    copied = replace(
        world.evidence("thu", None),
        chip_authentication=ChipAuthentication(by="verifier", transcript=b"forged"),
    )
    handle = world.deliver(asked, copied).json()["handle"]
    answer = come_back(browser, here, handle)
    assert answer.status == 403
    assert answer.code
    assert browser.get(f"{here}/consent").path == here


def test_a_cloned_chip(world, browser, images):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    challenge = decode_base64url(asked["challenge"])
    other_key = images["mau"].aa_private_key
    proof = ActiveAuthentication(
        challenge=challenge, response=sign(other_key, challenge, rng=bytes), source="verifier"
    )
    cloned = replace(world.evidence("thu", challenge), active_authentication=proof)
    answer = come_back(browser, here, world.deliver(asked, cloned).json()["handle"])
    assert answer.status == 403
    assert "chip" in answer.text.lower()


def test_tampered_personal_data(world, browser, images):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    changed = images["thu"].files["EF.DG1"].replace(b"NGUYEN", b"NGUYEM")
    forged = world.evidence("thu", decode_base64url(asked["challenge"]), EF_DG1=changed)
    answer = come_back(browser, here, world.deliver(asked, forged).json()["handle"])
    assert (answer.status, answer.code) == (403, "dg.hash")
    assert "bị thay đổi" in answer.text


def test_the_login_ends_after_several_refused_cards(world, browser):
    here = world.begin(browser)
    for attempt in range(5):
        asked = world.card_request(browser, here)
        handle = world.deliver(asked, world.evidence("thu", bytes(8))).json()["handle"]
        answer = come_back(browser, here, handle)
        assert answer.code == "aa.other_challenge"
        assert ("again-link" in answer.text) is (attempt < 4)
    assert "leave-link" in answer.text
    assert "error=access_denied" in answer.text
    assert browser.get(here).status == 410


@both_stores
def test_another_persons_card_after_the_password(world, browser):
    here = world.begin(browser, claims=LEVEL_2)
    world.password(browser, here, "thu")
    answer = world.card(browser, here, "mau")
    assert (answer.status, answer.code) == (403, "holder_mismatch")
    assert "leave-link" in answer.text
    assert browser.get(here).code == "interaction.over"
    assert world.events()[-1] == "login.holder_mismatch"


@both_stores
def test_another_persons_password_after_the_card(world, browser):
    here = world.begin(browser, claims=LEVEL_2)
    world.card(browser, here, "mau")
    answer = world.password(browser, here, "thu")
    assert (answer.status, answer.code) == (403, "holder_mismatch")
    assert browser.get(here).code == "interaction.over"


def test_a_card_nobody_enrolled(world, browser, evidence_of):
    world.accounts.change(replace(world.people["mau"], profile=None))
    here = world.begin(browser)
    answer = world.card(browser, here, "mau")
    assert (answer.status, answer.code) == (403, "login.no_account")
    assert "again-link" in answer.text
    assert browser.get(here).status == 200


def test_a_card_cannot_join_an_account_without_a_number(world, browser):
    world.accounts.change(replace(world.people["mau"], profile=None))
    here = world.begin(browser)
    world.password(browser, here, "mau")
    assert "card-link" not in browser.get(f"{here}/consent").text
    answer = world.card(browser, here, "thu")
    assert answer.code == "holder_mismatch"


@pytest.mark.parametrize("state", ["locked", "closed"])
def test_the_card_of_a_locked_account(world, browser, state):
    world.accounts.change(replace(world.people["thu"], state=state))
    here = world.begin(browser)
    assert world.card(browser, here).code == f"account.{state}"


def test_evidence_for_another_request_inside_the_envelope(world, browser):
    here = world.begin(browser)
    one = world.card_request(browser, here)
    two = world.card_request(browser, here)
    evidence = world.evidence("thu", decode_base64url(two["challenge"]))
    form = {"jti": two["jti"], "evidence": world.seal(one, evidence)}
    answer = world.browser().send("POST", "/card/evidence", body=urlencode(form))
    assert (answer.status, answer.json()["error"]) == (403, "card.other_request")


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"not json",
        b'{"jti": 1, "evidence": {}}',
        b'{"jti": "JTI", "evidence": {}}',
        b'{"jti": "JTI", "evidence": 1}',
        b'{"jti": "JTI", "evidence": {}, "more": 1}',
        b'{"jti": "JTI", "jti": "JTI", "evidence": {}}',
    ],
)
def test_malformed_evidence_uses_nothing_up(world, browser, content):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    sealed = encrypt_jwe(
        content.replace(b"JTI", asked["jti"].encode()),
        world.provider.keys.evidence.public_jwk(),
        typ="eid-evidence+jwe",
    )
    form = {"jti": asked["jti"], "evidence": sealed}
    answer = world.browser().send("POST", "/card/evidence", body=urlencode(form))
    assert answer.status == 400
    assert answer.json()["correlation_id"]
    good = world.evidence("thu", decode_base64url(asked["challenge"]))
    assert world.deliver(asked, good).status == 200


def test_evidence_for_another_key_or_of_another_kind(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    for jwk, typ in (
        (EncryptionKey.generate("x").public_jwk(), "eid-evidence+jwe"),
        (world.provider.keys.evidence.public_jwk(), "JWE"),
    ):
        form = {"jti": asked["jti"], "evidence": encrypt_jwe(b"{}", jwk, typ=typ)}
        assert world.browser().send("POST", "/card/evidence", body=urlencode(form)).status == 403


@pytest.mark.parametrize(
    "form", [{}, {"jti": "A" * 43}, {"evidence": "x"}, {"jti": "x", "evidence": "x"}]
)
def test_incomplete_deliveries(world, form):
    answer = world.browser().send("POST", "/card/evidence", body=urlencode(form) or "a=")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_an_unknown_jti_is_refused_before_anything_is_decrypted(world):
    form = {"jti": "A" * 43, "evidence": "x"}
    answer = world.browser().send("POST", "/card/evidence", body=urlencode(form))
    assert (answer.status, answer.json()["error"]) == (403, "card.request_over")


def test_the_store_never_sees_evidence_in_clear(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    handle = world.read(asked)
    grant = world.provider.grants.get("handle", key_of(handle), at=world.now)
    assert "files" not in json.dumps(dict(grant.payload))
    assert grant.payload["evidence"].count(".") == 4


def test_the_challenge_is_spent_even_if_another_card_request_is_forged_from_it(world, browser):
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    assert world.read(asked)
    late = world.evidence("thu", decode_base64url(asked["challenge"]))
    assert world.deliver(asked, late).json()["error"] == "card.request_over"


def test_the_card_page_belongs_to_its_browser(world, browser):
    here = world.begin(browser)
    assert world.browser().get(f"{here}/card").code == "interaction.over"
    assert browser.get(f"{here}/card").status == 200
    assert world.browser().get(f"{here}/card").code == "interaction.other_browser"


def test_a_card_offered_on_the_consent_page_raises_a_voluntary_level(world, browser):
    here = world.begin(browser, acr_values="urn:eid:level:2")
    assert world.password(browser, here).path == f"{here}/consent"
    assert "card-link" in browser.get(f"{here}/consent").text
    assert world.card(browser, here).path == f"{here}/consent"
    body = world.redeem(world.agree(browser, here).query["code"]).json()
    assert world.claims(body["id_token"])["acr"] == "urn:eid:level:2"


def judged_by(world, judge) -> None:
    object.__setattr__(world.provider, "judge_evidence", judge)


def test_a_copy_is_no_factor_even_under_a_lax_policy(world, browser, trust):
    """A copied card passes identification; only the chip's own fresh answer is possession."""

    def lax(evidence, challenge, at, expect_number):
        return verify(evidence, trust, policy=IDENTIFY, at=at, challenge=challenge)

    judged_by(world, lax)
    here = world.begin(browser)
    asked = world.card_request(browser, here)
    handle = world.deliver(asked, world.evidence("thu", None)).json()["handle"]
    answer = come_back(browser, here, handle)
    assert (answer.status, answer.code) == (403, "card.possession")
    assert browser.get(f"{here}/consent").path == here


def test_a_card_that_contradicts_itself_does_not_end_the_login(world, browser):
    def judge(evidence, challenge, at, expect_number):
        raise HolderMismatch("Two people on one card.", code="holder.document_number")

    judged_by(world, judge)
    here = world.begin(browser)
    assert world.card(browser, here).code == "holder.document_number"
    assert browser.get(here).status == 200


def test_the_judge_is_told_whose_card_it_must_be(world, browser):
    seen = []
    judge = world.provider.judge_evidence

    def watching(evidence, challenge, at, expect_number):
        seen.append((len(challenge), expect_number))
        return judge(evidence, challenge, at, expect_number)

    judged_by(world, watching)
    here = world.begin(browser, claims=LEVEL_2)
    world.password(browser, here)
    world.card(browser, here)
    assert seen == [(8, world.people["thu"].profile.personal_number)]
