"""Signing up to level 1, reaching it in My account, and recovery (contracts §6)."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from falcon import testing

from eid.admin.counter import officer_login
from eid.levels.account import Account
from eid.oidc import kiosk_login
from eid.oidc.web import create_app
from eid.testing.people import PEOPLE
from tests.oidc.conftest import PASSWORD

NEW = "a new long password"
FORM = {
    "username": "Mau.New",
    "password": NEW,
    "again": NEW,
    "kind": "email",
    "address": "mau@mail.example",
}


@pytest.fixture
def guest(home):
    """A browser in a world where mau has no account yet."""
    home.store.subjects.erase("account-mau", by="test", reason="test", at=home.now)
    return home.browser()


def begin(home, browser):
    return browser.post("/sign-up", {"x": "1"}).path


def show_card(home, browser, here, who="mau"):
    assert 'id="card-link"' in browser.get(here).text
    return home.card(browser, here, who)


def named(home, browser, **changed):
    """A sign-up with its card and its name: where it is then."""
    here = begin(home, browser)
    assert show_card(home, browser, here).path == here
    assert browser.get(here).path == f"{here}/name"
    csrf = browser.get(f"{here}/name").field("csrf")
    return here, browser.post(f"{here}/name", FORM | {"csrf": csrf} | changed)


def test_card_name_and_code_make_an_account_of_level_1(home, guest):
    here, answer = named(home, guest)
    assert answer.path == here
    account = home.store.accounts.by_username("mau.new")
    assert (account.level, account.profile) == (0, None)
    page = guest.get(guest.get(here).path)
    assert "m…@mail.example" in page.text
    form = {"csrf": page.field("csrf"), "code": home.sent()[-1]}
    assert guest.post(f"{here}/code", form).path == f"{here}/enter"
    assert guest.get(f"{here}/enter").path == "/account"
    assert '<dd id="level">1</dd>' in guest.get("/account").text
    account = home.store.accounts.by_username("mau.new")
    assert (account.level, account.state, account.source) == (1, "active", "chip_local")
    assert account.holder_match == "none"
    assert account.profile.personal_number == PEOPLE["mau"].number
    kinds = home.events()
    assert {"account.signed_up", "sign_up.card", "account.proofed_remotely"} <= set(kinds)
    assert guest.get(f"{here}/code").code == "interaction.over"


def test_the_yes_is_in_the_ledger_with_the_account_and_ends_with_it(home, guest):
    """What, why, by which text and act, in the transaction that makes the account."""
    here = begin(home, guest)
    show_card(home, guest, here)
    asked = guest.get(f"{here}/name?lang=en").text
    assert 'id="agreed"' in asked
    assert "Example Ltd keeps what was read" in asked
    csrf = guest.get(f"{here}/name").field("csrf")
    guest.post(f"{here}/name", FORM | {"csrf": csrf, "username": "thu"})
    assert "consent.given" not in home.events()  # no account, no consent
    guest.post(f"{here}/name", FORM | {"csrf": csrf})
    account = home.store.accounts.by_username("mau.new")
    [given] = home.store.consents.of_account(account.id)
    assert (given.client, given.purpose) == ("@sign-up", "keep the account")
    assert (given.channel, given.act) == ("web", "pressed_agree")
    assert re.fullmatch(r"en-[0-9a-f]{12}", given.text_version)
    assert {"name", "personal_number", "channel"} <= set(given.what)
    assert (given.given_at, given.is_live(home.now)) == (home.now, True)
    page = guest.get(f"{here}/code")
    guest.post(f"{here}/code", {"csrf": page.field("csrf"), "code": home.sent()[-1]})
    guest.get(f"{here}/enter")
    page = guest.get("/account/consents")
    assert "Example Ltd" in page.text
    assert 'value="@sign-up"' not in page.text
    assert 'id="close-link"' in page.text
    csrf = guest.get("/account").field("csrf")
    sent = {"csrf": csrf, "client": "@sign-up"}
    assert guest.post("/account/consents/withdraw", sent).path == "/account/close"
    assert home.store.accounts.by_username("mau.new").state == "active"
    assert guest.get("/account/close").status == 200  # password and code were shown just now
    csrf = guest.get("/account").field("csrf")
    assert 'id="closed"' in guest.post("/account/close", {"csrf": csrf, "sure": "1"}).text
    [given] = home.store.consents.of_account(account.id)
    assert given.withdrawn_at == home.now


def test_a_sign_up_at_a_kiosk_leaves_no_session_there(home, guest, monkeypatch):
    """The kiosk's signature itself is tested with the kiosk."""
    monkeypatch.setattr(kiosk_login, "read_by", lambda *_, **__: "k" * 22)
    here, _ = named(home, guest)
    page = guest.get(guest.get(here).path)
    form = {"csrf": page.field("csrf"), "code": home.sent()[-1]}
    assert guest.post(f"{here}/code", form).path == f"{here}/enter"
    assert guest.get(f"{here}/enter").code == "account.at_kiosk"
    assert home.store.accounts.by_username("mau.new").level == 1
    assert 'id="level"' not in guest.get("/account").text


