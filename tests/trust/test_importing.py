"""Imports: what may become what, provenance, atomicity, and that nothing fails open."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from eid.errors import SettingsError
from eid.testing import certificates
from eid.testing.certificates import Issuer, Validity
from eid.testing.masterlist import list_signer, master_list
from eid.trust import importing
from eid.trust.certificates import parse_certificate
from eid.trust.importing import Terms, carry_out, plan_import, remove
from eid.trust.manifest import Entry, Manifest, read_manifest, write_manifest
from eid.trust.store import TrustStore
from eid.trust.upkeep import check_store

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "trust"
    path.mkdir()
    return path


@pytest.fixture
def take(folder, tmp_path, now):
    """Write sources, import them, and give the plan."""

    def run(*sources, pins=(), dry_run=False, at=now, names=()):
        paths = []
        for index, data in enumerate(sources):
            name = names[index] if names else f"source{index}"
            path = tmp_path / name
            path.write_bytes(data)
            paths.append(path)
        plan = plan_import(folder, paths, Terms(pins=tuple(pins), at=at))
        if not dry_run:
            carry_out(folder, plan)
        return plan

    return run


def kinds(plan):
    return sorted(one.kind for one in plan.additions)


def codes(plan):
    return [problem.code for problem in plan.problems]


def list_of(party, now, *entries):
    root = party("Publisher")
    issuer = Issuer(name=root.name, key=root.key, digest="sha256")
    validity = Validity(not_before=now - DAY, not_after=now + DAY, signs_until=now)
    signer = list_signer(issuer, party("Signer").name, party("Signer").key, validity)
    root_der = root.own()
    return parse_certificate(root_der), lambda at: master_list(entries or (root_der,), signer, at)


def ldif(*records):
    lines = ["version: 1", ""]
    for name, attribute, data in records:
        lines += [f"dn: {name}", f"{attribute}:: {base64.b64encode(data).decode()}", ""]
    return "\n".join(lines).encode()


def test_single_files_find_their_place(folder, take, party, now):
    csca, new = party("CSCA"), party("New")
    plan = take(csca.own(), csca.issue(new, authority=True), csca.issue(party("DS")), csca.crl())
    assert kinds(plan) == ["crl", "csca", "ds", "link"]
    assert codes(plan) == []
    store = TrustStore.load(folder)
    assert store.problems == ()
    assert repr(store) == "TrustStore(anchors=1, links=1, crls=1, problems=0)"
    entry = read_manifest(folder).entries[plan.additions[0].entry.path]
    assert entry.source == "source0"
    assert len(entry.source_sha256) == 64
    assert entry.imported_at == now.isoformat()
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in folder.glob("*/*"))


def test_a_second_import_changes_nothing(folder, take, party):
    data = party("CSCA").own()
    take(data)
    before = (folder / "manifest.json").read_bytes()
    plan = take(data, data)
    assert (kinds(plan), plan.present) == ([], 2)
    assert (folder / "manifest.json").read_bytes() == before


def test_looking_writes_nothing(folder, take, party):
    assert kinds(take(party("CSCA").own(), dry_run=True)) == ["csca"]
    assert list(folder.iterdir()) == []


def test_a_master_list_makes_anchors_and_links(folder, take, party, now):
    csca, new = party("CSCA"), party("New")
    link = csca.issue(new, authority=True)
    pin, publish = list_of(
        party, now, csca.own(), link, party("X").issue(party("Y"), authority=True)
    )
    plan = take(publish(now), pins=[pin])
    assert kinds(plan) == ["csca", "link", "link"]
    assert [title.split(" [")[0] for title in plan.orphans] == ["C=VN, O=Test, CN=Y"]
    manifest = read_manifest(folder)
    assert manifest.lists == {pin.fingerprint: now}
    assert {entry.signed_by for entry in manifest.entries.values()} == {pin.fingerprint}
    assert codes(take(publish(now))) == ["masterlist.signer"]
    assert codes(take(publish(now - DAY), pins=[pin])) == ["masterlist.rollback"]
    assert codes(take(publish(now), publish(now - DAY / 2), pins=[pin])) == ["masterlist.rollback"]
    assert read_manifest(folder).lists == {pin.fingerprint: now}


def test_a_bad_entry_of_a_list_is_loud(take, party, now):
    pin, publish = list_of(party, now, party("CSCA").own(), b"\x30\x00")
    plan = take(publish(now), pins=[pin])
    assert kinds(plan) == ["csca"]
    assert len(plan.problems) == 1


def test_a_directory_makes_no_anchor(take, party, now):
    csca, new = party("CSCA"), party("New")
    pin, publish = list_of(party, now)
    plan = take(
        csca.own(),
        ldif(
            ("cn=1,dc=data", "userCertificate;binary", csca.issue(party("DS"))),
            ("cn=2,dc=data", "cACertificate;binary", party("Evil").own()),
            ("cn=3,dc=data", "cACertificate;binary", csca.issue(new, authority=True)),
            ("cn=4,dc=data", "certificateRevocationList;binary", csca.crl()),
            ("cn=5,dc=data", "pkdMasterListContent", publish(now)),
            ("cn=6,dc=data", "CscaMasterListData", publish(now)),
            ("cn=7,dc=nc-data", "userCertificate;binary", csca.issue(party("DS2"))),
            ("cn=8,dc=data", "userCertificate;binary", b"garbage"),
        )
        + b"\ndn: cn=9\nuserCertificate: plain\n",
        pins=[pin],
    )
    assert kinds(plan) == ["crl", "csca", "csca", "ds", "link"]
    assert plan.present == 1
    assert codes(plan) == [
        "trust.not_pinned", "ldif.not_conformant", "tlv.truncated", "ldif.value",
    ]  # fmt: skip
    assert plan.problems[0].source == "source1: cn=2,dc=data"


def test_a_directory_that_breaks_off_in_a_record(take, party, monkeypatch):
    monkeypatch.setattr("eid.trust.ldif._MAX_RECORD", 2000)
    plan = take(b"dn: x\n" + b"a: b\n" * 1000)
    assert codes(plan) == ["ldif.size"]


@pytest.mark.parametrize("data", [b"", b"garbage", bytes(100), b"-----BEGIN CERTIFICATE-----\n"])
def test_garbage_is_refused_and_the_rest_taken(take, party, data):
    plan = take(data, party("CSCA").own())
    assert kinds(plan) == ["csca"]
    assert len(plan.problems) == 1


def test_huge_files_are_not_read(now, tmp_path):
    """A revocation list of 100 MB is refused by the cap."""
    path = tmp_path / "huge.crl"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    plan = plan_import(tmp_path, [path], Terms(at=now))
    assert codes(plan) == ["trust.size"]


def test_a_long_crl_is_refused_by_the_store(folder):
    (folder / "crl").mkdir()
    with (folder / "crl" / "huge.crl").open("wb") as file:
        file.truncate(100 << 20)
    (problem,) = TrustStore.load(folder).problems
    assert problem.code == "trust.size"


def test_revocation_lists_follow_each_other(folder, take, party, now):
    csca = party("CSCA")
    first, second = csca.crl(1, start=now - 9 * DAY), csca.crl(1, 2, start=now - 5 * DAY)
    assert codes(take(first)) == ["crl.unsigned"]
    assert kinds(take(csca.own(), first)) == ["crl", "csca"]
    plan = take(second)
    assert len(plan.superseded) == 1
    (crl,) = TrustStore.load(folder).crls
    assert crl.serials == {1, 2}
    assert codes(take(first)) == ["crl.older"]
    assert codes(take(party("CSCA", scalar=666).crl())) == ["crl.unsigned"]
    assert TrustStore.load(folder).problems == ()


def test_two_lists_at_once_leave_the_newer(folder, take, party, now):
    csca = party("CSCA")
    take(csca.crl(2, start=now - 5 * DAY), csca.own(), csca.crl(1, start=now - 9 * DAY))
    (crl,) = TrustStore.load(folder).crls
    assert crl.serials == {2}
    assert len(list((folder / "crl").iterdir())) == 1


def test_two_keys_of_one_name_keep_a_list_each(folder, take, party, now):
    old, new = party("CSCA"), party("CSCA", scalar=4711)
    take(old.own(), new.own(), old.crl(1), new.crl(2))
    assert len(TrustStore.load(folder).crls) == 2


def test_an_authority_with_unreadable_usage_signs_no_list(take, party):
    csca = party("CSCA")
    odd = certificates.extension("2.5.29.15", b"\x03\x01\x00", critical=True)
    basic = certificates.extension("2.5.29.19", bytes.fromhex("30030101ff"))
    plan = take(csca.issue(csca, extensions=(basic, odd)), csca.crl())
    assert codes(plan) == ["crl.unsigned"]


def test_what_lay_there_by_hand_is_adopted(folder, take, party):
    (folder / "csca").mkdir()
    (folder / "csca" / "mine.der").write_bytes(party("Mine").own())
    (folder / "csca" / "bad.der").write_bytes(b"bad")
    (folder / "crl").mkdir()
    (folder / "crl" / "bad.crl").write_bytes(b"bad")
    take(party("CSCA").own())
    manifest = read_manifest(folder)
    assert manifest.entries["csca/mine.der"].source == "the operator"
    assert len(TrustStore.load(folder).anchors) == 2


def test_an_import_that_breaks_off_counts_for_nothing(folder, take, party, monkeypatch):
    """Power lost before the manifest is renamed: new files are reported, never trusted."""
    take(party("CSCA").own())
    with monkeypatch.context() as broken:
        broken.setattr(
            importing, "write_manifest", lambda *_: (_ for _ in ()).throw(BrokenPipeError)
        )
        with pytest.raises(BrokenPipeError):
            take(party("Second").own())
    store = TrustStore.load(folder)
    assert len(store.anchors) == 1
    assert [problem.code for problem in store.problems] == ["trust.manifest"]
    take(party("CSCA").own())
    assert list(folder.glob("**/.csca*")) == []


def test_a_file_that_is_gone_is_missed(folder, take, party):
    take(party("CSCA").own(), party("CSCA").crl())
    next((folder / "crl").iterdir()).unlink()
    (problem,) = TrustStore.load(folder).problems
    assert problem.code == "trust.missing"


def test_a_file_that_cannot_be_written_whole_is_not_there(folder, monkeypatch):
    monkeypatch.setattr("os.fchmod", lambda *_: (_ for _ in ()).throw(BrokenPipeError))
    with pytest.raises(BrokenPipeError):
        write_manifest(folder, Manifest())
    assert list(folder.iterdir()) == []


def test_removing(folder, take, party):
    plan = take(party("CSCA").own(), party("Other").own())
    gone = plan.additions[0].entry.path
    remove(folder, {gone})
    assert not (folder / gone).exists()
    store = TrustStore.load(folder)
    assert (len(store.anchors), store.problems) == (1, ())


@pytest.mark.parametrize(
    "document",
    [
        {"entries": [{"path": "", "sha256": "00"}]},
        {"entries": [{"path": "x", "sha256": 5}]},
        {"entries": [], "lists": {"pin": "yesterday"}},
        {"entries": [], "lists": {"pin": "2026-01-01T00:00:00"}},
        {"entries": [], "lists": []},
    ],
)
def test_a_manifest_out_of_form(folder, document):
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(SettingsError):
        read_manifest(folder)


def test_a_manifest_comes_back_as_it_was(folder, now):
    manifest = Manifest(
        entries={"csca/x": Entry(path="csca/x", sha256="00", source="ngu\u1ed3n")},
        lists={"pin": now},
    )
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest


def test_upkeep(folder, take, party, now):
    csca = party("CSCA")
    assert [one.code for one in check_store(TrustStore.of(), None, at=now)] == ["trust.no_anchor"]
    take(
        csca.own(),
        party("Ends").own(end=now + 30 * DAY),
        party("Ended").own(end=now - 30 * DAY),
        party("X").issue(party("Y"), authority=True),
        csca.crl(end=now + DAY),
    )

    def found(at, manifest=None):
        store = TrustStore.load(folder)
        return {(one.grade, one.code) for one in check_store(store, manifest, at=at)}

    assert found(now) == {
        ("soon", "authority.expires"), ("note", "authority.expired"), ("note", "link.orphan"),
        ("soon", "crl.due"), ("note", "crl.missing"),
    }  # fmt: skip
    assert ("bad", "crl.stale") in found(now + 2 * DAY)
    old = Manifest(lists={"pin": now - 200 * DAY, "other": now})
    assert ("soon", "masterlist.old") in found(now, old)
    (folder / "crl" / "evil.crl").write_bytes(party("CSCA", scalar=666).crl())
    (folder / "manifest.json").unlink()
    assert ("bad", "crl.unsigned") in found(now)
    (folder / "csca" / "bad.der").write_bytes(b"bad")
    assert ("bad", "tlv.truncated") in found(now)


def test_upkeep_tells_when_an_authority_stops_signing(party, now):
    csca = party("CSCA")
    validity = Validity(
        not_before=now - DAY, not_after=now + 4000 * DAY, signs_until=now + 9 * DAY
    )
    odd = certificates.extension("2.5.29.16", b"\x30\x03\x81\x01\x00")
    base = certificates.authority_extensions(csca.key, csca.key, validity)
    stores = [
        TrustStore.of(csca=[csca.issue(csca, extensions=extensions, end=now + 4000 * DAY)])
        for extensions in (base, (*base[:-1], odd))
    ]
    first, second = ({one.code for one in check_store(store, None, at=now)} for store in stores)
    assert first - second == {"authority.successor"}
