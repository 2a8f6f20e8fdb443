from __future__ import annotations

import importlib.util
import json
import multiprocessing
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from eid.errors import AccountError, EidError, FormatError, RequestRefused, Unavailable
from eid.levels.factors.code import Channel, FileSender
from eid.levels.factors.otp import totp_code
from eid.levels.factors.passkey import PasskeyParty
from eid.oidc.ports import Grant
from eid.store import open_store
from eid.store.factors import CEREMONY_S, MAX_FACTORS

AT = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)
ORIGIN = "https://id.example.vn"
PARTY = PasskeyParty(rp_id="id.example.vn", name="Thử", origin=ORIGIN)


def _authenticator():
    place = Path(__file__).with_name("authenticator.py")
    spec = importlib.util.spec_from_file_location("authenticator", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Authenticator


Authenticator = _authenticator()


def later(seconds):
    return AT + timedelta(seconds=seconds)


@pytest.fixture
def account(store, person):
    return store.accounts.create(person())


def code_of(error):
    return error.value.code


# -- TOTP ----------------------------------------------------------------------------------------


def totp(store, account, code, at=AT):
    return store.factors.check_totp(account.id, code, address="192.0.2.1", at=at)


def test_totp_once_per_step(store, account):
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    factor = totp(store, account, totp_code(secret, AT))
    assert (factor.method, factor.kind, factor.at) == ("totp", "possession", AT)
    for again in (AT, later(5), later(-30)):
        with pytest.raises(AccountError) as caught:
            totp(store, account, totp_code(secret, again))
        assert code_of(caught) == "factor.refused"
    assert totp(store, account, totp_code(secret, later(30)), at=later(30))
    (enrolled,) = store.factors.enrolled(account.id)
    assert enrolled.used_at == later(30)


@pytest.mark.parametrize("drift", [-30, 0, 30])
def test_totp_of_a_clock_that_is_a_little_off(sqlite_store, person, drift):
    store = sqlite_store
    account = store.accounts.create(person())
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    assert totp(store, account, totp_code(secret, later(drift)))


@pytest.mark.parametrize(
    "wrong", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "0" * 6000]
)
def test_wrong_codes(sqlite_store, person, wrong):
    store = sqlite_store
    account = store.accounts.create(person())
    store.factors.enrol_totp(account.id, at=AT)
    with pytest.raises(AccountError) as caught:
        totp(store, account, wrong)
    assert code_of(caught) == "factor.refused"


def test_nobody_and_nothing_enrolled_answer_alike(store, account):
    for who in (account.id, "nobody"):
        with pytest.raises(AccountError) as caught:
            store.factors.check_totp(who, "123456", address="192.0.2.1", at=AT)
        assert code_of(caught) == "factor.refused"


def test_guessing_is_throttled_and_a_right_code_waits_too(store, account):
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    for _ in range(5):
        with pytest.raises(AccountError):
            totp(store, account, "000000")
    with pytest.raises(AccountError) as caught:
        totp(store, account, totp_code(secret, AT))
    assert code_of(caught) == "login.throttled"
    at = later(60)
    assert totp(store, account, totp_code(secret, at), at=at)


def _guess(url, folder, account_id, code, queue):
    store = open_store(url, folder, insecure_fast_hash=True)
    with suppress(AccountError):
        store.factors.check_totp(account_id, code, address="192.0.2.1", at=AT)
        queue.put("won")
    store.close()


