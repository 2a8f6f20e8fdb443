"""The counter's pages over HTTP: who gets in, what he may do, and what is on record."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from eid.admin.officers import ROLES, officer_login
from eid.admin.pages import words
from eid.admin.web import GUARDED, OPEN
from eid.levels.account import Profile
from eid.oidc import sign_on
from eid.oidc.authorization import AuthorizationRequest
from eid.oidc.ports import Grant
from eid.testing import data_groups
from eid.testing.authority import DocumentAuthority
from eid.testing.faults import cloned, tampered_dg1
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.trust.store import TrustStore

from ..store.authenticator import Authenticator
from .conftest import Cards
from .desk import PASSWORD, Officer, Place

THU = PEOPLE["thu"]
TOKEN = hashlib.sha256(b"token").digest()


def raised(officer: Officer, username: str = "nguoi-thu") -> None:
    page = officer.read(THU.number)
    page = officer.submit(page, "match", matched="yes")
    page = officer.submit(page, "raise", username=username, password=PASSWORD)
    assert 'id="done"' in page.text, page.text


# -- getting in ---------------------------------------------------------------------------------


def test_password_and_passkey_let_an_officer_in(officer: Officer) -> None:
    page = officer.open("/")
    assert "can-bo" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    account = officer.place.installation.accounts.by_username("can-bo")
    assert {"officer.link_made", "factor.enrolled", "officer.logged_in"} <= set(
        officer.place.kinds(account.id)
    )


def test_the_password_alone_is_not_enough(place: Place) -> None:
    place.add("can-bo", "officer")
    one = Officer(place, "can-bo")
    page = one.submit(one.open("/login"), "login", username="can-bo", password=PASSWORD)
    assert page.error_code == "counter.no_passkey"
    assert one.open("/").url.endswith("/login")


def test_a_passkey_that_does_not_check_its_user_is_refused(place: Place) -> None:
    place.add("can-bo", "officer")
    weak = Officer(place, "can-bo", passkey=Authenticator(verifies_user=False))
    assert weak.enrol().error_code == "passkey"
    strong = Officer(place, "can-bo")
    strong.enrol()
    strong.passkey.flags = 0x01
    assert strong.log_in().error_code == "passkey"


@pytest.mark.parametrize("username", ["nobody", "citizen"])
def test_nobody_else_gets_in(place: Place, username: str) -> None:
    place.add("citizen")
    one = Officer(place, username)
    page = one.submit(one.open("/login"), "login", username=username, password=PASSWORD)
    assert page.error_code in {"login.refused", "login.not_an_officer"}


def test_an_enrolment_link_works_once_and_for_its_officer(place: Place) -> None:
    place.add("can-bo", "officer")
    place.add("khac", "officer")
    url = place.link("can-bo")
    assert url.startswith(f"{place.url}/enrol#")
    other = Officer(place, "khac")
    form = {"code": url.partition("#")[2], "username": "khac", "password": PASSWORD}
    assert other.submit(other.open("/enrol"), "enrol", **form).error_code == "counter.link"
    own = Officer(place, "can-bo")
    form["username"] = "can-bo"
    assert 'id="done"' in own.answer(own.submit(own.open("/enrol"), "enrol", **form)).text
    assert own.submit(own.open("/enrol"), "enrol", **form).error_code == "counter.link"


def test_a_session_ends_when_nothing_is_done(officer: Officer) -> None:
    officer.place.ahead = lambda: datetime.now(UTC) + timedelta(minutes=14)
    assert "can-bo" in officer.open("/").text
    officer.place.ahead = lambda: datetime.now(UTC) + timedelta(minutes=30)
    assert officer.open("/").url.endswith("/login")


def test_a_role_that_is_taken_away_counts_at_once(officer: Officer) -> None:
    accounts = officer.place.installation.accounts
    account = accounts.by_username("can-bo")
    accounts.update(replace(account, roles=frozenset()), at=datetime.now(UTC))
    assert officer.open("/").error_code == "login.not_an_officer"


def test_logging_out_ends_the_session(officer: Officer) -> None:
    page = officer.open("/")
    form = next(form for form in page.forms if form.action.endswith("/logout"))
    officer.browser.submit(page, form)
    assert officer.open("/").url.endswith("/login")


# -- the doors that stay shut -------------------------------------------------------------------


def filled(place: Place, path: str) -> str:
    return place.url + re.sub(r"\{\w+\}", "A" * 22, path)


def test_every_page_needs_an_officer(place: Place) -> None:
    for method, path, *_ in GUARDED:
        data = {"a": "b"} if method == "POST" else None
        answer = requests.request(
            method, filled(place, path), data=data, allow_redirects=False, timeout=60
        )
        assert answer.status_code in {303, 403}
        assert "set-cookie" not in answer.headers


def test_every_form_must_be_the_counters_own(officer: Officer) -> None:
    page = officer.open("/")
    for method, path, *_ in GUARDED:
        if method == "POST":
            action = filled(officer.place, path)
            forged = replace(page.form("find"), action=action, fields={"csrf": "A" * 43})
            assert officer.browser.submit(page, forged).error_code == "counter.cross_site"


def test_a_form_from_another_site_is_refused(officer: Officer) -> None:
    page = officer.open("/")
    elsewhere = replace(page, url="http://localhost:1/", headers={"referrer-policy": "origin"})
    assert officer.browser.submit(elsewhere, page.form("visit")).error_code == "counter.cross_site"


def test_a_role_does_what_it_may_and_no_more(place: Place) -> None:
    for role in ROLES:
        place.add(role, role)
        one = Officer(place, role).ready()
        page = one.open("/")
        for method, path, permission, _ in GUARDED:
            if method != "POST" or permission in ROLES[role]:
                continue
            forged = replace(page.form("find"), action=filled(place, path))
            assert one.browser.submit(page, forged).error_code == "counter.not_allowed"
        account = place.installation.accounts.by_username(role)
        assert "officer.refused" in place.kinds(account.id)


def test_every_path_is_in_one_table_only() -> None:
    paths = [(method, path) for method, path, *_ in (*OPEN, *GUARDED)]
    assert len(paths) == len(set(paths))


# -- a person with a card -----------------------------------------------------------------------


def test_a_person_is_raised_to_level_two(officer: Officer) -> None:
    place = officer.place
    page = officer.read(THU.number)
    assert THU.name in html.unescape(page.text)
    assert "data:image/png;base64," in page.text
    assert THU.number not in page.text
    page = officer.submit(page, "match", matched="yes")
    page = officer.submit(page, "raise", username="nguoi-thu", password=PASSWORD)
    account = place.installation.accounts.by_username("nguoi-thu")
    assert (account.level, account.holder_match, account.source) == (2, "officer", "chip_local")
    assert place.kinds(account.id) == ["account.proofed_at_counter"]
    place.installation.audit.verify()


def test_without_the_officers_word_nothing_is_raised(officer: Officer) -> None:
    page = officer.read(THU.number)
    assert officer.submit(page, "match").error_code == "account.holder_match_missing"
    forged = replace(
        page.form("match"), action=page.form("match").action.replace("match", "raise")
    )
    answer = officer.browser.submit(page, forged, username="nguoi-thu", password=PASSWORD)
    assert answer.error_code == "account.holder_match_missing"
    assert officer.place.installation.accounts.by_username("nguoi-thu") is None


def test_the_wrong_person_ends_the_visit(officer: Officer) -> None:
    page = officer.submit(officer.read(THU.number), "refuse", outcome="not_the_holder")
    assert 'id="done"' in page.text
    assert officer.place.installation.audit.count("counter.ended") == 1


@pytest.mark.parametrize(
    ("spoil", "family", "said"),
    [(tampered_dg1, "dg.", "hash_mismatch"), (cloned, "aa.", "not_genuine")],
)
def test_a_false_card_is_named_and_can_be_taken_away(
    officer: Officer, spoil: Callable, family: str, said: str
) -> None:
    good, officer.place.image = officer.place.image, spoil(officer.place.image)
    page = officer.read(THU.number)
    assert page.error_code.startswith(family)
    assert words("vi")[f"error.{said}"] in html.unescape(page.text)
    assert THU.name not in html.unescape(page.text)
    officer.place.image = good
    assert THU.name in html.unescape(officer.read_again(page, THU.number).text)


def test_a_card_of_another_country_raises_nobody(
    officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = data_groups.zone_lines
    monkeypatch.setattr(
        data_groups,
        "zone_lines",
        lambda *given: tuple(line.replace("VNM", "LAO") for line in lines(*given)),
    )
    at = datetime.now(UTC)
    laos = DocumentAuthority.create(country="LA", at=at)
    trust = TrustStore.of(csca=[laos.csca_der], crl=[laos.crl(at=at)])
    officer.place.counter.desk._trust = lambda: trust
    officer.place.image = personalise(THU, laos, at=at)
    page = officer.submit(officer.read(THU.number), "match", matched="yes")
    page = officer.submit(page, "raise", username="nguoi-thu", password=PASSWORD)
    assert page.error_code == "account.document_kind"


def test_any_name_on_a_chip_is_shown_as_text(officer: Officer, cards: Cards) -> None:
    name = "Nguyễn <b>Thử</b> \u202e" + "Đ" * 500
    person = replace(THU, name=name)
    officer.place.image = personalise(person, cards.authority, at=datetime.now(UTC))
    page = officer.read(THU.number)
    assert "<b>" not in page.text
    assert "\u202e" not in page.text
    assert "Đ" * 130 not in page.text
    assert page.form("refuse")


def test_a_card_read_for_one_browser_is_nothing_in_another(officer: Officer, place: Place) -> None:
    place.add("khac", "officer")
    other = Officer(place, "khac").ready()
    page = officer.submit(officer.submit(officer.open("/"), "visit"), "read")
    stolen = other.submit(other.submit(other.open("/"), "visit"), "read")
    request = stolen.form("card").fields["request"]
    back = officer.submit(page, "card", request=request)
    back = officer.submit(back, "agree", number=THU.number, agree="yes")
    assert back.error_code == "counter.appointment"


def test_a_handle_is_good_once(officer: Officer) -> None:
    page = officer.submit(officer.submit(officer.open("/"), "visit"), "read")
    page = officer.submit(page, "card")
    requested = requests.post(
        page.form("agree").action,
        data={**page.form("agree").fields, "number": THU.number, "agree": "yes"},
        headers={"Origin": page.url.rpartition("/card")[0]},
        allow_redirects=False,
        timeout=60,
    )
    where = requested.headers["Location"]
    assert THU.name in html.unescape(officer.browser.open(where).text)
    assert officer.browser.open(where).error_code == "card.request_over"


def test_a_known_person_is_raised_without_a_password(officer: Officer) -> None:
    place = officer.place
    profile = Profile(name="X", birth_date="1990-01-01", personal_number=THU.number)
    known = place.add("nguoi-cu", state="active", level=1, profile=profile)
    page = officer.submit(officer.read(THU.number), "match", matched="yes")
    assert "nguoi-cu" in page.text
    assert set(page.form("raise").fields) == {"csrf"}
    officer.submit(page, "raise")
    assert place.installation.accounts.by_id(known.id).level == 2
    assert "account.looked_at" in place.kinds(known.id)


def test_two_officers_must_agree_where_the_operator_says_so(
    opened: Callable[..., Place],
) -> None:
    place = opened(second_officer=True)
    for name in ("mot", "hai"):
        place.add(name, "officer")
    first, second = Officer(place, "mot").ready(), Officer(place, "hai").ready()
    page = first.submit(first.read(THU.number), "match", matched="yes")
    assert 'id="waiting"' in page.text
    visit = page.url.rpartition("/")[2]
    assert first.open(f"/second/{visit}").error_code == "counter.four_eyes"
    listed = second.open("/second")
    home = second.open("/")
    blind = replace(home.form("find"), action=f"{place.url}/second/{visit}/agree")
    unseen = second.browser.submit(home, blind, matched="yes")
    assert unseen.error_code == "counter.impossible_step"
    looked = second.browser.follow(listed, f"/second/{visit}")
    assert THU.name in html.unescape(looked.text)
    second.submit(looked, "agree", matched="yes")
    page = first.open(f"/visit/{visit}")
    accounts = place.installation.accounts
    agreed = accounts.by_username("hai")
    assert agreed is not None
    now = datetime.now(UTC)
    fallen = accounts.update(replace(agreed, roles=frozenset({"reception"})), at=now)
    refused = first.submit(page, "raise", username="nguoi-thu", password=PASSWORD)
    assert refused.error_code == "counter.four_eyes"
    assert accounts.by_username("nguoi-thu") is None
    accounts.update(replace(fallen, roles=agreed.roles), at=now)
    first.submit(page, "raise", username="nguoi-thu", password=PASSWORD)
    account = place.installation.accounts.by_username("nguoi-thu")
    (row,) = place.installation.audit.of_account(account.id)
    assert row.event.detail["second"] == place.installation.accounts.by_username("hai").id


# -- people, cases, recovery --------------------------------------------------------------------


def look(officer: Officer, who: str):
    return officer.submit(officer.open("/"), "find", who=who, reason="present")


def test_every_look_is_on_record_and_the_person_can_have_it_printed(officer: Officer) -> None:
    raised(officer)
    page = look(officer, THU.number)
    assert "nguoi-thu" in page.text
    assert THU.number not in page.text + page.url
    account = officer.place.installation.accounts.by_username("nguoi-thu")
    before = officer.place.kinds(account.id).count("account.looked_at")
    printed = officer.browser.follow(page, page.links["log"])
    assert officer.place.kinds(account.id).count("account.looked_at") == before + 2
    assert "present" in printed.text
    assert "<script" not in printed.text
    count = officer.place.installation.audit.count
    before = count("account.looked_for")
    assert look(officer, "khong-co-ai").error_code == "counter.nobody"
    assert count("account.looked_for") == before + 1


def test_locking_is_the_officers_and_unlocking_the_supervisors(officer: Officer) -> None:
    place = officer.place
    raised(officer)
    page = look(officer, "nguoi-thu")
    assert officer.submit(page, "lock", ground="death").error_code == "counter.form"
    page = officer.submit(look(officer, "nguoi-thu"), "lock", ground="security")
    assert "lock" not in {form.id for form in page.forms}
    assert "unlock" not in {form.id for form in page.forms}
    place.add("truong", "supervisor")
    chief = Officer(place, "truong").ready()
    page = chief.submit(look(chief, "nguoi-thu"), "unlock")
    assert 'value="death"' in page.text
    assert place.installation.accounts.by_username("nguoi-thu").state == "active"


def test_a_case_is_opened_by_one_and_decided_by_another(officer: Officer) -> None:
    place = officer.place
    raised(officer)
    page = officer.submit(look(officer, "nguoi-thu"), "case", kind="subject_request")
    assert "case-" in page.text
    place.add("truong", "officer", "supervisor")
    chief = Officer(place, "truong").ready()
    page = chief.open("/cases")
    form = next(form for form in page.forms if form.action.endswith("/decide"))
    done = chief.browser.submit(page, form, decision="granted")
    assert "case-" not in done.text
    own = chief.submit(look(chief, "nguoi-thu"), "case", kind="lock_request")
    form = next(form for form in own.forms if form.action.endswith("/decide"))
    assert chief.browser.submit(own, form, decision="granted").error_code == "counter.four_eyes"


def test_nobody_decides_a_case_that_he_is_in(officer: Officer) -> None:
    place = officer.place
    chief = place.add("truong", "supervisor")
    by = place.installation.accounts.by_username("can-bo")
    assert by is not None
    cases = place.installation.accounts.cases
    cases.request("subject_request", chief.id, by=by.id, at=datetime.now(UTC))
    one = Officer(place, "truong").ready()
    page = one.open("/cases")
    form = next(form for form in page.forms if form.action.endswith("/decide"))
    refused = one.browser.submit(page, form, decision="granted")
    assert refused.error_code == "counter.four_eyes"


def test_an_officers_recovery_ends_his_sessions_at_the_counter(officer: Officer) -> None:
    place, at = officer.place, datetime.now(UTC)
    lost = place.installation.accounts.by_username("can-bo")
    assert lost is not None
    for name in ("hai", "ba"):
        place.add(name, "officer")
    two = [
        officer_login(place.installation.accounts, name, PASSWORD, address="x", at=at)
        for name in ("hai", "ba")
    ]
    case = place.counter.recovery.ask(two[0], lost.id, card=None, at=at)
    code = place.counter.recovery.approve(two[1], case, at=at).handle
    half_way = Officer(place, "can-bo")
    asked = half_way.submit(half_way.open("/login"), "login", username="can-bo", password=PASSWORD)
    half_way.passkey = officer.passkey
    assert "can-bo" in officer.open("/").text
    other = Officer(place, "can-bo")
    new = "một mật khẩu hoàn toàn mới"
    page = other.submit(other.open("/recover"), "recover", code=code, password=new)
    assert 'id="done"' in page.text
    assert officer.open("/").url.endswith("/login")
    half_way.answer(asked)
    assert half_way.open("/").url.endswith("/login")


@pytest.mark.parametrize("with_card", [True, False])
def test_recovery_takes_two_officers_and_the_person(officer: Officer, with_card: bool) -> None:
    place = officer.place
    raised(officer)
    if with_card:
        page = officer.submit(officer.read(THU.number), "match", matched="yes")
        officer.submit(page, "recovery")
    else:
        officer.submit(look(officer, "nguoi-thu"), "recovery", told="yes")
    page = officer.open("/cases")
    form = next(form for form in page.forms if form.action.endswith("/approve"))
    assert officer.browser.submit(page, form).error_code == "recovery.four_eyes"
    place.add("hai", "officer")
    second = Officer(place, "hai").ready()
    page = second.open("/cases")
    form = next(form for form in page.forms if form.action.endswith("/approve"))
    code = second.browser.submit(page, form).codes["code"]
    weak = second.submit(second.open("/recover"), "recover", code=code, password="short")
    assert weak.error_code == "password.length"
    fresh = "một mật khẩu hoàn toàn mới"
    somewhere = signed_on(place, "nguoi-thu")
    page = second.submit(second.open("/recover"), "recover", code=code, password=fresh)
    assert 'id="done"' in page.text
    account = place.installation.accounts.check_password(
        "nguoi-thu", fresh, address="x", at=datetime.now(UTC)
    )
    assert account.level == (2 if with_card else 0)
    now = datetime.now(UTC)
    assert place.installation.grants.get("session", somewhere.key, at=now) is None
    assert place.installation.grants.get("access", TOKEN, at=now) is None
    assert "session.ended" in place.kinds(account.id)


def signed_on(place: Place, username: str) -> Grant:
    """A session of the person's, or of whoever has stolen the password, and a token from it."""
    account = place.installation.accounts.by_username(username)
    assert account is not None
    provider, at = place.installation.provider(), datetime.now(UTC)
    _cookie, session, row = sign_on.started(
        provider,
        account.id,
        auth_time=int(at.timestamp()),
        amr=("pwd",),
        before=None,
        at=at,
    )
    wanted = AuthorizationRequest(
        client_id="portal", redirect_uri="https://portal.example/", scopes=("openid",)
    )
    member = sign_on.member_row(provider, session, wanted, "tokens")
    token = Grant(kind="access", key=TOKEN, payload={}, family="tokens", expires_at=row.expires_at)
    provider.grants.put(row, member, token)
    return row


# -- words --------------------------------------------------------------------------------------


def test_both_languages_say_the_same_things() -> None:
    assert words("vi").keys() == words("en").keys()


def test_the_language_is_remembered(officer: Officer) -> None:
    page = officer.browser.follow(officer.open("/"), "/language/en")
    assert 'lang="en"' in page.text
    assert "Find a person" in page.text


def test_an_unknown_page_is_calm(officer: Officer) -> None:
    page = officer.open("/nothing")
    assert (page.status, page.error_code) == (404, "request.not_found")
