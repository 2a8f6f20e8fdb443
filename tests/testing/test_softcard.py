from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from eid.chip.access import Can
from eid.chip.apdu import Command, Response
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.messaging import SecureMessaging
from eid.chip.pace import choose_pace, establish
from eid.errors import CardRemoved
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, pulled
from eid.testing.softcard import SoftwareCard

SELECT_APPLICATION = Command(0, 0xA4, 4, 0x0C, bytes.fromhex("A0000002471001"))
SFI = {"EF.COM": 0x1E, "EF.SOD": 0x1D, "EF.DG1": 1, "EF.DG2": 2, "EF.DG13": 13, "EF.DG14": 14}


class Terminal:
    """A reader of few words: PACE, then commands as given."""

    def __init__(self, card: SoftwareCard) -> None:
        self.card = card
        self.session: SecureMessaging | None = None

    def plain(self, command: Command) -> Response:
        return Response.parse(self.card.transmit(command.encode(extended=not command.short)))

    def chained(self, command: Command) -> Response:
        response = self.plain(command)
        data = response.data
        while response.sw >> 8 == 0x61:
            response = self.plain(Command(0, 0xC0, 0, 0, le=response.sw & 0xFF or 256))
            data += response.data
        return Response(data, response.sw)

    def open(self, image: CardImage) -> None:
        info = choose_pace(parse_security_infos(image.files["EF.CardAccess"]))
        self.session = establish(self.plain, info, Can(image.can))

    def __call__(self, command: Command) -> Response:
        assert self.session is not None
        return self.session.open(self.chained(self.session.protect(command)))


@pytest.fixture
def terminal(card_image: CardImage) -> Terminal:
    return Terminal(SoftwareCard(card_image))


@pytest.fixture
def inside(terminal: Terminal, card_image: CardImage) -> Terminal:
    """After PACE, with the application selected."""
    terminal.open(card_image)
    assert terminal(SELECT_APPLICATION).sw == 0x9000
    return terminal


def _read(sfi: int, *, offset: int = 0, le: int = 65536) -> Command:
    return Command(0, 0xB0, 0x80 | sfi, offset, le=le)


def test_only_card_access_is_free(terminal: Terminal, card_image: CardImage) -> None:
    assert terminal.plain(_read(0x1C)).data == card_image.files["EF.CardAccess"]
    assert terminal.plain(SELECT_APPLICATION).sw == 0x9000
    for sfi in (*SFI.values(), 3, 11, 15):
        assert terminal.plain(_read(sfi)).sw == 0x6982
    assert terminal.plain(Command(0, 0xA4, 2, 12, b"\x01\x1e")).sw == 0x6982
    assert terminal.plain(Command(0, 0x88, 0, 0, bytes(8), le=256)).sw == 0x6982


def test_every_file_can_be_read_after_pace(inside: Terminal, card_image: CardImage) -> None:
    for name, sfi in SFI.items():
        assert inside(_read(sfi)).data == card_image.files[name]


def test_what_this_card_refuses(inside: Terminal) -> None:
    assert inside(Command(0, 0xA4, 0, 12, b"\x3f\x00")).sw == 0x6D00
    assert inside(Command(0, 0xA4, 0, 12)).sw == 0x6D00
    assert inside(Command(0, 0xA4, 2, 12, b"\x01\x0b")).sw == 0x6A82
    assert inside(Command(0, 0xA4, 2, 12, b"\x01\x03")).sw == 0x6982
    assert inside(Command(0, 0xA4, 2, 12, b"\x02\x01")).sw == 0x6A82
    assert inside(Command(0, 0xA4, 2, 12, b"\x01")).sw == 0x6700
    assert inside(Command(0, 0xA4, 3, 12, b"\x01\x01")).sw == 0x6A86
    assert inside(Command(0, 0xA4, 4, 12, bytes.fromhex("A000000247100A"))).sw == 0x6A82
    assert inside(_read(11)).sw == 0x6A82
    assert inside(_read(3)).sw == 0x6982
    assert inside(Command(0, 0xCA, 0, 0, le=256)).sw == 0x6D00
    assert inside(_read(1)).sw == 0x9000, "refusals do not end the session"


