"""The reference of codes names every code that a check can carry."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "verdict-codes.md").read_text("utf-8")
LISTED = set(re.findall(r"`([a-z0-9_]+\.[a-z0-9_]+)`", REFERENCE))
FAMILIES = set(re.findall(r"`([a-z0-9_]+)\.…`", REFERENCE))
SOURCES = [
    *(ROOT / "eid" / "chip" / "checks").glob("*.py"),
    *(ROOT / "eid" / "trust").glob("*.py"),
    *(ROOT / "eid" / "chip" / "lds").glob("*.py"),
    ROOT / "eid" / "chip" / "active_auth.py",
    ROOT / "eid" / "chip" / "verify.py",
]
ELSEWHERE = {
    "settings", "trust", "crl", "format", "dg13", "masterlist", "ldif", "link", "authority", "candidate", "lds",
    "dir", "dg7", "dg11", "dg12", "dg16", "atr_info", "biometric",
}  # fmt: skip
"""Families of the trust folder, and of files whose faults show as another code."""


def test_every_code_is_listed():
    for path in SOURCES:
        for code in re.findall(r'code="([a-z0-9_.]+)"', path.read_text("utf-8")):
            family = code.partition(".")[0]
            assert code in LISTED or family in FAMILIES | ELSEWHERE, f"{path.name}: {code}"


def test_results_that_are_no_errors_are_listed():
    pattern = re.compile(r'(?:passed|absent|unknown)\(\s*name, "([a-z0-9_.]+)"')
    found = {
        code
        for path in (ROOT / "eid" / "chip" / "checks").glob("*.py")
        for code in pattern.findall(path.read_text("utf-8"))
    }
    assert len(found) > 15
    assert found <= LISTED
