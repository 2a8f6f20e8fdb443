"""Reading plans are data that name known files."""

from __future__ import annotations

import pytest

from eid.chip.plan import PLANS, Plan


def test_plans() -> None:
    kiosk = {"EF.DG1", "EF.DG13", "EF.DG14", "EF.DG15", "EF.SOD", "EF.COM"}
    assert set(PLANS["kiosk"].files) == kiosk
    assert set(PLANS["bank"].files) == kiosk | {"EF.DG2"}
    assert set(PLANS["bank"].files) < set(PLANS["full"].files)
    for name, plan in PLANS.items():
        assert plan.name == name
        assert plan.files[0] == "EF.SOD"
        assert plan.active_authentication


@pytest.mark.parametrize("files", [("EF.DG17",), ("DG1",), ("EF.DG1", "EF.DG1")])
def test_refused(files: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="known files"):
        Plan(name="mine", files=files)
