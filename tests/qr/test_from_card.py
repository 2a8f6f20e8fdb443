import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from PIL import Image

from eid.chip.access import can_from_number
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.read import read
from eid.chip.verify import IDENTIFY, TrustStore, verify
from eid.errors import Expired, FormatError, InsufficientEvidence
from eid.keys import SigningKey
from eid.qr import cose, envelope
from eid.qr.credential import StatusReference, verify_credential
from eid.qr.from_card import (
    DEFAULT_FIELDS,
    OPTIONAL_FIELDS,
    identity_of,
    is_bound_to,
    issue_identity,
)
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.portrait import shrink
from eid.qr.render import plan, render_png
from eid.qr.scan import scan_image
from eid.testing.authority import DocumentAuthority
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ISSUER = "https://id.example.vn"
CHALLENGE = bytes(range(8))


@pytest.fixture(scope="module")
def authority():
    return DocumentAuthority.create(at=NOW)


def verified(authority, person, *, challenge=CHALLENGE):
    image = personalise(person, authority, at=NOW)
    evidence = read(
        SoftwareCard(image), can_from_number(person.number), challenge=challenge, at=NOW
    )
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=NOW)])
    return verify(evidence, trust, policy=IDENTIFY, at=NOW, challenge=challenge)


@pytest.fixture(scope="module")
def card(authority):
    return verified(authority, PEOPLE["thu"])


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate("credentials")


def credential(card, key, **options):
    values = {"issuer": ISSUER, "key": key, "at": NOW, "expires_at": NOW + timedelta(days=90),
              "subject": bytes(16)}  # fmt: skip
    text = issue_identity(card, **{**values, **options})
    keys = IssuerKeys.of([IssuerKey.from_jwk(ISSUER, key.public_jwk())])
    return verify_credential(text, keys, at=options.get("at", NOW))


def test_from_chip_to_picture_and_back(card, key):
    text = issue_identity(
        card,
        issuer=ISSUER,
        key=key,
        at=NOW,
        expires_at=NOW + timedelta(days=90),
        subject=bytes(16),
    )
    assert plan(text).version <= 13
    (scanned,) = scan_image(render_png(text))
    keys = IssuerKeys.of([IssuerKey.from_jwk(ISSUER, key.public_jwk())])
    found = verify_credential(scanned.decode("ascii"), keys, at=NOW)
    person, identity = PEOPLE["thu"], found.identity
    assert identity.name == person.name
    assert identity.birth_date == person.birth_date
    assert identity.sex == person.sex
    assert identity.residence == person.residence
    assert identity.origin == person.origin
    assert identity.issue_date == person.issue_date
    assert identity.second_name == "NGUYEN VAN THU"
    assert (identity.second_language, identity.language) == ("eng", "vie")
    assert (identity.nationality, identity.issuing_country) == ("VNM", "VNM")
    assert found.issued_at == card.verified_at
    assert found.expires_at == NOW + timedelta(days=90)
    assert found.findings == ()


def test_numbers_relatives_and_sensitive_data_are_out_unless_asked(card, key):
    found = credential(card, key).identity
    for name in ("number", "old_number", "guardian", "ethnicity", "religion", "sod_binding"):
        assert getattr(found, name) is None
    person = PEOPLE["thu"]
    everything = credential(card, key, include=DEFAULT_FIELDS | OPTIONAL_FIELDS).identity
    assert everything.number == person.number
    assert everything.ethnicity == person.ethnicity
    assert everything.religion == person.religion
    assert everything.guardian is None  # a grown-up's parents are never stated


def test_the_number_is_in_no_byte_of_a_default_credential(card, key):
    text = issue_identity(
        card,
        issuer=ISSUER,
        key=key,
        at=NOW,
        expires_at=NOW + timedelta(days=90),
        subject=bytes(16),
    )
    payload = cose.parse(envelope.unpack(text)).payload
    assert PEOPLE["thu"].number[-6:].encode() not in payload


def test_parents_of_a_minor_on_request(authority, key):
    child = replace(
        PEOPLE["thu"], number="001218999999", birth_date=date(2018, 11, 22),
        issue_date=date(2024, 8, 1), father="Nguyễn Văn Cha", mother="Trần Thị Mẹ",
    )  # fmt: skip
    card = verified(authority, child)
    found = credential(card, key, include={"name", "parents"}).identity
    assert found.guardian == "Nguyễn Văn Cha, Trần Thị Mẹ"
    assert found.birth_date is None
    assert credential(card, key).identity.guardian is None


