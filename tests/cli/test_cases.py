"""`eid verify --cases`: every forged card through the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eid.cli import main

FORGED = Path(__file__).parents[1] / "vectors" / "forged_cards"
FEW = ("base-bp512", "aa-ecdsa", "chain-crl-required-missing", "base-crl-expired-soft", "sig-zero")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FEW:
        shutil.copytree(FORGED / name, tmp_path / "cases" / name)
    for path in (tmp_path / "cases").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "cases"


def judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["verify", "--cases", str(folder)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {line["id"]: line for line in lines}


def change(case: Path, **members: Any) -> None:
    document = json.loads((case / "case.json").read_text("utf-8"))
    (case / "case.json").write_text(json.dumps({**document, **members}))


def test_all_forged_cards(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = judged(FORGED, capsys)
    assert code == 0
    assert len(lines) == 211
    for name, line in lines.items():
        assert set(line) == {"id", "verdict", "passive_authentication", "reasons", "seconds"}
        expect = json.loads((FORGED / name / "case.json").read_text("utf-8"))["expect"]
        assert expect["overall"] in ("either", line["verdict"]), name
        assert expect["passive_authentication"] in ("either", line["passive_authentication"])
        if line["verdict"] == "reject":
            assert line["reasons"][0] in expect["reasons_any_of"], name


def test_the_answer_is_not_needed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in FEW:
        document = json.loads((folder / name / "case.json").read_text("utf-8"))
        del document["expect"]
        (folder / name / "case.json").write_text(json.dumps(document))
    code, lines = judged(folder, capsys)
    assert code == 0
    assert {name: line["verdict"] for name, line in lines.items()} == {
        "base-bp512": "accept",
        "aa-ecdsa": "accept",
        "chain-crl-required-missing": "reject",
        "base-crl-expired-soft": "accept",
        "sig-zero": "reject",
    }
    assert lines["chain-crl-required-missing"]["passive_authentication"] == "reject"
    assert lines["base-crl-expired-soft"]["passive_authentication"] == "accept"


@pytest.mark.parametrize(
    "members",
    [
        {"files": {"EF.SOD": "../sig-zero/EF.SOD"}},
        {"files": {"EF.SOD": "missing"}},
        {"files": {"EF.XX": "case.json"}},
        {"files": []},
        {"files": {"EF.SOD": 5}},
        {"clock": "today"},
        {"trust": {"csca": "anchor"}},
        {"active_authentication": {"challenge": "zz", "response": ""}},
        {"policy": None},
    ],
)
def test_a_case_out_of_form_is_named_and_the_rest_judged(
    folder: Path, members: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder / "base-bp512", **members)
    code, lines = judged(folder, capsys)
    assert code == 2
    assert lines["base-bp512"] == {"id": "base-bp512", "error": "input.case"}
    assert len(lines) == len(FEW)
    assert lines["sig-zero"]["verdict"] == "reject"


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 60_000, b"\xff", b" " * ((1 << 20) + 1)])
def test_an_unreadable_case(folder: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sig-zero" / "case.json").write_bytes(data)
    code, lines = judged(folder, capsys)
    assert (code, lines["sig-zero"]["error"]) == (2, "input.case")


def test_a_file_that_is_too_long(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sig-zero" / "long").write_bytes(bytes((4 << 20) + 1))
    change(folder / "sig-zero", files={"EF.SOD": "long"})
    code, lines = judged(folder, capsys)
    assert (code, lines["sig-zero"]["error"]) == (2, "input.case")


def test_a_folder_without_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--cases", str(tmp_path)]) == 2
    assert "input.cases" in capsys.readouterr().err
