from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from eid.chip.access import can_from_number
from eid.chip.read import read
from eid.chip.verify import TrustStore, verify
from eid.errors import FormatError, InsufficientEvidence
from eid.keys import SigningKey
from eid.qr import cose, envelope
from eid.qr.claim169 import Identity
from eid.qr.credential import verify_credential
from eid.qr.from_card import age_of, issue_for
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.render import plan
from eid.qr.small import age_over, insurance
from eid.testing.authority import DocumentAuthority
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ISSUER = "https://id.example.vn"


@pytest.fixture(scope="module")
def card():
    authority, person = DocumentAuthority.create(at=NOW), PEOPLE["thu"]
    image = personalise(person, authority, at=NOW)
    evidence = read(
        SoftwareCard(image), can_from_number(person.number), challenge=bytes(8), at=NOW
    )
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=NOW)])
    return verify(evidence, trust, at=NOW, challenge=bytes(8))


class Born:
    """A verified card, as `age_of` sees it."""

    def __init__(self, card, birth_date):
        self.holder = replace(card.holder, birth_date=birth_date)
        self.verified_at = card.verified_at


def round_trip(card, identity):
    key = SigningKey.generate("credentials")
    text = issue_for(
        card, identity, issuer=ISSUER, key=key, at=NOW, expires_at=NOW + timedelta(days=30),
        subject=bytes(8),
    )  # fmt: skip
    keys = IssuerKeys.of([IssuerKey.from_jwk(ISSUER, key.public_jwk())])
    return text, verify_credential(text, keys, at=NOW).identity


def test_age_over_tells_an_age_and_nothing_else(card):
    text, found = round_trip(card, age_over(card, 18))
    assert found == Identity(version="1.2.0", age_over=18)
    payload = cose.parse(envelope.unpack(text)).payload
    for told in (
        PEOPLE["thu"].name.encode(),
        b"NGUYEN",
        b"19900302",
        PEOPLE["thu"].number.encode(),
    ):
        assert told not in payload
    assert plan(text).version <= 9
    assert round_trip(card, age_over(card, 18, portrait=b"RIFF"))[1].portrait == b"RIFF"


def test_insurance_tells_what_a_clinic_needs(card):
    text, found = round_trip(card, insurance(card, "DN4010012345678"))
    assert found.insurance_number == "DN4010012345678"
    assert (found.name, found.birth_date, found.sex) == ("Nguyễn Văn Thử", date(1990, 3, 2), "M")
    assert (found.residence, found.number, found.origin) == (None, None, None)
    assert plan(text).version <= 11
    with pytest.raises(FormatError):
        round_trip(card, insurance(card, "not a number"))


@pytest.mark.parametrize(
    ("birth_date", "age"),
    [("2008-11-21", 18), ("2008-11-22", 17), ("2008-02-29", 18), ("1926-11-21", 100), ("", None)],
)
def test_ages_count_full_years_in_vietnam(card, birth_date, age):
    born = Born(card, birth_date)
    assert age_of(born) == age
    if age == 18:
        assert age_over(born, 18).age_over == 18
    elif age != 100:
        with pytest.raises(InsufficientEvidence) as refusal:
            age_over(born, 18)
        assert refusal.value.code == "qr.age"
