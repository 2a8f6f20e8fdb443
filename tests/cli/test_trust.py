"""`eid trust`: taking, listing, showing, removing, checking."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eid.cli import main
from eid.testing.authority import DocumentAuthority

AT = datetime(2026, 11, 21, tzinfo=UTC)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def authority() -> DocumentAuthority:
    return DocumentAuthority.create(at=AT)


@pytest.fixture
def sources(tmp_path: Path, authority: DocumentAuthority) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "csca.der").write_bytes(authority.csca_der)
    (folder / "ds.der").write_bytes(authority.ds_der)
    (folder / "list.crl").write_bytes(authority.crl(at=AT, lifetime=timedelta(days=30)))
    return folder


def call(capsys: Capture, *words: str | Path) -> tuple[int, str, str]:
    code = main(["trust", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def listed(capsys: Capture, folder: Path) -> list[dict[str, Any]]:
    code, out, _ = call(capsys, "list", "--trust", folder, "--json")
    assert code == 0
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def test_a_folder_is_taken_and_listed(sources: Path, tmp_path: Path, capsys: Capture) -> None:
    trust = tmp_path / "trust"
    code, out, err = call(capsys, "import", sources, "--trust", trust, "--at", AT.isoformat())
    assert (code, err) == (0, "")
    assert "3 added, 0 were there already, 0 refused." in out
    rows = listed(capsys, trust)
    assert [row["kind"] for row in rows] == ["csca", "ds"]
    assert rows[0]["source"] == "csca.der"
    assert rows[0]["imported_at"] == AT.isoformat()
    assert call(capsys, "list", "--trust", trust)[1].count("\n") == 2


def test_a_dry_run_only_tells(sources: Path, tmp_path: Path, capsys: Capture) -> None:
    trust = tmp_path / "trust"
    trust.mkdir()
    code, out, _ = call(capsys, "import", sources, "--trust", trust, "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["dry_run"] is True
    assert len(json.loads(out)["added"]) == 3
    assert listed(capsys, trust) == []
    assert call(capsys, "import", sources, "--trust", tmp_path / "none", "--dry-run")[0] == 2


def test_garbage_is_loud_and_the_rest_taken(
    sources: Path, tmp_path: Path, capsys: Capture
) -> None:
    (sources / "bad.der").write_bytes(b"bad")
    code, out, err = call(capsys, "import", sources, "--trust", tmp_path / "trust")
    assert code == 1
    assert "bad.der" in err
    assert "3 added" in out
    assert "1 refused" in out


def test_show_and_remove(sources: Path, tmp_path: Path, capsys: Capture) -> None:
    trust = tmp_path / "trust"
    call(capsys, "import", sources, "--trust", trust)
    row = listed(capsys, trust)[0]
    code, out, _ = call(capsys, "show", row["fingerprint"][:12], "--trust", trust)
    assert code == 0
    assert row["fingerprint"] in out
    code, out, _ = call(capsys, "show", row["fingerprint"], "--trust", trust, "--json")
    assert json.loads(out) == row
    for prefix in (row["fingerprint"][:7], "0" * 64):
        code, _, err = call(capsys, "show", prefix, "--trust", trust)
        assert code == 2
        assert "input.fingerprint" in err
    chosen = (row["fingerprint"].upper(), "--trust", trust)
    assert call(capsys, "remove", *chosen, "--dry-run")[0] == 0
    assert len(listed(capsys, trust)) == 2
    code, out, _ = call(capsys, "remove", *chosen)
    assert (code, out.startswith("- csca/vn-")) == (0, True)
    assert [one["kind"] for one in listed(capsys, trust)] == ["ds"]


def test_check(sources: Path, tmp_path: Path, capsys: Capture) -> None:
    trust = tmp_path / "trust"
    call(capsys, "import", sources, "--trust", trust, "--at", AT.isoformat())
    code, out, _ = call(capsys, "check", "--trust", trust, "--at", AT.isoformat())
    assert (code, "0 findings" in out) == (0, True)
    later = (AT + timedelta(days=40)).isoformat()
    code, out, _ = call(capsys, "check", "--trust", trust, "--at", later)
    assert code == 1
    assert "crl.stale" in out
    code, out, _ = call(capsys, "check", "--trust", trust, "--at", later, "--json")
    assert [one["code"] for one in json.loads(out)] == ["crl.stale"]
    assert call(capsys, "check", "--trust", tmp_path / "none")[0] == 2


def test_a_list_that_follows(
    sources: Path, tmp_path: Path, authority: DocumentAuthority, capsys: Capture
) -> None:
    trust = tmp_path / "trust"
    call(capsys, "import", sources, "--trust", trust)
    newer = tmp_path / "newer.crl"
    newer.write_bytes(authority.crl(at=AT + timedelta(days=1)))
    code, out, _ = call(capsys, "import", newer, "--trust", trust)
    assert code == 0
    assert "(superseded)" in out


def test_a_pin_must_be_a_certificate(sources: Path, tmp_path: Path, capsys: Capture) -> None:
    pin = tmp_path / "pin"
    pin.write_bytes(b"nothing")
    options = ("--trust", tmp_path / "trust", "--signer", pin)
    assert call(capsys, "import", sources, *options)[0] == 2
    options = ("--trust", tmp_path / "trust", "--signer", sources / "csca.der")
    assert call(capsys, "import", sources, *options)[0] == 0


def test_candidates(
    case: Any, sources: Path, tmp_path: Path, authority: DocumentAuthority, capsys: Capture
) -> None:
    met = tmp_path / "met"
    met.mkdir()
    for number in range(2):
        (met / f"{number}.der").write_bytes(authority.new_signer(at=AT).ds_der)
    (met / "evidence.json").write_bytes(case.evidence.read_bytes())
    (met / "EF.SOD").write_bytes(case.image.files["EF.SOD"])
    (met / "noise").write_bytes(b"noise")
    with (met / "huge").open("wb") as file:
        file.truncate(2 << 20)
    code, out, err = call(capsys, "candidates", met, "--json")
    assert code == 0
    assert "noise" in err
    assert "input.size" in err
    found = json.loads(out)["candidates"]
    assert sorted(one["signers"] for one in found) == [1, 2]
    assert all(one["key_id_confirmed"] for one in found)
    best = max(found, key=lambda one: one["signers"])
    assert best["curve"] == "brainpoolP512r1"
    assert bytes.fromhex(best["point"]) == authority.csca_key.point
    code, out, _ = call(capsys, "candidates", met)
    assert best["fingerprint"] in out
    assert "Never trusted by itself" in out
    code, out, _ = call(capsys, "candidates", met / "noise")
    assert code == 1
    rsa = Path(__file__).parents[1] / "vectors" / "csca" / "sha256_rsa_65537_4096.dsc.pem"
    code, out, _ = call(capsys, "candidates", rsa)
    assert (code, "candidate.no_ecdsa" in out) == (1, True)
    assert json.loads(call(capsys, "candidates", rsa, "--json")[1])["candidates"] == []
