"""Large shelves are filed at a glance, small ones parsed at once; look-ups agree."""

from __future__ import annotations

import pytest

from eid.trust import shelf as room
from eid.trust.certificates import parse_certificate
from eid.trust.profile import subject_key_id
from eid.trust.shelf import Shelf
from eid.trust.store import TrustStore


@pytest.fixture(params=["parsed", "glanced"])
def pace(request, monkeypatch):
    if request.param == "glanced":
        monkeypatch.setattr(room, "PARSED_AT_ONCE", 0)
    return request.param


def indefinite(data):
    return b"\x30\x80" + data[4:] + b"\0\0"


def test_look_ups(pace, party):
    names = [party(f"CSCA {number}", country=country) for number, country in enumerate(
        ("VN", "vn", "DE", "LTU", ""))]  # fmt: skip
    data = [one.own(serial=number + 1) for number, one in enumerate(names)]
    data.append(indefinite(party("Odd").own(serial=99)))
    problems = []
    shelf = Shelf([(f"csca/{n}.der", item) for n, item in enumerate(data)], problems)
    assert problems == []
    assert len(shelf) == 6
    for item in data:
        wanted = parse_certificate(item)
        assert list(shelf.named(wanted.subject)) == [wanted]
        assert list(shelf.keyed(subject_key_id(wanted))) == [wanted]
        assert list(shelf.numbered(wanted.serial)) == [wanted]
        assert wanted.fingerprint in shelf.fingerprints
    assert [source for source, _ in shelf.sources()] == [f"csca/{n}.der" for n in range(6)]
    assert len(shelf.all()) == 6
    assert shelf.check() == []


def test_deep_garbage(pace, party):
    good, bad = party("Good").own(), party("Bad").own()
    spoiled = bad.replace(bytes.fromhex("0603551d13"), bytes.fromhex("0503551d13"))
    problems = []
    shelf = Shelf([("csca/good", good), ("csca/bad", spoiled)], problems)
    subject = parse_certificate(bad).subject
    assert list(shelf.named(subject)) == []
    assert [one.subject.text for one in shelf.all()] == [parse_certificate(good).subject.text]
    assert [source for source, _ in shelf.sources()] == ["csca/good"]
    late = problems + shelf.check()
    assert [(one.source, one.code) for one in late] == [("csca/bad", "certificate.extensions")]
    assert len(shelf) == 1


def test_a_name_that_cannot_be_read_is_nobody(party, monkeypatch):
    monkeypatch.setattr(room, "PARSED_AT_ONCE", 0)
    good, bad = party("Good").own(), party("Bad").own()
    spoiled = bad.replace(bytes.fromhex("0603550403"), bytes.fromhex("0403550403"))
    shelf = Shelf([("a", good), ("b", spoiled)], [])
    assert len(list(shelf.named(parse_certificate(good).subject))) == 1


def test_a_store_tells_late_problems(party, monkeypatch):
    monkeypatch.setattr(room, "PARSED_AT_ONCE", 0)
    spoiled = party("Bad").own().replace(b"\x06\x03\x55\x1d\x13", b"\x05\x03\x55\x1d\x13")
    store = TrustStore.of(csca=[spoiled, party("CSCA").own()], ds=[b"garbage"])
    assert [problem.source for problem in store.problems] == ["ds[0]"]
    assert [problem.source for problem in store.check()] == ["ds[0]", "csca[0]"]


def test_ten_thousand_are_not_parsed(party, monkeypatch):
    """C-058: loading a large store parses nothing but what cannot be filed at a glance."""
    template = party("CSCA").own()
    mark = template.rindex(b"CSCA")
    many = [template[:mark] + f"{n:04d}".encode() + template[mark + 4 :] for n in range(10_000)]
    parsed = []
    parse = room.parse_certificate
    monkeypatch.setattr(room, "parse_certificate", lambda data: parsed.append(1) or parse(data))
    store = TrustStore.of(csca=many)
    assert repr(store).startswith("TrustStore(anchors=10000,")
    assert parsed == []
    assert len(store.named(parse_certificate(many[77]).subject)) == 1
    assert len(parsed) == 1
