"""The catalogue's rows about signed data, each test naming its row."""

from __future__ import annotations

import dataclasses
import secrets
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from eid import tlv
from eid.chip.access import personal_number
from eid.chip.checks.dates import birth_date, expiry_date
from eid.chip.evidence import Access, ActiveAuthentication, Evidence
from eid.chip.match import PrintedCard, match
from eid.chip.verify import BANK, LEVEL2, Policy, judge, verify
from eid.testing.authority import DocumentAuthority
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard_active import sign
from eid.trust.store import TrustStore

CHALLENGE = bytes(range(8))
ACCESS = Access(
    protocol="PACE",
    mapping="GM",
    password="can",
    oid="0.4.0.127.0.7.2.2.4.2.2",
    parameter_id=13,
)
THU = PEOPLE["thu"]


def evidence_of(image, at, *, challenge=CHALLENGE, source="verifier"):
    proof = None
    if challenge is not None:
        response = sign(image.aa_private_key, challenge, rng=secrets.token_bytes)
        proof = ActiveAuthentication(challenge=challenge, response=response, source=source)
    files = {name: data for name, data in image.files.items() if name != "EF.DG3"}
    return Evidence(files=files, access=ACCESS, active_authentication=proof, read_at=at)


@pytest.fixture(scope="module")
def trust(authority, at):
    return TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])


@pytest.fixture
def evidence(card_image, at):
    return evidence_of(card_image, at)


def with_file(evidence, name, data):
    return dataclasses.replace(evidence, files={**evidence.files, name: data})


def test_c_027_card_access_differs_from_dg14(evidence, trust, at):
    """C-027: a downgrade is named, and no policy passes it."""
    (first, *rest) = tlv.parse(evidence.files["EF.CardAccess"]).children()
    weaker = first.raw.replace(b"\x02\x02\x01", b"\x02\x01\x01") if rest else first.raw
    access = tlv.encode(0x31, *(item.raw for item in rest[:-1]), weaker)
    for policy in (Policy(name="x", required=BANK.required), LEVEL2):
        verdict = judge(
            with_file(evidence, "EF.CardAccess", access),
            trust, policy=policy, at=at, challenge=CHALLENGE,
        )  # fmt: skip
        assert verdict.verdict == "rejected"
        assert verdict.check("pace.confirmation").code == "pace.downgrade"


@pytest.mark.parametrize("challenge", [bytes(4), b"", bytes(9)])
def test_c_042_a_challenge_of_another_length(card_image, trust, at, challenge):
    """C-042: short, empty or long: never fresh, whatever the verifier gave."""
    verdict = judge(
        evidence_of(card_image, at, challenge=challenge),
        trust, policy=LEVEL2, at=at, challenge=CHALLENGE,
    )  # fmt: skip
    assert verdict.verdict == "rejected"
    assert verdict.check("aa.freshness").status != "passed"


def test_c_042_chosen_by_the_caller(card_image, trust, at):
    """C-042: who chose it by the reader's word does not matter; whether it is ours does."""
    chosen = evidence_of(card_image, at, source="caller_chosen")
    assert verify(chosen, trust, at=at, challenge=CHALLENGE).possession_proven
    assert not verify(chosen, trust, at=at).possession_proven
    assert judge(chosen, trust, policy=LEVEL2, at=at).verdict == "rejected"


def test_c_045_a_card_that_cannot_prove_to_be_the_original(card_image, trust, at):
    """C-045: passive authentication alone says "absent", and level 2 refuses."""
    silent = evidence_of(card_image, at, challenge=None)
    verdict = judge(silent, trust, at=at)
    assert verdict.verdict == "accepted"
    assert verdict.check("aa.signature").status == "absent"
    assert verdict.check("chip_auth").status == "absent"
    assert not verify(silent, trust, at=at).possession_proven
    assert judge(silent, trust, policy=LEVEL2, at=at, challenge=CHALLENGE).verdict == "rejected"


def test_c_046_typed_or_printed_data_differ(evidence, trust, at):
    """C-046: the printed name of somebody else is a mismatch, field by field."""
    card = verify(evidence, trust, at=at)
    other = PEOPLE["mau"]
    printed = PrintedCard(
        number=THU.number, old_number="", name=other.name, birth_date=THU.birth_date,
        sex=THU.sex, residence="", issue_date=None, extras=(), findings=(),
    )  # fmt: skip
    found = match(printed, card)
    assert (found.outcome, found.mismatched) == ("mismatch", ("name",))
    verdict = judge(evidence, trust, at=at, expect_number=personal_number(other.number))
    assert verdict.reasons[0] == "holder.other_person"