def test_without_the_application_nothing_is_found(
    terminal: Terminal, card_image: CardImage
) -> None:
    terminal.open(card_image)
    assert terminal(_read(1)).sw == 0x6A82


def test_select_and_offsets(inside: Terminal, card_image: CardImage) -> None:
    dg2 = card_image.files["EF.DG2"]
    assert inside(Command(0, 0xB0, 0, 0, le=10)).sw == 0x6986
    assert inside(Command(0, 0xA4, 2, 12, b"\x01\x02")).sw == 0x9000
    assert inside(Command(0, 0xB0, 0, 0, le=223)).data == dg2[:223]
    assert inside(Command(0, 0xB0, 1, 2, le=223)).data == dg2[258:481]
    assert inside(_read(2, offset=9, le=100)).data == dg2[9:109]
    last = len(dg2) - 20
    end = inside(Command(0, 0xB0, last >> 8, last & 0xFF, le=100))
    assert (end.data, end.sw) == (dg2[last:], 0x6282)
    assert inside(Command(0, 0xB0, len(dg2) >> 8, len(dg2) & 0xFF, le=1)).sw == 0x6B00
    assert inside(Command(0, 0xB0, 0, 0)).sw == 0x6700
    assert inside(Command(0, 0xB0, 0xC1, 0, le=1)).sw == 0x6A86


def test_a_short_answer_that_would_overflow_is_refused(inside: Terminal) -> None:
    assert inside(Command(0, 0xB0, 0x82, 0, le=256)).sw == 0x6700
    assert len(inside(Command(0, 0xB0, 0x82, 0, le=223)).data) == 223


def test_far_offsets(card_image: CardImage) -> None:
    big = bytes(range(256)) * 300
    image = replace(card_image, files={**card_image.files, "EF.DG2": big})
    terminal = Terminal(SoftwareCard(image))
    terminal.open(image)
    terminal(SELECT_APPLICATION)
    assert terminal(Command(0, 0xA4, 2, 12, b"\x01\x02")).sw == 0x9000
    whole = terminal(Command(0, 0xB0, 0, 0, le=65536))
    assert whole.sw == 0x9000
    assert len(whole.data) > 65_400
    for le in (10, 100, 200, 223):
        answer = terminal(Command(0, 0xB1, 0, 0, bytes.fromhex("5403012345"), le=le))
        assert answer.sw == 0x9000
        assert answer.data[0] == 0x53
        assert len(answer.data) <= le
        header = 2 if answer.data[1] < 0x80 else 3
        assert answer.data[header:] == big[0x12345:][: len(answer.data) - header]
    assert terminal(Command(0, 0xB1, 1, 0, bytes.fromhex("540100"), le=9)).sw == 0x6A86
    assert terminal(Command(0, 0xB1, 0, 0, bytes.fromhex("540100"))).sw == 0x6700
    assert terminal(Command(0, 0xB1, 0, 0, bytes.fromhex("5403020000"), le=9)).sw == 0x6B00


def test_active_authentication_in_extended_and_in_parts(
    inside: Terminal, aa_key: rsa.RSAPrivateKey
) -> None:
    numbers = aa_key.public_key().public_numbers()
    for le in (65536, 256):
        answer = inside(Command(0, 0x88, 0, 0, b"\x01" * 8, le=le))
        assert len(answer.data) == 256
        block = pow(int.from_bytes(answer.data, "big"), numbers.e, numbers.n)
        assert block.to_bytes(256, "big")[-2:] == b"\x34\xcc"


def test_active_authentication_wants_eight_bytes_and_room(inside: Terminal) -> None:
    assert inside(Command(0, 0x88, 0, 0, bytes(7), le=65536)).sw == 0x6A80
    assert inside(Command(0, 0x88, 0, 0, bytes(8), le=100)).sw == 0x6700


