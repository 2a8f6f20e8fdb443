"""What the operator no longer takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from eid import ec, tlv
from eid.errors import Revoked, SettingsError
from eid.testing import certificates
from eid.testing.certificates import Issuer, Key, Validity
from eid.testing.der import octets, sequence
from eid.trust.certificates import algorithm_of, parse_certificate, public_key
from eid.trust.deny import DenyList, parse_deny_list
from eid.trust.path import build_chain, signing_moment
from eid.trust.signature import verify
from eid.trust.store import TrustStore


def entry(**members):
    lines = [f"{key} = {value}" for key, value in members.items()]
    return "\n".join(["[[denied]]", *lines, ""]).encode()


def window(key_id, first="2026-01-01T00:00:00Z", last="2026-02-01T00:00:00Z"):
    return {
        "issuer_key_id": f'"{key_id}"', "from": first, "until": last, "reason": '"stolen"',
    }  # fmt: skip


def chain(store, signer, now):
    return build_chain(signer, store, moment=signing_moment(signer, signing_time=None, at=now))


def test_one_certificate(party, now):
    csca = party("CSCA")
    signer = parse_certificate(csca.issue(party("DS")))
    other = parse_certificate(csca.issue(party("DS"), serial=6))
    text = entry(certificate=f'"{signer.fingerprint.upper()}"', reason='"x"')
    store = TrustStore.of(csca=[csca.own()], denied=parse_deny_list(text, "deny.toml"))
    assert chain(store, other, now)
    with pytest.raises(Revoked) as caught:
        chain(store, signer, now)
    assert caught.value.code == "chain.denied"


@pytest.mark.parametrize("curve", ["secp256r1", "brainpoolP384r1", "secp521r1"])
def test_one_certificate_in_every_way_to_write_it(curve, now):
    """A stolen signer's key does not come back with the signature's twin or with longer lengths."""
    key = Key(curve=ec.by_name(curve), scalar=0xCA)
    time = Validity(not_before=now, not_after=now, signs_until=now)
    name = certificates.name("UT", "Test", "DS")
    original, another = (
        certificates.certificate(
            Issuer(name=name, key=key, digest="sha256"), serial=serial, subject=name,
            validity=time, key=key,
            extensions=certificates.signer_extensions(key, key, time, ("ID",)),
        )
        for serial in (7, 8)
    )  # fmt: skip
    whole = tlv.parse(original)
    body, algorithm, bits = tlv.children(whole)
    r, s = decode_dss_signature(bits.value[1:])
    signature = encode_dss_signature(r, key.curve.n - s)
    twin = sequence(body.raw, algorithm.raw, tlv.encode(0x03, b"\0", signature))
    longer = b"\x30\x84" + len(whole.value).to_bytes(4, "big") + whole.value
    key_of = public_key(parse_certificate(original))
    denied = DenyList(certificates=frozenset({parse_certificate(original).fingerprint}))
    for written in (original, twin, longer):
        certificate = parse_certificate(written)
        verify(key_of, algorithm_of(certificate), certificate.tbs, certificate.signature)
        assert denied.denies(certificate)
    assert not denied.denies(parse_certificate(another))


def test_an_anchor_or_link_can_be_denied(party, now):
    csca, new = party("CSCA"), party("New")
    link, anchor = csca.issue(new, authority=True), csca.own()
    signer = parse_certificate(new.issue(party("DS")))
    for bad in (link, anchor):
        denied = DenyList(certificates=frozenset({parse_certificate(bad).fingerprint}))
        store = TrustStore.of(csca=[anchor], link=[link], denied=denied)
        with pytest.raises(Revoked):
            chain(store, signer, now)


def test_an_issuing_window(party, now):
    csca = party("CSCA")
    text = entry(**window(csca.key.identifier.hex()))
    store = TrustStore.of(csca=[csca.own()], denied=parse_deny_list(text, "deny.toml"))
    for day, taken in ((datetime(2025, 12, 31, tzinfo=UTC), True),
                       (datetime(2026, 1, 1, tzinfo=UTC), False),
                       (datetime(2026, 2, 1, tzinfo=UTC), False),
                       (datetime(2026, 2, 2, tzinfo=UTC), True)):  # fmt: skip
        signer = parse_certificate(csca.issue(party("DS"), start=day))
        if taken:
            assert chain(store, signer, now)
        else:
            with pytest.raises(Revoked):
                chain(store, signer, now)


def test_an_unreadable_issuer_key_is_no_excuse(party):
    odd = certificates.extension("2.5.29.35", octets(b""))
    signer = parse_certificate(party("CSCA").issue(party("DS"), extensions=(odd,)))
    assert parse_deny_list(entry(**window("00" * 20)), "").denies(signer)
    assert not DenyList().denies(signer)


def test_the_file_in_a_folder(tmp_path, party):
    assert TrustStore.load(tmp_path).denied == DenyList()
    (tmp_path / "deny.toml").write_bytes(entry(**window("00" * 20)))
    assert len(TrustStore.load(tmp_path).denied.windows) == 1
    (tmp_path / "deny.toml").write_bytes(b"")
    assert TrustStore.load(tmp_path).denied == DenyList()
    (tmp_path / "deny.toml").unlink()
    (tmp_path / "deny.toml").mkdir()
    with pytest.raises(SettingsError) as caught:
        TrustStore.load(tmp_path)
    assert caught.value.code == "settings.deny_list"


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"[[denied]]",
        b"denied = 1",
        b"other = 1",
        b"denied = [1]",
        entry(certificate='"00"', reason='"x"'),
        entry(certificate="1", reason='"x"'),
        entry(certificate='"' + "0" * 64 + '"'),
        entry(**window("0")),
        entry(**window("00" * 20, first='"yesterday"')),
        entry(**window("00" * 20, first="2026-01-01T00:00:00")),
        entry(**window("00" * 20, first="2027-01-01T00:00:00Z")),
    ],
)
def test_a_mistake_never_denies_less(text):
    with pytest.raises(SettingsError) as caught:
        parse_deny_list(text, "deny.toml")
    assert caught.value.code == "settings.deny_list"
