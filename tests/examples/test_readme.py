"""The Python of the README runs as it stands there."""

import ast
import inspect
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from eid.chip import pcsc
from eid.testing.softcard import SoftwareCard

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)


def run(block: str, names: dict[str, object]) -> object:
    """Execute a block; the value of its last line, as an interactive session would show it."""
    tree = ast.parse(block)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "README.md", "exec"), names)
    return eval(compile(ast.Expression(last.value), "README.md", "eval"), names)


def in_place_of(function: Callable[..., object], answer: object) -> Callable[..., object]:
    """A reader that is always there; the call must fit the real function's parameters."""
    signature = inspect.signature(function)

    def instead(*words: object, **named: object) -> object:
        signature.bind(*words, **named)
        return answer

    return instead


def test_a_kiosk_reads_and_a_bank_verifies(
    today, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, kiosk, _ = BLOCKS
    given: dict[str, object] = {"number": today.number, "challenge": secrets.token_bytes(8)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pcsc, "wait_for_card", in_place_of(pcsc.wait_for_card, "Reader"))
    monkeypatch.setattr(pcsc, "connect", in_place_of(pcsc.connect, SoftwareCard(today.image)))
    evidence = run(kiosk, dict(given))
    assert isinstance(evidence, bytes)
    Path("card.json").write_bytes(evidence)
    Path("trust").symlink_to(today.trust)
    name, possession_proven = run(bank, dict(given))
    assert name
    assert possession_proven is True


def test_three_ways_of_ten_lines() -> None:
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        calls = [line for line in block.splitlines() if line and not re.match("from|import", line)]
        assert len(calls) <= 10
