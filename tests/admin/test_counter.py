import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eid.admin.counter import CounterDesk, Officer, officer_login
from eid.chip.access import can_from_number, personal_number
from eid.chip.evidence import Evidence
from eid.chip.plan import PLANS
from eid.chip.policy import LEVEL2
from eid.chip.read import read
from eid.errors import (
    AccountError,
    ChallengeMismatch,
    EidError,
    HolderMismatch,
    RequestRefused,
    UntrustedIssuer,
    VerificationError,
)
from eid.levels.account import Account, move
from eid.store import Store, new_account_id, open_store
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.faults import cloned, tampered_dg1
from eid.testing.people import PEOPLE, Person
from eid.testing.personalise import personalise
from eid.testing.remote_gateway import FakeGateway
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
HOLDER = PEOPLE["thu"]


@pytest.fixture(scope="module")
def authority() -> DocumentAuthority:
    return DocumentAuthority.create(at=NOW)


@pytest.fixture(scope="module")
def images(authority: DocumentAuthority) -> dict[str, CardImage]:
    return {name: personalise(PEOPLE[name], authority, at=NOW) for name in ("thu", "mau")}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(
        f"sqlite:///{tmp_path / 'eid.db'}",
        tmp_path / "data",
        insecure_fast_hash=True,
        insecure_fast_commit=True,
    )
    yield opened
    opened.close()


@pytest.fixture
def trust(authority: DocumentAuthority) -> TrustStore:
    return TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=NOW)])


@pytest.fixture
def desk(store: Store, trust: TrustStore) -> CounterDesk:
    return CounterDesk(
        issuer="https://id.example.vn",
        register=store.accounts,
        grants=store.grants,
        trust=trust,
        cases=store.accounts.cases,
    )


def add(store: Store, username: str, *roles: str) -> Account:
    account = Account(
        id=new_account_id(), username=username, created_at=NOW, roles=frozenset(roles)
    )
    return store.accounts.create(account, password=PASSWORD)


@pytest.fixture
def officer(store: Store) -> Officer:
    add(store, "canbo", "officer")
    return officer_login(store.accounts, "canbo", PASSWORD, address="10.0.0.1", at=NOW)


def answer(image: CardImage, challenge: bytes, person: Person = HOLDER) -> Evidence:
    return read(
        SoftwareCard(image),
        can_from_number(personal_number(person.number)),
        plan=PLANS["bank"],
        challenge=challenge,
        at=NOW,
    )


Enrol = Callable[..., Account]


@pytest.fixture
def enrol(desk: CounterDesk, officer: Officer, images: dict[str, CardImage]) -> Enrol:
    def run(
        *,
        username: str = "thu",
        password: str = PASSWORD,
        image: CardImage | None = None,
        person: Person = HOLDER,
        matched: bool = True,
        representative: str | None = None,
    ) -> Account:
        appointment = desk.begin(officer, at=NOW)
        return desk.enrol(
            officer,
            appointment.id,
            answer(image or images["thu"], appointment.challenge, person),
            username=username,
            password=password,
            matched_by_hand=matched,
            representative=representative,
            at=NOW,
        )

    return run


def test_a_new_account_comes_to_level_2_with_its_record(enrol: Enrol, store: Store) -> None:
    account = enrol()
    assert (account.level, account.state, account.holder_match) == (2, "active", "officer")
    assert account.source == "chip_local"
    stored = store.accounts.by_number(HOLDER.number)
    assert stored == store.accounts.by_username("thu") == account
    assert stored.profile is not None
    assert stored.profile.personal_number == HOLDER.number
    rows = [row for row in store.audit.of_account(account.id) if "proofed" in row.event.kind]
    assert len(rows) == 1
    assert HOLDER.number not in repr(rows)
    store.audit.verify()
    login = store.accounts.check_password("thu", PASSWORD, address="10.0.0.2", at=NOW)
    assert login.id == account.id


def test_an_account_without_a_person_is_raised_by_its_own_password(
    enrol: Enrol, store: Store
) -> None:
    before = add(store, "thu")
    with pytest.raises(AccountError) as caught:
        enrol(password="another password")
    assert caught.value.code == "login.refused"
    assert store.accounts.by_id(before.id) == before
    after = enrol()
    assert (after.id, after.level) == (before.id, 2)


def test_a_known_person_keeps_the_account(enrol: Enrol) -> None:
    first = enrol()
    second = enrol(password="not looked at, the face was")
    assert (second.id, second.level) == (first.id, 2)


