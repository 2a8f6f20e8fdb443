from datetime import date

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr import cbor
from eid.qr.claim169 import FIELDS, Biometric, Identity, parse_identity, write_identity


def codes(claim):
    return [(finding.code, finding.key) for finding in parse_identity(claim).findings]


FULL = Identity(
    number="001190999999", version="1.2.0", language="vie", name="NGUYỄN THỊ MINH THỬ",
    first_name="THỬ", middle_name="THỊ MINH", last_name="NGUYỄN", birth_date=date(1990, 3, 2),
    sex="F", residence="Số 1 Phố Mẫu\nHà Nội", email="thu@example.vn", phone="+84 24 5550 100",
    nationality="VNM", marital_status=2, guardian="NGUYỄN VĂN MẪU", image=b"RIFF", image_format=4,
    best_fingers=(1, 6), second_name="NGUYEN THI MINH THU", second_language="eng",
    location_code="VN-HN", legal_status="citizen", issuing_country="VNM", origin="Hà Nội",
    issue_date=date(2021, 5, 4), old_number="012345678", ethnicity="Kinh", religion="Không",
    level="2", sod_binding=bytes(16), insurance_number="DN4010012345678", age_over=18,
    biometrics={62: (Biometric(data=b"face", format=0, subformat=4, issuer="us"),)},
)  # fmt: skip


def test_every_field_is_written_and_read_back():
    claim = write_identity(FULL)
    assert set(claim) == {row.key for row in FIELDS} | {62}
    parsed = parse_identity(cbor.decode_map(cbor.encode(claim)))
    assert parsed.identity == FULL
    assert (parsed.findings, parsed.unknown) == ((), {})
    assert claim[62] == [{0: b"face", 1: 0, 2: 4, 3: "us"}]
    assert (claim[8], claim[9], claim[25]) == ("19900302", 2, "20210504")


def test_an_identity_does_not_print_itself():
    assert "THỬ" not in repr(FULL)
    assert "THỬ" not in repr(parse_identity(write_identity(FULL)))


def test_portrait_is_the_face_else_the_image():
    assert FULL.portrait == b"face"
    assert Identity(image=b"RIFF").portrait == b"RIFF"
    assert Identity().portrait is None


@pytest.mark.parametrize(
    ("claim", "attribute", "value", "code"),
    [
        ({8: "1975-04-04"}, "birth_date", date(1975, 4, 4), "date.dashes"),
        ({9: "1"}, "sex", "M", "sex.text"),
        ({9: "3"}, "sex", "X", "sex.text"),
        ({20: "AR"}, "second_language", "AR", "language.not_iso_639_3"),
        ({17: 1}, "image_format", 1, "image.missing"),
        ({4: "<b>Thử</b>"}, "name", "<b>Thử</b>", "text.markup"),
        ({10: "=HYPERLINK(A1)"}, "residence", "=HYPERLINK(A1)", "text.formula"),
    ],
)
def test_shapes_that_others_print_are_read_with_a_finding(claim, attribute, value, code):
    assert getattr(parse_identity(claim).identity, attribute) == value
    assert codes(claim) == [(code, next(iter(claim)))]


def test_a_bare_biometric_map_is_read_with_a_finding():
    parsed = parse_identity({62: {0: b"face", 1: 0}})
    assert parsed.identity.portrait == b"face"
    assert parsed.findings[0].code == "biometric.bare_map"


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        (1, 5), (1, b"x"), (3, "vietnamese"), (3, 5), (8, "19900231"), (8, "1990"), (8, 19900302),
        (8, "02031990"), (9, 0), (9, 4), (9, "04"), (9, True), (9, "M"), (12, "call me"), (13, "vnm"),
        (14, 0), (14, 4), (14, True), (16, b""), (16, bytes(4097)), (16, "text"), (18, 1),
        (18, ["1"]), (18, [1] * 11), (23, "VIETNAM"), (26, "1234"), (29, "3"), (30, bytes(33)),
        (32, 0), (62, []), (62, [1]), (62, {}), (62, [{0: "text"}]), (62, [{0: b"", 9: 1}]),
        (62, [{0: b"", 1: "0"}]), (62, [{0: b"", 2: True}]), (62, [{0: b"", 3: 4}]),
        (62, [{0: b""}] * 11), (62, b"face"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_kept_raw(key, raw):
    parsed = parse_identity({key: raw})
    assert parsed.unknown == {key: raw}
    expected = "field.unknown" if key == 62 else "field.not_understood"
    assert [(finding.code, finding.key) for finding in parsed.findings] == [(expected, key)]
    assert parsed.identity == Identity()


@pytest.mark.parametrize("key", [0, -1, 33, 49, 66, 75, 100, "name"])
def test_unknown_keys_are_kept_raw(key):
    parsed = parse_identity({key: "x"})
    assert parsed.unknown == {key: "x"}
    assert parsed.findings[0].code == "field.unknown"


HIDDEN = ["\0", "\r", "\t", "\x1b[31m", "\x85", "\u202e", "\u2066", "\u200f", "\u200b", "\ufeff",
          "\u2028", "\U000e0041", "\uffff", "\u00ad"]  # fmt: skip


@pytest.mark.parametrize("character", HIDDEN)
def test_hidden_characters_are_refused(character):
    for claim in ({4: f"Thử{character}"}, {62: [{0: b"", 3: character}]}):
        with pytest.raises(FormatError) as refusal:
            parse_identity(claim)
        assert refusal.value.code == "qr.text"
    with pytest.raises(FormatError):
        write_identity(Identity(name=f"Thử{character}"))


def test_line_feeds_belong_to_addresses_only():
    assert parse_identity({10: "a\nb"}).identity.residence == "a\nb"
    with pytest.raises(FormatError):
        parse_identity({4: "a\nb"})


def test_texts_are_bounded_and_nfc():
    assert parse_identity({4: "Thu\u031b\u0309"}).identity.name == "Thử"
    with pytest.raises(FormatError):
        parse_identity({4: "x" * 201})


@pytest.mark.parametrize(
    "identity",
    [
        Identity(language="Vietnamese"), Identity(second_language="EN"), Identity(level="3"),
        Identity(phone="none"), Identity(age_over=0), Identity(image=b""), Identity(image_format=4),
        Identity(name="Thu\u031b\u0309"), Identity(biometrics={62: ()}),
        Identity(biometrics={66: (Biometric(data=b"x"),)}),
    ],
)  # fmt: skip
def test_writing_is_strict(identity):
    with pytest.raises(FormatError) as refusal:
        write_identity(identity)
    assert refusal.value.code == "qr.field"


KEYS = st.integers(0, 100) | st.text(max_size=3)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.binary(max_size=10)


@given(st.dictionaries(KEYS, LEAVES | st.lists(LEAVES, max_size=3)))
def test_any_map_is_an_identity_or_refused_and_nothing_is_lost(claim):
    try:
        parsed = parse_identity(claim)
    except FormatError as e:
        assert e.code == "qr.text"  # noqa: PT017
        return
    known = {row.key for row in FIELDS if getattr(parsed.identity, row.name) is not None}
    assert known | set(parsed.identity.biometrics) | set(parsed.unknown) == set(claim)
