"""The printed code held against the verified chip."""

from __future__ import annotations

import dataclasses
import unicodedata
from datetime import date

import pytest

from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.match import PrintedCard, match
from eid.chip.verify import verify
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