def test_after_a_cancelled_number_the_counter_gives_the_account_back(
    enrol: Enrol, store: Store
) -> None:
    first = enrol()
    store.accounts.happen(first.id, "number_cancelled", by="canbo", reason="x", at=NOW)
    with pytest.raises(AccountError) as caught:
        enrol(password="not this one")
    assert caught.value.code == "login.refused"
    again = enrol()
    assert (again.id, again.level) == (first.id, 2)
    assert store.accounts.by_number(HOLDER.number) == again
    periods = store.accounts.numbers.of_account(first.id)
    assert [one.until is None for one in periods].count(True) == 1


def test_after_a_cancelled_number_the_account_goes_to_nobody_else(
    enrol: Enrol, store: Store, authority: DocumentAuthority
) -> None:
    first = enrol()
    store.accounts.happen(first.id, "number_cancelled", by="canbo", reason="x", at=NOW)
    other = PEOPLE["mau"]
    with pytest.raises(HolderMismatch) as caught:
        enrol(person=other, image=personalise(other, authority, at=NOW))
    assert caught.value.code == "holder_mismatch"
    left = store.accounts.by_id(first.id)
    assert left is not None
    assert (left.state, left.level) == ("expired", 0)
    assert store.accounts.by_number(other.number) is None


def test_a_known_person_gets_no_second_account(enrol: Enrol, store: Store) -> None:
    enrol()
    with pytest.raises(AccountError) as caught:
        enrol(username="thu2")
    assert caught.value.code == "counter.other_account"
    (case,) = store.accounts.cases.pending()
    assert caught.value.facts == {"case": case.id}
    assert (case.kind, case.other) == ("second_enrolment", "counter")
    add(store, "thu3")
    with pytest.raises(AccountError):
        enrol(username="thu3")


def test_the_commitment_of_the_evidence_can_be_opened(enrol: Enrol, store: Store) -> None:
    account = enrol()
    (event,) = [
        row.event
        for row in store.audit.of_account(account.id)
        if row.event.kind == "account.proofed_at_counter"
    ]
    assert event.commitment is not None
    opening = store.openings.find(event.commitment)
    assert opening is not None
    salt, digest = opening[:32], opening[32:]
    prefix = b"eid-evidence-v1" + len(salt).to_bytes(2) + salt
    assert hashlib.sha256(prefix + digest).digest() == event.commitment


def test_a_name_with_another_person_is_taken(enrol: Enrol, images: dict[str, CardImage]) -> None:
    enrol()
    with pytest.raises(AccountError) as caught:
        enrol(image=images["mau"], person=PEOPLE["mau"])
    assert caught.value.code == "counter.username_taken"


def test_who_acts_for_another_is_of_age_and_proofed_as_well(
    enrol: Enrol, store: Store, images: dict[str, CardImage]
) -> None:
    nobody = add(store, "nobody").id
    for acting in ("unknown", nobody):
        with pytest.raises(AccountError) as caught:
            enrol(representative=acting)
        assert caught.value.code == "account.representative"
    assert store.accounts.by_username("thu") is None
    parent = enrol(username="mau", image=images["mau"], person=PEOPLE["mau"])
    assert enrol(representative=parent.id).representative == parent.id
    with pytest.raises(AccountError) as caught:
        enrol(representative=enrol().id)
    assert caught.value.code == "account.representative"


def test_officers_do_not_enrol_themselves(enrol: Enrol) -> None:
    with pytest.raises(AccountError) as caught:
        enrol(username="canbo")
    assert caught.value.code == "counter.own_account"


def test_without_the_officers_word_nothing_is_used_up(
    desk: CounterDesk, officer: Officer, images: dict[str, CardImage]
) -> None:
    appointment = desk.begin(officer, at=NOW)
    evidence = answer(images["thu"], appointment.challenge)

    def finish(*, matched: bool) -> Account:
        return desk.enrol(
            officer,
            appointment.id,
            evidence,
            username="thu",
            password=PASSWORD,
            matched_by_hand=matched,
            at=NOW,
        )

    with pytest.raises(AccountError) as caught:
        finish(matched=False)
    assert caught.value.code == "account.holder_match_missing"
    assert finish(matched=True).level == 2


def test_an_appointment_is_good_once_for_its_officer_and_for_two_minutes(
    desk: CounterDesk, officer: Officer, store: Store, images: dict[str, CardImage]
) -> None:
    add(store, "canbo2", "officer")
    other = officer_login(store.accounts, "canbo2", PASSWORD, address="10.0.0.1", at=NOW)

    def finish(who: Officer, name: str, evidence: Evidence, at: datetime) -> Account:
        return desk.enrol(
            who,
            name,
            evidence,
            username="thu",
            password=PASSWORD,
            matched_by_hand=True,
            at=at,
        )

    first = desk.begin(officer, at=NOW)
    good = answer(images["thu"], first.challenge)
    for who, name, at in (
        (officer, "unknown", NOW),
        (officer, "\udcff", NOW),
        (officer, first.id, NOW + timedelta(seconds=121)),
        (other, first.id, NOW),
        (officer, first.id, NOW),
    ):
        with pytest.raises(RequestRefused) as caught:
            finish(who, name, good, at)
        assert caught.value.code == "counter.appointment"
    second = desk.begin(officer, at=NOW)
    assert second.challenge != first.challenge
    with pytest.raises(ChallengeMismatch):
        finish(officer, second.id, good, NOW)
    third = desk.begin(officer, at=NOW)
    evidence = answer(images["thu"], third.challenge)
    assert finish(officer, third.id, evidence, NOW).level == 2
    with pytest.raises(RequestRefused):
        finish(officer, third.id, evidence, NOW)


