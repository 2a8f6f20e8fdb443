"""C-014, C-015, C-019, C-020, C-021, C-023: what a chip puts into its answers of PACE that does not belong there.

The chip is an honest one whose answers are rewritten on the wire, one step at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from eid import ec, tlv
from eid.chip.access import Can
from eid.chip.evidence import Evidence
from eid.chip.plan import Plan
from eid.chip.read import read
from eid.errors import CardError, ProtocolError
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard

CAN = Can("123456")
PLAN = Plan(name="little", files=("EF.DG1",))
OFFERED = bytes.fromhex("31143012060A04007F0007020204020202010202010D")
IMAGE = CardImage(files={"EF.CardAccess": OFFERED, "EF.DG1": b"\x61\x03abc"}, can=CAN.value)
STEPS = (1, 2, 3, 4)
TAGS = {1: 0x80, 2: 0x82, 3: 0x84, 4: 0x86}
GENERAL_AUTHENTICATE = 0x86

Rewrite = Callable[[bytes], bytes]


class Rewriting:
    """A card of which one GENERAL AUTHENTICATE is answered otherwise."""

    def __init__(self, step: int, rewrite: Rewrite) -> None:
        self._inner = SoftwareCard(IMAGE)
        self._step, self._rewrite = step, rewrite
        self.reader = self._inner.reader
        self.commands: list[bytes] = []

    @property
    def authenticating(self) -> list[bytes]:
        return [command for command in self.commands if command[1] == GENERAL_AUTHENTICATE]

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        answer = self._inner.transmit(command)
        here = command[1] == GENERAL_AUTHENTICATE and len(self.authenticating) == self._step
        return self._rewrite(answer) if here else answer

    def close(self) -> None:
        self._inner.close()


def attempt(card: Rewriting, at: datetime) -> Evidence:
    return read(card, CAN, plan=PLAN, at=at)


def retagged(step: int) -> Rewrite:
    """90, 92, 94 or 96 in place of 80, 82, 84 or 86: what another version of the protocol uses."""

    def rewrite(answer: bytes) -> bytes:
        value = tlv.parse(answer[:-2]).children()[0].value
        return tlv.encode(0x7C, tlv.encode(TAGS[step] + 0x10, value)) + answer[-2:]

    return rewrite


def with_object(more: Callable[[bytes], bytes]) -> Rewrite:
    def rewrite(answer: bytes) -> bytes:
        inner = tlv.parse(answer[:-2]).value
        return tlv.encode(0x7C, more(inner)) + answer[-2:]

    return rewrite


MALFORMED: dict[str, Rewrite] = {
    "repeated": with_object(lambda inner: inner + inner),
    "another beside it": with_object(lambda inner: inner + b"\x90\x01\x00"),
    "another before it": with_object(lambda inner: b"\x90\x01\x00" + inner),
    "trailing within": with_object(lambda inner: inner + b"\x00"),
    "trailing behind": lambda answer: answer[:-2] + b"\x00" + answer[-2:],
    "second frame": lambda answer: answer[:-2] + answer[:-2] + answer[-2:],
    "other frame": lambda answer: b"\x7d" + answer[1:],
    "cut short": lambda answer: answer[:-3] + answer[-2:],
    "empty frame": lambda answer: b"\x7c\x00" + answer[-2:],
    "nothing": lambda answer: answer[-2:],
    "indefinite length": lambda answer: b"\x7c\x80" + answer[2:-2] + b"\0\0" + answer[-2:],
}


@pytest.mark.parametrize("size", [0, 1, 8, 15, 17, 24, 31, 32, 48, 255])
def test_c_014_a_nonce_of_another_length(at: datetime, size: int) -> None:
    """C-014: AES-128 has a nonce of one block, and nothing else is decrypted or used."""
    card = Rewriting(1, lambda _: tlv.encode(0x7C, tlv.encode(0x80, bytes(size))) + b"\x90\x00")
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.nonce"
    assert card.commands[-1] == card.authenticating[-1]
    assert len(card.authenticating) == 1


def _point(x: int, y: int) -> bytes:
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


CURVE = ec.by_name("brainpoolP256r1")
G = _point(CURVE.gx, CURVE.gy)
POINTS = {
    "off the curve": G[:-1] + bytes([G[-1] ^ 1]),
    "infinity": b"\x00",
    "infinity in full": b"\x04" + bytes(64),
    "compressed": bytes([2 + (CURVE.gy & 1)]) + G[1:33],
    "hybrid": bytes([6 + (CURVE.gy & 1)]) + G[1:],
    "too short": G[:-1],
    "too long": G + b"\x00",
    "coordinate beyond the field": _point(CURVE.gx + CURVE.p & (1 << 256) - 1, CURVE.gy),
    "coordinate equal to the prime": _point(CURVE.p, CURVE.gy),
    "empty": b"",
}


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("step", [2, 3])
def test_c_015_keys_that_are_no_points_of_the_group(at: datetime, step: int, name: str) -> None:
    """C-015: in the mapping and in the agreement, before anything is agreed with them."""
    value = tlv.encode(0x7C, tlv.encode(TAGS[step], POINTS[name])) + b"\x90\x00"
    card = Rewriting(step, lambda _: value)
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.point"
    assert len(card.authenticating) == step
    assert card.commands[-1] == card.authenticating[-1]


@pytest.mark.parametrize("step", [2, 3])
def test_c_015_the_terminals_own_key(at: datetime, step: int) -> None:
    """C-015: sent back by a chip that knows no key at all."""
    card = Rewriting(0, lambda answer: answer)

    def own(_: bytes) -> bytes:
        sent = tlv.parse(card.commands[-1][5:-1]).children()[0].value
        return tlv.encode(0x7C, tlv.encode(TAGS[step], sent)) + b"\x90\x00"

    card._step, card._rewrite = step, own
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.reflection"


def _token(change: Callable[[bytes], bytes]) -> Rewrite:
    def rewrite(answer: bytes) -> bytes:
        right = tlv.parse(answer[:-2]).children()[0].value
        return tlv.encode(0x7C, tlv.encode(0x86, change(right))) + answer[-2:]

    return rewrite


TOKENS = {
    "wrong": lambda right: bytes([right[0] ^ 1]) + right[1:],
    "wrong at its end": lambda right: right[:-1] + bytes([right[-1] ^ 1]),
    "truncated": lambda right: right[:-1],
    "four bytes": lambda right: right[:4],
    "empty": lambda _: b"",
    "lengthened": lambda right: right + b"\x00",
    "twice": lambda right: right + right,
    "zeros": lambda _: bytes(8),
}


@pytest.mark.parametrize("name", TOKENS)
def test_c_019_tokens_that_confirm_nothing(at: datetime, name: str) -> None:
    """C-019: wrong, truncated or lengthened: there is no session."""
    card = Rewriting(4, _token(TOKENS[name]))
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.token"
    assert card.commands[-1] == card.authenticating[-1]


def test_c_019_the_terminals_own_token(at: datetime) -> None:
    """C-019: reflected, it is over the other key, and so it is wrong."""
    card = Rewriting(0, lambda answer: answer)

    def own(answer: bytes) -> bytes:
        sent = tlv.parse(card.commands[-1][5:-1]).children()[0].value
        return tlv.encode(0x7C, tlv.encode(0x86, sent)) + answer[-2:]

    card._step, card._rewrite = 4, own
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.token"


@pytest.mark.parametrize("step", STEPS)
def test_c_020_tags_of_another_kind(at: datetime, step: int) -> None:
    """C-020: 90, 92, 94, 96 for 80, 82, 84, 86: the chip is left at once."""
    card = Rewriting(step, retagged(step))
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.answer"
    assert len(card.authenticating) == step
    assert card.commands[-1] == card.authenticating[-1]


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("step", STEPS)
def test_c_020_objects_that_are_not_the_one_expected(at: datetime, step: int, name: str) -> None:
    """C-020: objects repeated, added, cut or trailed by bytes: no step takes a part of it."""
    card = Rewriting(step, MALFORMED[name])
    with pytest.raises(ProtocolError) as caught:
        attempt(card, at)
    assert caught.value.code == "pace.answer"
    assert len(card.authenticating) == step
    assert card.commands[-1] == card.authenticating[-1]


def test_c_020_the_answer_of_another_step(at: datetime) -> None:
    """C-020: an earlier step's right answer, played again, is not the answer of a later one."""
    heard: list[bytes] = []

    def note(answer: bytes) -> bytes:
        heard.append(answer)
        return answer

    attempt(Rewriting(2, note), at)
    for step in (1, 3, 4):
        with pytest.raises(ProtocolError):
            attempt(Rewriting(step, lambda _: heard[0]), at)


