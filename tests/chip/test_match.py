"""The printed code held against the verified chip."""

from __future__ import annotations

import dataclasses
import unicodedata
from datetime import date

import pytest

from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.match import PrintedCard, TypedForm, match, typed_form
from eid.chip.verify import verify
from eid.errors import FormatError
from eid.testing.people import PEOPLE
from eid.testing.personalise import Profile, personalise
from eid.trust.store import TrustStore


def card_of(person, authority, aa_key, at, *, without=frozenset()):
    image = personalise(
        person, authority, at=at, profile=Profile(without=without), aa_private_key=aa_key
    )
    evidence = Evidence(
        files={name: image.files[name] for name in image.files if name != "EF.DG3"},
        access=UNKNOWN_ACCESS,
        read_at=at,
    )
    return verify(evidence, TrustStore.of(csca=[authority.csca_der]), at=at)


def printed_of(person):
    return PrintedCard(
        number=person.number,
        old_number=person.old_number or "",
        name=person.name,
        birth_date=person.birth_date,
        sex=person.sex,
        residence=person.residence,
        issue_date=person.issue_date,
        extras=(),
        findings=(),
    )


@pytest.fixture(params=sorted(PEOPLE))
def person(request):
    return PEOPLE[request.param]


def test_ones_own_card_matches(person, authority, aa_key, at):
    found = match(printed_of(person), card_of(person, authority, aa_key, at))
    assert found.outcome == "match"
    assert found.mismatched == ()
    assert found.fields["name"] == "match"


def test_the_mrz_stands_in_where_dg13_is_absent(person, authority, aa_key, at):
    card = card_of(person, authority, aa_key, at, without=frozenset({13}))
    found = match(printed_of(person), card)
    assert found.outcome == "match"
    assert found.fields["issue_date"] == "not_comparable"
    other = dataclasses.replace(printed_of(person), name="Lê Thị Khác")
    assert match(other, card).mismatched == ("name",)


def test_composition_case_and_spaces_do_not_count(authority, aa_key, at):
    person = PEOPLE["thu"]
    name = "  " + unicodedata.normalize("NFD", person.name).upper().replace(" ", "  ")
    printed = dataclasses.replace(printed_of(person), name=name)
    assert match(printed, card_of(person, authority, aa_key, at)).outcome == "match"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "001090999990"),
        ("name", "Nguyen Van Thu"),
        ("birth_date", date(1990, 3, 3)),
        ("sex", "F"),
        ("issue_date", date(2020, 1, 1)),
    ],
)
def test_every_difference_is_named(authority, aa_key, at, field, value):
    person = PEOPLE["thu"]
    printed = dataclasses.replace(printed_of(person), **{field: value})
    found = match(printed, card_of(person, authority, aa_key, at))
    assert found.outcome == "mismatch"
    assert found.mismatched == (field,)


def test_what_cannot_be_compared_is_said(authority, aa_key, at):
    person = PEOPLE["thu"]
    printed = dataclasses.replace(printed_of(person), birth_date=None, issue_date=None)
    found = match(printed, card_of(person, authority, aa_key, at))
    assert found.fields["birth_date"] == found.fields["issue_date"] == "not_comparable"
    assert found.outcome == "match"


def form_of(person, **changes):
    fields = {
        "number": person.number,
        "name": person.name,
        "birth_date": f"{person.birth_date:%d/%m/%Y}",
        "sex": {"M": "Nam", "F": "Nữ"}[person.sex],
        "nationality": "vnm",
        "document_number": person.number[3:],
        "old_number": person.old_number or "",
        "issue_date": f"{person.issue_date:%Y-%m-%d}",
        "expiry": f"{person.expiry:%d/%m/%Y}" if person.expiry else "",
    }
    return typed_form(**{**fields, **changes})


@pytest.fixture(scope="module")
def thu(authority, aa_key, at):
    return card_of(PEOPLE["thu"], authority, aa_key, at)


def test_a_form_typed_from_ones_own_card_matches(person, authority, aa_key, at):
    found = match(form_of(person), card_of(person, authority, aa_key, at))
    assert (found.outcome, found.mismatched) == ("match", ())
    assert len(found.fields) == 9
    assert found.fields["document_number"] == found.fields["nationality"] == "match"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "001090999990"),
        ("name", "Nguyễn Văn Thư"),
        ("name", "Nguyen Van Tu"),
        ("birth_date", "3/3/1990"),
        ("sex", "nữ"),
        ("nationality", "LAO"),
        ("document_number", "090999990"),
        ("issue_date", "2020-01-01"),
        ("expiry", "1/1/2001"),
    ],
)
def test_every_typed_difference_is_named(thu, field, value):
    found = match(form_of(PEOPLE["thu"], **{field: value}), thu)
    assert (found.outcome, found.mismatched) == ("mismatch", (field,))


def test_what_was_left_out_of_a_form_is_not_compared(thu):
    found = match(typed_form(name=PEOPLE["thu"].name), thu)
    assert found.outcome == "not_comparable"
    assert {name for name, state in found.fields.items() if state == "match"} == {"name"}
    assert set(match(TypedForm(), thu).fields.values()) == {"not_comparable"}


def named(authority, aa_key, at, name, **more):
    person = dataclasses.replace(PEOPLE["thu"], name=name)
    return lambda typed: match(
        typed_form(name=typed), card_of(person, authority, aa_key, at, **more)
    ).fields["name"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("ĐẶNG THỊ HOÀ", "match"),
        ("đặng  thị hòa ", "match"),
        (unicodedata.normalize("NFD", "Đặng Thị Hòa"), "match"),
        ("Dang Thi Hoa", "match"),
        ("Đặng Thị Hoa", "mismatch"),
        ("Dặng Thị Hòa", "mismatch"),
        ("Đăng Thị Hòa", "mismatch"),
        ("Đặng Hòa Thị", "mismatch"),
        ("Đặng Thị", "mismatch"),
    ],
)
def test_vietnamese_names_are_compared_as_they_are_written(authority, aa_key, at, typed, wanted):
    assert named(authority, aa_key, at, "Đặng Thị Hòa")(typed) == wanted


def test_a_name_cut_by_the_zone_is_compared_as_far_as_it_goes(authority, aa_key, at):
    name = "Nguyễn Phước Công Tằng Tôn Nữ Hoàng Thị Đoan Trang"
    compare = named(authority, aa_key, at, name, without=frozenset({13}))
    assert compare(name) == "match"
    assert compare("Nguyễn Phước") == "mismatch"
    assert compare("Trần Phước Công Tằng Tôn Nữ Hoàng Thị Đoan Trang") == "mismatch"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "12345"),
        ("number", "٠٠١٠٩٠٩٩٩٩٩٩"),
        ("old_number", "12345678"),
        ("document_number", "<<"),
        ("nationality", "Việt Nam"),
        ("sex", "có"),
        ("birth_date", "31/02/1990"),
        ("issue_date", "yesterday"),
        ("expiry", "2030-13-01"),
        ("name", "A" * 513),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_without_its_content(field, value):
    with pytest.raises(FormatError) as caught:
        typed_form(**{field: value})
    assert caught.value.code == f"form.{field}"
    assert value not in str(caught.value)


def test_a_form_shows_nothing():
    form = form_of(PEOPLE["thu"])
    assert repr(form) == "TypedForm()"
    assert form.sex == "M"