def test_what_the_card_said_is_forgotten_with_its_use(home, guest):
    here, _ = named(home, guest)
    with home.store.database.read() as connection:
        count = "SELECT count(*) FROM grants WHERE kind = 'sign_up' AND used_at IS NULL"
        assert connection.exec_driver_sql(count).scalar() == 1
        size = "SELECT length(payload) FROM grants WHERE kind = 'sign_up'"
        before = connection.exec_driver_sql(size).scalar()
    page = guest.get(f"{here}/code")
    guest.post(f"{here}/code", {"csrf": page.field("csrf"), "code": home.sent()[-1]})
    with home.store.database.read() as connection:
        assert connection.exec_driver_sql(size).scalar() < 100 < before
    assert before < 12_000  # no portrait in it


def test_a_wrong_code_raises_nothing_and_the_right_one_still_does(home, guest):
    here, _ = named(home, guest)
    page = guest.get(f"{here}/code")
    for wrong in ("", "0000000x"):
        refused = guest.post(f"{here}/code", {"csrf": page.field("csrf"), "code": wrong})
        assert refused.code == "factor.refused"
    assert home.store.accounts.by_username("mau.new").level == 0
    form = {"csrf": page.field("csrf"), "code": home.sent()[-1]}
    assert guest.post(f"{here}/code", form).path == f"{here}/enter"


def test_no_name_before_a_genuine_card(home, guest):
    """No enumeration, no accounts by the thousand (row O-053)."""
    here = begin(home, guest)
    for path in ("/name", "/code", "/totp", "/passkey", "/enter"):
        assert guest.get(here + path).code == "interaction.impossible_step", path
    csrf = guest.get(here).field("csrf")
    assert guest.post(f"{here}/name", FORM | {"csrf": csrf}).code == "interaction.impossible_step"
    sent = {"csrf": csrf, "username": "thu", "password": PASSWORD}
    assert guest.post(f"{here}/password", sent).code == "interaction.impossible_step"
    assert home.store.accounts.by_username("mau.new") is None


def test_a_copied_card_signs_nobody_up(home, guest):
    """No answer to our own challenge, no account (row L-001)."""
    here = begin(home, guest)
    asked = home.card_request(guest, here)
    handle = home.deliver(asked, home.evidence("mau", None)).json()["handle"]
    refused = guest.get(f"{here}/card/return?handle={handle}")
    assert refused.status == 403
    assert guest.get(f"{here}/name").code == "interaction.impossible_step"


def test_five_taken_names_and_the_sign_up_is_over(home, guest):
    here = begin(home, guest)
    show_card(home, guest, here)
    csrf = guest.get(f"{here}/name").field("csrf")
    for _ in range(4):
        taken = guest.post(f"{here}/name", FORM | {"csrf": csrf, "username": "thu"})
        assert (taken.status, taken.code) == (403, "account.username_taken")
        assert 'id="name"' in taken.text
    last = guest.post(f"{here}/name", FORM | {"csrf": csrf, "username": "THU"})
    assert last.code == "account.username_taken"
    assert guest.get(here).code == "interaction.over"
    assert home.sent() == []


def test_a_card_s_names_are_counted_over_its_sign_ups(home, guest):
    test_five_taken_names_and_the_sign_up_is_over(home, guest)
    for wait, code in ((0, "login.throttled"), (31, "account.username_taken")):
        home.wait(wait)
        browser = home.browser()
        here = begin(home, browser)
        show_card(home, browser, here)
        form = FORM | {"csrf": browser.get(f"{here}/name").field("csrf"), "username": "thu"}
        assert browser.post(f"{here}/name", form).code == code


