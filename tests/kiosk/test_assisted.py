"""A clerk beside the person: own login, recorded; and visits without card, number or telephone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from eid.errors import FormatError
from eid.keys import parse_json_object
from eid.kiosk.screens import Session

from .field import NUMBER, Field, in_the_field

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with in_the_field(tmp_path_factory.mktemp("assisted"), portrait=True) as found:
        at = found.clock.server()
        for name, roles in (("lan", ["reception"]), ("binh", [])):
            found.installation.add_account(username=name, password=PASSWORD, roles=roles, at=at)
        yield found


@pytest.fixture
def field(shared: Field) -> Field:
    shared.line(up=True)
    shared.clock.ahead = timedelta(0)
    shared.kiosk.deliver()
    shared.kiosk.kiosk.desk.happened("idle")
    return shared


def sign_in(field: Field, username: str = "lan", password: str = PASSWORD) -> str:
    if field.shown == "welcome":
        field.act("clerk")
    field.act("sign_in", username=username, password=password)
    return field.shown


def test_a_clerk_helps_a_person_with_a_card(field: Field) -> None:
    assert sign_in(field) == "desk"
    assert field.come(field.card()) == "done"
    field.act("over")
    assert field.shown == "desk"
    visit = field.received()[-1]
    assert (visit.verdict, visit.record.mode) == ("accepted", "assisted")
    account = field.installation.accounts.by_username("lan")
    assert account is not None
    segment = visit.record.clerk.split(".")[1]
    from eid.keys import decode_base64url  # noqa: PLC0415

    assert parse_json_object(decode_base64url(segment))["sub"] == account.id
    assert len(visit.record.consents) == 1
    field.act("sign_out")
    assert field.shown == "welcome"


def test_the_shift_goes_on_while_the_line_is_down(field: Field) -> None:
    sign_in(field)
    field.line(up=False)
    assert field.come(field.card()) == "recorded"
    field.act("over")
    assert field.shown == "desk"
    field.line(up=True)
    field.kiosk.deliver()
    visit = field.received()[-1]
    assert (visit.verdict, visit.record.mode, visit.record.freshness) == (
        "accepted", "assisted", "kiosk",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [
        ("lan", "wrong", "login.refused"),
        ("nobody", PASSWORD, "login.refused"),
        ("binh", PASSWORD, "login.not_a_clerk"),
    ],
)
def test_who_is_no_clerk(field: Field, username: str, password: str, code: str) -> None:
    assert sign_in(field, username, password) == "clerk"
    page = field.screen().text
    assert f'id="error-code">{code}<' in page
    assert password not in page


def test_no_clerk_signs_in_while_the_line_is_down(field: Field) -> None:
    field.line(up=False)
    assert sign_in(field) == "clerk"
    field.act("over")
    assert field.shown == "welcome"


def test_idle_ends_the_clerks_duty_too(field: Field) -> None:
    sign_in(field)
    desk = field.kiosk.kiosk.desk
    desk._touched -= desk._idle_s
    assert field.shown == "desk"  # a clerk has longer
    desk._touched -= desk._clerk_idle_s
    assert field.shown == "welcome"
    assert desk.session == Session()


@pytest.mark.parametrize(
    ("kind", "declared", "established"),
    [
        ("no_card", {"name": "Bà Tư", "born": "1948"}, "declared"),
        ("newborn", {"mother": "v" * 22, "born": "2026-11-28"}, "declared"),
        ("emergency", {}, "nobody"),
        ("emergency", {"note": "nam, khoảng 40 tuổi"}, "declared"),
    ],
)
@pytest.mark.parametrize("up", [True, False])
def test_a_visit_without_a_card_has_no_number(
    field: Field, kind: str, declared: dict[str, str], established: str, up: bool
) -> None:
    sign_in(field)
    field.line(up=up)
    field.act("manual", kind=kind)
    assert field.shown == "manual"
    field.act("note", **declared)
    assert field.shown == "noted"
    field.line(up=True)
    field.kiosk.deliver()
    visit = field.received()[-1]
    record = visit.record
    assert (record.reason, record.established, record.freshness) == (kind, established, "none")
    assert (visit.verdict, visit.place) == ("declared", "next")
    assert dict(record.declared) == declared
    assert not re.search(r"(?<![0-9A-Za-z_-])[0-9]{12}(?![0-9A-Za-z_-])", str(record.to_json()))
    assert record.commitment is None
    assert record.consents == ()


def test_a_button_pressed_twice_records_one_visit(field: Field) -> None:
    sign_in(field)
    field.act("manual", kind="no_card")
    token, before = field.token, len(field.kiosk.queue)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: field.act("note", token=token, name="X"), range(4)))
    assert [answer.status_code for answer in answers] == [303] * 4
    assert field.shown == "noted"
    assert len(field.kiosk.queue) == before + 1


def test_nothing_written_down_is_no_visit(field: Field) -> None:
    sign_in(field)
    field.act("manual", kind="no_card")
    field.act("note", name=" ", note="\u202e")
    assert field.shown == "manual"
    assert "kiosk.declared" in field.screen().text


@pytest.mark.parametrize("kind", ["", "card", "vip"])
def test_unknown_kinds_of_visits(field: Field, kind: str) -> None:
    sign_in(field)
    field.act("manual", kind=kind)
    assert field.shown == "desk"


def test_without_a_clerk_nothing_is_noted(field: Field) -> None:
    field.act("manual", kind="no_card")
    assert field.act("note", name="X").status_code == 303
    assert field.shown == "welcome"
    with pytest.raises(TypeError):
        field.kiosk.kiosk.visits.note(Session(), {"name": "X"})
    with pytest.raises(TypeError):
        field.kiosk.kiosk.visits.note(Session(clerk="c", kind="other"), {"name": "X"})


def test_a_clerk_of_another_kiosk_is_not_believed(field: Field) -> None:
    """The statement names the kiosk; taken elsewhere, or after the shift, it does not hold."""
    sign_in(field)
    desk = field.kiosk.kiosk.desk
    statement = desk.session.clerk
    assert statement is not None
    head, body, signature = statement.split(".")
    from dataclasses import replace  # noqa: PLC0415

    desk._session = replace(desk.session, clerk=f"{head}.{body}.{signature[::-1]}")
    assert field.come(field.card()) in {"refused", "done"}
    visit = field.received()[-1]
    assert (visit.verdict, visit.code) == ("rejected", "visit.clerk")


def test_the_portrait_is_asked_by_itself_and_read_only_after_a_yes(field: Field) -> None:
    for answer, files, consents in (("no", False, 1), ("yes", True, 2)):
        field.cards[:] = [field.card()]
        field.act("begin")
        field.act("agree", agree="yes")
        assert field.shown == "portrait"
        field.act("portrait", answer=answer)
        field.act("number", number=NUMBER)
        assert field.shown == "done"
        visit = field.received()[-1]
        assert (b"EF.DG2" in visit.evidence) is files
        assert len(visit.record.consents) == consents
        field.act("over")
    assert visit.record.consents[1]["files"] == ["EF.DG2"]
    assert visit.record.consents[1]["act"] == "button"


def test_what_is_declared_is_short_and_clean(field: Field) -> None:
    sign_in(field)
    field.act("manual", kind="no_card")
    field.act("note", name="<b>\u202e" + "N" * 500, note="a\x00b")
    assert field.shown == "noted"
    field.kiosk.deliver()
    declared = field.received()[-1].record.declared
    assert len(declared["name"]) <= 120
    assert "\u202e" not in declared["name"]
    assert "\x00" not in declared["note"]
    with pytest.raises(FormatError):
        field.kiosk.kiosk.visits.note(Session(clerk="c", kind="newborn"), {"name": "\u200b"})
