import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eid.chip.verdict import Holder, Verdict
from eid.cli import main
from eid.cli.verdict_text import report
from eid.testing.authority import DocumentAuthority
from eid.testing.faults import cloned, tampered_dg1
from eid.testing.people import PEOPLE


def judge(
    capsys: pytest.CaptureFixture[str], evidence: Path, trust: Path, *options: str
) -> tuple[int, Any]:
    code = main(["verify", str(evidence), "--trust", str(trust), "--json", *options])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if captured.out else captured.err


def statuses(document: Any) -> dict[str, str]:
    return {check["name"]: check["status"] for check in document["checks"]}


def test_accepted(case: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = judge(capsys, case.evidence, case.trust)
    assert (code, document["verdict"]) == (0, "accepted")
    assert document["holder"]["personal_number"] == PEOPLE["thu"].number
    assert statuses(document)["aa.freshness"] == "absent"
    assert set(document) == {"verdict", "checks", "holder"}


def test_the_verifiers_challenge_counts(case: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--challenge", case.challenge, "--policy", "level2")
    code, document = judge(capsys, case.evidence, case.trust, *given)
    assert (code, statuses(document)["aa.freshness"]) == (0, "passed")
    other = ("--challenge", "ff" * 8)
    code, document = judge(capsys, case.evidence, case.trust, *other)
    assert (code, statuses(document)["aa.freshness"]) == (1, "failed")


def test_whose_card(case: Any, capsys: pytest.CaptureFixture[str], run: Any) -> None:
    expected = ("--expect-number", PEOPLE["thu"].number)
    assert judge(capsys, case.evidence, case.trust, *expected)[0] == 0
    other = ("--expect-number", PEOPLE["mau"].number)
    assert judge(capsys, case.evidence, case.trust, *other)[0] == 1
    done = run(
        "verify",
        case.evidence,
        "--trust",
        case.trust,
        "--expect-number",
        "-",
        stdin=PEOPLE["mau"].number + "\n",
    )
    assert done.returncode == 1
    assert PEOPLE["mau"].number not in done.stderr + done.stdout


def test_unanchored_is_its_own_exit_code(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = DocumentAuthority.create(at=datetime.now(UTC)).trust_folder(tmp_path / "trust")
    code, document = judge(capsys, case.evidence, stranger)
    assert (code, document["verdict"]) == (3, "unanchored")
    main(["verify", str(case.evidence), "--trust", str(stranger)])
    out = capsys.readouterr().out
    assert out.startswith("UNANCHORED")
    assert "that a state issued the card" in out


@pytest.mark.parametrize(
    ("forge", "check"), [(tampered_dg1, "sod.hashes"), (cloned, "aa.signature")]
)
def test_rejected(
    case: Any, forge: Any, check: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(case.read(forge(case.image)).to_json())
    code, document = judge(capsys, path, case.trust)
    assert (code, document["verdict"], statuses(document)[check]) == (1, "rejected", "failed")


def test_time_can_be_given(case: Any, capsys: pytest.CaptureFixture[str]) -> None:
    later = (datetime.now(UTC) + timedelta(days=3650)).isoformat()
    code, document = judge(capsys, case.evidence, case.trust, "--at", later)
    assert (code, statuses(document)["document.expiry"]) == (1, "failed")


@pytest.mark.parametrize("form", ["EF.{}", "ef_{}.bin"])
def test_a_folder_of_raw_files(
    case: Any, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in case.image.files.items():
        short = name.removeprefix("EF.")
        short = short if form.startswith("EF.") else short.lower()
        (tmp_path / form.format(short)).write_bytes(content)
    answer = case.read(case.image).active_authentication
    members = {"challenge": answer.challenge.hex(), "response": answer.response.hex()}
    (tmp_path / "active_authentication.json").write_text(json.dumps(members))
    code, document = judge(capsys, tmp_path, case.trust, "--challenge", case.challenge)
    assert (code, document["verdict"]) == (0, "accepted")
    assert statuses(document)["aa.freshness"] == "passed"


def test_a_policy_of_ones_own(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text('required = ["sod.signature", "remote"]')
    assert judge(capsys, case.evidence, case.trust, "--policy", str(path))[0] == 1
    code, text = judge(capsys, case.evidence, case.trust, "--policy", "nothing")
    assert code == 2
    assert "input.policy" in text
    code, text = judge(capsys, case.evidence, case.trust, "--policy", str(tmp_path / "no.toml"))
    assert code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--challenge", "00"),
        ("--at", "tomorrow"),
        ("--expect-number", "123"),
        ("--trust", "/nonexistent"),
    ],
)
def test_unusable_options(
    case: Any, options: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = judge(capsys, case.evidence, case.trust, *options)
    assert code == 2
    assert text.count("\n") == 1


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b" " * 300_000])
def test_unusable_evidence(
    case: Any, data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(data)
    code, text = judge(capsys, path, case.trust)
    assert code == 2
    assert text.startswith("eid: ")


def test_problems_in_the_trust_folder_are_loud(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = tmp_path / "trust"
    shutil.copytree(case.trust, trust)
    (trust / "csca" / "bad.der").write_bytes(b"bad")
    assert main(["verify", str(case.evidence), "--trust", str(trust)]) == 0
    assert "warning: " in capsys.readouterr().err


def test_the_report_says_what_is_not_proven(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["verify", str(case.evidence), "--trust", str(case.trust)])
    out = capsys.readouterr().out
    for words in ("ACCEPTED", "relayed", "consent", "--challenge", PEOPLE["thu"].name):
        assert words in out
    path = tmp_path / "evidence.json"
    path.write_bytes(case.read(tampered_dg1(case.image)).to_json())
    main(["verify", str(path), "--trust", str(case.trust)])
    out = capsys.readouterr().out
    assert "because:" in out
    assert "Holder" not in out


def test_names_cannot_write_to_the_terminal() -> None:
    holder = Holder(
        name="A\x1b[2J\u202eB\n",
        birth_date="1990-03-02",
        sex="",
        nationality="VNM",
        document_number="1",
        personal_number="",
    )
    lines = list(report(Verdict(verdict="accepted", checks=(), holder=holder)))
    assert "  name             A[2JB" in lines
    assert all(line.isprintable() for line in lines)
    assert any(line.endswith("personal number  -") for line in lines)


def test_options_add_to_the_policy(case: Any, tmp_path: Path, capsys: Any) -> None:
    more = ("--require", "aa,ca,crl", "--issuing-state", "VNM")
    assert judge(capsys, case.evidence, case.trust, *more)[0] == 0
    trust = tmp_path / "trust"
    shutil.copytree(case.trust, trust)
    shutil.rmtree(trust / "crl")
    assert judge(capsys, case.evidence, trust)[0] == 0
    assert judge(capsys, case.evidence, trust, "--require", "crl")[0] == 1
    assert judge(capsys, case.evidence, case.trust, "--issuing-state", "DEU")[0] == 1
    document = json.loads(case.evidence.read_text())
    without = tmp_path / "without.json"
    without.write_text(json.dumps({**document, "active_authentication": None}))
    assert judge(capsys, without, case.trust)[0] == 0
    assert judge(capsys, without, case.trust, "--require", "aa")[0] == 1
    del document["files"]["EF.DG14"]
    without.write_text(json.dumps(document))
    code, found = judge(capsys, without, case.trust, "--require", "ca")
    assert (code, statuses(found)["chip_auth"]) == (1, "absent")


def test_sha1_is_taken_only_by_its_switch(tmp_path: Path, capsys: Any) -> None:
    forged = Path(__file__).parents[1] / "vectors" / "forged_cards" / "base-ec-p256-sha1"
    case = json.loads((forged / "case.json").read_text())
    folder, trust = tmp_path / "files", tmp_path / "trust" / "csca"
    folder.mkdir()
    trust.mkdir(parents=True)
    for name, file in case["files"].items():
        shutil.copy(forged / file, folder / name)
    for file in case["trust"]["csca"]:
        shutil.copyfile(forged / file, trust / file)
    given = ("--at", case["clock"])
    assert judge(capsys, folder, tmp_path / "trust", *given)[0] == 1
    assert judge(capsys, folder, tmp_path / "trust", *given, "--insecure-allow-sha1")[0] == 0


@pytest.mark.parametrize("options", [("--require", "face"), ("--issuing-state", "vn")])
def test_demands_that_do_not_exist(case: Any, options: tuple[str, str], capsys: Any) -> None:
    code, text = judge(capsys, case.evidence, case.trust, *options)
    assert code == 2
    assert "input." in text


def test_evidence_and_trust_must_be_named(case: Any, capsys: Any) -> None:
    assert main(["verify", str(case.evidence)]) == 2
    assert main(["verify", "--trust", str(case.trust)]) == 2
    assert "input.evidence" in capsys.readouterr().err
