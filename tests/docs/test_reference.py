"""The reference pages name everything there is: codes, settings, checks, policies."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from eid.app import settings
from eid.chip.policy import POLICIES
from eid.chip.verdict import CHECK_NAMES
from eid.cli.demo.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def codes_of_classes() -> Iterator[str]:
    """The code of every class of errors."""
    for node in ast.walk(ast.parse((ROOT / "eid/errors.py").read_text())):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_every_class_of_errors_is_explained() -> None:
    explained = set(re.findall(r"`([a-z0-9_]+)`", page("reference/error-codes.md")))
    families = {code.partition(".")[0] for code in codes_of_classes()} - {"server_error"}
    assert families
    assert families <= explained, families - explained


def test_every_family_on_the_page_is_in_use() -> None:
    rows = re.findall(r"^\| (`[a-z0-9_`, ]+`) \|", page("reference/error-codes.md"), re.MULTILINE)
    families = {name for row in rows for name in re.findall(r"[a-z0-9_]+", row)}
    source = "".join(file.read_text() for file in ROOT.glob("eid/**/*.py"))
    for family in families:
        assert re.search(rf'"{family}[."]', source), family


def test_every_setting_is_explained() -> None:
    text = page("settings.md")
    for key in settings._KEYS:
        assert f"`{key}`" in text or re.search(rf"^{key} ", text, re.MULTILINE), key


def test_every_check_and_policy_is_explained() -> None:
    text = page("evidence-and-verdict.md")
    for name in (*CHECK_NAMES, *POLICIES):
        assert f"`{name}`" in text, name
    for name, policy in POLICIES.items():
        if name != "identify":
            extra = policy.required - POLICIES["identify"].required
            portrait = set() if name == "level1" else {"portrait"}
            assert extra == {"aa.signature", "aa.freshness", "sod.revocation"} | portrait


def test_every_fault_of_the_demo_is_explained() -> None:
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", page("getting-started.md"), re.MULTILINE)
    assert listed == list(FAULTS)
