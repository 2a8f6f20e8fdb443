"""What the provider makes of kiosks that lie, lose, replay or are revoked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.cli import main
from eid.errors import EidError, FormatError, RequestRefused
from eid.keys import (
    JSON,
    SigningKey,
    canonical_json,
    encode_base64url,
    encrypt_jwe,
    parse_json_object,
    sign_jwt,
)
from eid.kiosk.line import ServerLine, call, enrol
from eid.levels.visit import RECORD_TYP, START, VISIT_TYP, Batch, Head, SealedVisit, VisitRecord
from eid.oidc.kiosk_visits import Arrival, judge, take
from eid.oidc.kiosks import invite

from .field import NUMBER, Field, in_the_field


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def field(shared: Field) -> Field:
    """A newly enrolled kiosk each time, on the same provider."""
    shared.clock.kiosk_off = shared.clock.ahead = timedelta(0)
    shared.line(up=True)
    return shared


class Liar:
    """A kiosk with a key of its own and a program of its own."""

    def __init__(self, field: Field) -> None:
        self.field = field
        provider = field.installation.provider(clock=field.clock.server)
        self.key = SigningKey.generate("kiosk")
        code = invite(provider, "Liar", by="test", at=field.clock.server())
        self.id, self.name, self.server_jwk = enrol(
            field.issuer, code, self.key, at=field.clock.server()
        )
        identity = replace(field.kiosk.kiosk.visits.identity, id=self.id, key=self.key)
        self.line = ServerLine(identity, clock=field.clock.kiosk)
        self.batch: Batch = self.line.day().batch
        self.head: Head = START

    def evidence(self, challenge: bytes) -> Any:
        return read(
            self.field.card(), can_from_number(personal_number(NUMBER)), plan=PLANS["kiosk"],
            challenge=challenge, at=self.field.clock.server(),
        )  # fmt: skip

    def visit(
        self, head: Head | None = None, evidence: Any = None, **changes: Any
    ) -> tuple[VisitRecord, Any]:
        head = self.head if head is None else head
        if evidence is None:
            evidence = self.evidence(self.batch.challenge(self.field.issuer, head))
        salt = bytes(16)
        values: dict[str, Any] = {
            "id": encode_base64url(SigningKey.generate("x").kid.encode()[:16]), "kiosk": self.id,
            "at": self.field.clock.server().replace(microsecond=0), "established": "chip",
            "freshness": "kiosk", "mode": "self", "purpose": "p", "salt": salt,
            "commitment": evidence.commitment(salt), "batch": self.batch.id,
            "counter": head.counter + 1, "previous": head.link,
        }  # fmt: skip
        return VisitRecord(**(values | changes)), evidence

    def seal(
        self, record: VisitRecord, evidence: Any, key: SigningKey | None = None
    ) -> SealedVisit:
        token = sign_jwt(record.to_json(), key or self.key, typ=RECORD_TYP)
        files: JSON = (
            None if evidence is None else parse_json_object(evidence.to_json(), max_size=1 << 19)
        )
        content = canonical_json({"record": token, "evidence": files})
        return SealedVisit(
            id=record.id, sealed=encrypt_jwe(content, self.server_jwk, typ=VISIT_TYP)
        )

    def deliver(self, record: VisitRecord, evidence: Any) -> Any:
        self.line.deliver(self.seal(record, evidence))
        if record.chained:
            self.head = self.head.after(record)
        return self.field.installation.store.kiosks.visit(record.id)


def test_the_next_visit_is_accepted_and_the_same_again_is_one(field: Field) -> None:
    liar = Liar(field)
    record, evidence = liar.visit()
    first = liar.deliver(record, evidence)
    assert (first.verdict, first.place) == ("accepted", "next")
    again = liar.deliver(record, evidence)
    assert again == first
    kiosk = field.installation.store.kiosks.by_id(liar.id)
    assert kiosk is not None
    assert kiosk.head.counter == 1


def test_a_gap_shows_and_loses_nothing_behind_it(field: Field) -> None:
    liar = Liar(field)
    first, evidence = liar.visit()
    liar.deliver(first, evidence)
    suppressed, _ = liar.visit()
    liar.head = liar.head.after(suppressed)
    third, evidence = liar.visit()
    taken = liar.deliver(third, evidence)
    assert (taken.verdict, taken.place) == ("accepted", "gap")
    fourth, evidence = liar.visit()
    assert liar.deliver(fourth, evidence).place == "next"
    assert field.installation.audit.count("visit.gap") == 1


def test_a_place_that_is_taken_is_a_fork(field: Field) -> None:
    liar = Liar(field)
    first, evidence = liar.visit()
    other, other_evidence = liar.visit()
    liar.deliver(first, evidence)
    taken = liar.deliver(other, other_evidence)
    assert taken.place == "fork"
    kiosk = field.installation.store.kiosks.by_id(liar.id)
    assert kiosk is not None
    assert kiosk.head == START.after(first)


def test_an_answer_that_was_prepared_for_a_later_place_is_rejected(field: Field) -> None:
    """The challenge of place two depends on the visit at place one, which did not exist yet."""
    liar = Liar(field)
    guessed = Head(counter=1, link=bytes(32))
    early = liar.evidence(liar.batch.challenge(field.issuer, guessed))
    first, evidence = liar.visit()
    liar.deliver(first, evidence)
    second, _ = liar.visit(evidence=early)
    taken = liar.deliver(second, early)
    assert (taken.verdict, taken.code) == ("rejected", "aa.other_challenge")


def test_one_answer_serves_one_place(field: Field) -> None:
    liar = Liar(field)
    first, evidence = liar.visit()
    liar.deliver(first, evidence)
    second, _ = liar.visit(evidence=evidence)
    assert liar.deliver(second, evidence).verdict == "rejected"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"batch": "x" * 22}, "visit.batch"),
        ({"freshness": "verifier", "challenge_id": "y" * 43, "counter": 0}, "visit.challenge"),
        ({"mode": "assisted"}, "visit.clerk"),
        ({"mode": "assisted", "clerk": "a.b.c"}, "visit.clerk"),
        ({"clerk": "a.b.c"}, "visit.clerk"),
    ],
)
def test_what_does_not_hold_is_written_down_with_the_visit(
    field: Field, changes: dict[str, Any], code: str
) -> None:
    liar = Liar(field)
    record, evidence = liar.visit(**changes)
    taken = liar.deliver(record, evidence)
    assert (taken.verdict, taken.code) == ("rejected", code)


def test_a_visit_that_failed_between_its_challenge_and_the_store_comes_again(field: Field) -> None:
    """Its challenge stays its own: the same verdict then, and none for another visit."""
    liar, store = Liar(field), field.installation.store
    asked = liar.line.challenge()
    provider = field.installation.provider(clock=field.clock.server)
    evidence = liar.evidence(asked.challenge)
    changes = {"freshness": "verifier", "challenge_id": asked.id, "counter": 0}
    record, _ = liar.visit(evidence=evidence, **changes)
    other, _ = liar.visit(evidence=evidence, **changes)
    arrival = Arrival(record=record, evidence=evidence)
    at = field.clock.server()
    assert judge(provider, arrival, at=at).verdict == "accepted"
    assert store.kiosks.visit(record.id) is None
    assert liar.deliver(record, evidence).verdict == "accepted"
    taken = liar.deliver(other, evidence)
    assert (taken.verdict, taken.code) == ("rejected", "visit.challenge")


@pytest.mark.parametrize("days", [-3, 3])
def test_a_time_outside_the_batch(field: Field, days: int) -> None:
    liar = Liar(field)
    at = (field.clock.server() + timedelta(days=days)).replace(microsecond=0)
    record, evidence = liar.visit(at=at)
    taken = liar.deliver(record, evidence)
    assert (taken.verdict, taken.code) == ("rejected", "visit.time")


def test_another_kiosks_batch(field: Field) -> None:
    one, other = Liar(field), Liar(field)
    one.batch = replace(other.batch)
    record, evidence = one.visit()
    assert one.deliver(record, evidence).code == "visit.batch"


def refusal(work: Any) -> str:
    with pytest.raises(EidError) as caught:
        work()
    return caught.value.code


def test_visits_that_are_not_the_callers_are_refused(field: Field) -> None:
    liar, other = Liar(field), Liar(field)
    record, evidence = liar.visit()
    before = len(field.received())
    foreign_key = liar.seal(record, evidence, key=other.key)
    assert refusal(lambda: liar.line.deliver(foreign_key)) == "kiosk.refused"
    foreign_kiosk = other.seal(record, evidence)
    assert refusal(lambda: other.line.deliver(foreign_kiosk)) == "kiosk.refused"
    unbound = liar.seal(replace(record, commitment=bytes(32)), evidence)
    assert refusal(lambda: liar.line.deliver(unbound)) == "kiosk.refused"
    without = liar.seal(record, None)
    assert refusal(lambda: liar.line.deliver(without)) == "kiosk.refused"
    assert len(field.received()) == before


def test_another_visit_under_a_known_name_is_refused(field: Field) -> None:
    liar = Liar(field)
    record, evidence = liar.visit()
    liar.deliver(record, evidence)
    changed = replace(record, purpose="another")
    assert refusal(lambda: liar.line.deliver(liar.seal(changed, evidence))) == "kiosk.refused"


def test_a_revoked_kiosk_has_no_rights_left(field: Field) -> None:
    liar = Liar(field)
    record, evidence = liar.visit()
    kiosks = field.installation.store.kiosks
    assert kiosks.revoke(liar.id, at=field.clock.server())
    assert not kiosks.revoke(liar.id, at=field.clock.server())
    for work in (
        lambda: liar.line.deliver(liar.seal(record, evidence)),
        liar.line.challenge,
        liar.line.day,
        lambda: liar.line.report({"waiting": 0}),
        lambda: liar.line.sign_in("an", "b"),
    ):
        assert refusal(work) == "kiosk.revoked"
    assert kiosks.visit(record.id) is None


def test_a_kiosk_that_is_revoked_while_its_visit_is_judged(field: Field) -> None:
    liar, kiosks = Liar(field), field.installation.store.kiosks
    record, evidence = liar.visit()
    provider = field.installation.provider(clock=field.clock.server)
    before = kiosks.by_id(liar.id)
    assert kiosks.revoke(liar.id, at=field.clock.server())
    arrival = Arrival(record=record, evidence=evidence)
    at = field.clock.server()
    assert refusal(lambda: take(provider, before, arrival, at=at)) == "kiosk.revoked"
    assert kiosks.visit(record.id) is None


def test_who_is_not_enrolled(field: Field) -> None:
    liar = Liar(field)
    identity = liar.line._identity
    stranger = ServerLine(
        replace(identity, key=SigningKey.generate("kiosk")), clock=field.clock.kiosk
    )
    assert refusal(stranger.challenge) == "kiosk.refused"
    nobody = ServerLine(replace(identity, id="n" * 22), clock=field.clock.kiosk)
    assert refusal(nobody.challenge) == "kiosk.unknown"


def test_a_call_works_once_and_for_its_purpose(field: Field) -> None:
    liar = Liar(field)
    at = int(field.clock.server().timestamp())
    claims: dict[str, JSON] = {
        "iss": liar.id, "aud": field.issuer, "iat": at, "exp": at + 60, "jti": "j" * 22,
        "purpose": "challenge",
    }  # fmt: skip
    token = sign_jwt(claims, liar.key, typ="eid-kiosk+jwt")
    form = {"id": liar.id, "kiosk": token}
    assert refusal(lambda: call(f"{field.issuer}/kiosk/day", form, cap=1 << 20)) == "kiosk.refused"
    assert call(f"{field.issuer}/kiosk/challenge", form, cap=9_999)["id"]
    assert (
        refusal(lambda: call(f"{field.issuer}/kiosk/challenge", form, cap=9_999))
        == "kiosk.refused"
    )


def test_an_invitation_enrols_one_kiosk(field: Field) -> None:
    provider = field.installation.provider(clock=field.clock.server)
    at = field.clock.server()
    code = invite(provider, "A", by="test", at=at)
    key = SigningKey.generate("kiosk")
    wrong = "z" * 22
    assert refusal(lambda: enrol(field.issuer, wrong, key, at=at)) == "kiosk.code"
    year_off = at + timedelta(days=365)
    assert refusal(lambda: enrol(field.issuer, code, key, at=year_off)) == "kiosk.clock"
    enrol(field.issuer, code, key, at=at)
    assert refusal(lambda: enrol(field.issuer, code, key, at=at)) == "kiosk.code"
    for name in ("", "x" * 81, "a\nb"):
        with pytest.raises(FormatError):
            invite(provider, name, by="test", at=at)


def test_the_code_of_one_provider_does_not_travel(field: Field) -> None:
    """A statement made for one issuer is refused by another."""
    provider = field.installation.provider(clock=field.clock.server)
    at = field.clock.server()
    code = invite(provider, "A", by="test", at=at)
    key = SigningKey.generate("kiosk")
    import hashlib  # noqa: PLC0415

    claims: dict[str, JSON] = {
        "aud": "https://other.example", "code": hashlib.sha256(code.encode()).hexdigest(),
        "iat": int(at.timestamp()), "jti": "j" * 22, "jwk": key.public_jwk(),
    }  # fmt: skip
    statement = sign_jwt(claims, key, typ="eid-kiosk-enrolment+jwt")
    form = {"code": code, "statement": statement}
    assert refusal(lambda: call(f"{field.issuer}/kiosk/enrol", form, cap=9_999)) == "kiosk.refused"
    for garbage in ("x", "a.b.c", "..", statement[:-9]):
        broken = {"code": code, "statement": garbage}
        with pytest.raises(RequestRefused):
            call(f"{field.issuer}/kiosk/enrol", broken, cap=9_999)


def test_reports_are_seen_by_the_operator(field: Field) -> None:
    liar = Liar(field)
    liar.line.report({"waiting": 3, "reader": "ready"})
    kiosk = field.installation.store.kiosks.by_id(liar.id)
    assert kiosk is not None
    assert kiosk.health["waiting"] == 3
    assert kiosk.seen_at is not None
    assert kiosk in field.installation.store.kiosks.list()


def test_nothing_personal_lies_open_in_the_database(field: Field) -> None:
    liar = Liar(field)
    record, evidence = liar.visit()
    liar.deliver(record, evidence)
    path = field.folder / "eid.db"
    everything = b"".join(file.read_bytes() for file in path.parent.glob("eid.db*"))
    for secret in (NUMBER.encode(), b"NGUYEN<<VAN<THU", liar.batch.random):
        assert secret not in everything


def test_old_visits_go_by_rule(field: Field) -> None:
    liar = Liar(field)
    record, evidence = liar.visit()
    liar.deliver(record, evidence)
    kiosks = field.installation.store.kiosks
    later = field.clock.server() + timedelta(days=366 * 6)
    kiosks.let_go(before=field.clock.server() - timedelta(days=1), at=field.clock.server())
    assert kiosks.visit(record.id) is not None
    assert kiosks.let_go(before=later, at=later) >= 1
    assert kiosks.visit(record.id) is None
    assert kiosks.batch(liar.batch.id) is None


def test_a_kiosk_that_lost_its_queue_goes_on_where_the_server_stands(field: Field) -> None:
    field.line(up=False)
    assert field.come(field.card()) == "recorded"
    field.act("over")
    field.line(up=True)
    field.kiosk.deliver()
    program = field.kiosk
    program.queue.close()
    for file in (field.folder / "kiosk" / "data").glob("visits.db*"):
        file.unlink()
    field.program = None
    field.open()
    (field.folder / "kiosk" / "data" / "day.json").unlink()
    shutil.rmtree(field.folder / "kiosk" / "data" / "trust")
    field.kiosk.renew()
    field.line(up=False)
    assert field.come(field.card()) == "recorded"
    field.line(up=True)
    field.kiosk.deliver()
    assert field.received()[-1].place == "next"
    field.act("over")


def test_a_visit_that_the_server_refuses_does_not_block_those_behind(field: Field) -> None:
    queue, before = field.kiosk.queue, len(field.received())
    queue.put("broken", b"{}")
    field.line(up=False)
    assert field.come(field.card()) == "recorded"
    field.act("over")
    field.line(up=True)
    assert field.kiosk.deliver() == 1
    assert (len(queue), len(queue.aside()), len(field.received())) == (0, 1, before + 1)
    assert field.kiosk.report()["refused"] == 1
    assert field.kiosk.deliver() == 0
    queue.delivered("broken")


def test_what_was_set_aside_is_listed_and_offered_again(
    field: Field, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command, while the kiosk runs; what is still refused is set aside once more."""
    queue, command = field.kiosk.queue, ["kiosk", "aside"]
    command += ["--config", str(field.folder / "kiosk" / "kiosk.toml")]
    for name in ("broken-1", "broken-2"):
        queue.put(name, b"{}")
    assert field.kiosk.deliver() == 0
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in listed] == ["broken-1", "broken-2"]
    assert {one["code"] for one in listed} == {"kiosk.refused"}
    assert main([*command, "--offer", "broken-2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "broken-1  kiosk.refused"
    assert (len(queue), len(queue.aside())) == (1, 1)
    assert main([*command, "--offer", "broken-2"]) == 2
    assert "queue.unknown" in capsys.readouterr().err
    assert main([*command, "--offer-all"]) == 0
    assert (len(queue), len(queue.aside())) == (2, 0)
    assert field.kiosk.deliver() == 0
    assert len(queue.aside()) == 2
    for name in ("broken-1", "broken-2"):
        queue.delivered(name)


def test_while_the_kiosk_itself_is_refused_everything_waits(field: Field) -> None:
    field.line(up=False)
    assert field.come(field.card()) == "recorded"
    field.act("over")
    field.line(up=True)
    field.clock.kiosk_off = timedelta(minutes=4)  # less than a year, and still too much
    assert refusal(field.kiosk.deliver) == "kiosk.clock"
    assert (len(field.kiosk.queue), len(field.kiosk.queue.aside())) == (1, 0)
    field.clock.kiosk_off = timedelta(0)
    assert field.kiosk.deliver() == 1


def test_the_servers_new_key_is_taken_with_the_day(field: Field) -> None:
    before = field.kiosk.kiosk.visits.identity.server_jwk
    (field.folder / "kiosk" / "data" / "day.json").unlink()
    field.kiosk.renew()
    after = field.kiosk.kiosk.visits.identity.server_jwk
    assert dict(after) == dict(before) == field.kiosk.queue._server_jwk
