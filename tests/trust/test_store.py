"""Trust folders: what loads, what is reported, and that nothing ever fails open."""

from __future__ import annotations

import base64
import hashlib
import json
import os

import pytest

from eid.errors import FormatError, SettingsError, SignatureInvalid
from eid.testing import certificates, der
from eid.trust.certificates import parse_certificate
from eid.trust.revocation import parse_crl
from eid.trust.store import TrustStore


def pem(data, label="CERTIFICATE"):
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode()


@pytest.fixture
def folder(tmp_path, party):
    csca, new, ds = party("CSCA"), party("New"), party("DS")
    for name, data in {
        "csca/one.der": csca.own(),
        "link/one.pem": b"a comment\n" + pem(csca.issue(new, authority=True)),
        "ds/one.cer": csca.issue(ds),
        "crl/one.crl": pem(csca.crl(), "X509 CRL"),
        "csca/.hidden": b"left alone",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def problems(store):
    return {problem.source: problem.code for problem in store.problems}


def test_a_folder(folder):
    store = TrustStore.load(folder)
    assert [len(part) for part in (store.anchors, store.links, store.signers, store.crls)] == [
        1, 1, 1, 1,
    ]  # fmt: skip
    assert store.problems == ()
    assert store.is_anchor(store.anchors[0])
    assert not store.is_anchor(store.links[0])
    assert repr(store) == "TrustStore(anchors=1, links=1, crls=1, problems=0)"


def test_no_folder_is_a_setting_to_fix(tmp_path):
    with pytest.raises(SettingsError) as caught:
        TrustStore.load(tmp_path / "none")
    assert caught.value.code == "settings.trust_folder"


def test_an_empty_folder_trusts_nobody(tmp_path):
    assert TrustStore.load(tmp_path).anchors == ()


def test_bad_files_are_reported_and_good_ones_stay(folder, party):
    (folder / "csca" / "garbage.der").write_bytes(b"garbage")
    (folder / "csca" / "empty.der").write_bytes(b"")
    (folder / "csca" / "broken.pem").write_bytes(pem(party("X").own())[:-30])
    (folder / "csca" / "padding.pem").write_bytes(
        b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n"
    )
    (folder / "csca" / "big.der").write_bytes(bytes((4 << 20) + 1))
    (folder / "csca" / "folder").mkdir()
    (folder / "csca" / "link.der").symlink_to(folder / "csca" / "one.der")
    writable = folder / "csca" / "writable.der"
    writable.write_bytes(party("Writable").own())
    writable.chmod(0o666)
    (folder / "crl" / "list.crl").write_bytes(party("X").own())
    store = TrustStore.load(folder)
    assert len(store.anchors) == 1
    assert problems(store) == {
        "csca/garbage.der": "tlv.truncated",
        "csca/empty.der": "tlv.truncated",
        "csca/broken.pem": "trust.pem",
        "csca/padding.pem": "trust.pem",
        "csca/big.der": "trust.size",
        "csca/folder": "trust.file",
        "csca/link.der": "trust.file",
        "csca/writable.der": "trust.writable",
        "crl/list.crl": "crl.format",
    }
    assert all(problem.message.endswith(".") for problem in store.problems)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(folder):
    (folder / "csca" / "one.der").chmod(0)
    assert problems(TrustStore.load(folder)) == {"csca/one.der": "trust.unreadable"}


def test_a_file_that_vanishes_while_reading(folder, monkeypatch):
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda self: (_ for _ in ()).throw(OSError))
    store = TrustStore.load(folder)
    assert store.anchors == ()
    assert set(problems(store).values()) == {"trust.unreadable"}


def test_a_manifest_must_list_every_file(folder, party):
    listed = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*/*")
    }
    manifest = folder / "manifest.json"

    def write(entries):
        entries = [{"path": path, "sha256": digest} for path, digest in entries.items()]
        manifest.write_text(json.dumps({"entries": entries}))

    write(listed)
    assert TrustStore.load(folder).problems == ()
    (folder / "csca" / "smuggled.der").write_bytes(party("Evil").own())
    write({**listed, "crl/one.crl": "00"})
    store = TrustStore.load(folder)
    assert problems(store) == {
        "csca/smuggled.der": "trust.manifest", "crl/one.crl": "trust.manifest",
    }  # fmt: skip
    assert len(store.anchors) == 1
    for bad in ("", "[]", "{}", '{"entries": 1}', '{"entries": [{"path": "x"}]}', "\xff"):
        manifest.write_bytes(bad.encode("latin-1"))
        with pytest.raises(SettingsError) as caught:
            TrustStore.load(folder)
        assert caught.value.code == "settings.trust_manifest"


def test_a_bundle_holds_many(party):
    bundle = b"".join(pem(party(f"CSCA {number}").own()) for number in range(5))
    store = TrustStore.of(csca=[bundle, party("CSCA 1").own()])
    assert len(store.anchors) == 5 or len({one.subject for one in store.anchors}) == 5


def test_the_same_certificate_twice_is_one(party):
    data = party("CSCA").own()
    store = TrustStore.of(csca=[data, pem(data)], link=[data])
    assert len(store.anchors) == 1
    assert len(store.named(store.anchors[0].subject)) == 1


def test_good_signatures_are_remembered_and_bad_ones_are_not(party, monkeypatch):
    csca, evil = party("CSCA"), party("CSCA", scalar=666)
    store = TrustStore.of(csca=[csca.own(), evil.own()], crl=[csca.crl()])
    genuine, forged = (
        parse_certificate(one.issue(party("DS"), serial=serial))
        for serial, one in ((1, csca), (2, evil))
    )
    anchors = {one.spki: one for one in store.anchors}
    anchor = anchors[parse_certificate(csca.own()).spki]
    for _ in range(2):
        store.check_issued(genuine, anchor)
        with pytest.raises(SignatureInvalid):
            store.check_issued(forged, anchor)
        assert store.is_crl_of(store.crls[0], anchor)
        assert not store.is_crl_of(parse_crl(evil.crl()), anchor)
    monkeypatch.setattr("eid.trust.store.verify_issued", None)
    store.check_issued(genuine, anchor)


def test_remembering_is_bounded(party, monkeypatch):
    monkeypatch.setattr("eid.trust.store._MAX_REMEMBERED", 2)
    csca = party("CSCA")
    store = TrustStore.of(csca=[csca.own()])
    for serial in range(1, 6):
        store.check_issued(
            parse_certificate(csca.issue(party("DS"), serial=serial)), store.anchors[0]
        )
        assert len(store._remembered) <= 2


def test_an_unreadable_key_signs_no_list(party):
    csca = party("CSCA")
    store = TrustStore.of(csca=[csca.own()], crl=[csca.crl()])
    odd = csca.own().replace(
        certificates.der.oid("1.2.840.10045.3.1.7"), der.oid("1.2.840.10045.3.1.9")
    )
    assert not store.is_crl_of(store.crls[0], parse_certificate(odd))
    with pytest.raises(FormatError):
        store.check_issued(store.anchors[0], parse_certificate(odd))


def test_a_thousand_anchors(party):
    template = party("CSCA").own()
    mark = template.rindex(b"CSCA")
    many = [
        template[:mark] + f"{number:04d}".encode() + template[mark + 4 :] for number in range(1000)
    ]
    store = TrustStore.of(csca=many)
    assert len(store.anchors) == 1000
    assert len(store.named(store.anchors[500].subject)) == 1
