"""Chip Authentication: which key, which commands, and what convinces whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime

import pytest

from eid import ec, tlv
from eid.chip import chip_auth
from eid.chip.access import Can, can_from_number, personal_number
from eid.chip.apdu import Command, Response
from eid.chip.crypto import KDF_ENC, Suite, kdf
from eid.chip.domains import of_curve, of_group, standard_domain
from eid.chip.evidence import ChipAuthentication, Evidence
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.security_infos import SecurityInfos, parse_security_infos
from eid.chip.messaging import SecureMessaging
from eid.chip.plan import PLANS
from eid.chip.read import Progress, read
from eid.chip.verify import judge
from eid.ec import groups
from eid.errors import FormatError, NotGenuine, ProtocolError, SecureMessagingError, StatusError
from eid.testing import der
from eid.testing.card_image import CardImage
from eid.testing.certificates import public_key_info
from eid.testing.chip_traits import Traits
from eid.testing.people import Person
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_messaging import ChipSession
from eid.trust.store import TrustStore

CA = "0.4.0.127.0.7.2.2.3"
BP256 = ec.by_name("brainpoolP256r1")


def number(value: int | None) -> list[bytes]:
    return [] if value is None else [der.integer(value)]


def curve_key(name: str = "brainpoolP256r1", key_id: int | None = None) -> bytes:
    curve = ec.by_name(name)
    point = ec.encode_point(curve, ec.public_point(curve, 1234567))
    spki = public_key_info(curve, point, explicit=True)
    return der.sequence(der.oid("0.4.0.127.0.7.2.2.1.2"), spki, *number(key_id))


def group_key(element: int = 0) -> bytes:
    group = groups.group_by_parameter_id(2)
    value = element or groups.public_element(group, 98765)
    algorithm = der.sequence(
        der.oid("1.2.840.10046.2.1"),
        der.sequence(*(der.integer(n) for n in (group.p, group.g, group.q or 0))),
    )
    spki = der.sequence(algorithm, tlv.encode(0x03, b"\x00", der.integer(value)))
    return der.sequence(der.oid("0.4.0.127.0.7.2.2.1.1"), spki)


def protocol(arc: str, key_id: int | None = None, version: int = 1) -> bytes:
    return der.sequence(der.oid(f"{CA}.{arc}"), der.integer(version), *number(key_id))


def infos(*entries: bytes) -> SecurityInfos:
    return parse_security_infos(tlv.encode(0x31, *entries))


class TestChoice:
    def chosen(self, *entries: bytes) -> tuple[str, str, int | None] | None:
        key = chip_auth.choose(infos(*entries))
        return None if key is None else (key.oid[len(CA) + 1 :], key.domain.name, key.key_id)

    def test_c_041_the_strongest_cipher(self) -> None:
        entries = [curve_key(), *(protocol(f"2.{n}") for n in (1, 3, 2))]
        assert self.chosen(*entries) == ("2.3", "brainpoolP256r1", None)
        only = chip_auth.choose(infos(curve_key(), protocol("2.1")), allow_3des=False)
        assert only is None

    def test_c_040_keys_by_reference(self) -> None:
        keys = [curve_key("brainpoolP256r1", 1), curve_key("brainpoolP384r1", 2)]
        assert self.chosen(*keys, protocol("2.2", 1)) == ("2.2", "brainpoolP256r1", 1)
        assert self.chosen(*keys, protocol("2.2", 1), protocol("2.4", 2)) == (
            "2.4",
            "brainpoolP384r1",
            2,
        )
        assert self.chosen(*keys, protocol("2.2", 3)) is None
        assert self.chosen(*keys, protocol("2.2")) is None

    def test_a_lone_key_needs_no_reference(self) -> None:
        assert self.chosen(curve_key(key_id=0), protocol("2.2")) == ("2.2", "brainpoolP256r1", 0)
        assert self.chosen(curve_key(), protocol("2.2", 0)) == ("2.2", "brainpoolP256r1", None)
        assert self.chosen(curve_key(key_id=1), protocol("2.2", 2)) is None

    def test_missing_info_means_3des(self) -> None:
        """France 2013/14: a key, and nothing that says how to use it."""
        key = chip_auth.choose(infos(curve_key()))
        assert key is not None
        assert (key.oid, key.inferred, key.suite) == (f"{CA}.2.1", True, Suite.DES3)

    def test_other_family_and_version(self) -> None:
        assert self.chosen(curve_key(), group_key(), protocol("1.2"), protocol("2.1")) == (
            "1.2",
            "dh-2048",
            None,
        )
        assert self.chosen(curve_key(), protocol("2.2", version=2)) is None
        assert self.chosen(curve_key(), protocol("2.9")) is None

    def test_unusable_keys(self) -> None:
        group = groups.group_by_parameter_id(2)
        for element in (1, group.p - 1, group.p + 5):
            assert self.chosen(group_key(element), protocol("1.2")) is None
        crossed = curve_key().replace(
            der.oid("0.4.0.127.0.7.2.2.1.2"), der.oid("0.4.0.127.0.7.2.2.1.1")
        )
        assert self.chosen(crossed) is None
        assert self.chosen(protocol("2.2")) is None


class TestCommands:
    def sent(self, *entries: bytes, answer: bytes = b"\x7c\x00") -> list[Command]:
        log: list[Command] = []

        def exchange(command: Command) -> Response:
            log.append(command)
            return Response(answer if command.ins == 0x86 else b"", 0x9000)

        key = chip_auth.choose(infos(*entries))
        assert key is not None
        session, public = chip_auth.authenticate(exchange, key)
        assert session.is_open
        assert public in log[-1].data
        return log

    def test_aes(self) -> None:
        log = self.sent(curve_key(key_id=7), protocol("2.2", 7))
        assert [(c.ins, c.p1, c.p2) for c in log] == [(0x22, 0x41, 0xA4), (0x86, 0, 0)]
        assert tlv.only(tlv.parse_all(log[0].data), 0x84).value == b"\x07"
        assert tlv.parse(log[1].data).children()[0].tag == 0x80

    def test_3des(self) -> None:
        log = self.sent(curve_key(), protocol("2.1"))
        assert [(c.ins, c.p1, c.p2) for c in log] == [(0x22, 0x41, 0xA6)]
        assert [item.tag for item in tlv.parse_all(log[0].data)] == [0x91]

    def test_group(self) -> None:
        assert len(tlv.parse(self.sent(group_key(), protocol("1.2"))[1].data).value) > 256

    def test_odd_answers(self) -> None:
        self.sent(curve_key(), protocol("2.2"), answer=b"")
        with pytest.raises(ProtocolError):
            self.sent(curve_key(), protocol("2.2"), answer=b"\x80\x00")

    def test_c_038_ephemeral_keys_are_fresh(self) -> None:
        logs = [self.sent(curve_key(), protocol("2.2")) for _ in range(2)]
        assert logs[0][1].data != logs[1][1].data

    @pytest.mark.parametrize("sw", [0x6A80, 0x6A88, 0x6982, 0x6D00])
    def test_refusal(self, sw: int) -> None:
        key = chip_auth.choose(infos(curve_key(), protocol("2.2")))
        assert key is not None
        with pytest.raises(StatusError):
            chip_auth.authenticate(lambda _: Response(b"", sw), key)


@pytest.fixture
def can(people: dict[str, Person]) -> Can:
    return can_from_number(personal_number(people["thu"].number))


def with_quirks(image: CardImage, *names: str) -> CardImage:
    return dataclasses.replace(image, traits=Traits(quirks=frozenset(names)))


class TestOnTheCard:
    def read(self, image: CardImage, can: Can, at: datetime, **options: object) -> Evidence:
        return read(SoftwareCard(image), can, plan=PLANS["kiosk"], at=at, **options)

    def test_proven_by_the_next_answer(
        self, card_image: CardImage, can: Can, at: datetime
    ) -> None:
        proof = self.read(card_image, can, at).chip_authentication
        assert proof is not None
        assert proof.by == "terminal"

    @pytest.mark.parametrize("quirk", ["ca-pretends", "ca-wrong-key"])
    def test_status_9000_is_no_proof(
        self, card_image: CardImage, can: Can, at: datetime, quirk: str
    ) -> None:
        """C-037: the old keys, or other ones, do not pass for the chip's own."""
        with pytest.raises(SecureMessagingError) as caught:
            self.read(with_quirks(card_image, quirk), can, at)
        assert caught.value.code == "chip_auth.unproven"

    def test_clone_without_the_key(self, card_image: CardImage, can: Can, at: datetime) -> None:
        clone = dataclasses.replace(card_image, ca_private_keys=(4711,))
        with pytest.raises(SecureMessagingError):
            self.read(clone, can, at)

    def test_chip_that_refuses(self, card_image: CardImage, can: Can, at: datetime) -> None:
        """The read goes on, and says so: to who watches, in the evidence and in the verdict."""
        refusing = dataclasses.replace(card_image, ca_private_keys=())
        seen: list[Progress] = []
        evidence = self.read(refusing, can, at, progress=seen.append)
        assert [(step.file, step.finding) for step in seen if step.finding] == [
            ("EF.DG14", "chip_auth.refused")
        ]
        told = evidence.chip_authentication
        assert told is not None
        assert chip_auth.tells_refusal(told.transcript)
        check = judge(evidence, TrustStore.of(), at=at).check("chip_auth")
        assert (check.status, check.code) == ("absent", "chip_auth.refused")

    @pytest.mark.parametrize("quirk", ["ca-chained", "ca-no-kat"])
    def test_habits_that_are_met(
        self, card_image: CardImage, can: Can, at: datetime, quirk: str
    ) -> None:
        """A key in parts only, and no MSE:Set KAT: the proof is run all the same."""
        proof = self.read(with_quirks(card_image, quirk), can, at).chip_authentication
        assert proof is not None
        assert not chip_auth.tells_refusal(proof.transcript)

    def test_no_transcript_at_all(self) -> None:
        assert not chip_auth.tells_refusal(b"\x30\x05")

    def test_chained_command(self, card_image: CardImage, can: Can, at: datetime) -> None:
        evidence = self.read(with_quirks(card_image, "no-extended"), can, at)
        assert evidence.chip_authentication is not None

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_secret_with_leading_zeros(self, zeros: int) -> None:
        """One peer loses one session in 256 here: it drops the secret's leading zero bytes."""
        scalar, point = 3, ec.multiply(BP256, 3, BP256.generator)
        while point[0] >> 8 * (32 - zeros):
            scalar, point = scalar + 1, ec.add(BP256, point, BP256.generator)
        spki = public_key_info(BP256, ec.encode_point(BP256, BP256.generator), explicit=True)
        entry = der.sequence(der.oid("0.4.0.127.0.7.2.2.1.2"), spki)
        begun = chip_auth.begin(
            infos(entry, protocol("2.2")), rng=lambda size: scalar.to_bytes(size, "big")
        )
        assert begun is not None
        secret = of_curve(BP256).pair(1).agree(begun[0].public)
        assert secret[:zeros] == bytes(zeros)
        card = SecureMessaging(Suite.AES_128, begun[1].ks_enc, begun[1].ks_mac, bytes(16))
        assert kdf(secret, KDF_ENC, Suite.AES_128) == begun[1].ks_enc
        assert card.protect(chip_auth.PROOF).encode() == begun[0].command