@pytest.mark.parametrize("name", ["EF.SOD", "EF.DG1", "EF.DG13", "EF.DG14", "EF.DG15"])
def test_c_048_bytes_behind_a_file(evidence, trust, at, name):
    """C-048: what lies behind the outer object is cut once; hash and parser see the same."""
    padded = with_file(evidence, name, evidence.files[name] + b"\x61\x02\x5f\x1f" * 9)
    card = verify(padded, trust, at=at, challenge=CHALLENGE)
    assert card.files == verify(evidence, trust, at=at, challenge=CHALLENGE).files


@pytest.mark.parametrize(
    "clock", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)]
)
def test_c_054_a_wrong_clock(evidence, trust, clock):
    """C-054: the verdict is about validity, and nothing is accepted."""
    verdict = judge(evidence, trust, policy=BANK, at=clock, challenge=CHALLENGE)
    assert verdict.verdict == "rejected"
    assert {"chain.validity", "document.expired"} & set(verdict.reasons)


def test_c_054_a_day_off(evidence, trust, at):
    """C-054: one day changes nothing for a card in the middle of its life."""
    for days in (-1, 1):
        moment = at + timedelta(days=days)
        assert judge(evidence, trust, at=moment).verdict == "accepted"


def test_c_056_two_digit_years():
    """C-056: birth in the latest century that is not in the future; expiry in 2000 to 2099."""
    today = date(2026, 11, 21)
    assert birth_date("261121", at=today) == date(2026, 11, 21)
    assert birth_date("261122", at=today) == date(1926, 11, 22)
    assert birth_date("200101", at=today, century=1900) == date(1920, 1, 1)
    assert expiry_date("991231") == date(2099, 12, 31)


def test_c_057_roll_over_in_any_order_and_depth(card_image, at):
    """C-057: three generations of keys; links shuffled, one left out, one in a circle."""
    first = DocumentAuthority.create(at=at)
    second, link_one = first.roll_over(at=at)
    third, link_two = second.roll_over(at=at)
    _, back = third.roll_over(at=at)
    image = personalise(THU, third, at=at)
    evidence = evidence_of(image, at)
    for links in ([link_one, link_two], [link_two, link_one], [back, link_two, back, link_one]):
        assert judge(
            evidence, TrustStore.of(csca=[first.csca_der], link=links), at=at
        ).verdict == ("accepted")
    broken = TrustStore.of(csca=[first.csca_der], link=[link_two, back])
    assert judge(evidence, broken, at=at).verdict != "accepted"


def test_c_058_a_store_never_fails_open(evidence, authority, at, tmp_path):
    """C-058: garbage, a symlink and a file that everybody may write add no anchor."""
    folder = tmp_path / "csca"
    folder.mkdir()
    (folder / "garbage.der").write_bytes(b"garbage")
    (tmp_path / "outside.der").write_bytes(authority.csca_der)
    (folder / "link.der").symlink_to(tmp_path / "outside.der")
    (folder / "open.der").write_bytes(authority.csca_der)
    (folder / "open.der").chmod(0o666)
    store = TrustStore.load(tmp_path)
    assert len(store.problems) == 3
    assert judge(evidence, store, at=at).verdict == "unanchored"


def test_c_064_number_against_birth_and_sex(trust, authority, aa_key, at):
    """C-064: the number says a man of the 1990s, the card a woman: reported, not refused."""
    odd = dataclasses.replace(THU, sex="F" if THU.sex == "M" else "M")
    image = personalise(odd, authority, at=at, aa_private_key=aa_key)
    check = judge(evidence_of(image, at), trust, at=at).check("holder.consistency")
    assert (check.status, check.code) == ("passed", "holder.number_differs")


def test_one_store_for_many_threads(evidence, trust, at):
    """A store is shared read-only; every thread gets the same verdict."""
    words = []

    def work():
        verdicts = (
            judge(evidence, trust, policy=BANK, at=at, challenge=CHALLENGE) for _ in range(5)
        )
        words.extend(verdict.verdict for verdict in verdicts)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words == ["accepted"] * 40


def test_a_document_signer_with_dsa():
    """DSA with SHA-256 and SHA-224 verifies; another message or a foreign key does not."""
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import dsa  # noqa: PLC0415

    from eid.errors import SignatureInvalid  # noqa: PLC0415
    from eid.trust.algorithms import SHA224, SHA256, SignatureAlgorithm  # noqa: PLC0415
    from eid.trust.public_keys import parse_public_key  # noqa: PLC0415
    from eid.trust.signature import verify as verify_signature  # noqa: PLC0415

    private = dsa.generate_private_key(1024)
    key = parse_public_key(
        private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    for digest, algorithm in ((SHA224, hashes.SHA224()), (SHA256, hashes.SHA256())):
        scheme = SignatureAlgorithm(scheme="dsa", digest=digest)
        signature = private.sign(b"message", algorithm)
        verify_signature(key, scheme, b"message", signature)
        with pytest.raises(SignatureInvalid):
            verify_signature(key, scheme, b"massage", signature)
