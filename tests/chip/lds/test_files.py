"""The table of files: no identifier, tag or name twice, and those everyone knows."""

from __future__ import annotations

import pytest

from eid.chip.lds.files import DATA_GROUPS, EMRTD_AID, FILES, by_dg, by_tag


def test_the_table():
    assert len(FILES) == 20
    assert EMRTD_AID.hex().upper() == "A0000002471001"
    assert [file.tag for file in DATA_GROUPS] == [
        0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70,
    ]  # fmt: skip
    in_application = [file for file in FILES.values() if file.home == "LDS1"]
    assert len({file.fid for file in in_application}) == len(in_application) == 18
    assert all(file.sfi == file.fid & 0xFF for file in FILES.values())
    assert FILES["EF.CardAccess"].fid == 0x011C
    assert FILES["EF.CardAccess"].home == "MF"
    assert (FILES["EF.SOD"].tag, FILES["EF.COM"].tag) == (0x77, 0x60)
    with pytest.raises(TypeError):
        FILES["EF.DG1"] = None  # type: ignore[index]


def test_look_up():
    for number in range(1, 17):
        assert by_dg(number).name == f"EF.DG{number}"
        assert by_tag(by_dg(number).tag) == by_dg(number)
    assert by_tag(0x77) is None
    for number in (0, 17, -1):
        with pytest.raises(KeyError):
            by_dg(number)
