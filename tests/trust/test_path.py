"""Ways up to an anchor: link certificates, roll-over, cycles, moments, revocation."""

from __future__ import annotations

import hashlib
import itertools
from datetime import timedelta

import pytest

from eid.errors import EidError, Expired, Inconsistent, Revoked, SignatureInvalid, UntrustedIssuer
from eid.testing import certificates, der
from eid.testing.certificates import Key, extension
from eid.trust.certificates import parse_certificate
from eid.trust.path import Moment, build_chain, revocation_state, signing_moment
from eid.trust.store import TrustStore

YEAR = timedelta(days=365)


@pytest.fixture
def build(now):
    def call(signer, *, at=None, moment=None, **trust):
        chosen = Moment(at=moment or at or now, basis="now")
        return build_chain(parse_certificate(signer), TrustStore.of(**trust), moment=chosen)

    return call


def refused(error, code, call, *arguments, **more):
    with pytest.raises(error) as caught:
        call(*arguments, **more)
    assert caught.value.code == code


def test_one_step(party, build):
    csca, ds = party("CSCA"), party("DS")
    chain = build(csca.issue(ds), csca=[csca.own()])
    assert chain.links == ()
    assert chain.issuer is chain.anchor
    assert chain.anchor.self_issued


def ladder(party, count):
    """An anchor, link certificates 1 to ``count`` above each other, and a signer at the top."""
    rungs = [party(f"CSCA {number}") for number in range(count + 1)]
    links = [below.issue(above, authority=True) for below, above in itertools.pairwise(rungs)]
    return rungs[0].own(), links, rungs[-1].issue(party("DS"))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_links_in_any_order(party, build, order):
    anchor, links, signer = ladder(party, 3)
    chain = build(signer, csca=[anchor], link=[links[index] for index in order])
    assert len(chain.links) == 3
    assert chain.anchor.self_issued


def test_links_up_to_a_depth(party, build):
    anchor, links, signer = ladder(party, 8)
    assert len(build(signer, csca=[anchor], link=links).links) == 8
    anchor, links, signer = ladder(party, 9)
    refused(UntrustedIssuer, "chain.path", build, signer, csca=[anchor], link=links)


def test_a_link_alone_is_not_trusted(party, build):
    _, links, signer = ladder(party, 2)
    refused(UntrustedIssuer, "chain.unanchored", build, signer, link=links)


def test_cycles_end(party, build):
    one, two = party("one"), party("two")
    links = [one.issue(two, authority=True), two.issue(one, authority=True), one.own(), two.own()]
    refused(UntrustedIssuer, "chain.path", build, two.issue(party("DS")), link=links)


def test_a_thicket_of_links_ends(party, build):
    """Twelve links that all vouch for each other: bounded work, no answer."""
    parties = [party(f"P{number}") for number in range(6)]
    links = [a.issue(b, authority=True) for a, b in itertools.permutations(parties, 2)]
    refused(UntrustedIssuer, "chain.path", build, parties[0].issue(party("DS")), link=links)


def test_a_new_key_under_the_old_name(party, build):
    """Roll-over: one name, two keys; the key identifier tells them apart, in any order."""
    old, new = party("CSCA", scalar=11), party("CSCA", scalar=22)
    signer = new.issue(party("DS"))
    for anchors in ([old.own(), new.own()], [new.own(), old.own()]):
        assert build(signer, csca=anchors).anchor.self_issued
    link = old.issue(new, authority=True)
    assert build(signer, csca=[old.own()], link=[link]).links
    refused(UntrustedIssuer, "chain.unanchored", build, signer, csca=[old.own()])


def test_a_link_may_change_the_name_but_a_signer_may_not(party, build):
    """The signer names its issuer; between authorities the key identifier may lead."""
    old, new = party("Old name"), party("New name")
    renamed = party("Older name", scalar=old.key.scalar)
    link = renamed.issue(new, authority=True)
    assert build(new.issue(party("DS")), csca=[old.own()], link=[link]).links
    signer = renamed.issue(party("DS"))
    refused(UntrustedIssuer, "chain.unanchored", build, signer, csca=[old.own()])


def test_same_name_and_identifier_but_another_key(party, build):
    genuine, evil = party("CSCA"), party("CSCA", scalar=666)
    stolen = certificates.extension(
        "2.5.29.35", der.sequence(der.implicit(0, genuine.key.identifier))
    )
    usage = extension("2.5.29.15", der.bits(b"\x80", unused=7), critical=True)
    signer = evil.issue(party("DS"), extensions=(usage, stolen))
    refused(SignatureInvalid, "chain.signature", build, signer, csca=[genuine.own()])


def test_an_authority_without_identifier_is_tried(party, build):
    csca = party("CSCA")
    bare = (
        extension("2.5.29.19", der.sequence(der.boolean(value=True)), critical=True),
        extension("2.5.29.15", der.bits(b"\x06", unused=1), critical=True),
    )
    anchor = csca.issue(csca, extensions=bare)
    assert build(csca.issue(party("DS")), csca=[anchor]).anchor.self_issued
    odd = csca.issue(csca, extensions=(*bare, extension("2.5.29.14", der.null())))
    refused(UntrustedIssuer, "chain.unanchored", build, csca.issue(party("DS")), csca=[odd])