def test_a_card_without_a_key_does_not_know_the_command(card_image: CardImage) -> None:
    image = replace(card_image, aa_private_key=b"")
    terminal = Terminal(SoftwareCard(image))
    terminal.open(image)
    assert terminal(Command(0, 0x88, 0, 0, bytes(8), le=256)).sw == 0x6D00


def test_short_only_cards_refuse_extended_commands(card_image: CardImage) -> None:
    terminal = Terminal(SoftwareCard(card_image, extended=False))
    assert terminal.plain(_read(0x1C)).sw == 0x6700
    terminal.open(card_image)
    terminal(SELECT_APPLICATION)
    assert terminal(_read(1, le=200)).data == card_image.files["EF.DG1"][:200]


def _reset(card: SoftwareCard) -> None:
    card.reset()


def _close(card: SoftwareCard) -> None:
    card.close()


def _send_plain(card: SoftwareCard) -> None:
    assert card.transmit(bytes.fromhex("00B0000001"))[-2:].hex() == "6986"


def _send_garbled(card: SoftwareCard) -> None:
    assert card.transmit(bytes.fromhex("0CB081000D9701018E08000000000000000000")).hex() == "6988"


@pytest.mark.parametrize("end", [_reset, _close, _send_plain, _send_garbled])
def test_what_ends_a_session_and_its_rights(
    inside: Terminal, end: Callable[[SoftwareCard], None]
) -> None:
    end(inside.card)
    assert inside.plain(_read(1)).sw == 0x6982
    assert inside.plain(Command(0x0C, 0xB0, 0x81, 0, bytes(10))).sw == 0x6985


def test_get_response_without_anything_waiting(terminal: Terminal) -> None:
    assert terminal.plain(Command(0, 0xC0, 0, 0, le=256)).sw == 0x6985


def test_other_classes_and_lengths(terminal: Terminal) -> None:
    assert terminal.plain(Command(0x80, 0xB0, 0x9C, 0, le=256)).sw == 0x6E00
    assert terminal.card.transmit(b"\x00").hex() == "6700"


def test_it_is_a_transport(card_image: CardImage) -> None:
    card = SoftwareCard(card_image)
    assert (card.reader.name, card.reader.atr) == ("Software card", card_image.atr)
    assert "999999" not in repr(card)


def test_a_pulled_card_never_comes_back(card_image: CardImage) -> None:
    card = SoftwareCard(card_image, faults=[pulled(2)])
    command = bytes.fromhex("00B09C0000")
    assert card.transmit(command)[-2:].hex() == "9000"
    for _ in range(2):
        with pytest.raises(CardRemoved):
            card.transmit(command)
        card.reset()
    assert card.count == 3


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("naked", "6988"), ("short", "31"), ("random", "aa" * 56), ("long", "aa" * 16 + "3134")],
)
def test_faults_strike_once(card_image: CardImage, kind: str, answer: str) -> None:
    card = SoftwareCard(card_image, faults=[Fault(kind, 2)], rng=lambda size: b"\xaa" * size)
    command = bytes.fromhex("00B09C0000")
    right = card.transmit(command)
    wrong = card.transmit(command)
    assert wrong.hex().startswith(answer)
    assert wrong != right
    assert card.transmit(command) == right


def test_a_flipped_bit_changes_one_bit(card_image: CardImage) -> None:
    card = SoftwareCard(card_image, faults=[Fault("flip", 1)])
    command = bytes.fromhex("00B09C0000")
    wrong, right = card.transmit(command), card.transmit(command)
    difference = int.from_bytes(wrong, "big") ^ int.from_bytes(right, "big")
    assert difference.bit_count() == 1


def test_a_chip_can_leave_its_status_unprotected(card_image: CardImage) -> None:
    terminal = Terminal(SoftwareCard(card_image, faults=[Fault("missing_status")]))
    terminal.open(card_image)
    assert terminal.session is not None
    raw = terminal.chained(terminal.session.protect(_read(0x1C, le=20))).data
    assert raw[0] == 0x87
    assert b"\x99\x02\x90\x00" not in raw
