"""Reading files: by short identifier, by selection, in blocks, past every fall-back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from eid import tlv
from eid.chip.apdu import Command, Response
from eid.chip.card import MAX_FILE, Card
from eid.chip.crypto import Suite
from eid.chip.lds.files import FILES
from eid.chip.messaging import SecureMessaging
from eid.chip.transport import ReaderInfo
from eid.errors import (
    CardRemoved,
    DeadlineExceeded,
    ProtocolError,
    SecureMessagingError,
    StatusError,
)

DG2 = FILES["EF.DG2"]
CARD_ACCESS = FILES["EF.CardAccess"]
AID = bytes.fromhex("A0000002471001")


READER = ReaderInfo(name="Plain chip")


def content(size: int, tag: int = 0x75) -> bytes:
    """A file of this many bytes in all."""
    for head in (2, 3, 4, 5):
        file = tlv.encode(tag, bytes(i * 31 & 0xFF for i in range(size - head)))
        if len(file) == size:
            return file
    raise AssertionError(size)


@dataclass
class PlainChip:
    """A chip without access control, whose habits can be set."""

    files: dict[int, bytes]
    most: int = 65_533
    extended: bool = True
    sfi: bool = True
    master_file: int = 0x6D00
    too_much: int = 0x6700
    end_of_file: int = 0x9000
    select_sw: int = 0x9000
    refuse_select: frozenset[int] = frozenset()
    reader: ReaderInfo = READER
    log: list[bytes] = field(default_factory=list)
    spoil: Callable[[int, bytes], bytes] = lambda _, answer: answer
    current: bytes = b""
    pending: bytes = b""

    def transmit(self, command: bytes) -> bytes:
        self.log.append(command)
        return self.spoil(len(self.log), self._answer(command))

    def close(self) -> None:
        pass

    def _answer(self, raw: bytes) -> bytes:
        ins, p1, p2 = raw[1], raw[2], raw[3]
        if len(raw) > 5 and raw[4] == 0 and not self.extended:
            return b"\x67\x00"
        if ins == 0xA4:
            return self._select(p1, raw)
        data, le = self._lengths(raw)
        if ins == 0xC0:
            return self._continue(le)
        offset = p1 << 8 | p2
        if ins == 0xB1:
            offset = int.from_bytes(tlv.parse(data).value, "big")
        elif p1 & 0x80:
            fids = [fid for fid in self.files if fid & 0xFF == p1 & 0x1F]
            if not self.sfi:
                return b"\x6a\x86"
            if not fids:
                return b"\x6a\x82"
            self.current, offset = self.files[fids[0]], p2
        return self._read(offset, le, framed=ins == 0xB1)

    def _lengths(self, raw: bytes) -> tuple[bytes, int]:
        if len(raw) == 5:
            return b"", raw[4] or 256
        if raw[4] == 0:
            rest = raw[5:]
            if len(rest) == 2:
                return b"", int.from_bytes(rest, "big") or 65536
            lc = int.from_bytes(rest[:2], "big")
            return rest[2 : 2 + lc], int.from_bytes(rest[2 + lc :], "big") or 65536
        return raw[5 : 5 + raw[4]], raw[-1] or 256

    def _select(self, p1: int, raw: bytes) -> bytes:
        data = raw[5:]
        if p1 == 0:
            return self.master_file.to_bytes(2, "big")
        if p1 == 4:
            return b"\x90\x00" if data == AID else b"\x6a\x82"
        fid = int.from_bytes(data, "big")
        if fid not in self.files or fid in self.refuse_select:
            return b"\x6a\x82"
        self.current = self.files[fid]
        return self.select_sw.to_bytes(2, "big")

    def _read(self, offset: int, le: int, *, framed: bool) -> bytes:
        if offset > len(self.current):
            return b"\x6b\x00"
        room = le - 4 if framed else le
        if le > self.most:
            if self.too_much == 0x6C00:
                return bytes([0x6C, min(self.most, len(self.current) - offset) & 0xFF])
            if self.too_much == 0x9000:
                return b"\x90\x00"
            if self.too_much != 0x6100:
                return self.too_much.to_bytes(2, "big")
        block = self.current[offset : offset + room]
        short = len(block) < room
        if framed:
            block = tlv.encode(0x53, block)
        if self.too_much == 0x6100 and len(block) > self.most:
            self.pending = block[self.most :]
            return block[: self.most] + bytes([0x61, min(len(self.pending), 255)])
        return block + (self.end_of_file if short else 0x9000).to_bytes(2, "big")

    def _continue(self, le: int) -> bytes:
        block, self.pending = self.pending[:le], self.pending[le:]
        more = bytes([0x61, min(len(self.pending), 255)]) if self.pending else b"\x90\x00"
        return block + more


def read(chip: PlainChip, **options: object) -> bytes:
    return Card(chip, **options).read_file(DG2.fid, DG2.sfi)


class TestReading:
    @pytest.mark.parametrize("size", [3, 100, 256, 257, 18_420, 32_767, 40_000, 65_279])
    def test_one_command_with_extended_length(self, size: int) -> None:
        chip = PlainChip({DG2.fid: content(size)})
        assert read(chip) == content(size)
        assert chip.log == [bytes.fromhex("00B0820000FF00")]

    @pytest.mark.parametrize("size", [3, 255, 256, 257, 5_000, 32_768, 33_200])
    def test_short_commands(self, size: int) -> None:
        chip = PlainChip({DG2.fid: content(size)}, extended=False)
        assert read(chip, extended=False) == content(size)
        assert all(len(command) <= 12 for command in chip.log)

    def test_number_of_short_commands(self) -> None:
        chip = PlainChip({DG2.fid: content(5_120)}, extended=False)
        read(chip, extended=False)
        assert len(chip.log) == 20
        assert chip.log[1] == bytes.fromhex("00B0010000")

    @pytest.mark.parametrize("size", [65_281, 70_000, 100_000, 262_144])
    def test_far_offsets(self, size: int) -> None:
        """Past 32,767 an offset goes into a data object, and an answer into another."""
        chip = PlainChip({DG2.fid: content(size)})
        assert read(chip) == content(size)
        assert chip.log[1][1] == 0xB1

    def test_probing_costs_one_command(self) -> None:
        chip = PlainChip({DG2.fid: content(600)}, extended=False)
        card = Card(chip)
        assert card.read_file(DG2.fid, DG2.sfi) == content(600)
        assert card.extended is False
        assert len(chip.log) == 4

    def test_extended_is_learned(self) -> None:
        card = Card(PlainChip({DG2.fid: content(600)}))
        card.read_file(DG2.fid, DG2.sfi)
        assert card.extended is True

    @pytest.mark.parametrize("padding", [1, 300, 5000])
    def test_bytes_after_the_file_are_cut(self, padding: int) -> None:
        chip = PlainChip({DG2.fid: content(100) + bytes(padding)})
        assert read(chip) == content(100)

    @pytest.mark.parametrize("sw", [0x6282, 0x6283])
    def test_warning_at_the_end_of_the_file(self, sw: int) -> None:
        assert read(PlainChip({DG2.fid: content(100)}, end_of_file=sw)) == content(100)

    @pytest.mark.parametrize("most", [4096, 1024, 256, 223, 100, 17, 8, 1])
    @pytest.mark.parametrize("too_much", [0x6700, 0x6C00, 0x9000])
    def test_smaller_blocks(self, most: int, too_much: int) -> None:
        chip = PlainChip({DG2.fid: content(3000)}, most=most, too_much=too_much)
        assert read(chip, extended=True) == content(3000)

    def test_answers_in_parts(self) -> None:
        chip = PlainChip({DG2.fid: content(1000)}, most=100, too_much=0x6100)
        assert read(chip) == content(1000)

    def test_short_answers_are_continued(self) -> None:
        file = content(1000)

        def shorten(count: int, answer: bytes) -> bytes:
            return answer[:-2][: 50 + count] + b"\x90\x00"

        assert read(PlainChip({DG2.fid: file}, spoil=shorten), extended=False) == file


class TestSelection:
    def test_chip_without_short_identifiers(self) -> None:
        files = {DG2.fid: content(100), 0x0101: content(50, 0x61)}
        chip = PlainChip(files, sfi=False)
        card = Card(chip)
        assert card.read_file(DG2.fid, DG2.sfi) == content(100)
        assert card.read_file(0x0101, 1) == content(50, 0x61)
        assert [command[1] for command in chip.log] == [0xB0, 0xA4, 0xB0, 0xA4, 0xB0]

    def test_missing_file(self) -> None:
        with pytest.raises(StatusError) as caught:
            read(PlainChip({}))
        assert caught.value.sw == 0x6A82

    def test_missing_file_by_selection(self) -> None:
        with pytest.raises(StatusError) as caught:
            read(PlainChip({}, sfi=False))
        assert caught.value.sw == 0x6A82

    def test_forbidden_file_costs_one_command(self) -> None:
        chip = PlainChip({DG2.fid: content(9)}, spoil=lambda *_: b"\x69\x82")
        with pytest.raises(StatusError) as caught:
            read(chip)
        assert (caught.value.sw, len(chip.log)) == (0x6982, 1)

    def test_application(self) -> None:
        chip = PlainChip({})
        Card(chip).select_application()
        assert chip.log == [bytes.fromhex("00A4040C07A0000002471001")]

    def test_no_application(self) -> None:
        with pytest.raises(StatusError):
            Card(PlainChip({}, spoil=lambda *_: b"\x6a\x82")).select_application()


class TestCardAccess:
    FILE = content(54, 0x31)

    def test_by_short_identifier(self) -> None:
        chip = PlainChip({CARD_ACCESS.fid: self.FILE})
        assert Card(chip).read_card_access() == self.FILE
        assert [command.hex() for command in chip.log] == ["00b09c0000ff00"]

    def test_by_selection(self) -> None:
        chip = PlainChip({CARD_ACCESS.fid: self.FILE}, sfi=False)
        assert Card(chip).read_card_access() == self.FILE
        assert chip.log[1] == bytes.fromhex("00A4020C02011C")

    def test_below_the_master_file(self) -> None:
        chip = PlainChip({CARD_ACCESS.fid: self.FILE}, sfi=False, master_file=0x9000)
        selects = []

        def only_below(_: int, answer: bytes) -> bytes:
            if chip.log[-1][1] == 0xA4:
                selects.append(chip.log[-1])
                return b"\x69\x82" if len(selects) == 1 else answer
            return answer

        chip.spoil = only_below
        assert Card(chip).read_card_access() == self.FILE
        assert selects[1] == bytes.fromhex("00A4000C023F00")

    @pytest.mark.parametrize("master_file", [0x6D00, 0x6A86, 0x6982, 0x9000])
    def test_nowhere(self, master_file: int) -> None:
        chip = PlainChip({}, master_file=master_file)
        assert Card(chip).read_card_access() is None
        assert len(chip.log) <= 4

    def test_selected_with_a_warning(self) -> None:
        chip = PlainChip({CARD_ACCESS.fid: self.FILE}, sfi=False, select_sw=0x6283)
        assert Card(chip).read_card_access() == self.FILE


class TestHostileFiles:
    def refuses(self, chip: PlainChip, code: str, **options: object) -> None:
        with pytest.raises(ProtocolError) as caught:
            read(chip, **options)
        assert caught.value.code == code

    def test_more_than_asked(self) -> None:
        chip = PlainChip({DG2.fid: content(300)}, spoil=lambda _, a: bytes(300) + a)
        self.refuses(chip, "file.excess", extended=False)

    def test_announces_too_much(self) -> None:
        self.refuses(PlainChip({DG2.fid: bytes.fromhex("7583040001") + bytes(300)}), "file.size")
        assert MAX_FILE == 0x40000

    @pytest.mark.parametrize("head", ["75", "7580", "758500000000", "75FF", "7584FFFFFFFF"])
    def test_no_length(self, head: str) -> None:
        self.refuses(PlainChip({DG2.fid: bytes.fromhex(head)}), "file.length")

    def test_empty(self) -> None:
        self.refuses(PlainChip({DG2.fid: b""}), "file.empty")

    def test_ends_too_early(self) -> None:
        self.refuses(PlainChip({DG2.fid: content(3000)[:1500]}), "file.truncated")
        self.refuses(PlainChip({DG2.fid: content(3000)[:1500]}), "file.truncated", extended=False)

    def test_offset_refused(self) -> None:
        def past(count: int, answer: bytes) -> bytes:
            return b"\x6b\x00" if count > 2 else answer

        chip = PlainChip({DG2.fid: content(3000)}, spoil=past)
        self.refuses(chip, "file.truncated", extended=False)

    @pytest.mark.parametrize(
        "frame",
        [b"", b"\x54\x01\x00", b"\x53\x05\x00", b"\x53\x01\x00\x00", b"\x53\x82\xff\xff"],
        ids=range(5),
    )
    def test_wrong_frame(self, frame: bytes) -> None:
        def wrong(_: int, answer: bytes) -> bytes:
            return frame + b"\x90\x00" if chip.log[-1][1] == 0xB1 else answer

        chip = PlainChip({DG2.fid: content(70_000)}, spoil=wrong)
        self.refuses(chip, "file.frame")

    def test_frame_with_more_than_asked(self) -> None:
        def more(_: int, answer: bytes) -> bytes:
            if chip.log[-1][1] != 0xB1:
                return answer
            return tlv.encode(0x53, tlv.parse(answer[:-2], ber=True).value + b"\x00") + b"\x90\x00"

        chip = PlainChip({DG2.fid: content(65_300)}, spoil=more)
        self.refuses(chip, "file.frame")

    def test_answer_in_parts_without_end(self) -> None:
        self.refuses(
            PlainChip({DG2.fid: content(9)}, spoil=lambda *_: b"x\x61\x10"), "card.endless_answer"
        )
        chip = PlainChip({DG2.fid: content(9)}, spoil=lambda *_: bytes(300) + b"\x61\x00")
        self.refuses(chip, "card.endless_answer")

    @pytest.mark.parametrize(
        "sw", [*range(0x6000, 0xA000, 0x0101), 0x6400, 0x6581, 0x6F00, 0xFFFF]
    )
    def test_every_status_ends_in_a_typed_error(self, sw: int) -> None:
        chip = PlainChip({DG2.fid: content(9)}, spoil=lambda *_: sw.to_bytes(2, "big"))
        with pytest.raises((StatusError, ProtocolError)):
            read(chip)
        assert len(chip.log) < 400


class TestTime:
    def test_deadline(self) -> None:
        now = [0.0]
        chip = PlainChip({DG2.fid: content(3000)})

        def slow(_: int, answer: bytes) -> bytes:
            now[0] += 2.0
            return answer

        chip.spoil = slow
        with pytest.raises(DeadlineExceeded):
            read(chip, extended=False, limit=10.0, clock=lambda: now[0])
        assert len(chip.log) == 5


class TestSession:
    def session(self) -> SecureMessaging:
        return SecureMessaging(Suite.AES_128, bytes(16), bytes(16), bytes(16))

    def test_nothing_goes_in_the_clear_after_a_failure(self) -> None:
        chip = PlainChip({})
        card, messaging = Card(chip), self.session()
        card.secure(messaging)
        assert card.secured
        with pytest.raises(SecureMessagingError):
            card.select_application()
        assert not messaging.is_open
        with pytest.raises(SecureMessagingError):
            card.select_application()
        assert len(chip.log) == 1
        assert chip.log[0][0] == 0x0C

    def test_removal_wipes_the_keys(self) -> None:
        def gone(*_: object) -> bytes:
            raise CardRemoved("The card left the reader.")

        card, messaging = Card(PlainChip({}, spoil=gone)), self.session()
        card.secure(messaging)
        with pytest.raises(CardRemoved):
            card.exchange(Command(0, 0xB0, 0, 0, le=1))
        assert not messaging.is_open

    def test_a_new_session_wipes_the_old(self) -> None:
        card, first, second = Card(PlainChip({})), self.session(), self.session()
        card.secure(first)
        card.secure(second)
        assert (first.is_open, second.is_open) == (False, True)
        card.wipe()
        assert not second.is_open

    def test_wipe_without_a_session(self) -> None:
        card = Card(PlainChip({}))
        card.wipe()
        assert not card.secured
        assert card.exchange(Command(0, 0xA4, 4, 0x0C, AID)) == Response(b"", 0x9000)
        assert card.reader.name == "Plain chip"