def test_country(party, build):
    csca, ds = party("CSCA"), party("DS", "DE")
    refused(Inconsistent, "chain.country", build, csca.issue(ds), csca=[csca.own()])
    lower = party("CSCA", "vn")
    assert build(lower.issue(party("DS")), csca=[csca.own(), lower.own()])


def test_a_damaged_anchor(party, build):
    csca = party("CSCA")
    damaged = bytearray(csca.own())
    damaged[-1] ^= 1
    signer = csca.issue(party("DS"))
    refused(SignatureInvalid, "chain.anchor_damaged", build, signer, csca=[bytes(damaged)])


def test_an_anchor_need_not_be_self_signed(party, build):
    root, csca = party("Root"), party("CSCA")
    pinned = root.issue(csca, authority=True)
    assert not build(csca.issue(party("DS")), csca=[pinned]).anchor.self_issued


def test_weak_issuers_are_named(party, build):
    csca = party("CSCA")
    no_ca = csca.issue(csca, extensions=(extension("2.5.29.14", der.octets(csca.key.identifier)),))
    refused(UntrustedIssuer, "chain.ca", build, csca.issue(party("DS")), csca=[no_ca])
    malformed = csca.issue(csca, extensions=(extension("2.5.29.19", b"\x30"),))
    refused(Inconsistent, "tlv.truncated", build, csca.issue(party("DS")), csca=[malformed])


def test_a_malformed_signer_is_named(party, build):
    csca = party("CSCA")
    signer = csca.issue(party("DS"), extensions=(extension("2.5.29.15", b"\0\0", critical=True),))
    refused(Inconsistent, "tlv.tag", build, signer, csca=[csca.own()])


def test_validity_of_every_member(party, build, now):
    csca, new, ds = party("CSCA"), party("New"), party("DS")
    signer = csca.issue(ds, start=now - YEAR, end=now + YEAR)
    anchor = csca.own(start=now - 2 * YEAR, end=now + 5 * YEAR)
    for at in (now - 1.5 * YEAR, now + 2 * YEAR):
        refused(Expired, "chain.validity", build, signer, csca=[anchor], at=at)
    short = csca.own(start=now - 2 * YEAR, end=now - YEAR / 2)
    refused(Expired, "chain.validity", build, signer, csca=[short])
    old_link = csca.issue(new, authority=True, start=now - 3 * YEAR, end=now - YEAR)
    refused(Expired, "chain.validity", build, new.issue(ds), csca=[anchor], link=[old_link])
    link = csca.issue(new, authority=True, start=now - YEAR)
    assert build(new.issue(ds), csca=[short], link=[link]).links


def period(**times):
    parts = [der.implicit(tag, der.general_time(time)) for tag, time in times.values()]
    return extension("2.5.29.16", der.sequence(*parts))


def test_the_moment_of_judgement(party, now):
    csca, ds = party("CSCA"), party("DS")

    def moment(*extensions, signing_time=None, at=now):
        signer = parse_certificate(csca.issue(ds, extensions=extensions or None))
        return signing_moment(signer, signing_time=signing_time, at=at)

    assert moment() == Moment(at=now, basis="now")
    signed = now - YEAR
    assert moment(signing_time=signed) == Moment(at=signed, basis="signing_time")
    refused(Expired, "chain.validity", moment, signing_time=now + timedelta(days=2))
    over = period(start=(0, now - 2 * YEAR), end=(1, now - YEAR))
    assert moment(over) == Moment(at=now - YEAR, basis="usage_period")
    assert moment(over, signing_time=signed).basis == "signing_time"
    running = period(start=(0, now - YEAR), end=(1, now + YEAR))
    assert moment(running).basis == "now"
    assert moment(period(start=(0, now - YEAR))).basis == "now"
    refused(EidError, "tlv.truncated", moment, extension("2.5.29.16", b"\x30"))


def state_of(chain, now, **trust):
    return revocation_state(chain, TrustStore.of(**trust), at=now)


def test_revocation_states(party, build, now):
    csca = party("CSCA")
    chain = build(csca.issue(party("DS"), serial=5), csca=[csca.own()])
    anchors = {"csca": [csca.own()]}
    old = {"start": now - YEAR, "end": now - YEAR / 2}
    assert state_of(chain, now, **anchors) == "unknown"
    assert state_of(chain, now, crl=[csca.crl(6)], **anchors) == "good"
    assert state_of(chain, now, crl=[csca.crl(**old)], **anchors) == "stale"
    assert state_of(chain, now, crl=[csca.crl(**old), csca.crl()], **anchors) == "good"
    future = csca.crl(start=now + YEAR, end=now + 2 * YEAR)
    assert state_of(chain, now, crl=[future], **anchors) == "stale"
    for lists in ([csca.crl(5)], [csca.crl(5, **old)], [csca.crl(), csca.crl(5, **old)]):
        refused(Revoked, "chain.revoked", state_of, chain, now, crl=lists, **anchors)