class Verifier:
    """A verifier that keeps its session, as a server does in one row."""

    def __init__(self) -> None:
        self.session: chip_auth.VerifierSession | None = None

    def __call__(self, dg14: bytes) -> chip_auth.ChipRequest | None:
        begun = chip_auth.begin(parse_dg14(dg14))
        if begun is None:
            return None
        request, session = begun
        self.session = chip_auth.VerifierSession.from_bytes(session.to_bytes())
        return chip_auth.ChipRequest.from_bytes(request.to_bytes())


class TestVerifierDriven:
    """contracts §1: only the party whose key ran the session is convinced."""

    @pytest.fixture
    def taken(
        self, card_image: CardImage, can: Can, at: datetime
    ) -> tuple[Evidence, chip_auth.VerifierSession]:
        verifier = Verifier()
        evidence = read(
            SoftwareCard(card_image), can, plan=PLANS["kiosk"], at=at, chip_verifier=verifier
        )
        assert verifier.session is not None
        return evidence, verifier.session

    @pytest.fixture
    def chip_check(self, authority: object, at: datetime) -> Callable[..., tuple[str, str]]:
        trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])

        def check(
            evidence: Evidence, session: chip_auth.VerifierSession | None
        ) -> tuple[str, str]:
            found = judge(evidence, trust, at=at, chip_session=session).check("chip_auth")
            return found.status, found.code

        return check

    def test_convinces_its_verifier(
        self,
        taken: tuple[Evidence, chip_auth.VerifierSession],
        chip_check: Callable[..., tuple[str, str]],
    ) -> None:
        evidence, session = taken
        evidence = Evidence.from_json(evidence.to_json())
        assert chip_check(evidence, session) == ("passed", "chip_auth.proven")
        assert chip_check(evidence, None) == ("unknown", "chip_auth.not_transferable")

    def test_another_verifier_is_not_convinced(
        self,
        taken: tuple[Evidence, chip_auth.VerifierSession],
        chip_check: Callable[..., tuple[str, str]],
    ) -> None:
        evidence, _ = taken
        other = Verifier()
        other(evidence.files["EF.DG14"])
        assert chip_check(evidence, other.session) == ("failed", "chip_auth.other_request")

    def test_a_lying_kiosk_gains_nothing(
        self,
        taken: tuple[Evidence, chip_auth.VerifierSession],
        chip_check: Callable[..., tuple[str, str]],
    ) -> None:
        """It holds all files of a card, but not the card: whatever it writes proves nothing."""
        honest, _ = taken
        dg14 = parse_dg14(honest.files["EF.DG14"])
        verifier = Verifier()
        request = verifier(honest.files["EF.DG14"])
        assert request is not None
        own = chip_auth.begin(dg14)
        assert own is not None
        answer = forged_answer(own[1])
        forgeries = {
            "terminal's own session": ("terminal", chip_auth.transcript(own[0].oid, b"\x04")),
            "PACE-CAM": ("terminal", chip_auth.mapping_transcript(b"\x04" * 65, bytes(32))),
            "own key as the verifier's": ("verifier", chip_auth.relayed(own[0], answer)),
            "verifier's request, own answer": ("verifier", chip_auth.relayed(request, answer)),
            "status only": ("verifier", chip_auth.relayed(request, b"\x90\x00")),
            "nothing": ("verifier", chip_auth.relayed(request, b"")),
            "an old answer": ("verifier", honest.chip_authentication.transcript),
            "noise": ("verifier", b"\x30\x03\x80\x01"),
        }
        for name, (by, transcript) in forgeries.items():
            forged = dataclasses.replace(
                honest,
                chip_authentication=ChipAuthentication(by=by, transcript=transcript),
            )
            status, _code = chip_check(forged, verifier.session)
            assert status == ("unknown" if by == "terminal" else "failed"), name

    def test_session_of_another_chip(
        self,
        taken: tuple[Evidence, chip_auth.VerifierSession],
        chip_check: Callable[..., tuple[str, str]],
    ) -> None:
        """The kiosk gave the verifier a DG14 of its own making, and another one as evidence."""
        evidence, _ = taken
        begun = chip_auth.begin(infos(curve_key(), protocol("2.2")))
        assert begun is not None
        request, session = begun
        forged = dataclasses.replace(
            evidence,
            chip_authentication=ChipAuthentication(
                by="verifier", transcript=chip_auth.relayed(request, forged_answer(session))
            ),
        )
        assert chip_check(forged, session) == ("failed", "chip_auth.other_key")

    def test_the_terminal_session_is_over_after_the_relay(
        self, card_image: CardImage, can: Can, at: datetime
    ) -> None:
        card = SoftwareCard(card_image)
        read(card, can, plan=PLANS["kiosk"], at=at, chip_verifier=Verifier())
        proof = read(
            SoftwareCard(card_image), can, plan=PLANS["kiosk"], at=at, chip_verifier=lambda _: None
        ).chip_authentication
        assert proof is not None
        assert proof.by == "terminal"

    def test_chip_that_refuses_the_verifier(
        self, card_image: CardImage, can: Can, at: datetime
    ) -> None:
        refusing = dataclasses.replace(card_image, ca_private_keys=())
        found = read(
            SoftwareCard(refusing), can, plan=PLANS["kiosk"], at=at, chip_verifier=Verifier()
        )
        told = found.chip_authentication
        assert told is not None
        assert chip_auth.tells_refusal(told.transcript)

    def test_nothing_on_offer(self) -> None:
        assert chip_auth.begin(infos(protocol("2.2"))) is None


