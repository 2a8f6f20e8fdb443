"""Every fictional holder's card, and every forged one, through the library's own reader and judge."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eid.chip.access import AccessKey, Can, MrzKey
from eid.chip.evidence import Evidence
from eid.chip.plan import PLANS
from eid.chip.policy import BANK
from eid.chip.read import read
from eid.chip.transport import Counting
from eid.chip.verdict import Verdict
from eid.chip.verify import judge
from eid.errors import CardError, CardRemoved, EidError, NotGenuine, SecureMessagingError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, Kind, cloned, pulled, tampered_dg1
from eid.testing.people import PEOPLE
from eid.testing.personalise import PACE_ECDH_GM, Profile, card_access, personalise
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore

CHALLENGE = bytes.fromhex("0102030405060708")


@pytest.fixture(scope="session")
def trust(trust_folder: Path) -> TrustStore:
    return TrustStore.load(trust_folder)


def _read(card: SoftwareCard, key: AccessKey, at: datetime) -> Evidence:
    return read(card, key, plan=PLANS["bank"], challenge=CHALLENGE, at=at)


def _judge(evidence: Evidence, trust: TrustStore, at: datetime) -> Verdict:
    return judge(evidence, trust, policy=BANK, at=at, challenge=CHALLENGE)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_every_card_is_accepted(
    who: str,
    extended: bool,
    authority: DocumentAuthority,
    trust: TrustStore,
    at: datetime,
    aa_key: rsa.RSAPrivateKey,
) -> None:
    person = PEOPLE[who]
    image = personalise(person, authority, at=at, aa_private_key=aa_key)
    card = SoftwareCard(image, extended=extended)
    verdict = _judge(_read(card, Can(person.can), at), trust, at)
    assert verdict.verdict == "accepted"
    assert verdict.holder is not None
    assert verdict.holder.personal_number == person.number
    assert verdict.holder.birth_date == person.birth_date.isoformat()


@pytest.mark.parametrize("suite", [1, 2, 3, 4])
def test_other_cards_are_accepted_too(
    suite: int, authority: DocumentAuthority, trust: TrustStore, at: datetime
) -> None:
    """The MRZ password, ECDSA, layout B, a signing time, and each cipher suite."""
    profile = Profile(
        card_access=card_access((f"{PACE_ECDH_GM}.{suite}", 13)), parents="B", signing_time=True
    )
    image = personalise(
        PEOPLE["mau"],
        authority,
        at=at,
        profile=profile,
        aa_private_key=ec.generate_private_key(ec.BrainpoolP256R1()),
    )
    key = MrzKey(document_number="301888888", birth="010715", expiry="410715")
    assert _judge(_read(SoftwareCard(image), key, at), trust, at).verdict == "accepted"


def test_the_plan_costs_what_it_should(card_image: CardImage, at: datetime) -> None:
    counting = Counting(SoftwareCard(card_image))
    evidence = read(counting, Can(card_image.can), challenge=CHALLENGE, at=at)
    assert "EF.DG2" in evidence.files
    assert counting.apdus <= 16


def _tampered(image: CardImage) -> CardImage:
    return tampered_dg1(image)


def _cloned(image: CardImage) -> CardImage:
    return cloned(image)


def _other_dg2(image: CardImage) -> CardImage:
    return replace(image, files={**image.files, "EF.DG2": image.files["EF.DG2"][:-1] + b"\x00"})


@pytest.mark.parametrize(
    ("forge", "check"),
    [(_tampered, "sod.hashes"), (_other_dg2, "sod.hashes"), (_cloned, "aa.signature")],
)
def test_a_forged_card_is_rejected(
    forge: Callable[[CardImage], CardImage],
    check: str,
    card_image: CardImage,
    trust: TrustStore,
    at: datetime,
) -> None:
    evidence = _read(SoftwareCard(forge(card_image)), Can(card_image.can), at)
    verdict = _judge(evidence, trust, at)
    assert verdict.verdict == "rejected"
    assert verdict.check(check).status == "failed"


def test_another_issuers_card_is_not_anchored(trust: TrustStore, at: datetime) -> None:
    stranger = DocumentAuthority.create(at=at)
    image = personalise(PEOPLE["thu"], stranger, at=at)
    verdict = _judge(_read(SoftwareCard(image), Can(image.can), at), trust, at)
    assert verdict.verdict != "accepted"
    assert verdict.check("sod.chain").status != "passed"


def test_a_successors_card_is_accepted_over_the_link(
    authority: DocumentAuthority,
    at: datetime,
    aa_key: rsa.RSAPrivateKey,
    tmp_path: Path,
) -> None:
    successor, link = authority.roll_over(at=at)
    image = personalise(PEOPLE["mau"], successor, at=at, aa_private_key=aa_key)
    evidence = _read(SoftwareCard(image), Can(image.can), at)
    folder = authority.trust_folder(tmp_path, link=link)
    (folder / "crl" / "new.crl").write_bytes(successor.crl(at=at))
    assert _judge(evidence, TrustStore.load(folder), at).verdict == "accepted"
    (folder / "link" / "test-link.der").unlink()
    assert _judge(evidence, TrustStore.load(folder), at).verdict != "accepted"


def test_a_revoked_signers_card_is_rejected(
    authority: DocumentAuthority, card_image: CardImage, at: datetime, tmp_path: Path
) -> None:
    crl = authority.crl(revoked=[authority.ds_serial], at=at)
    trust = TrustStore.load(authority.trust_folder(tmp_path, crl=crl))
    verdict = _judge(_read(SoftwareCard(card_image), Can(card_image.can), at), trust, at)
    assert verdict.verdict == "rejected"
    assert verdict.check("sod.revocation").status == "failed"


def _repeatable() -> Callable[[int], bytes]:
    """Noise that is the same in every run: real noise says 61xx once in 256 answers."""
    numbers = itertools.count()
    return lambda size: hashlib.shake_256(b"%d" % next(numbers)).digest(size)


def _commands_of_a_read(image: CardImage, at: datetime) -> int:
    card = SoftwareCard(image)
    _read(card, Can(image.can), at)
    return card.count


def test_a_card_pulled_at_any_command_is_removed(card_image: CardImage, at: datetime) -> None:
    for at_apdu in range(1, _commands_of_a_read(card_image, at) + 1):
        with pytest.raises(CardRemoved):
            _read(SoftwareCard(card_image, faults=[pulled(at_apdu)]), Can(card_image.can), at)


@pytest.mark.parametrize("kind", ["naked", "random", "flip", "short", "long", "missing_status"])
def test_no_fault_at_any_command_changes_what_is_believed(
    kind: Kind, card_image: CardImage, trust: TrustStore, at: datetime
) -> None:
    for at_apdu in range(1, _commands_of_a_read(card_image, at) + 1):
        card = SoftwareCard(card_image, faults=[Fault(kind, at_apdu)], rng=_repeatable())
        try:
            evidence = _read(card, Can(card_image.can), at)
        except CardError:
            continue
        if _judge(evidence, trust, at).verdict == "accepted":
            signed = {name: data for name, data in evidence.files.items() if "DG" in name}
            assert signed.items() <= card_image.files.items()
            assert at_apdu <= 6, "inside the session every fault ends it"


@pytest.mark.parametrize("kind", ["naked", "random", "flip", "short", "long", "missing_status"])
@pytest.mark.parametrize("at_apdu", [8, 11, 13])
def test_a_lie_inside_the_session_ends_it(
    kind: Kind, at_apdu: int, card_image: CardImage, at: datetime
) -> None:
    card = SoftwareCard(card_image, faults=[Fault(kind, at_apdu)], rng=_repeatable())
    with pytest.raises(EidError) as caught:
        _read(card, Can(card_image.can), at)
    assert not isinstance(caught.value, NotGenuine)
    if kind not in ("short", "random"):
        assert isinstance(caught.value, SecureMessagingError)
    assert card.count == at_apdu