def test_o068_eight_processes_one_code_one_winner(store, url, tmp_path, account):
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    given = (url, tmp_path, account.id, totp_code(secret, AT), queue)
    processes = [context.Process(target=_guess, args=given) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert queue.get(timeout=60) == "won"
    assert queue.empty()
    used = [row for row in store.audit.of_account(account.id) if row.event.kind == "factor.used"]
    assert len(used) == 1


# -- PINs ------------------------------------------------------------------------------------------


def pin(store, account, digits, at=AT):
    return store.factors.check_pin(account.id, digits, address="192.0.2.1", at=at)


def test_a_pin_is_knowledge_and_counts_at_once(store, account):
    store.factors.enrol_pin(account, "739164", at=AT)
    assert [one.counts for one in store.factors.enrolled(account.id)] == [True]
    shown = pin(store, account, "739164")
    assert (shown.method, shown.kind) == ("pin", "knowledge")
    with pytest.raises(AccountError) as caught:
        pin(store, account, "739165")
    assert code_of(caught) == "factor.refused"


def test_a_new_pin_takes_the_place_of_the_old(store, account):
    store.factors.enrol_pin(account, "739164", at=AT)
    store.factors.enrol_pin(account, "028461", at=AT)
    assert len(store.factors.enrolled(account.id)) == 1
    with pytest.raises(AccountError):
        pin(store, account, "739164")
    assert pin(store, account, "028461")


def test_o053_pins_are_throttled_and_nobody_without_one_is_told_apart(store, account, person):
    store.factors.enrol_pin(account, "739164", at=AT)
    nobody = store.accounts.create(person("mau", "001190000002"))
    for who in (account, nobody):
        codes = []
        for _ in range(6):
            with pytest.raises(AccountError) as caught:
                pin(store, who, "111112")
            codes.append(code_of(caught))
        assert codes == ["factor.refused"] * 5 + ["login.throttled"]
    with pytest.raises(AccountError) as caught:
        pin(store, account, "739164")
    assert code_of(caught) == "login.throttled"
    assert pin(store, account, "739164", at=later(60))


def test_the_tail_of_the_number_is_no_pin(store, account):
    with pytest.raises(FormatError) as caught:
        store.factors.enrol_pin(account, account.profile.personal_number[-6:], at=AT)
    assert caught.value.code == "pin.guessed"
    assert store.factors.enrolled(account.id) == ()


# -- codes to a channel ----------------------------------------------------------------------------


@pytest.fixture
def sent(tmp_path):
    return tmp_path / "sent"


def send(store, account, factor, sent, at=AT):
    store.factors.send_code(account.id, factor, FileSender(path=sent), service="Thử", at=at)


def last(sent):
    line = json.loads(sent.read_text("utf-8").splitlines()[-1])
    return next(word.strip(",") for word in line["text"].split() if word.strip(",").isdigit())


def check(store, account, code, at=AT):
    return store.factors.check_code(account.id, code, address="192.0.2.1", at=at)


@pytest.mark.parametrize(
    ("kind", "address"),
    [("sms", "+84900000001"), ("email", "thu@example.vn"), ("letter", "Quầy 3, hộp 12")],
)
def test_a_code_reaches_its_channel_once(store, account, sent, kind, address):
    """Whoever has no SIM of his own is served by e-mail or a letter."""
    channel = Channel(kind=kind, address=address)
    factor = store.factors.enrol_channel(account.id, channel, at=AT)
    send(store, account, factor, sent)
    assert sent.stat().st_mode & 0o777 == 0o600
    code = last(sent)
    assert check(store, account, code).method == "code"
    with pytest.raises(AccountError):
        check(store, account, code)


def test_a_new_code_voids_the_old_and_codes_end(store, account, sent):
    channel = Channel(kind="email", address="thu@example.vn")
    factor = store.factors.enrol_channel(account.id, channel, at=AT)
    send(store, account, factor, sent)
    first = last(sent)
    send(store, account, factor, sent)
    second = last(sent)
    for code, at in ((first, AT), (second, later(600)), ("", AT), ("x" * 9999, AT)):
        with pytest.raises(AccountError):
            check(store, account, code, at=at)
    assert check(store, account, second, at=later(599))
    send(store, account, "no such factor", sent)
    assert last(sent) == second


def test_messages_are_not_sent_without_end(store, account, sent):
    channel = Channel(kind="email", address="thu@example.vn")
    factor = store.factors.enrol_channel(account.id, channel, at=AT)
    for _ in range(5):
        send(store, account, factor, sent)
    with pytest.raises(AccountError) as caught:
        send(store, account, factor, sent)
    assert code_of(caught) == "login.throttled"
    assert len(sent.read_text("utf-8").splitlines()) == 5


def test_a_sender_that_fails(store, account, tmp_path):
    channel = Channel(kind="email", address="thu@example.vn")
    factor = store.factors.enrol_channel(account.id, channel, at=AT)
    with pytest.raises(Unavailable):
        send(store, account, factor, tmp_path / "no" / "folder")


# -- passkeys --------------------------------------------------------------------------------------


def enrol(store, account, device, at=AT):
    handle, options = store.factors.begin_passkey(
        account.id, PARTY, username="thu", enrol=True, at=at
    )
    return store.factors.enrol_passkey(handle, PARTY, device.create(options, ORIGIN), at=at)


def begin(store, account):
    return store.factors.begin_passkey(account.id, PARTY, username="thu", enrol=False, at=AT)


@pytest.mark.parametrize("verifies_user", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_a_passkey_logs_in(store, account, verifies_user, counts):
    device = Authenticator(verifies_user=verifies_user, counts=counts)
    enrol(store, account, device)
    for _ in range(2):
        handle, options = begin(store, account)
        answer = device.get(options, ORIGIN)
        known, factor = store.factors.check_passkey(handle, PARTY, answer, at=AT)
        assert known == account.id
        assert (factor.method, factor.user_verified) == ("passkey", verifies_user)
        with pytest.raises(RequestRefused):
            store.factors.check_passkey(handle, PARTY, answer, at=AT)


def test_a_copied_passkey_shows_by_its_counter(store, account):
    device = Authenticator()
    enrol(store, account, device)
    handle, options = begin(store, account)
    device.count -= 1
    with pytest.raises(RequestRefused) as caught:
        store.factors.check_passkey(handle, PARTY, device.get(options, ORIGIN), at=AT)
    assert code_of(caught) == "passkey.cloned"
    kinds = [row.event.kind for row in store.audit.of_account(account.id)]
    assert "factor.refused" in kinds


def test_passkeys_that_do_not_hold(store, account):
    device, stranger = Authenticator(), Authenticator()
    enrol(store, account, device)

    def refused(make, at=AT):
        handle, options = begin(store, account)
        with pytest.raises(EidError) as caught:
            store.factors.check_passkey(handle, PARTY, make(options), at=at)
        return code_of(caught)

    assert refused(lambda options: device.get(options, "https://evil.example")) == "passkey"
    assert refused(lambda options: stranger.get(options, ORIGIN)) == "passkey"
    assert refused(lambda options: {}) == "passkey"
    assert refused(lambda options: {"id": 3, "response": []}) == "passkey"
    other = {"publicKey": {"challenge": "AAAA", "rpId": "id.example.vn"}}
    assert refused(lambda options: device.get(other, ORIGIN)) == "passkey"
    elsewhere = {"rpId": "other.example"}
    assert (
        refused(lambda o: device.get({"publicKey": {**o["publicKey"], **elsewhere}}, ORIGIN))
        == "passkey"
    )
    assert refused(lambda o: device.get(o, ORIGIN), at=later(CEREMONY_S)) == "passkey"

    def forged(options):
        answer = device.get(options, ORIGIN)
        answer["response"]["signature"] = "AAAA"
        return answer

    assert refused(forged) == "passkey"
    handle, options = begin(store, account)
    with pytest.raises(RequestRefused):
        store.factors.enrol_passkey(handle, PARTY, device.get(options, ORIGIN), at=AT)


def test_enrolment_that_does_not_hold(store, account):
    device = Authenticator()
    for make in (
        lambda options: device.create(options, "https://evil.example"),
        lambda options: {},
        lambda options: {**device.create(options, ORIGIN), "response": {"attestationObject": ""}},
    ):
        handle, options = store.factors.begin_passkey(
            account.id, PARTY, username="thu", enrol=True, at=AT
        )
        with pytest.raises(RequestRefused):
            store.factors.enrol_passkey(handle, PARTY, make(options), at=AT)
    assert store.factors.enrolled(account.id) == ()


# -- all of them -----------------------------------------------------------------------------------


def test_removal_and_loss_destroy_the_secret_and_keep_the_level(store, person):
    account = store.accounts.create(person(state="active", level=2, holder_match="officer"))
    one, secret = store.factors.enrol_totp(account.id, at=AT)
    two = enrol(store, account, Authenticator())
    store.factors.remove(account.id, one, by="self", lost=False, at=AT)
    store.factors.remove(account.id, two, by="canbo", lost=True, at=AT)
    assert store.factors.enrolled(account.id) == ()
    with pytest.raises(AccountError):
        totp(store, account, totp_code(secret, AT))
    for name, who in ((one, account.id), ("x", account.id), (two, "other")):
        with pytest.raises(AccountError) as caught:
            store.factors.remove(who, name, by="self", lost=False, at=AT)
        assert code_of(caught) == "factor.unknown"
    kinds = {row.event.kind for row in store.audit.of_account(account.id)}
    assert {"factor.enrolled", "factor.removed", "factor.lost"} <= kinds
    # refresh tokens of before are another version's; all else is as it was
    assert store.accounts.by_id(account.id) == replace(account, version=account.version + 2)


def test_enrolling_holds_one_connection_at_a_time(store, account):
    """Two for each of many threads, and all would wait for the second."""
    held, most = set(), []

    def out(connection, *_):
        held.add(id(connection))
        most.append(len(held))

    def back(connection, *_):
        held.discard(id(connection))

    engine = store.database._engines().base
    event.listen(engine, "checkout", out)
    event.listen(engine, "checkin", back)
    store.factors.enrol_totp(account.id, at=AT)
    store.factors.enrol_pin(account, "739164", at=AT)
    assert max(most) == 1


def test_there_is_an_end_to_factors(store, account):
    for _ in range(MAX_FACTORS):
        store.factors.enrol_totp(account.id, at=AT)
    with pytest.raises(AccountError) as caught:
        store.factors.enrol_totp(account.id, at=AT)
    assert code_of(caught) == "factor.too_many"


def test_nobody_enrols_without_an_account(store):
    with pytest.raises(AccountError) as caught:
        store.factors.enrol_totp("nobody", at=AT)
    assert code_of(caught) == "account.unknown"


def test_o078_no_secret_in_clear(sqlite_store, person, tmp_path):
    account = sqlite_store.accounts.create(person())
    _, secret = sqlite_store.factors.enrol_totp(account.id, at=AT)
    channel = Channel(kind="email", address="thu@example.vn")
    sqlite_store.factors.enrol_channel(account.id, channel, at=AT)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("eid.db*"))
    for text in (secret, "thu@example.vn"):
        assert text.encode() not in stored


# -- a recovery ----------------------------------------------------------------------------------


def recovered(store, account, handle=b"h" * 32):
    grant = Grant(kind="recovery_handle", key=handle, payload={}, expires_at=later(60))
    store.grants.put(grant)
    return store.accounts.recover(
        account, "another long password", handle=handle, ending="family", by="officers", at=AT
    )


def test_a_recovery_suspends_and_a_right_code_reinstates(store, account):
    _, secret = store.factors.enrol_totp(account.id, at=AT)
    totp(store, account, totp_code(secret, AT))
    store.factors.enrol_pin(account, "739164", at=AT)
    recovered(store, account)
    assert store.factors.enrolled(account.id) == ()
    [kept] = store.factors.suspended(account.id)
    assert kept.method == "totp"
    at = later(30)
    with pytest.raises(AccountError):
        totp(store, account, totp_code(secret, at), at=at)
    code, address = totp_code(secret, at), "192.0.2.1"
    assert store.factors.check_totp(account.id, code, address=address, at=at, suspended=True)
    assert [one.id for one in store.factors.enrolled(account.id)] == [kept.id]
    assert store.factors.suspended(account.id) == ()
    with pytest.raises(AccountError):  # no code counts twice, suspended or not
        totp(store, account, code, at=at)


def test_one_handle_recovers_once(store, account):
    after = recovered(store, account)
    with pytest.raises(RequestRefused):
        store.accounts.recover(
            after, "a third long password", handle=b"h" * 32, ending="family", by="x", at=AT
        )
    store.accounts.check_password("thu", "another long password", address="192.0.2.1", at=AT)


def test_a_recovery_ends_the_family_of_sessions(store, account):
    session = Grant(
        kind="session", key=b"s" * 32, payload={}, expires_at=later(60), family="family"
    )
    store.grants.put(session)
    recovered(store, account)
    assert store.grants.get("session", session.key, at=AT) is None


def test_suspended_factors_fill_their_places(store, account):
    for _ in range(MAX_FACTORS):
        store.factors.enrol_totp(account.id, at=AT)
    recovered(store, account)
    with pytest.raises(AccountError) as caught:
        store.factors.enrol_totp(account.id, at=AT)
    assert code_of(caught) == "factor.too_many"
