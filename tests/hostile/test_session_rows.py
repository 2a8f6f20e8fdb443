"""C-036, C-037, C-038, C-040, C-041, C-043: sessions, and what a chip's own key proves."""

from __future__ import annotations

import dataclasses
import secrets
from datetime import datetime, timedelta

import pytest

from eid import ec
from eid.chip import card as card_module, chip_auth
from eid.chip.access import Can
from eid.chip.apdu import Command
from eid.chip.crypto import Suite
from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.messaging import SecureMessaging
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.verify import LEVEL1, LEVEL2, VerifiedCard, judge, verify
from eid.errors import SecureMessagingError
from eid.levels.assess import assess
from eid.levels.challenge import derive_challenge
from eid.levels.rules import Rules
from eid.testing import data_groups, der
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.certificates import public_key_info
from eid.testing.profiles import chip_authentication
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_active import sign
from eid.testing.softcard_messaging import ChipSession
from eid.trust.store import TrustStore

READ = Command(0x00, 0xB0, 0x9D, 0x00, le=8)


class Counted:
    """A chip deep in a session: it answers every command under the session's keys."""

    def __init__(self, suite: Suite, ssc: int) -> None:
        key = bytes(range(suite.key_size))
        self.chip = ChipSession(suite, key, key, ssc=ssc)
        self.sent = 0

    def transmit(self, command: bytes) -> bytes:
        """Count on past the end, as a chip that starts over would."""
        self.sent += 1
        wrap = 1 << (8 * self.chip._suite.block_size)
        self.chip._ssc = (self.chip._ssc + 1) % wrap
        if self.chip._ssc + 1 == wrap:
            self.chip._ssc = -1
        return self.chip.protect(b"12345678", 0x9000)

    reader = SoftwareCard(CardImage(files={}, can="123456")).reader

    def close(self) -> None:
        pass


