"""Master lists: who may sign them, how old they may be, and every oddity that real ones hold."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eid import ec
from eid.errors import Expired, FormatError, SignatureInvalid, UntrustedIssuer
from eid.testing import certificates, der
from eid.testing.certificates import Issuer, Key, Validity
from eid.testing.masterlist import list_signer, master_list, with_trailing_data
from eid.testing.sod import SignedForm, signed_data
from eid.trust.certificates import parse_certificate
from eid.trust.masterlist import is_master_list, read_master_list, sort_authorities

DAY = timedelta(days=1)


class Publisher:
    """A state that publishes lists: root, list signer, and what may be wrong with them."""

    def __init__(self, party, now, **signer):
        self.party, self.now = party, now
        self.root = party("Publisher")
        self.root_der = self.root.own()
        self.pin = parse_certificate(self.root_der)
        self.signer = self.make_signer(**signer)

    def make_signer(self, *, start=-30, end=400, **more):
        validity = Validity(not_before=self.now + start * DAY, not_after=self.now + end * DAY,
                            signs_until=self.now)  # fmt: skip
        issuer = Issuer(name=self.root.name, key=self.root.key, digest="sha256")
        signer = self.party("Signer")
        return list_signer(issuer, signer.name, signer.key, validity, **more)

    def publish(self, *entries, signed_at="now", signer=None, form=None):
        moment = self.now if signed_at == "now" else signed_at
        options = {"form": form} if form else {}
        return master_list(entries or (self.root_der,), signer or self.signer, moment, **options)

    def read(self, data, **more):
        return read_master_list(data, **{"pinned": [self.pin], "at": self.now, **more})


@pytest.fixture
def publisher(party, now):
    return Publisher(party, now)


def refused(error, code, read):
    with pytest.raises(error) as caught:
        read()
    assert caught.value.code == code


def test_a_list_under_its_root_or_its_signer(publisher, party):
    other = party("Other", country="DE").own()
    data = publisher.publish(publisher.root_der, other)
    assert is_master_list(data)
    believed = publisher.read(data)
    assert set(believed.certificates) == {publisher.root_der, other}
    assert believed.pin == publisher.pin
    assert believed.signed_at == publisher.now
    signer = parse_certificate(publisher.signer.certificate)
    assert publisher.read(data, pinned=[signer]).pin == signer


@pytest.mark.parametrize("form", [SignedForm(by_key_id=True), SignedForm(indefinite=True)])
def test_the_forms_in_use(publisher, form):
    assert publisher.read(publisher.publish(form=form)).certificates == (publisher.root_der,)


def test_garbage_beside_the_signers_certificate(publisher):
    beside = dataclasses.replace(
        publisher.signer, certificate=b"\x30\x00" + publisher.signer.certificate
    )
    assert publisher.read(publisher.publish(signer=beside)).pin == publisher.pin


def test_a_list_signed_by_the_root_itself(publisher):
    named = der.sequence(publisher.root.name, der.integer(5))
    signer = type(publisher.signer)(
        key=publisher.root.key, certificate=publisher.root_der, issuer_and_serial=named
    )
    assert publisher.read(publisher.publish(signer=signer)).signer == publisher.pin


def test_nobody_else_signs_lists(publisher, party, now):
    data = publisher.publish()
    refused(UntrustedIssuer, "masterlist.signer", lambda: publisher.read(data, pinned=[]))
    evil = parse_certificate(party("Publisher", scalar=99).own())
    refused(UntrustedIssuer, "masterlist.signer", lambda: publisher.read(data, pinned=[evil]))
    leaf = parse_certificate(publisher.root.issue(party("DS")))
    refused(UntrustedIssuer, "masterlist.signer", lambda: publisher.read(data, pinned=[leaf]))
    for purpose in ("1.3.6.1.5.5.7.3.1", "2.23.136.1.1.1"):
        other = Publisher(party, now, purpose=purpose)
        refused(UntrustedIssuer, "masterlist.signer", lambda o=other: o.read(o.publish()))
    ds = type(publisher.signer)(
        key=party("DS").key,
        certificate=publisher.root.issue(party("DS")),
        issuer_and_serial=der.sequence(publisher.root.name, der.integer(5 + 0)),
    )
    # A Document Signer has the root's name and serial 5 like the root itself: take its own pin away.
    by_key = publisher.publish(signer=ds, form=SignedForm(by_key_id=True))
    refused(UntrustedIssuer, "masterlist.signer", lambda: publisher.read(by_key))


def test_an_unknown_signer(publisher, party):
    stranger = type(publisher.signer)(
        key=publisher.signer.key,
        certificate=publisher.signer.certificate,
        issuer_and_serial=der.sequence(publisher.root.name, der.integer(999)),
    )
    data = publisher.publish(signer=stranger)
    refused(UntrustedIssuer, "masterlist.signer", lambda: publisher.read(data))


def test_a_changed_list(publisher):
    data = bytearray(publisher.publish())
    at = data.index(b"Publisher")
    data[at] ^= 1
    refused(SignatureInvalid, "cms.digest", lambda: publisher.read(bytes(data)))


def test_dates(publisher, now):
    publish, read = publisher.publish, publisher.read
    refused(Expired, "masterlist.undated", lambda: read(publish(signed_at=None)))
    refused(Expired, "masterlist.future", lambda: read(publish(signed_at=now + 2 * DAY)))
    old = publish(signed_at=now - 20 * DAY)
    refused(Expired, "masterlist.age", lambda: read(old, max_age=19 * DAY))
    taken = {publisher.pin.fingerprint: now - 10 * DAY}
    refused(Expired, "masterlist.rollback", lambda: read(old, newest=taken))
    assert read(publish(), newest=taken)
    assert read(old, newest={"another": now})
    late = Publisher(publisher.party, now, end=-1)
    refused(Expired, "masterlist.validity", lambda: late.read(late.publish()))


def test_a_pin_that_has_expired_vouches_for_nobody(party, now):
    publisher = Publisher(party, now)
    publisher.pin = parse_certificate(publisher.root.own(end=now - DAY))
    refused(UntrustedIssuer, "masterlist.signer", lambda: publisher.read(publisher.publish()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x04\x00",
        der.sequence(der.integer(1), der.set_of(b"\x30\x00")),
        der.sequence(der.integer(0)),
        der.sequence(der.integer(0), der.set_of()),
    ],
)
def test_what_is_no_list(publisher, content):
    data = signed_data(content, publisher.signer, "2.23.136.1.1.2", publisher.now)
    with pytest.raises(FormatError):
        publisher.read(data)


def test_a_security_object_is_no_list(publisher):
    data = signed_data(b"\x30\x00", publisher.signer, "2.23.136.1.1.1", publisher.now)
    refused(FormatError, "cms.content_type", lambda: publisher.read(data))
    assert not is_master_list(publisher.root_der)
    assert not is_master_list(b"")
    assert not is_master_list(b"\x30\x00")


def oddities(party, now):
    """One of every kind that ordinary libraries stumble over."""
    year = 365 * DAY
    validity = Validity(not_before=now - year, not_after=now + year, signs_until=now)

    def own(curve, label, *, country="VN", explicit=True, serial=5, digest="sha256"):
        key = Key(curve=ec.by_name(curve), scalar=12345 + len(label), explicit=explicit)
        name = certificates.name(country, "Test", label)
        return certificates.certificate(
            Issuer(name=name, key=key, digest=digest), serial=serial, subject=name,
            validity=validity, key=key,
            extensions=certificates.authority_extensions(key, key, validity),
        )  # fmt: skip

    old, new, renamed = party("Old"), party("Old", scalar=4711), party("Renamed")
    return {
        "explicit brainpoolP512r1": own("brainpoolP512r1", "A", digest="sha512"),
        "explicit P-256": own("secp256r1", "B"),
        "lower-case country": own("secp384r1", "C", country="ro", explicit=False),
        "three-letter country": own("secp384r1", "D", country="LTU", explicit=False),
        "negative serial": own("secp256r1", "E", serial=-5),
        "zero serial": own("secp256r1", "F", serial=0),
        "same name, old key": old.own(),
        "same name, new key": new.own(),
        "link over the same name": old.issue(new, authority=True),
        "link to another name": new.issue(renamed, authority=True),
        "a link without its issuer": party("Gone").issue(party("Heir"), authority=True),
    }


def test_every_oddity_loads_and_verifies(publisher, party, now):
    entries = oddities(party, now)
    believed = publisher.read(publisher.publish(*entries.values()))
    assert len(believed.certificates) == len(entries)
    found = sort_authorities(believed.certificates)
    assert found.unreadable == ()
    assert len(found.anchors) == 8
    assert len(found.links) == 3
    assert [one.subject.text for one in found.orphans] == ["C=VN, O=Test, CN=Heir"]


def test_a_broken_self_signature_makes_no_anchor(party):
    data = bytearray(party("CSCA").own())
    data[-1] ^= 1
    found = sort_authorities([bytes(data)])
    assert found.anchors == ()
    assert [one.fingerprint for one in found.orphans] == [one.fingerprint for one in found.links]


def test_garbage_in_a_list_is_named(party):
    good = party("CSCA").own()
    found = sort_authorities([good, b"\x30\x00", with_trailing_data(good)])
    assert len(found.anchors) == 1
    assert len(found.unreadable) == 2
    assert all(len(fingerprint) == 64 for fingerprint, _ in found.unreadable)


def test_an_issuer_found_by_name_when_the_key_identifier_is_odd(party):
    csca, new = party("CSCA"), party("New")
    odd = certificates.extension("2.5.29.35", der.octets(b""))
    usage = certificates.extension("2.5.29.15", der.bits(b"\x06", unused=1), critical=True)
    children = [csca.issue(new, extensions=(odd,)), csca.issue(new, extensions=(usage,), serial=6)]
    found = sort_authorities([csca.own(), *children])
    assert (len(found.links), found.orphans, found.unreadable) == (2, (), ())


def test_an_unreadable_key_identifier_is_none(party):
    csca, new = party("CSCA"), party("New")
    odd = certificates.extension("2.5.29.14", b"\x05\x00")
    usage = certificates.extension("2.5.29.15", der.bits(b"\x06", unused=1), critical=True)
    parent = csca.issue(csca, extensions=(usage, odd))
    found = sort_authorities([parent, csca.issue(new, extensions=(usage,), serial=6)])
    assert (len(found.anchors), len(found.links), found.orphans) == (1, 1, ())


GERMAN = os.environ.get("EID_GERMAN_LIST", "")


@pytest.mark.skipif(
    not GERMAN, reason="EID_GERMAN_LIST names a folder with DE_ML_*.ml and its root"
)
def test_the_german_list_of_may_2026():
    folder = Path(GERMAN)
    root = parse_certificate(next(folder.glob("DE_ROOT*.cer")).read_bytes())
    data = next(folder.glob("DE_ML_2026-05-28*.ml")).read_bytes()
    believed = read_master_list(data, pinned=[root], at=datetime(2026, 11, 21, tzinfo=UTC))
    found = sort_authorities(believed.certificates)
    assert len(believed.certificates) == 588
    assert len(found.anchors) + len(found.links) == 588
    assert found.unreadable == ()
    assert len(found.orphans) == 12
