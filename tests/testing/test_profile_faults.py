"""The page of profiles and faults names exactly those that there are."""

import re
from pathlib import Path

from eid.cli import software_card
from eid.testing import profile_faults
from eid.testing.faults import KINDS
from eid.testing.profiles import PROFILES
from eid.testing.softcard_quirks import QUIRKS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "card-faults.md").read_text()


def test_every_fault_is_on_the_page_as_it_is():
    rows = re.findall(r"^\| `([^`]+)` \| (\d+) \| (wire|issue) \| (.+) \|$", PAGE, re.MULTILINE)
    expected = [
        (name, str(pitfall), "wire" if name in QUIRKS else "issue", what)
        for name, pitfall, what in profile_faults.table()
    ]
    assert rows == expected


def test_every_profile_and_kind_is_on_the_page():
    listed = re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert listed == sorted(PROFILES)
    assert all(f"`{kind}`" in PAGE for kind in KINDS)


def test_the_command_lists_them_too():
    lines = "\n".join(software_card.listing())
    for name in (*PROFILES, *QUIRKS, *profile_faults.ISSUE_FAULTS, *KINDS):
        assert name in lines