def forged_answer(session: chip_auth.VerifierSession) -> bytes:
    """What a chip would answer, by someone who knows the session's keys."""
    chip = ChipSession(session.suite, session.ks_enc, session.ks_mac)
    chip._ssc = 1
    return chip.protect(bytes(8), 0x9000)


class TestMessages:
    def test_sessions_hide_their_keys(self) -> None:
        begun = chip_auth.begin(infos(curve_key(), protocol("2.2")))
        assert begun is not None
        for key in (begun[1].ks_enc, begun[1].ks_mac):
            assert repr(key) not in repr(begun)

    @pytest.mark.parametrize(
        "data", [b"", b"\x30\x00", b"\x31\x00", b"\x30\x02\x80\x00", bytes(9000)]
    )
    def test_malformed(self, data: bytes) -> None:
        for parse in (chip_auth.ChipRequest.from_bytes, chip_auth.VerifierSession.from_bytes):
            with pytest.raises(FormatError):
                parse(data)

    def test_unknown_cipher(self) -> None:
        begun = chip_auth.begin(infos(curve_key(), protocol("2.2")))
        assert begun is not None
        with pytest.raises(FormatError):
            chip_auth.VerifierSession.from_bytes(
                begun[1].to_bytes().replace(b"AES-128", b"AES-129")
            )

    @pytest.mark.parametrize("sw", [0x6982, 0x6A82])
    def test_protected_refusal_is_no_proof(self, sw: int) -> None:
        begun = chip_auth.begin(infos(curve_key(), protocol("2.2")))
        assert begun is not None
        session = begun[1]
        chip = ChipSession(session.suite, session.ks_enc, session.ks_mac)
        chip._ssc = 1
        with pytest.raises(NotGenuine):
            chip_auth.finish(session, chip.protect(b"", sw))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_groups_agree(number: int) -> None:
    domain = standard_domain(number)
    ours, theirs = domain.draw(), domain.draw()
    assert ours.agree(theirs.public) == theirs.agree(ours.public)
    assert len(ours.public) == domain.size
    assert of_group(groups.group_by_parameter_id(number)) == domain