def test_one_card_makes_one_account_however_many_forms_come_at_once(home, guest):
    """Each try is counted before it is made; all but one of those at once are refused."""
    here = begin(home, guest)
    show_card(home, guest, here)
    csrf = guest.get(f"{here}/name").field("csrf")
    start = threading.Barrier(6)

    def send(number):
        browser = home.browser()
        browser.cookies |= guest.cookies
        start.wait()
        form = FORM | {"csrf": csrf, "username": f"mau{number}"}
        return browser.post(f"{here}/name", form).status

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(send, range(6)))
    assert statuses[0] == 303
    assert set(statuses[1:]) <= {403, 409}
    made = [home.store.accounts.by_username(f"mau{number}") for number in range(6)]
    assert sum(account is not None for account in made) == 1
    assert home.events().count("account.signed_up") == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"username": "a b"}, "username"),
        ({"username": "admin\u202e"}, "username"),
        ({"again": "other"}, "password.different"),
        ({"password": "12345678", "again": "12345678"}, "password.breached"),
        ({"address": "no address"}, "channel.address"),
        ({"kind": "sms", "address": "+84901234567"}, "channel.address"),
        ({"kind": "pigeon"}, "channel.address"),
    ],
)
def test_a_form_that_is_not_in_order_stores_nothing(home, guest, changed, code):
    _, answer = named(home, guest, **changed)
    assert (answer.status, answer.code) == (400, code)
    assert NEW not in answer.text
    assert home.store.accounts.by_username("mau.new") is None
    assert home.sent() == []


def test_somebody_with_an_account_opens_a_case_instead(home):
    """A second enrolment of a number (contracts §6)."""
    browser = home.browser()
    here = begin(home, browser)
    refused = show_card(home, browser, here, "thu")
    assert (refused.status, refused.code) == (403, "account.number_taken")
    [case] = home.store.accounts.cases.pending()
    assert (case.kind, case.account) == ("second_enrolment", home.thu)
    assert browser.get(f"{here}/name").code == "interaction.impossible_step"


def test_a_child_is_sent_to_a_counter(home, guest):
    """Row L-005: under 14 through a representative."""
    born = PEOPLE["mau"].birth_date
    home.time[0] = home.now.replace(year=born.year + 13)
    here = begin(home, guest)
    answer = show_card(home, guest, here)
    assert answer.status == 403
    assert home.store.accounts.by_username("mau.new") is None
    assert guest.get(f"{here}/name").code == "interaction.impossible_step"


@pytest.mark.parametrize(
    ("methods", "status"),
    [
        ({"card", "code"}, 200),
        ({"card", "passkey"}, 404),
        ({"card"}, 404),
        ({"code", "passkey"}, 404),
    ],
)
def test_nobody_is_invited_to_what_cannot_end_well(home, methods, status):
    settings = replace(home.provider.settings, methods=frozenset(methods))
    app = create_app(replace(home.provider, settings=settings))
    browser = replace(home, client=testing.TestClient(app)).browser()
    assert browser.get("/sign-up").status == status
    assert browser.post("/sign-up", {"x": "1"}).status == (303 if status == 200 else 404)
    page = home.authorize(browser).text
    assert ('id="sign-up-link"' in page) is (status == 200)
    assert 'id="recover-link"' in page


def test_another_browser_and_another_tab_mix_nothing(home, guest):
    here, _ = named(home, guest)
    assert home.browser().get(f"{here}/code").code == "interaction.other_browser"
    other = begin(home, guest)
    assert guest.get(f"{other}/name").code == "interaction.impossible_step"
    assert guest.get(f"{here}/code").status == 200


def test_one_card_only_in_a_sign_up(home, guest):
    here = begin(home, guest)
    asked = home.card_request(guest, here)
    show_card(home, guest, here)
    assert asked
    assert guest.get(f"{here}/card").status in {200, 409}
    again = home.card(guest, here, "mau")
    assert again.code == "interaction.impossible_step"
    assert guest.get(f"{here}/name").status == 200


def test_forms_from_elsewhere_begin_and_name_nothing(home, guest):
    foreign = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    assert guest.post("/sign-up", {"x": "1"}, **foreign).code == "interaction.cross_site"
    assert guest.post("/recover", {"x": "1"}, **foreign).code == "interaction.cross_site"
    here = begin(home, guest)
    show_card(home, guest, here)
    assert guest.post(f"{here}/name", FORM | {"csrf": "x"}).code == "interaction.cross_site"


# -- without an address of one's own ------------------------------------------------------------------


def log_in(home, browser, place="/account"):
    here = browser.get(place).path
    browser.get(home.password(browser, here, "mau.new", password=NEW).path)


def without_level(home, browser):
    """An account that signed up and never gave its code; the code's page of its way to level 1."""
    named(home, browser)
    home.people["new"] = home.store.accounts.by_username("mau.new")
    log_in(home, browser)
    return browser.get("/account/level").path


def give_code(home, browser, rise):
    page = browser.get(f"{rise}/code")
    form = {"csrf": page.field("csrf"), "code": home.sent()[-1]}
    return browser.post(f"{rise}/code", form)


