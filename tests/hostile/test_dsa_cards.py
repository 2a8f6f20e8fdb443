"""Cards signed with DSA from end to end (9303-12 §4.4.2): accepted, and refused when altered."""

from __future__ import annotations

import dataclasses

import pytest

from eid import tlv
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.verify import judge, verify
from eid.testing import der
from eid.testing.authority import DocumentAuthority
from eid.testing.dsa_keys import DsaSigningKey
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.trust.certificates import parse_certificate, public_key
from eid.trust.public_keys import DsaKey
from eid.trust.store import TrustStore


@pytest.fixture(scope="module")
def key():
    return DsaSigningKey.create()


@pytest.fixture(scope="module", params=["signer", "both"])
def issuer(request, key, at):
    """DSA for the Document Signer alone, or for its authority too."""
    csca = DsaSigningKey.create() if request.param == "both" else None
    return DocumentAuthority.create(at=at, csca_key=csca, ds_key=key)


def trust_in(issuer, at):
    return TrustStore.of(csca=[issuer.csca_der], crl=[issuer.crl(at=at)])


@pytest.fixture(scope="module")
def evidence(issuer, aa_key, at):
    image = personalise(PEOPLE["thu"], issuer, at=at, aa_private_key=aa_key)
    files = {name: data for name, data in image.files.items() if name != "EF.DG3"}
    return Evidence(files=files, access=UNKNOWN_ACCESS, read_at=at)


def with_file(evidence, name, data):
    return dataclasses.replace(evidence, files={**evidence.files, name: data})


def test_a_dsa_card_is_accepted(issuer, evidence, at):
    assert isinstance(public_key(parse_certificate(issuer.ds_der)), DsaKey)
    card = verify(evidence, trust_in(issuer, at), at=at)
    assert card.holder.name == PEOPLE["thu"].name
    assert card.check("sod.signature").status == card.check("sod.revocation").status == "passed"


def test_every_altered_part_is_refused(issuer, evidence, at):
    trust = trust_in(issuer, at)
    sod = evidence.files["EF.SOD"]
    last = sod[:-1] + bytes([sod[-1] ^ 1])
    damaged = judge(with_file(evidence, "EF.SOD", last), trust, at=at)
    assert damaged.reasons[0] == "signature_invalid"
    first = evidence.files["EF.DG1"]
    changed = with_file(evidence, "EF.DG1", first[:-1] + b"X")
    assert judge(changed, trust, at=at).check("sod.hashes").status == "failed"


def test_another_signer_and_another_authority_are_refused(issuer, evidence, aa_key, at):
    other = DocumentAuthority.create(at=at, ds_key=DsaSigningKey.create())
    swapped = dataclasses.replace(issuer, ds_key=other.ds_key)
    image = personalise(PEOPLE["thu"], swapped, at=at, aa_private_key=aa_key)
    forged = with_file(evidence, "EF.SOD", image.files["EF.SOD"])
    assert judge(forged, trust_in(issuer, at), at=at).check("sod.signature").status == "failed"
    assert judge(evidence, trust_in(other, at), at=at).verdict != "accepted"


def test_a_revoked_dsa_signer_is_refused(issuer, evidence, at):
    crl = issuer.crl(at=at, revoked=[issuer.ds_serial])
    trust = TrustStore.of(csca=[issuer.csca_der], crl=[crl])
    assert judge(evidence, trust, at=at).reasons[0] == "chain.revoked"


def test_a_key_of_1024_bits_is_too_short(aa_key, at):
    short = DocumentAuthority.create(at=at, ds_key=DsaSigningKey.create(bits=1024))
    image = personalise(PEOPLE["thu"], short, at=at, aa_private_key=aa_key)
    evidence = Evidence(files=image.files, access=UNKNOWN_ACCESS, read_at=at)
    assert "algorithm.key_size" in judge(evidence, trust_in(short, at), at=at).reasons


@dataclasses.dataclass(frozen=True)
class _OtherDomain:
    """A DSA key that says other parameters than those it signs with."""

    real: DsaSigningKey
    change: dict[int, int]

    @property
    def public_info(self):
        algorithm, bits = tlv.children(tlv.parse(self.real.public_info))
        kind, domain = tlv.children(algorithm)
        numbers = [tlv.decode_int(part.value) for part in tlv.children(domain)]
        for index, number in self.change.items():
            numbers[index] = number
        written = der.sequence(*(der.integer(number) for number in numbers))
        return der.sequence(der.sequence(kind.raw, written), bits.raw)

    @property
    def identifier(self):
        return self.real.identifier

    def algorithm(self, digest):
        return self.real.algorithm(digest)

    def sign(self, data, digest):
        return self.real.sign(data, digest)


@pytest.mark.parametrize(
    "change",
    [
        {2: 1},
        {2: 2},
        {1: (1 << 255) + 1},
        {0: (1 << 2047) + 1},
        {0: (1 << 8191) + 1},
        {0: 23, 1: 11},
    ],
    ids=["g 1", "g outside", "q no divisor", "p other", "p huge", "toy"],
)
def test_a_domain_out_of_bounds_is_refused_by_name(key, aa_key, at, change):
    odd = DocumentAuthority.create(at=at, ds_key=_OtherDomain(key, change))
    image = personalise(PEOPLE["thu"], odd, at=at, aa_private_key=aa_key)
    evidence = Evidence(files=image.files, access=UNKNOWN_ACCESS, read_at=at)
    assert judge(evidence, trust_in(odd, at), at=at).reasons[0] == "key.dsa"