def test_c_021_the_chain_is_marked_as_one(at: datetime) -> None:
    """C-021: three commands of a chain and its last, which every chip can hold us to."""
    card = Rewriting(0, lambda answer: answer)
    attempt(card, at)
    assert [command[0] for command in card.authenticating] == [0x10, 0x10, 0x10, 0x00]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "sw",
    [0x6883, 0x6884, 0x6985, 0x6986, 0x6A80, 0x6A86, 0x6B00, 0x6D00, 0x6E00, 0x6F00],
    ids="{:04X}".format,
)
def test_c_021_a_status_word_that_changes_the_order(at: datetime, step: int, sw: int) -> None:
    """C-021: whatever the chip would rather have next, no step is repeated, skipped or reordered."""
    card = Rewriting(step, lambda _: sw.to_bytes(2, "big"))
    with pytest.raises(CardError):
        attempt(card, at)
    assert len(card.authenticating) == step
    assert card.commands[-1] == card.authenticating[-1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("sw", [0x6282, 0x6283, 0x6300, 0x63C2, 0x9001], ids="{:04X}".format)
def test_c_021_a_right_answer_under_a_wrong_status(at: datetime, step: int, sw: int) -> None:
    """C-021: the right object under a warning is no right answer."""
    card = Rewriting(step, lambda answer: answer[:-2] + sw.to_bytes(2, "big"))
    with pytest.raises(CardError):
        attempt(card, at)
    assert card.commands[-1] == card.authenticating[-1]


def test_c_021_a_chip_holds_the_terminal_to_the_order(at: datetime) -> None:
    """C-021, the other side: without its chaining bit a step is refused, by our own chip too."""
    tap = Rewriting(0, lambda answer: answer)
    attempt(tap, at)
    _, choice, first = tap.commands[:3]
    for bit, sw in ((0x00, b"\x90\x00"), (0x10, b"\x69\x85")):
        chip = SoftwareCard(IMAGE)
        chip.transmit(choice)
        assert chip.transmit(bytes([first[0] ^ bit]) + first[1:])[-2:] == sw


@pytest.mark.parametrize("cryptogram", [bytes(16), bytes(80), b""], ids=len)
def test_c_023_chip_data_beside_generic_mapping(at: datetime, cryptogram: bytes) -> None:
    """C-023: object 8A outside chip authentication mapping is passed over; it claims nothing."""
    card = Rewriting(4, with_object(lambda inner: inner + tlv.encode(0x8A, cryptogram)))
    evidence = attempt(card, at)
    assert evidence.access.mapping == "GM"
    assert evidence.chip_authentication is None
    assert evidence.files["EF.DG1"] == IMAGE.files["EF.DG1"]


def test_c_023_chip_data_before_the_token(at: datetime) -> None:
    """C-023: it may stand behind the token, nowhere else."""
    card = Rewriting(4, with_object(lambda inner: tlv.encode(0x8A, bytes(16)) + inner))
    with pytest.raises(ProtocolError):
        attempt(card, at)
