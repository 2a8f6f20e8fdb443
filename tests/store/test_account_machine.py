"""The life of accounts in any order, in the real store, against a model in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from eid.errors import AccountError
from eid.levels.account import LOCK_GROUNDS, Account, Profile, move, replace_number
from eid.store import new_account_id, open_store
from eid.store.schema import metadata

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
NUMBERS = ("001190000001", "001190000002", "001190000003")
EVENTS = (
    "number_cancelled",
    "document_expired",
    "card_lost",
    "recovered_without_card",
    "locked",
    "unlocked",
    "closed",
)
PASSWORDS = ("correct horse battery", "another horse battery")


def profile(number):
    return Profile(name="NGƯỜI THỬ", birth_date="1990-05-17", personal_number=number)


class Accounts(RuleBasedStateMachine):
    """What the model says of every account, the store says too, also after a restart."""

    known = Bundle("known")

    def __init__(self, url, folder):
        super().__init__()
        self.url, self.folder = url, folder
        self.at = START
        self.model = {}
        self.passwords = {}
        self.erased = set()
        self.numbers = {}

    @initialize()
    def begin(self):
        self.store = self.open()
        with self.store.database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != "meta":
                    connection.execute(text(f"DELETE FROM {table.name}"))

    def open(self):
        return open_store(
            self.url, self.folder, insecure_fast_hash=True, insecure_fast_commit=True
        )

    def teardown(self):
        if hasattr(self, "store"):
            self.store.audit.verify()
            self.store.close()

    def holder(self, number):
        """Who holds a number now, by the model."""
        holders = [
            name
            for name, account in self.model.items()
            if account.profile is not None and account.profile.personal_number == number
        ]
        assert len(holders) <= 1
        return holders[0] if holders else None

    def believe(self, name, account):
        """The model takes what a write should have left."""
        before = self.model.get(name)
        self.model[name] = account
        number = account.profile.personal_number if account.profile else ""
        had = before.profile.personal_number if before and before.profile else ""
        if number not in {had, ""}:
            self.numbers.setdefault(name, []).append(number)

    @rule(target=known, number=st.sampled_from((*NUMBERS, None)), password=st.booleans())
    def add(self, number, password):
        name = f"user{len(self.model)}"
        account = Account(
            id=new_account_id(),
            username=name,
            created_at=self.at,
            profile=profile(number) if number else None,
        )
        given = PASSWORDS[0] if password else None
        if number and self.holder(number):
            with pytest.raises(AccountError) as caught:
                self.store.accounts.create(account, password=given)
            assert caught.value.code == "account.number_taken"
            assert self.store.accounts.cases.by_id(caught.value.facts["case"]) is not None
            account = replace(account, profile=None)
        assert self.store.accounts.create(account, password=given) == account
        self.passwords[name] = given
        self.believe(name, account)
        return name

    @rule(name=known, event=st.sampled_from(EVENTS), ground=st.sampled_from(list(LOCK_GROUNDS)))
    def happen(self, name, event, ground):
        before = self.model[name]
        self.at += timedelta(seconds=1)
        try:
            after = move(before, event, at=self.at, ground=ground)
        except AccountError as error:
            expected = error.code
            with pytest.raises(AccountError) as caught:
                self.happens(name, event, ground)
            assert caught.value.code == expected
            return
        after = replace(after, version=before.version + 1)
        assert self.happens(name, event, ground) == after
        self.believe(name, after)

    def happens(self, name, event, ground):
        return self.store.accounts.happen(
            self.model[name].id, event, by="officer", reason="test", at=self.at, ground=ground
        )

    @rule(name=known, number=st.sampled_from(NUMBERS), stale=st.booleans())
    def proof(self, name, number, stale):
        """At the counter, with a card of this number; sometimes over an old reading."""
        before = self.model[name]
        self.at += timedelta(seconds=1)
        try:
            raised = move(before, "proofed_at_counter", at=self.at, holder_match="officer")
        except AccountError:
            return
        raised = replace(raised, profile=profile(number))
        if name in self.erased or stale or self.holder(number) not in {None, name}:
            given = replace(raised, version=raised.version - 1) if stale else raised
            with pytest.raises(AccountError) as caught:
                self.store.accounts.update(given, at=self.at)
            assert caught.value.code in {
                "account.erased", "account.changed", "account.number_taken",
            }  # fmt: skip
            return
        after = self.store.accounts.update(raised, at=self.at)
        assert after == replace(raised, version=before.version + 1)
        self.believe(name, after)

    @rule(name=known, number=st.sampled_from(NUMBERS))
    def replace_the_number(self, name, number):
        before = self.model[name]
        self.at += timedelta(seconds=1)
        try:
            after = replace_number(before, number, at=self.at)
        except AccountError as error:
            expected = error.code
        else:
            taken = self.holder(number) not in {None, name}
            expected = "account.number_taken" if taken else ""
        if expected:
            with pytest.raises(AccountError) as caught:
                self.replaces(name, number)
            assert caught.value.code == expected
            return
        after = replace(after, version=before.version + 1)
        assert self.replaces(name, number) == after
        self.believe(name, after)
        assert any(one.account == after.id for one in self.store.accounts.numbers.holders(number))

    def replaces(self, name, number):
        return self.store.accounts.replace_number(
            self.model[name].id, number, by="officer", reason="test", at=self.at
        )

    @rule(name=known, password=st.sampled_from(PASSWORDS))
    def log_in(self, name, password):
        self.store.accounts.purge(before=self.at + timedelta(days=9))  # not about throttling
        account = self.model[name]
        right = self.passwords[name] == password
        open_ = account.state not in {"locked", "closed"}
        given = {"address": "192.0.2.1", "at": self.at}
        if right and open_:
            found = self.store.accounts.check_password(account.username, password, **given)
            assert found == account
            return
        with pytest.raises(AccountError) as caught:
            self.store.accounts.check_password(account.username, password, **given)
        assert caught.value.code == ("account.locked" if right else "login.refused")

    @rule(name=known, password=st.sampled_from(PASSWORDS))
    def change_password(self, name, password):
        if name not in self.erased:
            self.store.accounts.set_password(self.model[name].id, password, at=self.at)
            self.passwords[name] = password
            self.another_version(name)

    @rule(name=known)
    def enrol_and_lose_a_factor(self, name):
        account = self.model[name]
        if name in self.erased:
            with pytest.raises(AccountError):
                self.store.factors.enrol_totp(account.id, at=self.at)
            return
        factor, _ = self.store.factors.enrol_totp(account.id, at=self.at)
        self.store.factors.remove(account.id, factor, by=account.id, lost=True, at=self.at)
        assert self.store.factors.enrolled(account.id) == ()
        self.another_version(name)

    def another_version(self, name):
        """What protects the account has changed: refresh tokens of before are worth nothing."""
        before = self.model[name]
        self.model[name] = replace(before, version=before.version + 1)

    @rule(name=consumes(known))
    def erase(self, name):
        """For good: whatever state it is in, also locked."""
        before = self.model[name]
        self.at += timedelta(seconds=1)
        left = self.store.subjects.erase(before.id, by="dpo", reason="asked", at=self.at)
        assert (left.state, left.level, left.profile, left.roles) == (
            "closed",
            0,
            None,
            frozenset(),
        )
        self.erased.add(name)
        self.passwords[name] = None
        self.numbers.pop(name, None)
        self.model[name] = self.store.accounts.by_id(before.id)
        assert self.model[name] == left

    @rule()
    def restart(self):
        self.store.close()
        self.store = self.open()

    @invariant()
    def agree(self):
        if not self.model:
            return
        for name, account in self.model.items():
            assert self.store.accounts.by_id(account.id) == account
            if name not in self.erased:
                assert self.store.accounts.by_username(name) == account
        for number in NUMBERS:
            found, holder = self.store.accounts.by_number(number), self.holder(number)
            assert (found.id if found else None) == (self.model[holder].id if holder else None)

    @invariant()
    def numbers_keep_their_history(self):
        if not self.model:
            return
        for name, account in self.model.items():
            kept = self.store.accounts.numbers.of_account(account.id)
            assert len(kept) == len(self.numbers.get(name, ()))
            live = bool(account.profile and account.profile.personal_number)
            assert [one.until is None for one in kept].count(True) == int(live)


def test_any_order_of_lives(url, tmp_path):
    run_state_machine_as_test(
        lambda: Accounts(url, tmp_path),
        settings=settings(
            max_examples=20 if url.startswith("sqlite") else 6,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
        ),
    )
