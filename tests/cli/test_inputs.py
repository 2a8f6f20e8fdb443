import io
from datetime import UTC, datetime

import pytest

from eid.cli import inputs
from eid.errors import FormatError


@pytest.mark.parametrize(
    "text", ["", "00" * 7, "00" * 9, "0x" + "0" * 14, "g" * 16, "\u0660" * 16]
)
def test_a_challenge_is_sixteen_digits(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        inputs.challenge(text)
    assert caught.value.code == "input.challenge"


def test_challenge() -> None:
    assert inputs.challenge("0123456789ABCDEF") == bytes.fromhex("0123456789abcdef")


def test_a_secret_comes_from_one_line_of_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inputs.secret("001090999999") == "001090999999"
    monkeypatch.setattr("sys.stdin", io.StringIO(" 123456 \nmore\n"))
    assert inputs.secret("-") == "123456"


def test_a_line_keeps_its_spaces_for_a_password_is_typed_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" correct horse \r\n"))
    assert inputs.line() == " correct horse "


def test_a_person_at_a_terminal_is_told_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO("123456\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    assert inputs.secret("-") == "123456"
    captured = capsys.readouterr()
    assert "Enter" in captured.err
    assert not captured.out


@pytest.mark.parametrize("text", ["", "\n", "x" * 513])
def test_stdin_without_a_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(FormatError) as caught:
        inputs.secret("-")
    assert caught.value.code == "input.line"


def test_moments() -> None:
    expected = datetime(2026, 11, 21, 1, tzinfo=UTC)
    for text in ("2026-11-21T08:00:00+07:00", "2026-11-21T01:00:00Z", "2026-11-21T01:00:00"):
        assert inputs.moment(text) == expected
    assert inputs.moment("2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC)
    assert inputs.moment(None).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+07:00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        inputs.moment(text)
    assert caught.value.code == "input.moment"


def test_dates_as_in_the_mrz() -> None:
    assert inputs.mrz_date("1990-03-02") == inputs.mrz_date("900302") == "900302"


@pytest.mark.parametrize(
    "text", ["", "9003", "02/03/1990", "1990-3-2", "\u0669\u0660\u0660\u0660\u0660\u0660"]
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(FormatError):
        inputs.mrz_date(text)