def test_only_the_authority_revokes(party, build, now):
    csca, evil, other = party("CSCA"), party("CSCA", scalar=666), party("Other")
    anchors = [csca.own(), other.own()]
    chain = build(csca.issue(party("DS"), serial=5), csca=anchors)
    for crl in (evil.crl(5), other.crl(5)):
        assert state_of(chain, now, csca=anchors, crl=[crl]) == "unknown"
    assert state_of(chain, now, csca=[csca.own(), evil.own()], crl=[evil.crl()]) == "good"


def test_a_list_signer_leads_to_an_anchor_and_is_not_revoked(party, build, now):
    csca, second = party("CSCA"), party("CSCA", scalar=666)
    anchors = {"csca": [csca.own()]}
    chain = build(csca.issue(party("DS"), serial=5), **anchors)
    rolled = csca.issue(second, authority=True, serial=7)
    past = csca.crl(7, start=now - YEAR, end=now - YEAR / 2)
    assert state_of(chain, now, link=[rolled], crl=[second.crl()], **anchors) == "good"
    assert state_of(chain, now, link=[rolled], crl=[second.crl(5), past], **anchors) == "stale"
    for crl in (second.crl(), second.crl(5)):
        assert state_of(chain, now, link=[second.own()], crl=[crl], **anchors) == "unknown"


def test_an_authority_that_may_not_sign_lists(party, build, now):
    csca = party("CSCA")
    extensions = (
        extension("2.5.29.19", der.sequence(der.boolean(value=True)), critical=True),
        extension("2.5.29.15", der.bits(b"\x04", unused=2), critical=True),
    )
    anchor = csca.issue(csca, extensions=extensions)
    chain = build(csca.issue(party("DS")), csca=[anchor])
    assert state_of(chain, now, csca=[anchor], crl=[csca.crl()]) == "unknown"


def test_a_revoked_link(party, now):
    old, new = party("Old"), party("New")
    link = old.issue(new, authority=True, serial=9)
    trust = {"csca": [old.own()], "link": [link]}
    signer = parse_certificate(new.issue(party("DS")))
    chain = build_chain(signer, TrustStore.of(**trust), moment=Moment(at=now, basis="now"))
    assert state_of(chain, now, crl=[new.crl()], **trust) == "good"
    refused(Revoked, "chain.revoked", state_of, chain, now, crl=[old.crl(9), new.crl()], **trust)


def sha1_signed(key: Key, body: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec  # noqa: PLC0415

    signature = key.private.sign(body, pyca_ec.ECDSA(hashes.SHA1()))
    return der.sequence(body, der.sequence(der.oid("1.2.840.10045.4.1")), der.bits(signature))


def resigned(data: bytes, key: Key) -> bytes:
    """The same certificate or list, signed with SHA-1."""
    from eid import tlv  # noqa: PLC0415

    body = tlv.children(tlv.parse(data))[0]
    old = der.sequence(der.oid("1.2.840.10045.4.3.2"))
    new = der.sequence(der.oid("1.2.840.10045.4.1"))
    fields = (new if item.raw == old else item.raw for item in tlv.children(body))
    return sha1_signed(key, der.sequence(*fields))


def test_sha1_needs_its_switch_everywhere_but_in_the_anchor(party, now):
    csca, new = party("CSCA"), party("New")
    moment = Moment(at=now, basis="now")
    anchor = resigned(csca.own(), csca.key)
    store = TrustStore.of(csca=[anchor])
    good = parse_certificate(csca.issue(party("DS")))
    assert build_chain(good, store, moment=moment)
    weak = parse_certificate(resigned(csca.issue(party("DS")), csca.key))
    refused(SignatureInvalid, "algorithm.sha1", build_chain, weak, store, moment=moment)
    assert build_chain(weak, store, moment=moment, insecure_allow_sha1=True)
    link = resigned(csca.issue(new, authority=True), csca.key)
    linked = TrustStore.of(csca=[anchor], link=[link])
    signer = parse_certificate(new.issue(party("DS")))
    refused(SignatureInvalid, "algorithm.sha1", build_chain, signer, linked, moment=moment)
    assert build_chain(signer, linked, moment=moment, insecure_allow_sha1=True)
    listed = TrustStore.of(csca=[anchor], crl=[resigned(csca.crl(), csca.key)])
    chain = build_chain(good, listed, moment=moment)
    assert revocation_state(chain, listed, at=now) == "unknown"
    assert revocation_state(chain, listed, at=now, insecure_allow_sha1=True) == "good"


def test_fingerprints_are_of_the_certificate(signer):
    assert signer.fingerprint == hashlib.sha256(signer.raw).hexdigest()
