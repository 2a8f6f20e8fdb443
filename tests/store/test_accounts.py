import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from eid.errors import AccountError, FormatError, Unavailable
from eid.levels.account import Account, Profile, move
from eid.oidc.ports import AuditEvent
from eid.store import new_account_id, open_store, passwords
from eid.store.schema import (
    accounts as table,
    audit_rows,
    identifiers,
    person_keys,
    throttles,
)
from eid.store.throttle import FORGET_S, LONGEST_S, PER_ACCOUNT, PER_ADDRESS

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "correct horse"


def later(seconds):
    return AT + timedelta(seconds=seconds)


def log_in(store, username="thu", password=PASSWORD, address="192.0.2.1", at=AT):
    return store.accounts.check_password(username, password, address=address, at=at)


def refused(store, **options):
    with pytest.raises(AccountError) as caught:
        log_in(store, **{"password": "wrong horse", **options})
    return caught.value.code


def test_round_trip(store, person):
    made = person(
        state="active",
        level=2,
        holder_match="officer",
        source="chip_local",
        roles=frozenset({"officer", "auditor"}),
        proofed_at=AT,
    )
    account = store.accounts.create(made, password=PASSWORD)
    assert account == made
    assert store.accounts.by_id(made.id) == made
    assert store.accounts.by_username(" THU") == made
    assert store.accounts.by_number("001190000001") == made
    assert log_in(store, "Thu") == made
    assert store.accounts.state(made.id) == "active"


def test_nobody(store):
    assert store.accounts.by_id("x") is None
    assert store.accounts.state("x") is None
    assert store.accounts.by_username("x") is None
    assert store.accounts.by_username("<x>") is None
    assert store.accounts.by_number("001190000001") is None


def test_people_without_a_number_do_not_collide(store, person):
    for username in ("one", "two"):
        made = person(username)
        made = replace(made, profile=replace(made.profile, personal_number=""))
        assert store.accounts.create(made) == store.accounts.by_username(username)
    assert store.accounts.by_number("") is None
    assert store.accounts.by_number("\ud800") is None


def test_account_without_person_or_password(store, person):
    account = store.accounts.create(person(number=""))
    assert store.accounts.by_id(account.id).profile is None
    assert refused(store, password="") == "login.refused"


def test_names_and_numbers_belong_to_one(store, person):
    store.accounts.create(person(), events=[AuditEvent(kind="account.created", at=AT)])
    for made, code in (
        (person("THU", "001190000002"), "account.username_taken"),
        (person("other"), "account.number_taken"),
    ):
        with pytest.raises(AccountError) as caught:
            store.accounts.create(made, events=[AuditEvent(kind="account.created", at=AT)])
        assert caught.value.code == code
        assert caught.value.__cause__ is None
        assert store.accounts.by_id(made.id) is None
    assert store.audit.verify().rows == {"node-1": 2}  # the second claim is on record
    (case,) = store.accounts.cases.pending()
    assert (case.kind, case.account) == (
        "second_enrolment",
        store.accounts.by_username("thu").id,
    )


@pytest.mark.parametrize(("username", "password"), [("<>", PASSWORD), ("thu", "short")])
def test_refused_names_and_passwords_store_nothing(store, person, username, password):
    made = person(username)
    with pytest.raises(FormatError):
        store.accounts.create(made, password=password)
    assert store.accounts.by_id(made.id) is None


def test_update_follows_the_life_cycle(store, person):
    account = store.accounts.create(person())
    raised = move(account, "proofed_at_counter", at=AT, holder_match="officer")
    happened = AuditEvent(kind="account.proofed_at_counter", at=AT, account=account.id)
    stored = store.accounts.update(raised, at=AT, events=[happened])
    assert (stored.level, stored.version) == (2, 2)
    assert store.accounts.by_id(account.id) == stored
    assert store.audit.of_account(account.id)[0].event == happened
    with pytest.raises(AccountError) as caught:
        store.accounts.update(raised, at=AT, events=[happened])
    assert caught.value.code == "account.changed"
    with pytest.raises(AccountError):
        store.accounts.update(person("ghost", ""), at=AT)
    assert len(store.audit.of_account(account.id)) == 1


