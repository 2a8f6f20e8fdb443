"""DG7, DG11, DG12 and DG16, and the field reader that DG11 and DG12 share."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from eid import tlv
from eid.chip.lds import details
from eid.chip.lds.dg7 import parse_dg7
from eid.chip.lds.dg11 import parse_dg11
from eid.chip.lds.dg12 import parse_dg12
from eid.chip.lds.dg16 import parse_dg16
from eid.errors import FormatError


def field(tag: int, value: bytes | str) -> bytes:
    return tlv.encode(tag, value.encode() if isinstance(value, str) else value)


class TestDg11:
    def test_everything(self) -> None:
        found = parse_dg11(
            tlv.encode(
                0x6B,
                field(0x5C, b"\x5f\x0e\x5f\x10"),
                field(0x5F0E, "NGUYỄN<<THU"),
                tlv.encode(0xA0, field(0x02, b"\x02"), field(0x5F0F, "ONE"), field(0x5F0F, "TWO")),
                field(0x5F10, "001"),
                field(0x5F2B, bytes.fromhex("19900131")),
                field(0x5F11, "HANOI<VIET NAM"),
                field(0x5F42, "1 STREET<<CITY"),
                field(0x5F12, "+84"),
                field(0x5F13, "BAKER"),
                field(0x5F14, "DR"),
                field(0x5F15, "SUMMARY"),
                field(0x5F16, b"\xff\xd8\xff"),
                field(0x5F17, "A1<B2"),
                field(0x5F18, "NONE"),
            )
        )
        assert found.name == "NGUYỄN<<THU"
        assert found.other_names == ("ONE", "TWO")
        assert found.birth_date == date(1990, 1, 31)
        assert found.birth_place == ("HANOI", "VIET NAM")
        assert found.address == ("1 STREET", "CITY")
        assert found.proof_of_citizenship == b"\xff\xd8\xff"
        assert found.other_documents == ("A1", "B2")
        assert (found.telephone, found.profession, found.title) == ("+84", "BAKER", "DR")
        assert (found.summary, found.custody, found.personal_number) == ("SUMMARY", "NONE", "001")
        assert "NGUYỄN" not in repr(found)

    def test_other_name_without_its_list(self) -> None:
        """Chinese chips leave A0 out."""
        assert parse_dg11(tlv.encode(0x6B, field(0x5F0F, "X"))).other_names == ("X",)

    def test_empty_and_unknown(self) -> None:
        found = parse_dg11(tlv.encode(0x6B, field(0x5F7A, b"?"), field(0x53, b"\x00\x00")))
        assert (found.name, found.birth_date, found.address) == ("", None, ())
        assert found.fields == {0x5F7A: (b"?",)}

    @pytest.mark.parametrize("value", [b"19900231", b"1990", b"00000000", b"1990013x", b""])
    def test_impossible_dates(self, value: bytes) -> None:
        assert parse_dg11(tlv.encode(0x6B, field(0x5F2B, value))).birth_date is None

    def test_c_062_texts_are_data(self) -> None:
        for text in ("\u202e<b>", "=cmd()", "a\r\nb", "\x00"):
            assert parse_dg11(tlv.encode(0x6B, field(0x5F0E, text))).name == text
        assert parse_dg11(tlv.encode(0x6B, field(0x5F0E, b"\xe9"))).name == "é"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            tlv.encode(0x6C),
            tlv.encode(0x6B, field(0x5F0E, "A"), field(0x5F0E, "B")),
            tlv.encode(0x6B, field(0x5F0E, "A" * 5000)),
            tlv.encode(0x6B, *[field(0x5F0F, "A")] * 200),
            tlv.encode(0x6B, field(0x5F16, bytes(details.MAX_FIELD + 1))),
            tlv.encode(0x6B, b"\x5f"),
        ],
    )
    def test_refused(self, data: bytes) -> None:
        with pytest.raises(FormatError):
            parse_dg11(data)


class TestDg12:
    def test_everything(self) -> None:
        found = parse_dg12(
            tlv.encode(
                0x6C,
                field(0x5F19, "AUTHORITY"),
                field(0x5F26, "20201121"),
                tlv.encode(0xA0, field(0x02, b"\x01"), field(0x5F1A, "CHILD")),
                field(0x5F1B, "NOTE"),
                field(0x5F1C, "TAX"),
                field(0x5F1D, b"front"),
                field(0x5F1E, b"rear"),
                field(0x5F55, "20201121101112"),
                field(0x5F56, "SN1"),
            )
        )
        assert (found.authority, found.issued) == ("AUTHORITY", date(2020, 11, 21))
        assert found.personalised == datetime(2020, 11, 21, 10, 11, 12, tzinfo=UTC)
        assert (found.other_persons, found.machine) == (("CHILD",), "SN1")
        assert (found.front, found.rear) == (b"front", b"rear")
        assert (found.endorsements, found.tax_or_exit) == ("NOTE", "TAX")

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (bytes.fromhex("20201121101112"), datetime(2020, 11, 21, 10, 11, 12, tzinfo=UTC)),
            (b"20201321101112", None),
            (b"2020", None),
        ],
    )
    def test_three_forms_of_time(self, value: bytes, expected: datetime | None) -> None:
        assert parse_dg12(tlv.encode(0x6C, field(0x5F55, value))).personalised == expected


class TestDg7:
    def test_pictures(self) -> None:
        data = tlv.encode(0x67, field(0x02, b"\x02"), field(0x5F43, b"a"), field(0x5F43, b"b"))
        assert parse_dg7(data) == (b"a", b"b")

    def test_empty(self) -> None:
        assert parse_dg7(b"\x67\x00") == ()

    @pytest.mark.parametrize(
        "parts", [(field(0x02, b"\x02"), field(0x5F43, b"a")), [field(0x5F43, b"a")] * 10]
    )
    def test_wrong_count(self, parts: list[bytes]) -> None:
        with pytest.raises(FormatError):
            parse_dg7(tlv.encode(0x67, *parts))


class TestDg16:
    def test_persons(self) -> None:
        person = (
            field(0x5F50, "20200102"),
            field(0x5F51, "SMITH<<JOHN"),
            field(0x5F52, "123"),
            field(0x5F53, "STREET<CITY"),
        )
        data = tlv.encode(
            0x70, field(0x02, b"\x02"), tlv.encode(0xA1, *person), tlv.encode(0xA2, *person[1:2])
        )
        first, second = parse_dg16(data)
        assert (first.recorded, first.address) == (date(2020, 1, 2), ("STREET", "CITY"))
        assert (second.name, second.telephone) == ("SMITH<<JOHN", "")
        assert "SMITH" not in repr(first)

    @pytest.mark.parametrize(
        "data",
        [
            tlv.encode(0x70, field(0x02, b"\x01")),
            tlv.encode(0x70, tlv.encode(0xA1, *[field(0x5F51, "A")] * 17)),
            tlv.encode(0x70, tlv.encode(0xA1, b"\x5f")),
        ],
    )
    def test_refused(self, data: bytes) -> None:
        with pytest.raises(FormatError):
            parse_dg16(data)
