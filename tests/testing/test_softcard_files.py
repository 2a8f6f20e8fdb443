from __future__ import annotations

import pytest

from eid.testing.softcard_apdu import Refused
from eid.testing.softcard_files import APPLICATION, ChipFiles, Rights

FILES = {"EF.CardAccess": b"access", "EF.DG1": b"one", "EF.DG4": b"iris"}


def _status(action: str, number: int, *, granted: bool, application: bool) -> int:
    files = ChipFiles(FILES)
    if application:
        files.select_application(APPLICATION)
    select = files.select_file if action == "file" else files.select_short
    try:
        select(number, Rights(granted=granted))
    except Refused as refusal:
        return refusal.sw
    return 0x9000


@pytest.mark.parametrize(
    ("number", "granted", "application", "status"),
    [
        (0x1C, False, False, 0x9000),
        (0x1C, True, True, 0x9000),
        (0x01, False, True, 0x6982),
        (0x01, True, False, 0x6A82),
        (0x01, True, True, 0x9000),
        (0x02, True, True, 0x6A82),
        (0x03, True, True, 0x6A82),
        (0x04, True, True, 0x6982),
        (0x1F, True, True, 0x6A82),
        (0x1F, False, True, 0x6982),
    ],
)
def test_who_may_select_what(number: int, granted: bool, application: bool, status: int) -> None:
    for action, identifier in (("file", 0x0100 | number), ("short", number)):
        assert _status(action, identifier, granted=granted, application=application) == status


def test_selecting_the_application_unselects_the_file() -> None:
    files = ChipFiles(FILES)
    files.select_file(0x011C, ChipFiles.FREE)
    assert files.read(2, 100) == b"cess"
    files.select_application(APPLICATION)
    with pytest.raises(Refused):
        files.read(0, 1)


def test_a_card_without_card_access() -> None:
    with pytest.raises(Refused) as caught:
        ChipFiles({}).select_short(0x1C, ChipFiles.FREE)
    assert caught.value.sw == 0x6A82