def test_number_is_replaced_and_its_history_kept(store, person):
    account = store.accounts.create(person())
    profile = replace(account.profile, personal_number="001190000002")
    account = store.accounts.update(replace(account, profile=profile), at=later(10))
    assert store.accounts.by_number("001190000001") is None
    assert store.accounts.by_number("001190000002").id == account.id
    with store.database.read() as connection:
        rows = connection.execute(select(identifiers).order_by(identifiers.c.since)).all()
    assert [row.until for row in rows] == [int(later(10).timestamp()), None]
    other = store.accounts.create(person("other", "001190000003"))
    with pytest.raises(AccountError) as caught:
        store.accounts.update(replace(other, profile=profile), at=later(20))
    assert caught.value.code == "account.number_taken"
    assert store.accounts.by_number("001190000003").id == other.id


def test_o078_nothing_personal_is_stored_in_clear(sqlite_store, person, tmp_path):
    account = sqlite_store.accounts.create(person(), password=PASSWORD)
    log_in(sqlite_store, address="203.0.113.77")
    sqlite_store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("eid.db*"))
    assert account.id.encode() in stored
    for text in ("001190000001", "TRẦN", "1990-05-17", "Phố", PASSWORD, "argon2", "203.0.113.77"):
        assert text.encode() not in stored


def test_sealed_data_cannot_be_moved_between_people(store, person):
    one, two = (
        store.accounts.create(person(*who))
        for who in (("a", "001190000001"), ("b", "001190000002"))
    )
    for column, who in (
        (table.c.profile, table.c.id),
        (person_keys.c.sealed, person_keys.c.account),
    ):
        with store.database.write() as connection:
            value = connection.execute(select(column).where(who == two.id)).scalar_one()
            change = update(column.table).where(who == one.id).values({column.name: value})
            connection.execute(change)
        with pytest.raises(FormatError):
            store.accounts.by_id(one.id)


def test_subjects_are_pairwise_and_stable(store):
    one = store.accounts.subject("a", "bank")
    assert one == store.accounts.subject("a", "bank")
    assert (
        len({one, store.accounts.subject("a", "hospital"), store.accounts.subject("b", "bank")})
        == 3
    )
    assert store.accounts.subject("ab", "c") != store.accounts.subject("b", "ca")
    assert len(one) == 43


def test_login_events_are_recorded_without_names(store, person):
    account = store.accounts.create(person(), password=PASSWORD)
    log_in(store)
    assert refused(store) == "login.refused"
    assert refused(store, username="nobody") == "login.refused"
    with store.database.read() as connection:
        rows = connection.execute(select(audit_rows).order_by(audit_rows.c.seq)).all()
    assert [(row.kind, row.account) for row in rows] == [
        ("login.password_checked", account.id),
        ("login.refused", account.id),
        ("login.refused", None),
    ]


def test_only_the_right_password_learns_that_an_account_is_locked(store, person):
    account = store.accounts.create(person(), password=PASSWORD)
    store.accounts.update(move(account, "locked", at=AT), at=AT)
    assert refused(store) == "login.refused"
    assert refused(store, password=PASSWORD) == "account.locked"


def test_unknown_users_cost_the_same_work(store, person, monkeypatch):
    """L/O rows on enumeration: the same statements and one hash of the same cost for each."""
    store.accounts.create(person(), password=PASSWORD)
    store.accounts.create(person("bare", ""))
    assert refused(store, username="first") == "login.refused"  # starts the record's chain
    work = []
    real = passwords.check_password

    def observed(stored, password):
        work.append(stored.split("$")[3])
        return real(stored, password)

    monkeypatch.setattr(passwords, "check_password", observed)
    engine = store.database._engines().base

    @event.listens_for(engine, "before_cursor_execute")
    def _listen(_connection, _cursor, statement, _parameters, _context, _many):
        work.append(statement)

    seen = []
    for username in ("thu", "bare", "nobody", "<>"):
        work.clear()
        assert refused(store, username=username) == "login.refused"
        seen.append([step for step in work if "PRAGMA" not in step])
    assert "m=8,t=1,p=1" in seen[0]
    assert seen[1] == seen[2] == seen[3] == seen[0]


def test_strong_hashes_stay_under_the_insecure_switch(sqlite_url, tmp_path, person):
    strong = open_store(sqlite_url, tmp_path)
    strong.accounts.create(person(), password=PASSWORD)
    weak = open_store(sqlite_url, tmp_path, insecure_fast_hash=True)
    assert log_in(weak)
    with weak.database.read() as connection:
        row = connection.execute(select(table)).one()
    assert "m=19456," in weak.accounts._seal.open_password(row)
    strong.close()
    weak.close()


def test_set_password(store, person):
    account = store.accounts.create(person())
    happened = AuditEvent(kind="account.password_set", at=AT, account=account.id)
    store.accounts.set_password(account.id, PASSWORD, at=AT, events=[happened])
    assert log_in(store).id == account.id
    with pytest.raises(AccountError) as caught:
        store.accounts.set_password("nobody", PASSWORD, at=AT, events=[happened])
    assert caught.value.code == "account.unknown"
    with pytest.raises(FormatError):
        store.accounts.set_password(account.id, "short", at=AT)


