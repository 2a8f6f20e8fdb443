"""Reading plans: known names, sensible order, plans of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from eid.chip.plan import MAX_TOML, PLANS, Plan, load_plan, parse_plan
from eid.errors import FormatError, SettingsError


def test_plans() -> None:
    kiosk = {"EF.DG1", "EF.DG13", "EF.DG14", "EF.DG15", "EF.SOD"}
    assert set(PLANS["kiosk"].files) == kiosk
    assert set(PLANS["bank"].files) == kiosk | {"EF.DG2"}
    assert {"EF.DG11", "EF.DG12", "EF.DG16", "EF.DG7"} < set(PLANS["full"].files)
    for name, plan in PLANS.items():
        assert plan.name == name
        assert plan.files[0] == "EF.SOD"
        assert plan.files[1] == "EF.DG14", "Chip Authentication protects all that follows"
        assert plan.active_authentication
        assert plan.chip_authentication


def test_only_one_plan_needs_a_terminal_identity() -> None:
    assert [name for name, plan in PLANS.items() if plan.terminal_authentication] == ["biometrics"]


@pytest.mark.parametrize(
    "files", [("EF.DG99",), ("EF.SOD", "EF.SOD"), ("EF.CardAccess",), ("EF.CardSecurity",)]
)
def test_files_must_be_known_and_named_once(files: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="known files"):
        Plan(name="mine", files=files)


def test_a_plan_is_a_table() -> None:
    assert list(PLANS["kiosk"].steps()) == [
        "EF.CardAccess",
        "access (PACE, else BAC)",
        "EF.SOD",
        "EF.DG14",
        "Chip Authentication",
        "EF.DG1",
        "EF.DG15",
        "EF.DG13",
        "Active Authentication",
    ]
    assert "Terminal Authentication" in PLANS["biometrics"].steps()


TEXT = 'name = "counter"\nfiles = ["EF.SOD", "EF.DG1"]\nactive_authentication = false\n'


def test_own_plan(tmp_path: Path) -> None:
    path = tmp_path / "counter.toml"
    path.write_text(TEXT)
    assert load_plan(str(path)) == Plan(
        name="counter", files=("EF.SOD", "EF.DG1"), active_authentication=False
    )
    assert load_plan("bank") is PLANS["bank"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name = ",
        'name = "a"',
        'name = ""\nfiles = []',
        'name = "a\\n"\nfiles = []',
        'name = "a"\nfiles = "EF.SOD"',
        'name = "a"\nfiles = [1]',
        'name = "a"\nfiles = ["EF.DG17"]',
        'name = "a"\nfiles = []\nchip_authentication = 1',
        'name = "a"\nfiles = []\nskip_checks = true',
        " " * (MAX_TOML + 1),
    ],
)
def test_malformed(text: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        parse_plan(text)
    assert caught.value.code == "plan.form"
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(FormatError):
        load_plan(str(path))


def test_unknown_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        load_plan("everything")
    assert caught.value.code == "plan.unknown"
    with pytest.raises(SettingsError):
        load_plan(str(tmp_path / "none.toml"))
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError):
        load_plan(str(bad))


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    try:
        parse_plan(text)
    except FormatError:
        return
