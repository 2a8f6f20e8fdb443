"""How chips are opened: every PACE, BAC, and never a silent step down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime

import pytest

from eid.chip import pace
from eid.chip.access import AccessKey, Can, MrzKey, Pin, Puk
from eid.chip.evidence import Evidence
from eid.chip.plan import Plan
from eid.chip.read import read
from eid.errors import AccessDenied, CardError, ProtocolError, StatusError
from eid.testing.card_image import CardImage
from eid.testing.chip_traits import Traits
from eid.testing.personalise import card_access
from eid.testing.softcard import SoftwareCard

CAN = Can("123456")
MRZ = MrzKey(document_number="L898902C", birth="690806", expiry="940623")
MRZ_TEXT = "L898902C<369080619406236"
PLAN = Plan(name="little", files=("EF.DG1",))
NO_PACE = bytes.fromhex("310F300D060804007F0007020202020101")
DOMAINS = {"ECDH": (8, 9, 12, 13, 16, 18), "DH": (0, 1, 2)}


def image(access: bytes | None, *quirks: str, bac: bool = False, **members: object) -> CardImage:
    files = {"EF.DG1": b"\x61\x03abc"} | ({} if access is None else {"EF.CardAccess": access})
    return CardImage(
        files=files,
        can=CAN.value,
        mrz_information=MRZ_TEXT,
        traits=Traits(bac=bac, quirks=frozenset(quirks)),
        **members,
    )


@pytest.fixture
def opened(at: datetime) -> Callable[..., Evidence]:
    def run(card: CardImage, key: AccessKey = CAN, **options: object) -> Evidence:
        return read(SoftwareCard(card), key, plan=PLAN, at=at, **options)

    return run


VARIANTS = [
    (oid, number)
    for oid, protocol in pace.PROTOCOLS.items()
    if protocol.mapping != "CAM"
    for number in DOMAINS[protocol.family]
]


@pytest.mark.parametrize(("oid", "number"), VARIANTS)
def test_every_pace(opened: Callable[..., Evidence], oid: str, number: int) -> None:
    evidence = opened(image(card_access((oid, number))))
    assert evidence.files["EF.DG1"] == b"\x61\x03abc"
    access = evidence.access
    assert (access.oid, access.parameter_id) == (oid, number)
    assert access.mapping == pace.PROTOCOLS[oid].mapping


def test_integrated_mapping_needs_a_fitting_curve(opened: Callable[..., Evidence]) -> None:
    """p of secp224r1 is 1 modulo 4: there is no such mapping."""
    with pytest.raises(AccessDenied) as caught:
        opened(image(card_access(("0.4.0.127.0.7.2.2.4.4.2", 10))))
    assert caught.value.code == "pace.unsupported"


class TestBac:
    def test_chip_without_pace(self, opened: Callable[..., Evidence]) -> None:
        access = opened(image(NO_PACE, bac=True), MRZ).access
        assert (access.protocol, access.fallback, access.password) == ("BAC", None, "mrz")

    def test_chip_without_card_access(self, opened: Callable[..., Evidence]) -> None:
        quirks = ("card-access-6a82",)
        access = opened(image(None, *quirks, bac=True), MRZ).access
        assert access.protocol == "BAC"
        assert access.fallback == "bac_without_card_access"

    def test_not_with_a_can(self, opened: Callable[..., Evidence]) -> None:
        with pytest.raises(AccessDenied) as caught:
            opened(image(NO_PACE, bac=True))
        assert caught.value.code == "access.no_pace"

    def test_c_026_no_silent_step_down(self, opened: Callable[..., Evidence]) -> None:
        offered = card_access(("0.4.0.127.0.7.2.2.4.2.2", 13))
        both = image(offered, "pace-wrong-token", bac=True)
        with pytest.raises(ProtocolError):
            opened(both, MRZ)
        access = opened(both, MRZ, insecure_bac_after_pace=True).access
        assert (access.protocol, access.fallback) == ("BAC", "bac_after_failed_pace")
        with pytest.raises(ProtocolError):
            opened(both, CAN, insecure_bac_after_pace=True)

    def test_a_chip_that_is_stuck_wants_a_reset(
        self, opened: Callable[..., Evidence], at: datetime
    ) -> None:
        offered = card_access(("0.4.0.127.0.7.2.2.4.2.2", 13))
        stuck = image(
            offered,
            "stuck-after-pace",
            bac=True,
        )
        wrong = dataclasses.replace(stuck, can="000000")
        other = dataclasses.replace(wrong, mrz_information="")
        with pytest.raises(CardError):
            opened(other, MRZ, insecure_bac_after_pace=True)
        card = SoftwareCard(dataclasses.replace(stuck, files={**stuck.files}))

        def reconnect() -> SoftwareCard:
            card.reset()
            return card

        evidence = read(
            card, MRZ, plan=PLAN, at=at, insecure_bac_after_pace=True, reconnect=reconnect
        )
        assert evidence.access.protocol in ("PACE", "BAC")

    def test_refused_mrz(self, opened: Callable[..., Evidence]) -> None:
        other = MrzKey(document_number="X", birth="690806", expiry="940623")
        with pytest.raises(AccessDenied):
            opened(image(NO_PACE, bac=True), other)

    def test_pace_only_chip(self, opened: Callable[..., Evidence]) -> None:
        """German cards answer BAC with 6A88."""
        with pytest.raises((AccessDenied, StatusError)):
            opened(image(NO_PACE, "bac-6a88", bac=True), MRZ)


class TestPasswords:
    OFFERED = card_access(("0.4.0.127.0.7.2.2.4.2.2", 13))

    def chip(self, *quirks: str) -> CardImage:
        return image(self.OFFERED, *quirks, pin="135790", puk="1234567890")

    @pytest.mark.parametrize("key", [Pin("135790"), Puk("1234567890"), CAN])
    def test_accepted(self, opened: Callable[..., Evidence], key: AccessKey) -> None:
        assert opened(self.chip(), key).access.password == key.kind

    def test_c_025_the_last_try_is_left(self, at: datetime) -> None:
        card = SoftwareCard(self.chip())
        codes = []
        for _ in range(4):
            with pytest.raises(AccessDenied) as caught:
                read(card, Pin("000000"), plan=PLAN, at=at)
            codes.append((caught.value.code, caught.value.facts.get("tries")))
            card.reset()
        assert [code for code, _ in codes[:2]] == ["access.wrong_password"] * 2
        assert codes[2:] == [("access.last_try", 1)] * 2

    @pytest.mark.parametrize(
        ("quirk", "code"),
        [("pin-suspended", "access.last_try"), ("pin-blocked", "access.blocked")],
    )
    def test_states(self, opened: Callable[..., Evidence], quirk: str, code: str) -> None:
        with pytest.raises(AccessDenied) as caught:
            opened(self.chip(quirk), Pin("135790"))
        assert caught.value.code == code

    def test_reduced_counter_goes_on(self, opened: Callable[..., Evidence]) -> None:
        assert opened(self.chip("pin-reduced"), Pin("135790")).access.password == "pin"


@pytest.mark.parametrize(
    "quirk",
    [
        "pace-reflected-key",
        "pace-off-curve",
        "pace-infinity",
        "pace-wrong-token",
        "pace-reflected-token",
    ],
)
def test_lying_chips(opened: Callable[..., Evidence], quirk: str) -> None:
    with pytest.raises(ProtocolError):
        opened(image(card_access(("0.4.0.127.0.7.2.2.4.2.2", 13)), quirk))


@pytest.mark.parametrize(
    "quirk",
    [
        "leading-zero",
        "pace-needs-parameter",
        "select-mf-6d00",
        "select-mf-6982",
        "card-access-6283",
        "no-le-on-select",
        "wrong-le-6c",
        "end-6b00",
        "end-6282",
        "end-empty",
        "end-zeros",
        "extra-padding",
        "extended-empty",
        "le-192",
        "get-response",
        "no-sfi-card-access",
        "no-sfi",
        "no-extended",
    ],
)
def test_chips_that_differ_are_read(opened: Callable[..., Evidence], quirk: str) -> None:
    """Pitfalls 1 to 6 and 11 of the documentation, "When a card misbehaves"."""
    evidence = opened(image(card_access(("0.4.0.127.0.7.2.2.4.2.2", 13)), quirk))
    assert evidence.files["EF.DG1"] == b"\x61\x03abc"
