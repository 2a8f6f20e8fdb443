"""One read, end to end, over the software card: what it costs, what it says, how it fails."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from eid import ec
from eid.chip.access import Can, MrzKey, can_from_number, personal_number
from eid.chip.evidence import Access, Evidence
from eid.chip.pace import PROTOCOLS
from eid.chip.plan import PLANS, Plan
from eid.chip.read import BUILTIN_CARD_ACCESS, Progress, read
from eid.chip.transport import Counting, ReaderInfo, Transport
from eid.errors import (
    AccessDenied,
    CardError,
    CardRemoved,
    DeadlineExceeded,
    ProtocolError,
    SecureMessagingError,
    StatusError,
)
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, pulled
from eid.testing.people import Person
from eid.testing.personalise import card_access
from eid.testing.softcard import SoftwareCard

CHALLENGE = bytes(range(8))


@pytest.fixture
def can(people: dict[str, Person]) -> Can:
    return can_from_number(personal_number(people["thu"].number))


@pytest.fixture
def reading(card_image: CardImage, can: Can, at: datetime) -> Callable[..., Evidence]:
    def run(transport: Transport | None = None, **options: object) -> Evidence:
        values = {"challenge": CHALLENGE, "at": at} | options
        return read(transport or SoftwareCard(card_image), values.pop("key", can), **values)

    return run


def without(image: CardImage, *names: str) -> CardImage:
    files = {name: content for name, content in image.files.items() if name not in names}
    return dataclasses.replace(image, files=files)


class Wrapped:
    """A transport that may change what goes through it."""

    def __init__(
        self,
        inner: Transport,
        change: Callable[[int, bytes, bytes], bytes],
        *,
        name: str = "Reader",
    ) -> None:
        self._inner, self._change = inner, change
        self.reader = ReaderInfo(name=name, atr=inner.reader.atr)
        self.log: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.log.append(command)
        return self._change(len(self.log), command, self._inner.transmit(command))

    def close(self) -> None:
        self._inner.close()


class TestEvidence:
    def test_everything(
        self, reading: Callable[..., Evidence], card_image: CardImage, at: datetime
    ) -> None:
        evidence = reading()
        expected = {"EF.CardAccess", *PLANS["bank"].files}
        assert dict(evidence.files) == {name: card_image.files[name] for name in expected}
        assert evidence.access == Access(
            protocol="PACE",
            mapping="GM",
            password="can",
            oid="0.4.0.127.0.7.2.2.4.2.2",
            parameter_id=13,
        )
        proof = evidence.active_authentication
        assert proof is not None
        assert (proof.challenge, proof.source, len(proof.response)) == (CHALLENGE, "verifier", 256)
        assert evidence.read_at == at
        assert evidence.reader == SoftwareCard(card_image).reader
        assert Evidence.from_json(evidence.to_json()) == evidence

    def test_challenge_of_the_caller_is_marked(self, reading: Callable[..., Evidence]) -> None:
        proof = reading(challenge_source="caller_chosen").active_authentication
        assert proof is not None
        assert proof.source == "caller_chosen"

    def test_without_a_challenge_the_chip_is_not_asked(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        for options in (
            {"challenge": None},
            {"plan": Plan(name="files", files=("EF.SOD",), active_authentication=False)},
        ):
            card = Wrapped(SoftwareCard(card_image), lambda _n, _c, answer: answer)
            assert reading(card, **options).active_authentication is None
            assert not any(command[1] == 0x88 for command in card.log)

    def test_chip_without_active_authentication(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        card = SoftwareCard(dataclasses.replace(card_image, aa_private_key=b""))
        assert reading(card).active_authentication is None

    def test_missing_files_are_left_out(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        card = SoftwareCard(without(card_image, "EF.DG2", "EF.COM"))
        files = reading(card, plan=PLANS["full"]).files
        assert not {"EF.DG2", "EF.COM", "EF.DG11"} & set(files)
        assert "EF.DG1" in files

    def test_forbidden_file(self, reading: Callable[..., Evidence]) -> None:
        with pytest.raises(StatusError) as caught:
            reading(plan=Plan(name="prints", files=("EF.DG3",)))
        assert caught.value.sw == 0x6982

    def test_progress(self, reading: Callable[..., Evidence]) -> None:
        steps: list[Progress] = []
        reading(progress=steps.append)
        assert [(s.step, s.file) for s in steps] == [
            ("access", None),
            *(("file", name) for name in PLANS["bank"].files),
            ("proof", None),
        ]
        assert [s.done for s in steps] == list(range(1, steps[0].total + 1))

    def test_reader_names_are_made_printable(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        for name in ("x" * 500, "a\x1b[0m\nb\u202ec"):
            card = Wrapped(SoftwareCard(card_image), lambda _n, _c, answer: answer, name=name)
            evidence = reading(card)
            assert Evidence.from_json(evidence.to_json()).reader == evidence.reader

    def test_microseconds_are_dropped(
        self, reading: Callable[..., Evidence], at: datetime
    ) -> None:
        assert reading(at=at + timedelta(microseconds=7)).read_at == at


class TestCost:
    """facts: at most 16 APDUs and 22.2 KB with extended length, 106 without, for a full read."""

    @pytest.mark.parametrize(("plan", "most"), [("kiosk", 15), ("bank", 16)])
    def test_extended(
        self, reading: Callable[..., Evidence], card_image: CardImage, plan: str, most: int
    ) -> None:
        counting = Counting(SoftwareCard(card_image))
        reading(counting, plan=PLANS[plan])
        assert counting.apdus <= most
        assert counting.octets <= 22_200

    def test_short(self, reading: Callable[..., Evidence], card_image: CardImage) -> None:
        counting = Counting(SoftwareCard(card_image, extended=False))
        reading(counting)
        payload = sum(len(card_image.files[name]) for name in PLANS["bank"].files)
        blocks = sum(-(-len(card_image.files[name]) // 223) for name in PLANS["bank"].files)
        fixed = 1 + 1 + 5 + 1 + 2 + 2  # probe, EF.CardAccess, PACE, application, CA, long answer
        assert counting.apdus <= blocks + fixed
        assert counting.octets <= payload * 1.25 + 1500

    def test_nothing_but_short_commands_when_told(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        card = Wrapped(SoftwareCard(card_image), lambda _n, _c, answer: answer)
        reading(card, extended=False)
        assert all(len(command) <= 261 and command[4] for command in card.log if len(command) > 5)

    def test_no_select_of_the_master_file(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        card = Wrapped(SoftwareCard(card_image), lambda _n, _c, answer: answer)
        reading(card)
        assert not any(command[1:3] == b"\xa4\x00" for command in card.log)

    def test_all_after_access_is_protected(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        card = Wrapped(SoftwareCard(card_image), lambda _n, _c, answer: answer)
        reading(card)
        assert all(command[0] == 0x0C for command in card.log[6:])
        assert card.log[6][1] == 0xA4


class TestAccess:
    def test_mrz(self, reading: Callable[..., Evidence], people: dict[str, Person]) -> None:
        person = people["thu"]
        assert person.expiry is not None
        key = MrzKey(
            document_number=person.number[3:],
            birth=f"{person.birth_date:%y%m%d}",
            expiry=f"{person.expiry:%y%m%d}",
        )
        evidence = reading(key=key)
        assert evidence.access.password == "mrz"

    @pytest.mark.parametrize(
        "oid", [o for o, p in PROTOCOLS.items() if (p.family, p.mapping) == ("ECDH", "GM")]
    )
    @pytest.mark.parametrize("number", [12, 13, 16])
    def test_variants(
        self, reading: Callable[..., Evidence], card_image: CardImage, oid: str, number: int
    ) -> None:
        files = {**card_image.files, "EF.CardAccess": card_access((oid, number))}
        card = SoftwareCard(dataclasses.replace(card_image, files=files))
        access = reading(card, plan=PLANS["kiosk"]).access
        assert (access.oid, access.parameter_id) == (oid, number)

    def test_wrong_can_is_tried_once(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        card = Wrapped(SoftwareCard(card_image), lambda _n, _c, answer: answer)
        with pytest.raises(AccessDenied) as caught:
            reading(card, key=Can("000000"))
        assert caught.value.code == "access.wrong_password"
        assert sum(command[1] == 0x22 for command in card.log) == 1
        assert len(card.log) == 6
        assert "000000" not in str(caught.value) + repr(caught.value) + str(caught.value.facts)

    def test_built_in_card_access_is_recorded(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        """A chip that hides EF.CardAccess but speaks PACE all the same."""

        def hide(_: int, command: bytes, answer: bytes) -> bytes:
            hidden = command[:3] == b"\x00\xb0\x9c" or command[:2] == b"\x00\xa4"
            return b"\x69\x82" if hidden else answer

        evidence = reading(Wrapped(SoftwareCard(card_image), hide))
        assert evidence.access.fallback == "builtin_card_access"
        assert "EF.CardAccess" not in evidence.files
        assert card_image.files["EF.CardAccess"] == BUILTIN_CARD_ACCESS

    def test_no_pace(self, reading: Callable[..., Evidence], card_image: CardImage) -> None:
        """Without PACE nothing else is tried: no silent way to a weaker protocol."""
        terminal_only = bytes.fromhex("310F300D060804007F0007020202020101")
        files = {**card_image.files, "EF.CardAccess": terminal_only}
        card = Wrapped(
            SoftwareCard(dataclasses.replace(card_image, files=files)), lambda _n, _c, a: a
        )
        with pytest.raises(AccessDenied) as caught:
            reading(card)
        assert caught.value.code == "access.no_pace"
        assert len(card.log) == 1

    def test_malformed_card_access(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        for content in (b"\x31\x02\x05\x00", b"\x30\x00", b"\x31\x03\x30\x05\x00"):
            files = {**card_image.files, "EF.CardAccess": content}
            with pytest.raises(ProtocolError) as caught:
                reading(SoftwareCard(dataclasses.replace(card_image, files=files)))
            assert caught.value.code == "access.card_access"

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_secret_with_leading_zeros(
        self, reading: Callable[..., Evidence], card_image: CardImage, zeros: int
    ) -> None:
        """The whole session works when the agreed secret starts with zero bytes."""
        curve = ec.by_name("brainpoolP256r1")
        fixed = {name: (0xC0FFEE << 200 | i) for i, name in enumerate(("map", "own"), 1)}
        nonce = bytes(range(16))
        chip_map = 0xBEEF << 220 | 3
        shared = ec.multiply(curve, fixed["map"] * chip_map, curve.generator)
        generator = ec.multiply_add(curve, int.from_bytes(nonce, "big"), curve.generator, shared)
        base = ec.multiply(curve, fixed["own"], generator)
        chip_own = _scalar_for_zeros(curve, base, zeros)
        draws = [nonce, chip_map.to_bytes(32, "big"), chip_own.to_bytes(32, "big")]
        card = SoftwareCard(
            card_image, rng=lambda n: draws.pop(0) if draws else secrets.token_bytes(n)
        )
        ours = [fixed["map"].to_bytes(32, "big"), fixed["own"].to_bytes(32, "big")]
        assert reading(card, rng=lambda n: ours.pop(0) if ours else secrets.token_bytes(n)).files


class TestFailure:
    @pytest.mark.parametrize("kind", ["pull", "flip", "naked", "short", "long", "missing_status"])
    def test_every_command(
        self, reading: Callable[..., Evidence], card_image: CardImage, kind: str
    ) -> None:
        """Whatever happens at whichever command, the read ends in a typed error or is whole."""
        whole = reading(plan=PLANS["kiosk"])
        for at_apdu in range(1, 15):
            card = SoftwareCard(card_image, faults=[Fault(kind, at_apdu)])
            counting = Counting(card)
            try:
                evidence = reading(counting, plan=PLANS["kiosk"])
            except CardError:
                continue
            # EF.CardAccess is signed by nobody; the verifier holds it against DG14.
            changed = {n for n in whole.files if evidence.files.get(n) != whole.files[n]}
            assert changed <= {"EF.CardAccess"}

    def test_pulled_card(self, reading: Callable[..., Evidence], card_image: CardImage) -> None:
        for at_apdu in range(1, 16):
            with pytest.raises(CardRemoved):
                reading(SoftwareCard(card_image, faults=[pulled(at_apdu)]))

    def test_card_without_protected_status(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        """An independent card exists whose answers carry no DO'99'."""
        with pytest.raises(SecureMessagingError):
            reading(SoftwareCard(card_image, faults=[Fault("missing_status")]))

    def test_card_swapped_in_mid_read(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        """The other card knows no session: its answer is naked, and nothing of it is used."""
        other = SoftwareCard(card_image)

        def swap(count: int, command: bytes, answer: bytes) -> bytes:
            return other.transmit(command) if count > 9 else answer

        with pytest.raises(SecureMessagingError):
            reading(Wrapped(SoftwareCard(card_image), swap))

    def test_deadline(self, reading: Callable[..., Evidence], card_image: CardImage) -> None:
        now = [0.0]

        def slow(_: int, _command: bytes, answer: bytes) -> bytes:
            now[0] += 3.0
            return answer

        card = Wrapped(SoftwareCard(card_image), slow)
        with pytest.raises(DeadlineExceeded):
            reading(card, deadline_s=15.0, clock=lambda: now[0])
        assert len(card.log) == 5

    def test_two_cards_in_turn_share_nothing(
        self, reading: Callable[..., Evidence], card_image: CardImage
    ) -> None:
        first, second = reading(), reading()
        assert first.files == second.files
        assert first.active_authentication != second.active_authentication


def _scalar_for_zeros(curve: ec.Curve, base: ec.Point, zeros: int) -> int:
    """The least k for which the x of k · base starts with that many zero bytes."""
    point, scalar = base, 1
    while point[0] >= 1 << 8 * (curve.size - zeros):
        point, scalar = ec.add(curve, point, base), scalar + 1
    return scalar
