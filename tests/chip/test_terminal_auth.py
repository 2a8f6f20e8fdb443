"""Terminal Authentication: what is sent, and that only real rights open DG3."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from eid import tlv
from eid.chip import terminal_auth
from eid.chip.access import Can, can_from_number, personal_number
from eid.chip.apdu import Response
from eid.chip.plan import PLANS, Plan
from eid.chip.read import read
from eid.errors import AccessDenied, FormatError, ProtocolError, StatusError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.cv_certificates import READ_DG4, TerminalAuthority
from eid.testing.people import Person
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES
from eid.testing.softcard import SoftwareCard

VECTORS = Path(__file__).parents[1] / "vectors" / "emrtd"
TR = json.loads((VECTORS / "tr-03110-eac-examples.json").read_text())
PLAN = Plan(name="fingers", files=("EF.SOD", "EF.DG14", "EF.DG3"), terminal_authentication=True)


class Sam:
    """Where the terminal's key lives: the library sees certificates and signatures only."""

    def __init__(self, authority: TerminalAuthority) -> None:
        self._authority = authority
        self.asked: list[tuple[bytes, ...]] = []

    def certificates(self, trust_points: Sequence[bytes]) -> Sequence[bytes]:
        self.asked.append(tuple(trust_points))
        return self._authority.chain

    def sign(self, message: bytes) -> bytes:
        return self._authority.sign(message)


@pytest.fixture
def can(people: dict[str, Person]) -> Can:
    return can_from_number(personal_number(people["thu"].number))


@pytest.fixture
def terminal(at: datetime) -> TerminalAuthority:
    return TerminalAuthority.create(today=at.date())


@pytest.fixture
def eac_image(card_image: CardImage, terminal: TerminalAuthority) -> CardImage:
    return dataclasses.replace(card_image, cvca=terminal.trust_point)


class TestReading:
    def test_fingers(
        self, eac_image: CardImage, terminal: TerminalAuthority, can: Can, at: datetime
    ) -> None:
        sam = Sam(terminal)
        evidence = read(SoftwareCard(eac_image), can, plan=PLAN, terminal=sam, at=at)
        assert evidence.files["EF.DG3"] == eac_image.files["EF.DG3"]
        assert sam.asked == [()], "this chip has no EF.CVCA"

    def test_trust_points_of_the_chip(
        self, terminal: TerminalAuthority, can: Can, people: dict[str, Person], at: datetime
    ) -> None:
        """A chip issued for this terminal's country names its trust point in EF.CVCA."""
        profile = dataclasses.replace(PROFILES["eac"], cvca=terminal.trust_point)
        authority = DocumentAuthority.create(at=at)
        image = personalise(people["thu"], authority, at=at, profile=profile)
        assert "EF.CVCA" in image.files
        sam = Sam(terminal)
        card = SoftwareCard(image, sleep=lambda _: None)
        plan = dataclasses.replace(PLAN, files=(*PLAN.files, "EF.DG4"))
        evidence = read(card, Can(image.can), plan=plan, terminal=sam, at=at)
        assert sam.asked == [(terminal_auth.parse_cv_certificate(terminal.trust_point).holder,)]
        assert {"EF.DG3", "EF.DG4"} <= set(evidence.files)

    def test_without_extended_length(
        self, eac_image: CardImage, terminal: TerminalAuthority, can: Can, at: datetime
    ) -> None:
        card = SoftwareCard(eac_image, extended=False)
        evidence = read(card, can, plan=PLAN, terminal=Sam(terminal), at=at)
        assert "EF.DG3" in evidence.files

    def test_without_an_identity_dg3_stays_shut(
        self, eac_image: CardImage, can: Can, at: datetime
    ) -> None:
        with pytest.raises(StatusError) as caught:
            read(SoftwareCard(eac_image), can, plan=PLAN, at=at)
        assert caught.value.sw == 0x6982

    def test_other_plans_never_show_the_identity(
        self, eac_image: CardImage, terminal: TerminalAuthority, can: Can, at: datetime
    ) -> None:
        sam = Sam(terminal)
        read(SoftwareCard(eac_image), can, plan=PLANS["kiosk"], terminal=sam, at=at)
        assert not sam.asked

    def test_rights_of_another_terminal(
        self, eac_image: CardImage, can: Can, at: datetime
    ) -> None:
        other = Sam(TerminalAuthority.create(today=at.date()))
        with pytest.raises(AccessDenied) as caught:
            read(SoftwareCard(eac_image), can, plan=PLAN, terminal=other, at=at)
        assert caught.value.code == "terminal.refused"

    def test_rights_for_irises_only(self, card_image: CardImage, can: Can, at: datetime) -> None:
        terminal = TerminalAuthority.create(today=at.date(), rights=READ_DG4)
        chip = dataclasses.replace(card_image, cvca=terminal.trust_point)
        with pytest.raises(StatusError):
            read(SoftwareCard(chip), can, plan=PLAN, terminal=Sam(terminal), at=at)

    def test_chip_that_did_not_prove_its_key(
        self, eac_image: CardImage, terminal: TerminalAuthority, can: Can, at: datetime
    ) -> None:
        plain = dataclasses.replace(eac_image, ca_private_keys=())
        with pytest.raises(AccessDenied) as caught:
            read(SoftwareCard(plain), can, plan=PLAN, terminal=Sam(terminal), at=at)
        assert caught.value.code == "terminal.no_chip_authentication"