def test_fast_hash_is_replaced_where_strong_ones_are_wanted(
    sqlite_store, sqlite_url, tmp_path, person
):
    account = sqlite_store.accounts.create(person(), password=PASSWORD)

    def parameters(store):
        with store.database.read() as connection:
            row = connection.execute(select(table)).one()
        return store.accounts._seal.open_password(row)

    assert "m=8," in parameters(sqlite_store)
    strong = open_store(sqlite_url, tmp_path)
    assert log_in(strong).id == account.id
    assert "m=19456," in parameters(strong)
    assert log_in(strong).id == account.id
    strong.close()


def test_a_login_never_brings_back_a_password_that_was_just_replaced(
    sqlite_store, sqlite_url, tmp_path, person, monkeypatch
):
    """The reset commits while a login with the old password is about to renew its hash."""
    account = sqlite_store.accounts.create(person(), password=PASSWORD)
    strong = open_store(sqlite_url, tmp_path)
    needed = passwords.needs_rehash

    def meanwhile(stored):
        strong.accounts.set_password(account.id, "another horse", at=AT)
        return needed(stored)

    monkeypatch.setattr(passwords, "needs_rehash", meanwhile)
    assert log_in(strong).id == account.id
    monkeypatch.undo()
    assert log_in(strong, password="another horse").id == account.id
    with pytest.raises(AccountError):
        log_in(strong)
    strong.close()


def test_a_hash_that_cannot_be_renewed_now_stops_no_login(
    sqlite_store, sqlite_url, tmp_path, person, monkeypatch
):
    account = sqlite_store.accounts.create(person(), password=PASSWORD)
    strong = open_store(sqlite_url, tmp_path)

    def down():
        raise Unavailable("The database does not answer now.", code="database")

    monkeypatch.setattr(strong.database, "write", down)
    assert log_in(strong).id == account.id
    monkeypatch.undo()
    assert log_in(strong).id == account.id
    strong.close()


def test_o053_guessing_is_slowed_per_account(store, person):
    store.accounts.create(person(), password=PASSWORD)
    for _ in range(PER_ACCOUNT.failures):
        assert refused(store) == "login.refused"
    with pytest.raises(AccountError) as caught:
        log_in(store, address="192.0.2.2")
    assert caught.value.code == "login.throttled"
    assert caught.value.facts == {"retry_after": PER_ACCOUNT.block_s}
    assert refused(store, at=later(29), password=PASSWORD) == "login.throttled"
    assert refused(store, at=later(30)) == "login.refused"
    assert refused(store, at=later(89), password=PASSWORD) == "login.throttled"
    assert log_in(store, at=later(90))
    assert refused(store, at=later(90)) == "login.refused"


def test_unknown_and_malformed_names_are_throttled_alike(store):
    for username in ("nobody", "<nobody>", "\ud800", "x" * 10_000):
        for _ in range(PER_ACCOUNT.failures):
            assert refused(store, username=username) == "login.refused"
        assert refused(store, username=username) == "login.throttled"


def test_spellings_of_a_name_share_a_throttle(store, person):
    store.accounts.create(person(), password=PASSWORD)
    for username in ("thu", "THU", " thu", "Thu ", "tHu"):
        assert refused(store, username=username) == "login.refused"
    assert refused(store, username="ThU") == "login.throttled"


def test_o053_guessing_is_slowed_per_address(store, person):
    store.accounts.create(person(), password=PASSWORD)
    for number in range(PER_ADDRESS.failures):
        assert refused(store, username=f"u{number}") == "login.refused"
    assert refused(store, username="thu", password=PASSWORD) == "login.throttled"
    assert log_in(store, address="192.0.2.2")


def test_slips_of_many_people_behind_one_address_do_not_add_up_for_good():
    failures, since = 0, 0
    for now in range(0, 2 * FORGET_S, 45):
        failures, since = PER_ADDRESS.still_counted(failures, since, now)
        failures += 1
        assert not PER_ADDRESS.blocked_for(failures), f"everybody waits after {now} s"