def test_a_passkey_is_no_channel(home, guest):
    """A code that reached the person is what level 1 asks for (contracts §6)."""
    rise = without_level(home, guest)
    home.passkey("new")
    assert set(re.findall(r'id="(\w+)-link"', guest.get(rise).text)) == {"code", "cancel"}
    assert guest.get(f"{rise}/passkey").code == "interaction.impossible_step"
    assert guest.get(f"{rise}/card").code == "interaction.impossible_step"
    assert give_code(home, guest, rise).path == rise
    assert home.card(guest, rise, "mau").path == f"{rise}/enter"
    assert guest.get(f"{rise}/enter").path == "/account"
    assert '<dd id="level">1</dd>' in guest.get("/account").text
    assert guest.get("/account/level").path == "/account"


def test_a_sign_up_has_an_address(home, guest):
    here, refused = named(home, guest, kind="later", address="")
    assert (refused.status, refused.code) == (400, "channel.address")
    assert home.store.accounts.by_username("mau.new") is None
    assert "later" not in guest.get(f"{here}/name").text


def test_a_letter_takes_its_days(home, guest):
    here, answer = named(home, guest, kind="letter", address="12 Phố Huế, Hà Nội")
    assert answer.path == here
    home.wait(9 * 86400)
    assert guest.get(f"{here}/code").code == "interaction.over"
    log_in(home, guest)
    rise = guest.get("/account/level").path
    page = guest.get(f"{rise}/code")
    form = {"csrf": page.field("csrf"), "code": home.sent()[-1]}
    assert guest.post(f"{rise}/code", form).path == rise
    assert home.card(guest, rise, "mau").path == f"{rise}/enter"
    assert guest.get(f"{rise}/enter").path == "/account"
    assert home.store.accounts.by_username("mau.new").level == 1


def test_another_person_s_card_raises_nobody(home, guest):
    """The number belongs to thu: a case, and level 0 as before (row L-002)."""
    rise = without_level(home, guest)
    give_code(home, guest, rise)
    refused = home.card(guest, rise, "thu")
    assert (refused.status, refused.code) == (403, "account.number_taken")
    assert home.store.accounts.by_username("mau.new").level == 0
    assert [case.account for case in home.store.accounts.cases.pending()] == [home.thu]


def test_a_channel_that_was_reached_long_ago_raises_nobody(home, guest):
    rise = without_level(home, guest)
    give_code(home, guest, rise)
    home.wait(601)
    assert guest.get(f"{rise}/card").code == "interaction.over"
    assert home.store.accounts.by_username("mau.new").level == 0


# -- recovery ---------------------------------------------------------------------------------------


@pytest.fixture
def officers(home):
    shown = []
    for name in ("canbo1", "canbo2"):
        roles = frozenset({"officer"})
        account = Account(id=f"account-{name}", username=name, created_at=home.now, roles=roles)
        home.store.accounts.create(account, password=PASSWORD)
        shown.append(
            officer_login(home.store.accounts, name, PASSWORD, address="192.0.2.9", at=home.now)
        )
    return shown


def recover(home, officers, card=None):
    asked = home.desk.ask(officers[0], home.thu, card=card, at=home.now)
    return home.desk.approve(officers[1], asked, at=home.now).handle


def test_recovery_sets_a_password_once_and_ends_every_session(home, officers):
    browser, before, half_way = home.browser(), home.browser(), home.browser()
    home.code(before)
    begun = home.begin(half_way)
    assert home.password(half_way, begun).path == f"{begun}/consent"
    handle = recover(home, officers)
    assert browser.get("/recover").status == 200
    form = {"handle": handle, "password": NEW, "again": NEW}
    for changed, code in (
        ({"again": "x"}, "password.different"),
        ({"password": "12345678", "again": "12345678"}, "password.breached"),
        ({"handle": "x"}, "recovery"),
        ({"handle": "x" * 43}, "recovery"),
    ):
        refused = browser.post("/recover", form | changed)
        assert refused.code == code, changed
        assert NEW not in refused.text
    done = browser.post("/recover", form)
    assert 'id="recovered"' in done.text
    assert "<dd>0</dd>" in done.text  # without the card: told before, and told now
    assert browser.post("/recover", form).code == "recovery"
    assert "login" in home.authorize(before).text
    assert half_way.get(f"{begun}/consent").code == "interaction.over"
    here = home.begin(browser)
    assert home.password(browser, here, password=NEW).path == f"{here}/consent"
    assert {"account.recovered", "session.ended"} <= set(home.events())


def test_a_recovery_lives_half_an_hour(home, officers):
    handle = recover(home, officers)
    home.wait(1801)
    form = {"handle": handle, "password": NEW, "again": NEW}
    assert home.browser().post("/recover", form).code == "recovery"