class TestExchange:
    def run(self, *answers: bytes, chain: tuple[bytes, ...] | None = None) -> None:
        script = iter(answers)
        certificates = (bytes.fromhex(TR["dh"]["ta_cert"]),) if chain is None else chain

        class Identity:
            def certificates(self, _: Sequence[bytes]) -> Sequence[bytes]:
                return certificates

            def sign(self, _: bytes) -> bytes:
                return bytes(64)

        terminal_auth.authenticate(
            lambda _: Response.parse(next(script)),
            Identity(),
            trust_points=(),
            chip_name=b"chip",
            terminal_key=b"key",
        )

    OK = b"\x90\x00"

    def test_order(self) -> None:
        self.run(self.OK, self.OK, self.OK, bytes(8) + self.OK, self.OK)

    @pytest.mark.parametrize("step", range(5))
    def test_refused_at_any_step(self, step: int) -> None:
        answers = [self.OK, self.OK, self.OK, bytes(8) + self.OK, self.OK]
        answers[step] = b"\x69\x82"
        with pytest.raises(AccessDenied) as caught:
            self.run(*answers)
        assert caught.value.facts["sw"] == 0x6982

    def test_short_challenge(self) -> None:
        with pytest.raises(ProtocolError):
            self.run(self.OK, self.OK, self.OK, bytes(4) + self.OK)

    @pytest.mark.parametrize("count", [0, 9])
    def test_chain_of_wrong_length(self, count: int) -> None:
        with pytest.raises(AccessDenied) as caught:
            self.run(chain=(bytes.fromhex(TR["dh"]["ta_cert"]),) * count)
        assert caught.value.code == "terminal.chain"


class TestCertificates:
    def test_published(self) -> None:
        names = [
            terminal_auth.parse_cv_certificate(bytes.fromhex(TR["dh"][name]))
            for name in ("dv_cert", "ta_cert")
        ]
        assert names[0].holder == names[1].authority
        assert names[1].body.startswith(b"\x7f\x4e")

    def test_published_but_spoilt(self) -> None:
        """Two of the ECDH example's certificates, as they are spread, hold an octet (19) too many
        behind the holder's name. They are refused as they stand; without it the chain fits.
        """
        chain = [TR["ecdh"][name] for name in ("cvca_cert", "dv_cert", "ta_cert")]
        for spoilt in chain[1:]:
            with pytest.raises(FormatError) as caught:
                terminal_auth.parse_cv_certificate(bytes.fromhex(spoilt))
            assert caught.value.code == "tlv.trailing"
        whole = [chain[0], *(spoilt[: 2 * 192] + spoilt[2 * 193 :] for spoilt in chain[1:])]
        found = [terminal_auth.parse_cv_certificate(bytes.fromhex(data)) for data in whole]
        assert [item.holder for item in found[:2]] == [item.authority for item in found[1:]]
        assert found[2].holder == b"DETESTATDE019"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x7f\x21\x00",
            tlv.encode(0x7F21, tlv.encode(0x7F4E), tlv.encode(0x5F37)),
            tlv.encode(
                0x7F21,
                tlv.encode(0x7F4E, tlv.encode(0x42, b""), tlv.encode(0x5F20, b"A")),
                tlv.encode(0x5F37),
            ),
            bytes(5000),
        ],
    )
    def test_refused(self, data: bytes) -> None:
        with pytest.raises(FormatError):
            terminal_auth.parse_cv_certificate(data)

    @pytest.mark.parametrize(
        "data", [b"", b"\x42\x00", b"\x43\x01A", b"\x42\x01A" * 3, b"\x42\x11" + b"A" * 17]
    )
    def test_trust_points_refused(self, data: bytes) -> None:
        with pytest.raises(FormatError):
            terminal_auth.parse_trust_points(data)
