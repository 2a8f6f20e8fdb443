from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.testing.card_image import MAX_JSON, CardImage


def test_a_card_file_keeps_everything(card_image: CardImage) -> None:
    assert CardImage.from_json(card_image.to_json()) == card_image


def _changed(image: CardImage, **changes: object) -> bytes:
    return json.dumps(json.loads(image.to_json()) | changes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 1},
        {"extra": 1},
        {"files": []},
        {"files": {"EF.DG1": 7}},
        {"files": {"EF.DG1": "&&"}},
        {"can": 123456},
        {"mrz_information": None},
        {"aa_private_key": "not base64"},
        {"ca_private_keys": ["xyz"]},
        {"ca_private_keys": 12},
        {"atr": "3"},
    ],
)
def test_a_changed_member_is_refused(card_image: CardImage, changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        CardImage.from_json(_changed(card_image, **changes))


def test_a_missing_member_is_refused(card_image: CardImage) -> None:
    members = json.loads(card_image.to_json())
    del members["atr"]
    with pytest.raises(FormatError):
        CardImage.from_json(json.dumps(members).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"\xff", b"[" * 100_000, b"{", b"null"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        CardImage.from_json(data)


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(FormatError) as caught:
        CardImage.from_json(b" " * (MAX_JSON + 1))
    assert caught.value.code == "testcard.size"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_card_or_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        CardImage.from_json(data)