@pytest.mark.parametrize("suite", list(Suite), ids=lambda suite: suite.label)
@pytest.mark.parametrize("left", [1, 2, 3])
def test_c_036_a_session_ends_before_its_counter_starts_over(suite: Suite, left: int) -> None:
    """C-036: at 2^64 for 3DES and 2^128 for AES the keys go, and nothing is sent or taken."""
    start = (1 << (8 * suite.block_size)) - 1 - left
    chip = Counted(suite, start)
    key = bytes(range(suite.key_size))
    messaging = SecureMessaging(suite, key, key, start.to_bytes(suite.block_size, "big"))
    card = card_module.Card(chip)
    card.secure(messaging)
    for _ in range(left // 2):
        assert card.exchange(READ).data == b"12345678"
    for _ in range(2):
        with pytest.raises(SecureMessagingError):
            card.exchange(READ)
        assert not messaging.is_open
        assert chip.sent == left // 2 + left % 2


def curve_key(name: str = "brainpoolP256r1", key_id: int | None = None) -> bytes:
    curve = ec.by_name(name)
    point = ec.encode_point(curve, ec.public_point(curve, 1234567))
    number = [] if key_id is None else [der.integer(key_id)]
    return der.sequence(
        der.oid("0.4.0.127.0.7.2.2.1.2"), public_key_info(curve, point, explicit=True), *number
    )


def chosen(*entries: bytes, allow_3des: bool = True) -> tuple[str, int | None] | None:
    infos = parse_dg14(data_groups.dg14(*entries))
    key = chip_auth.choose(infos, allow_3des=allow_3des)
    return None if key is None else (key.suite.label, key.key_id)


def kiosk(image: CardImage, at: datetime, **options: object) -> Evidence:
    return read(SoftwareCard(image), Can(image.can), plan=PLANS["kiosk"], at=at, **options)


def test_c_037_the_old_keys_are_gone_once_the_new_ones_are_there(
    card_image: CardImage, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-037: Chip Authentication replaces the session; there is nothing to go back to."""
    made: list[SecureMessaging] = []
    secure = card_module.Card.secure

    def noting(self: card_module.Card, messaging: SecureMessaging) -> None:
        secure(self, messaging)
        made.append(messaging)
        assert [session.is_open for session in made] == [False] * (len(made) - 1) + [True]

    monkeypatch.setattr(card_module.Card, "secure", noting)
    kiosk(card_image, at)
    assert len(made) == 2


@pytest.mark.parametrize("quirk", ["ca-pretends", "ca-wrong-key"])
def test_c_037_a_chip_that_stays_in_the_old_session(
    card_image: CardImage, at: datetime, quirk: str
) -> None:
    """C-037: an answer under the old keys, or under any but the new ones, is refused."""
    traits = dataclasses.replace(
        card_image.traits, quirks=card_image.traits.quirks | frozenset({quirk})
    )
    with pytest.raises(SecureMessagingError) as caught:
        kiosk(dataclasses.replace(card_image, traits=traits), at)
    assert caught.value.code == "chip_auth.unproven"


def test_c_038_every_session_has_its_own_ephemeral_key(
    card_image: CardImage, at: datetime
) -> None:
    """C-038: three reads of one card, three keys of the terminal; as many for the verifier."""
    told = [kiosk(card_image, at).chip_authentication for _ in range(3)]
    assert len({proof.transcript for proof in told if proof}) == 3
    infos = parse_dg14(card_image.files["EF.DG14"])
    begun = [chip_auth.begin(infos) for _ in range(3)]
    assert len({request.public for request, _ in begun if begun}) == 3


@pytest.mark.parametrize("count", [1, 2, 3])
def test_c_040_one_two_or_three_keys(count: int) -> None:
    """C-040: the strongest protocol decides, and the key that it names is taken."""
    entries = [curve_key(key_id=number) for number in (1, 2, 3)[:count]]
    entries += [chip_authentication(number + 1, key_id=number) for number in (1, 2, 3)[:count]]
    assert chosen(*entries) == (("AES-128", 1), ("AES-192", 2), ("AES-256", 3))[count - 1]
    assert chosen(*reversed(entries)) == chosen(*entries)


@pytest.mark.parametrize(
    "entries",
    [
        (curve_key(key_id=1), curve_key(key_id=2), chip_authentication(2, key_id=3)),
        (curve_key(key_id=1), curve_key(key_id=2), chip_authentication(2)),
        (curve_key(key_id=1), chip_authentication(2, key_id=2)),
    ],
    ids=["no such id", "which of the two", "another id"],
)
def test_c_040_ids_that_do_not_fit(entries: tuple[bytes, ...]) -> None:
    """C-040: no key is guessed where the ids do not say which one."""
    assert chosen(*entries) is None


@pytest.mark.parametrize("sw", [0x6A80, 0x6A88])
def test_c_040_the_chip_does_not_know_the_id(
    card_image: CardImage, authority: DocumentAuthority, at: datetime, sw: int
) -> None:
    """C-040: 6A80 or 6A88 is a refusal that is recorded, never a proof and never another try."""

    class Denying(SoftwareCard):
        asked = 0

        def _run(self, command, room, *, protected):  # type: ignore[no-untyped-def]
            if protected and command.ins == 0x22:
                self.asked += 1
                return b"", sw
            return super()._run(command, room, protected=protected)

    card = Denying(card_image)
    evidence = read(card, Can(card_image.can), plan=PLANS["kiosk"], at=at)
    assert card.asked == 1
    proof = evidence.chip_authentication
    assert proof is not None
    assert chip_auth.tells_refusal(proof.transcript)
    verdict = judge(evidence, TrustStore.of(csca=[authority.csca_der]), at=at)
    assert verdict.check("chip_auth").code == "chip_auth.refused"


def test_c_041_3des_beside_aes() -> None:
    """C-041: the strongest is chosen in any order; 3DES alone only where it is allowed."""
    both = curve_key(), chip_authentication(1), chip_authentication(2)
    assert chosen(*both) == chosen(*reversed(both)) == ("AES-128", None)
    only = curve_key(), chip_authentication(1)
    assert chosen(*only) == ("3DES", None)
    assert chosen(*only, allow_3des=False) is None


def test_c_041_a_chip_that_refuses_aes_is_not_asked_for_3des(
    card_image: CardImage, at: datetime
) -> None:
    """C-041: a refused AES leaves no proof; it does not lead to the weaker cipher."""
    tried: list[bytes] = []

    class Old(SoftwareCard):
        def _run(self, command, room, *, protected):  # type: ignore[no-untyped-def]
            if protected and command.ins == 0x22:
                tried.append(command.data)
                return b"", 0x6A80
            return super()._run(command, room, protected=protected)

    read(Old(card_image), Can(card_image.can), plan=PLANS["kiosk"], at=at)
    assert [data.hex() for data in tried] == ["800a04007f00070202030202"]


PARTS = {"issuer": "https://id.example", "client_id": "bank", "transaction_id": "t1"}


def test_c_043_the_chip_signs_no_bytes_of_anybodys_choice() -> None:
    """C-043: names, sums and transactions go through a hash with fresh randomness, or not at all."""
    wanted = bytes.fromhex("5041592031303021")  # PAY 100!
    chosen_parts = {**PARTS, "transaction_id": wanted.decode("ascii"), "client_id": "PAY 100!"}
    made = [
        derive_challenge(**chosen_parts, cookie_hash=b"", random=secrets.token_bytes(32))
        for _ in range(64)
    ]
    assert len(set(made)) == len(made)
    assert all(len(challenge) == 8 and challenge != wanted for challenge in made)


def test_c_043_every_part_is_bound_and_none_runs_into_the_next() -> None:
    """C-043: another client, transaction or browser has another challenge; so has a shifted border."""
    fixed = {"cookie_hash": bytes(32), "random": bytes(32)}
    variants = [
        PARTS | fixed,
        PARTS | fixed | {"issuer": "https://id.example.evil"},
        PARTS | fixed | {"client_id": "bankt", "transaction_id": "1"},
        PARTS | fixed | {"client_id": "ban", "transaction_id": "kt1"},
        PARTS | fixed | {"cookie_hash": b""},
        PARTS | fixed | {"random": bytes(31) + b"\x01"},
    ]
    assert len({derive_challenge(**parts) for parts in variants}) == len(variants)


@pytest.fixture(scope="module")
def answered(card_image: CardImage, at: datetime) -> tuple[bytes, Evidence]:
    challenge = derive_challenge(**PARTS, cookie_hash=bytes(32), random=secrets.token_bytes(32))
    response = sign(card_image.aa_private_key, challenge, rng=secrets.token_bytes)
    proof = ActiveAuthentication(challenge=challenge, response=response, source="verifier")
    files = {name: data for name, data in card_image.files.items() if name != "EF.DG3"}
    return challenge, Evidence(
        files=files, access=UNKNOWN_ACCESS, active_authentication=proof, read_at=at
    )


def test_c_043_an_answer_that_was_relayed_is_possession_of_a_card_and_no_more(
    answered: tuple[bytes, Evidence], authority: DocumentAuthority, at: datetime
) -> None:
    """C-043: a relay gives the very same bytes, so nothing about a holder may follow from them."""
    challenge, evidence = answered
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])
    card = verify(evidence, trust, policy=LEVEL2, at=at, challenge=challenge)
    assert card.possession_proven
    assert not {"present", "consent", "holder_match"} & {
        field.name for field in dataclasses.fields(VerifiedCard)
    }
    worth = assess(card=card, factors=[], account=None, consent=False, rules=Rules.load(), at=at)
    assert (worth.level, worth.auth_level, worth.holder_match, worth.consent) == (
        0,
        1,
        "none",
        False,
    )


@pytest.mark.parametrize("policy", [LEVEL1, LEVEL2], ids=lambda policy: policy.name)
def test_c_043_another_transactions_answer(
    answered: tuple[bytes, Evidence], authority: DocumentAuthority, at: datetime, policy: object
) -> None:
    """C-043: played to another transaction it answers nothing, however genuine the chip."""
    _, evidence = answered
    other = derive_challenge(
        **{**PARTS, "transaction_id": "t2"}, cookie_hash=bytes(32), random=bytes(32)
    )
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])
    verdict = judge(evidence, trust, policy=policy, at=at + timedelta(seconds=1), challenge=other)
    assert verdict.reasons[0] == "aa.other_challenge"


def test_c_043_the_reader_makes_no_challenge_up(card_image: CardImage, at: datetime) -> None:
    """C-043: without the verifier's there is none, and one given by hand says so."""
    assert kiosk(card_image, at).active_authentication is None
    told = kiosk(card_image, at, challenge=bytes(8), challenge_source="caller_chosen")
    assert told.active_authentication is not None
    assert told.active_authentication.source == "caller_chosen"
