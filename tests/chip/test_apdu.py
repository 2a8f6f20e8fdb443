"""Short and extended form of commands, and answers of any length."""

from __future__ import annotations

import pytest

from eid.chip.apdu import Command, Response, expect
from eid.errors import ProtocolError, StatusError


@pytest.mark.parametrize(
    ("data", "le", "short", "extended"),
    [
        ("", None, "00A4040C", "00A4040C"),
        ("", 1, "00A4040C01", "00A4040C000001"),
        ("", 256, "00A4040C00", "00A4040C000100"),
        ("AABB", None, "00A4040C02AABB", "00A4040C000002AABB"),
        ("AABB", 256, "00A4040C02AABB00", "00A4040C000002AABB0100"),
        ("AABB", 17, "00A4040C02AABB11", "00A4040C000002AABB0011"),
    ],
)
def test_four_cases(data: str, le: int | None, short: str, extended: str) -> None:
    command = Command(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex(data), le)
    assert command.encode().hex().upper() == short
    assert command.encode(extended=True).hex().upper() == extended


def test_most_is_written_as_zero() -> None:
    assert Command(0, 0xB0, 0, 0, le=65536).encode(extended=True).hex() == "00b00000000000"
    assert Command(0, 0xB0, 0, 0, b"\x01", 65536).encode(extended=True)[-2:] == b"\x00\x00"


@pytest.mark.parametrize(
    ("command", "extended"),
    [
        (Command(0, 0xB0, 0, 0, le=257), False),
        (Command(0, 0xB0, 0, 0, bytes(256)), False),
        (Command(0, 0xB0, 0, 0, bytes(65536)), True),
        (Command(0, 0xB0, 0, 0, le=65537), True),
        (Command(0, 0xB0, 0, 0, le=-1), True),
    ],
)
def test_what_does_not_fit(command: Command, extended: bool) -> None:
    with pytest.raises(ValueError, match=r"APDU|extended"):
        command.encode(extended=extended)


def test_answer() -> None:
    response = Response.parse(bytes.fromhex("01026A82"))
    assert (response.data, response.sw, response.ok) == (b"\x01\x02", 0x6A82, False)
    assert Response.parse(b"\x90\x00").ok


@pytest.mark.parametrize("size", [0, 1, 65_539])
def test_impossible_answers(size: int) -> None:
    with pytest.raises(ProtocolError):
        Response.parse(bytes(size))


def test_expect() -> None:
    assert expect(Response(b"x", 0x9000), "step") == b"x"
    with pytest.raises(StatusError) as caught:
        expect(Response(b"secret", 0x6982), "step")
    assert (caught.value.sw, caught.value.facts["step"]) == (0x6982, "step")
    assert "secret" not in str(caught.value)


def test_repr_hides_data() -> None:
    assert "SECRET" not in repr(Command(0, 0, 0, 0, b"SECRET")) + repr(Response(b"SECRET", 1))
