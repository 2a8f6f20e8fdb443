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


def codes() -> Iterator[str]:
    """Every code that is written out in the library, its test tools left aside."""
    for file in set(ROOT.glob("eid/**/*.py")) - set(ROOT.glob("eid/testing/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code":
                value: ast.expr | None = node.value
            elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == (
                "default_code"
            ):
                value = node.value
            else:
                continue
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def test_every_family_of_codes_is_explained() -> None:
    explained = set(re.findall(r"`([a-z0-9_]+)`", page("reference/error-codes.md")))
    in_the_audit = {"no_account"}
    families = {code.partition(".")[0] for code in codes()} - in_the_audit
    assert families
    assert families <= explained, families - explained


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
            assert extra == {"aa.signature", "aa.freshness", "sod.revocation", "portrait"}


def test_every_fault_of_the_demo_is_explained() -> None:
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", page("getting-started.md"), re.MULTILINE)
    assert listed == list(FAULTS)
