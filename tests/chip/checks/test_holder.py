"""MRZ, holder and expiry: what agrees, what contradicts, what is only reported."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from eid import tlv
from eid.chip.checks.holder import (
    check_consistency,
    check_expiry,
    check_mrz,
    read_mrz,
    read_person,
    same_name,
)
from eid.chip.checks.question import Covered, Question
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.mrz import check_digit, parse_mrz
from eid.chip.policy import IDENTIFY
from eid.testing import data_groups
from eid.testing.people import PEOPLE
from eid.trust.store import TrustStore

AT = datetime(2026, 6, 1, tzinfo=UTC)
THU = PEOPLE["thu"]


def question(*, at=AT, expect_number=None):
    evidence = Evidence(files={}, access=UNKNOWN_ACCESS, read_at=at)
    return Question(
        evidence=evidence,
        files={},
        trust=TrustStore.of(),
        policy=IDENTIFY,
        at=at,
        challenge=None,
        expect_number=expect_number,
    )


def covered(**files):
    return Covered(files=MappingProxyType({f"EF.{name}": data for name, data in files.items()}))


def td1(*, number="090999999", optional="001090999999<<6", birth="900302", sex="M", expiry="300302",
        state="VNM", nationality="VNM", code="ID", name="NGUYEN<<VAN<THU", spoil=()):  # fmt: skip
    """DG1 of a TD1 zone with the right check digits, but those named in ``spoil``."""

    def digit(text, label):
        good = check_digit(text)
        return str((int(good) + 1) % 10) if label in spoil else good

    number = number.ljust(9, "<")
    one = f"{code:<<2}{state:<<3}{number}{digit(number, 'number')}{optional:<<15}"
    two = f"{birth}{digit(birth, 'birth')}{sex}{expiry}{digit(expiry, 'expiry')}{nationality:<<3}".ljust(
        29, "<"
    )
    composite = one[5:30] + two[0:7] + two[8:15] + two[18:29]
    zone = one + two + digit(composite, "composite") + f"{name:<<30}"
    return tlv.encode(0x61, tlv.encode(0x5F1F, zone.encode()))


def verdicts(dg1, dg13=None, **asked):
    files = covered(DG1=dg1) if dg13 is None else covered(DG1=dg1, DG13=dg13)
    person = read_person(question(**asked), files, read_mrz(files))
    return (
        check_mrz(files, None),
        check_consistency(question(**asked), files, person),
        check_expiry(question(**asked), person),
    )


def test_the_zone_is_right():
    mrz, holder, expiry = verdicts(td1())
    assert (mrz.code, holder.code, expiry.code) == (
        "mrz.good",
        "holder.consistent",
        "document.valid",
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"spoil": {"number"}}, "mrz.check_digit"), ({"spoil": {"birth"}}, "mrz.check_digit"),
        ({"spoil": {"expiry"}}, "mrz.check_digit"), ({"spoil": {"composite"}}, "mrz.check_digit"),
        ({"optional": "001090999999<<7"}, "mrz.check_digit"), ({"birth": "901302"}, "mrz.birth_date"),
        ({"expiry": "301302"}, "mrz.expiry"), ({"sex": "Z"}, "mrz.sex"), ({"state": "V1M"}, "mrz.state"),
        ({"nationality": "<<<"}, "mrz.state"), ({"code": "1D"}, "mrz.document_code"),
        ({"name": ""}, "mrz.name"), ({"name": "NGUY3N<<VAN"}, "mrz.name"),
        ({"number": "", "optional": ""}, "mrz.document_number"),
    ],
)  # fmt: skip
def test_a_field_is_wrong(changes, code):
    mrz, *_ = verdicts(td1(**changes))
    assert (mrz.status, mrz.code) == ("failed", code)


@pytest.mark.parametrize(
    "changes",
    [{"sex": "<"}, {"sex": "X"}, {"birth": "90<<<<"}, {"optional": "001090999999"}, {"name": "NGUYEN"},
     {"state": "D", "optional": "", "number": "C01X00T47"}, {"expiry": "<<<<<<"}],
)  # fmt: skip
def test_a_field_may_be_so(changes):
    mrz, holder, _ = verdicts(td1(**changes))
    assert (mrz.status, holder.status) == ("passed", "passed")


def test_the_state_that_is_served():
    files = covered(DG1=td1())
    assert check_mrz(files, "VNM").status == "passed"
    assert check_mrz(files, "LAO").code == "mrz.issuing_state"
    assert check_mrz(covered(), "VNM").code == "not_checked"


def test_dg1_that_cannot_be_read():
    broken = covered(DG1=tlv.encode(0x61))
    assert read_mrz(broken) is None
    person = read_person(question(), broken, None)
    assert person.holder is None
    assert check_mrz(broken, None).status == "failed"
    assert check_consistency(question(), broken, person).code == "not_checked"
    assert check_expiry(question(), person).code == "not_checked"


def made(**changes):
    return data_groups.dg13(dataclasses.replace(THU, **changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": "001090999998"}, "holder.number"),
        ({"sex": "F"}, "holder.sex"),
        ({"birth_date": THU.birth_date.replace(day=3)}, "holder.birth_date"),
        ({"expiry": THU.expiry.replace(year=2031)}, "holder.expiry"),
    ],
)
def test_dg13_contradicts_dg1(changes, code):
    own = td1(expiry=THU.expiry.strftime("%y%m%d"))
    assert verdicts(own, made())[1].code == "holder.consistent"
    assert verdicts(own, made(**changes))[1].code == code


def test_names_spelt_apart_are_reported_not_refused():
    own = td1(expiry=THU.expiry.strftime("%y%m%d"))
    _, holder, _ = verdicts(own, made(name="Lê Văn Khác"))
    assert (holder.status, holder.code) == ("passed", "holder.name_differs")


def test_dg13_of_another_profile_is_reported_not_refused():
    _, holder, _ = verdicts(td1(), b"\x6d\x02\x30\x00")
    assert (holder.status, holder.code) == ("passed", "holder.dg13_unread")


def test_dg1s_own_numbers():
    _, holder, _ = verdicts(td1(number="090999998"))
    assert holder.code == "holder.document_number"


def test_the_number_asked_for():
    assert verdicts(td1(), expect_number="001090999999")[1].status == "passed"
    assert verdicts(td1(), expect_number="001090999998")[1].code == "holder.other_person"
    assert verdicts(td1(), expect_number="không phải số")[1].code == "holder.other_person"
    nameless = td1(optional="", state="D")
    assert verdicts(nameless, expect_number="001090999999")[1].code == "holder.no_number"


def test_the_century_comes_from_the_number():
    files = covered(DG1=td1(birth="200302", optional="001020999999<<0", number="020999999"))
    mrz = read_mrz(files)
    assert read_person(question(), files, mrz).holder.birth_date == "1920-03-02"
    future = covered(DG1=td1(birth="900302", optional="001290999999<<0", number="290999999"))
    assert read_person(question(), future, read_mrz(future)).holder.birth_date == "1990-03-02"
    partial = covered(DG1=td1(birth="9003<<"))
    assert read_person(question(), partial, read_mrz(partial)).holder.birth_date == ""
    foreign = covered(DG1=td1(state="D", optional="", number="C01X00T47", sex="X"))
    holder = read_person(question(), foreign, read_mrz(foreign)).holder
    assert (holder.personal_number, holder.sex, holder.birth_date) == ("", "", "1990-03-02")


def test_expiry_by_the_calendar_of_vietnam():
    evening = datetime(2030, 3, 2, 16, 59, tzinfo=UTC)
    assert verdicts(td1(), at=evening)[2].status == "passed"
    assert verdicts(td1(), at=evening.replace(hour=17, minute=0))[2].code == "document.expired"


def test_no_expiry():
    zone = td1(expiry="<<<<<<")
    *_, expiry = verdicts(zone)
    assert (expiry.status, expiry.code) == ("unknown", "document.expiry_unknown")
    *_, worded = verdicts(zone, data_groups.dg13(dataclasses.replace(THU, expiry=None)))
    assert (worded.status, worded.code) == ("passed", "document.no_expiry")
    *_, dated = verdicts(zone, made())
    assert dated.code == "document.expiry_unknown"


def zone_of(name):
    return parse_mrz(tlv.children(tlv.parse(td1(name=name)))[0].value)


@pytest.mark.parametrize(
    ("zone", "name", "wanted"),
    [
        ("NGUYEN<<VAN<THU", "Nguyễn Văn Thử", True),
        ("DANG<<QUOC<GIA<DINH", "Đặng Quốc Gia Định", True),
        ("NGUYEN<<VAN<THU", "Nguyễn Văn Thừa", False),
        ("CONGTANGTONNU<<THI<BICH<NGUYET", "Công Tằng Tôn Nữ Thị Bích Nguyệt Hằng", True),
        ("CONGTANGTONNU<<THI<BICH<NGUYE", "Công Tằng Tôn Nữ Thị Bích Nguyệt Hằng", False),
        ("NGUYEN<<VAN<THU", None, True),
        ("NGUYEN<<VAN<THU", "", False),
    ],
)
def test_names(zone, name, wanted):
    assert same_name(zone_of(zone), name) is wanted