def test_a_credential_ends_with_the_document(authority, key):
    card = verified(authority, replace(PEOPLE["thu"], expiry=date(2026, 12, 1)))
    found = credential(card, key)
    assert found.expires_at == datetime(2026, 12, 1, 17, tzinfo=UTC)  # midnight in Hanoi
    last_day = verified(authority, replace(PEOPLE["thu"], expiry=date(2026, 11, 21)))
    late = datetime(2026, 11, 21, 17, tzinfo=UTC)
    with pytest.raises(Expired) as refusal:
        credential(last_day, key, at=late)
    assert refusal.value.code == "qr.document_expired"


def test_a_card_without_expiry_ends_with_the_terms(authority, key):
    old = next(person for person in PEOPLE.values() if person.expiry is None)
    assert credential(verified(authority, old), key).expires_at == NOW + timedelta(days=90)


def test_a_copied_card_gets_no_credential(authority, key):
    card = verified(authority, PEOPLE["thu"], challenge=None)
    with pytest.raises(InsufficientEvidence) as refusal:
        credential(card, key)
    assert refusal.value.code == "qr.possession_unproven"


@pytest.mark.parametrize("at", [NOW - timedelta(seconds=1), NOW + timedelta(hours=24, seconds=1)])
def test_an_old_read_gets_no_credential(card, key, at):
    with pytest.raises(InsufficientEvidence) as refusal:
        credential(card, key, at=at)
    assert refusal.value.code == "qr.card_not_fresh"


def test_key_30_ties_to_the_chip_without_linking_two_credentials(card, key):
    one, two = (credential(card, key, include={"name", "sod_binding"}).identity for _ in "ab")
    assert one.sod_binding != two.sod_binding
    assert is_bound_to(one, card.sod_digest)
    assert is_bound_to(two, card.sod_digest)
    assert not is_bound_to(one, bytes(32))
    assert not is_bound_to(replace(one, sod_binding=b"short"), card.sod_digest)
    assert not is_bound_to(credential(card, key).identity, card.sod_digest)


def test_portrait_and_status(card, key):
    small = shrink(parse_dg2(card.files["EF.DG2"]).image)
    place = StatusReference(uri=f"{ISSUER}/status/1", index=123_456)
    text = issue_identity(
        card, issuer=ISSUER, key=key, at=NOW, expires_at=NOW + timedelta(days=90),
        subject=bytes(16), portrait=small, status=place,
    )  # fmt: skip
    assert plan(text, error_correction="L").version <= 22
    keys = IssuerKeys.of([IssuerKey.from_jwk(ISSUER, key.public_jwk())])
    found = verify_credential(text, keys, at=NOW)
    assert found.identity.portrait == small
    assert found.status == place


def test_callers_bugs(card):
    with pytest.raises(ValueError, match="unknown field"):
        identity_of(card, include={"nmae"})
    with pytest.raises(ValueError, match="500"):
        identity_of(card, portrait=bytes(501))


def test_a_foreign_document_has_no_vietnamese_fields(card):
    class Foreign:
        """A verified card of another state, as `identity_of` sees it."""

        holder = replace(card.holder, birth_date="", sex="", personal_number="")
        mrz = replace(card.mrz, issuing_state="D", nationality="D")
        dg13 = None
        sod_digest = card.sod_digest
        verified_at = card.verified_at

    class Woman(Foreign):
        holder = replace(card.holder, sex="F")

    assert identity_of(Woman()).sex == "F"
    found = identity_of(Foreign(), include=DEFAULT_FIELDS | OPTIONAL_FIELDS)
    assert (found.language, found.nationality, found.residence) == (None, None, None)
    assert (found.birth_date, found.sex, found.guardian) == (None, "X", None)


def test_dates_that_are_none_are_left_out(card):
    class Odd:
        """A card whose DG13 words its issue date in no known way."""

        holder, mrz, sod_digest, verified_at = card.holder, card.mrz, card.sod_digest, NOW
        dg13 = replace(card.dg13, issue_date="năm 2021")

    assert identity_of(Odd()).issue_date is None


def test_the_portrait_is_bounded():
    def jpeg(image, kind="JPEG"):
        file = io.BytesIO()
        image.save(file, kind)
        return file.getvalue()

    noise = Image.effect_noise((480, 600), 120).convert("RGB")
    assert len(shrink(jpeg(noise))) <= 500
    assert len(shrink(jpeg(noise, "JPEG2000"))) <= 500
    for bad in (b"", b"\xff\xd8\xff", jpeg(noise, "PNG"), jpeg(Image.new("L", (2001, 2000)))):
        with pytest.raises(FormatError) as refusal:
            shrink(bad)
        assert refusal.value.code == "qr.portrait"
    with pytest.raises(FormatError):
        shrink(jpeg(noise), max_bytes=60)
