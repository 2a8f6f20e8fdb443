"""Channels: how they are shown, and how long a code to them is good."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from eid.levels.factors.code import Channel, FileSender, message


@pytest.mark.parametrize(
    ("kind", "address", "masked"),
    [
        ("email", "thu.nguyen@mail.example", "t…@mail.example"),
        ("sms", "+84901234567", "…67"),
        ("letter", "12 Phố Huế, Hà Nội", "✉"),
    ],
)
def test_a_channel_is_shown_masked(kind, address, masked):
    channel = Channel(kind=kind, address=address)
    assert channel.masked == masked
    assert address not in repr(channel)


def test_a_letter_has_to_be_fetched_so_its_code_lasts():
    assert Channel(kind="letter", address="Hà Nội").lifetime == timedelta(days=30)
    assert Channel(kind="email", address="a@b.example").lifetime == timedelta(minutes=10)


def test_the_message_says_how_long(tmp_path):
    text = message("12345678", "Example", lifetime=timedelta(days=30))
    assert "30 ngày" in text
    assert "30 days" in text
    assert "10 minutes" in message("12345678", "Example")
    box = FileSender(path=tmp_path / "outbox")
    at = datetime(2026, 11, 21, tzinfo=UTC)
    box(Channel(kind="letter", address="Hà Nội"), text, at=at)
    [line] = (tmp_path / "outbox").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["to"] == "Hà Nội"
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o600
