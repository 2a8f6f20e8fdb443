"""Every code that the library can raise is in the reference, and nothing else is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "qr-claims.md").read_text()
SOURCES = "\n".join(path.read_text() for path in (ROOT / "eid" / "qr").glob("*.py"))


def test_every_code_is_documented():
    raised = set(re.findall(r'code="(qr\.[a-z_0-9.]+)"', SOURCES))
    raised |= {f"printed.{what}" for what in re.findall(r'_refuse\("([a-z_0-9]+)",', SOURCES)}
    documented = set(re.findall(r"`((?:qr|printed)\.[a-z_0-9.]+)`", PAGE))
    assert raised == documented


def test_every_finding_is_documented():
    found = set(re.findall(r'"((?:number|birth_date|issue_date|old_number|text|fields|kid|claim169'
                           r'|date|sex|language|biometric|image|field)\.[a-z_0-9]+)"', SOURCES))  # fmt: skip
    assert found
    assert found <= set(re.findall(r"`([a-z_0-9]+\.[a-z_0-9]+)`", PAGE))