def test_forgiving_loses_no_part_of_a_period_and_never_forgives_early():
    assert PER_ADDRESS.forgive_s == 30
    assert PER_ADDRESS.still_counted(5, 100, 129) == (5, 100)
    assert PER_ADDRESS.still_counted(5, 100, 189) == (3, 160)
    assert PER_ADDRESS.still_counted(5, 100, 10**6) == (0, 10**6)
    assert PER_ADDRESS.still_counted(5, 100, 50) == (5, 100), "a clock set back forgives nothing"
    assert PER_ACCOUNT.still_counted(5, 100, 10**6) == (5, 10**6)


def test_o053_a_steady_guesser_at_one_address_is_slowed_to_the_pace_of_forgiving(store, person):
    store.accounts.create(person(), password=PASSWORD)
    tried = [refused(store, username=f"u{n}", at=later(n)) for n in range(600)]
    assert tried.count("login.refused") <= PER_ADDRESS.failures + 600 // 30
    assert log_in(store, at=later(2 * LONGEST_S)), "and everybody else waits a while, not for good"


def test_success_gives_a_shared_address_its_attempt_back(store, person):
    store.accounts.create(person(), password=PASSWORD)
    for _ in range(PER_ADDRESS.failures + 5):
        assert log_in(store)
    assert refused(store) == "login.refused"


def test_throttle_survives_a_restart_and_is_forgotten_in_a_day(store, url, tmp_path, person):
    store.accounts.create(person(), password=PASSWORD)
    for _ in range(PER_ACCOUNT.failures):
        refused(store)
    again = open_store(url, tmp_path, node="node-2", insecure_fast_hash=True)
    assert refused(again, password=PASSWORD) == "login.throttled"
    for _ in range(PER_ACCOUNT.failures):
        assert refused(again, at=later(FORGET_S + 1)) == "login.refused"
    again.close()


def test_blocks_double_up_to_a_limit():
    waits = [PER_ACCOUNT.blocked_for(failures) for failures in range(3, 12)]
    assert waits == [0, 0, 30, 60, 120, 240, 480, LONGEST_S, LONGEST_S]
    assert PER_ACCOUNT.blocked_for(10**9) == LONGEST_S


def test_forgotten_throttles_are_purged(store):
    refused(store)
    assert store.accounts.purge(before=later(FORGET_S)) == 0
    assert store.accounts.purge(before=later(FORGET_S + 1)) == 2
    with store.database.read() as connection:
        assert connection.execute(select(throttles)).all() == []


def _guess(url, folder, node, barrier, queue):
    store = open_store(url, folder, node=node, insecure_fast_hash=True)
    barrier.wait(60)
    for _ in range(3):
        queue.put(refused(store))
    store.close()


def test_parallel_guesses_do_not_pass_together(store, url, tmp_path, person):
    store.accounts.create(person(), password=PASSWORD)
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(8), context.Queue()
    processes = [
        context.Process(target=_guess, args=(url, tmp_path, f"node-{i}", barrier, queue))
        for i in range(8)
    ]
    for process in processes:
        process.start()
    codes = [queue.get(timeout=120) for _ in range(24)]
    for process in processes:
        process.join(20)
    assert codes.count("login.refused") == PER_ACCOUNT.failures
    assert codes.count("login.throttled") == 24 - PER_ACCOUNT.failures


def _enrol(url, folder, barrier, queue, username, person_id):
    store = open_store(url, folder, insecure_fast_hash=True)
    profile = Profile(name="X", birth_date="1990-01-01", personal_number="001190000009")
    barrier.wait()
    try:
        store.accounts.create(
            Account(id=person_id, username=username, created_at=AT, profile=profile)
        )
        queue.put("created")
    except AccountError as error:
        queue.put(error.code)
    store.close()


def test_two_enrolments_of_one_number_at_once(store, url, tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(3), context.Queue()
    processes = [
        context.Process(
            target=_enrol, args=(url, tmp_path, barrier, queue, f"u{i}", new_account_id())
        )
        for i in range(3)
    ]
    for process in processes:
        process.start()
    codes = sorted(queue.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(20)
    assert codes == ["account.number_taken", "account.number_taken", "created"]


def test_what_belongs_to_a_change_is_done_before_the_record_is_held(
    postgresql_url, tmp_path, person
):
    """Or who waits for the record with a row of his own in hand would never end, nor would this."""
    store = open_store(postgresql_url, tmp_path, insecure_fast_hash=True)
    try:
        account = store.accounts.create(person(), password=PASSWORD)
        other, own = (AuditEvent(kind=kind, at=AT) for kind in ("x.other", "x.own"))

        def meanwhile(_connection):
            store.audit.record([other])

        store.accounts.update(account, at=AT, events=[own], then=meanwhile)
        assert store.audit.count("x.other") == store.audit.count("x.own") == 1
    finally:
        store.close()