@pytest.mark.parametrize("forge", [tampered_dg1, cloned])
def test_forged_cards_raise_nobody(
    enrol: Enrol,
    store: Store,
    images: dict[str, CardImage],
    forge: Callable[[CardImage], CardImage],
) -> None:
    with pytest.raises(VerificationError):
        enrol(image=forge(images["thu"]))
    assert store.accounts.by_username("thu") is None
    assert store.accounts.by_number(HOLDER.number) is None


def test_a_strangers_card_raises_nobody(enrol: Enrol) -> None:
    stranger = personalise(HOLDER, DocumentAuthority.create(at=NOW), at=NOW)
    with pytest.raises(UntrustedIssuer):
        enrol(image=stranger)


def test_without_a_revocation_list_level_2_waits(
    store: Store,
    officer: Officer,
    authority: DocumentAuthority,
    images: dict[str, CardImage],
) -> None:
    desk = CounterDesk(
        issuer="https://id.example.vn",
        register=store.accounts,
        grants=store.grants,
        trust=TrustStore.of(csca=[authority.csca_der]),
    )
    appointment = desk.begin(officer, at=NOW)
    with pytest.raises(EidError):
        desk.enrol(
            officer,
            appointment.id,
            answer(images["thu"], appointment.challenge),
            username="thu",
            password=PASSWORD,
            matched_by_hand=True,
            at=NOW,
        )


def test_only_an_officer_logs_in_as_one(store: Store) -> None:
    add(store, "an")
    with pytest.raises(AccountError) as caught:
        officer_login(store.accounts, "an", PASSWORD, address="10.0.0.1", at=NOW)
    assert caught.value.code == "login.not_an_officer"
    with pytest.raises(AccountError):
        officer_login(store.accounts, "canbo", "wrong", address="10.0.0.1", at=NOW)
    with pytest.raises(TypeError):
        Officer(account_id="x", until=NOW, _seal=object())


def test_a_session_ends_with_time_or_with_the_role(
    desk: CounterDesk, officer: Officer, store: Store
) -> None:
    with pytest.raises(AccountError) as caught:
        desk.begin(officer, at=NOW + timedelta(hours=8))
    assert caught.value.code == "login.expired"
    account = store.accounts.by_id(officer.account_id)
    assert account is not None
    store.accounts.update(move(account, "locked", at=NOW), at=NOW)
    with pytest.raises(AccountError):
        desk.begin(officer, at=NOW)


def test_the_challenge_is_in_no_repr(desk: CounterDesk, officer: Officer) -> None:
    appointment = desk.begin(officer, at=NOW)
    assert appointment.challenge.hex() not in repr(appointment)
    assert appointment.id not in repr(appointment)


def test_level_2_asks_the_chip_itself_now_and_the_revocation_list() -> None:
    assert LEVEL2.required >= {"sod.chain", "sod.revocation", "aa.signature", "aa.freshness"}


def test_a_gateways_word_stands_in_for_an_anchor(
    store: Store, officer: Officer, images: dict[str, CardImage]
) -> None:
    gateway = FakeGateway.create(clock=lambda: NOW)
    nobody = DocumentAuthority.create(at=NOW)
    desk = CounterDesk(
        issuer="https://id.example.vn",
        register=store.accounts,
        grants=store.grants,
        trust=TrustStore.of(csca=[nobody.csca_der], crl=[nobody.crl(at=NOW)]),
        cases=store.accounts.cases,
        gateway=gateway.adapter(),
    )

    def enrol() -> Account:
        appointment = desk.begin(officer, at=NOW)
        return desk.enrol(
            officer,
            appointment.id,
            answer(images["thu"], appointment.challenge),
            username="thu",
            password=PASSWORD,
            matched_by_hand=True,
            at=NOW,
        )

    with pytest.raises(VerificationError):
        enrol()
    gateway.issue(images["thu"])
    raised = enrol()
    assert (raised.level, raised.source) == (2, "chip_remote_verifier")
    assert gateway.asked == 2
