import json
from pathlib import Path
from typing import Any

import pytest

from eid.chip.card_profile import CardProfile
from eid.cli import doctor as room
from eid.cli.doctor import doctor, reader_findings, service_finding
from eid.errors import ReaderError
from eid.testing.replay import replayed
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard
from tests.cli.conftest import Case, Run

SETTINGS = """
issuer = "{issuer}"
listen = "127.0.0.1:8443"
database = "sqlite:///eid.db"
data_dir = "data"
trust = "trust"
[agent]
url = "http://127.0.0.1:35970"
[operator]
legal_entity = "Công ty Thử"
role = "own_services"
"""


def findings(capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, dict[str, str]]:
    doctor(as_json=True, **options)
    document = json.loads(capsys.readouterr().out)
    return {finding["name"]: finding for finding in document["findings"]}


def settings(folder: Path, issuer: str = "https://id.example.vn") -> Path:
    for name in ("data/keys", "trust/csca"):
        (folder / name).mkdir(parents=True)
    (folder / "data").chmod(0o700)
    path = folder / "eid.toml"
    path.write_text(SETTINGS.format(issuer=issuer), encoding="utf-8")
    path.chmod(0o644)
    return path


def test_every_line_says_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = findings(capsys, config=settings(tmp_path))
    assert found["python"]["status"] == "ok"
    assert {f"extra {name}" for name in room.EXTRAS} <= found.keys()
    for finding in found.values():
        assert bool(finding["remedy"]) is (finding["status"] != "ok"), finding
    doctor()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(findings(capsys))
    assert not [line for line in lines if line.endswith("Remedy: .")]


def test_a_missing_extra_names_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> object | None:
        return None if name == "smartcard" else name

    monkeypatch.setattr(room, "find_spec", find)
    found = findings(capsys)
    assert found["extra pcsc"]["status"] == "warning"
    assert "eid[pcsc]" in found["extra pcsc"]["remedy"]
    assert "pcscd" not in found


def test_a_refusal_by_polkit_names_the_actions() -> None:
    denied = service_finding(ReaderError("No.", code="reader.refused"))
    assert denied.status == "failed"
    assert "org.debian.pcsc-lite.access_card" in denied.remedy
    absent = service_finding(ReaderError("No.", code="reader.no_service"))
    assert (absent.status, "apt-get" in absent.remedy) == ("warning", True)


def test_readers() -> None:
    (none,) = reader_findings([])
    assert (none.name, none.status) == ("readers", "warning")
    (real,) = reader_findings(["ACS ACR1252 00 00"])
    assert real.status == "ok"
    lines = {finding.name: finding for finding in reader_findings(["Virtual PCD 00 00"])}
    assert lines["virtual reader"].status == "warning"
    assert lines["readers"].status == "warning"


def test_a_driver_for_everybody_is_a_danger(tmp_path: Path) -> None:
    (ok,) = room._drivers(tmp_path)
    (absent,) = room._drivers(tmp_path / "none")
    assert (ok.status, absent.status) == ("ok", "ok")
    (tmp_path / "libifdvpcd.so.0.8").touch()
    (found,) = room._drivers(tmp_path)
    assert found.status == "warning"
    assert "every interface" in found.message


def test_the_acr_prefix_is_nobodys(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = settings(tmp_path)
    assert findings(capsys, config=path)["acr prefix"]["status"] == "warning"
    with path.open("r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.write('acr_prefix = "https://example.vn/acr"\n' + text)
    assert "acr prefix" not in findings(capsys, config=path)


def test_development_needs_no_prefix(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = settings(tmp_path, issuer="http://127.0.0.1:8080")
    assert "acr prefix" not in findings(capsys, config=path)


@pytest.mark.parametrize("loose", ["eid.toml", "data", "data/keys/tokens.pem"])
def test_loose_permissions_fail(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, loose: str
) -> None:
    path = settings(tmp_path)
    key = tmp_path / "data" / "keys" / "tokens.pem"
    key.touch(mode=0o600)
    (tmp_path / "data" / "keys").chmod(0o700)
    assert findings(capsys, config=path)["permissions"]["status"] == "ok"
    (tmp_path / loose).chmod(0o777)
    found = findings(capsys, config=path)["permissions"]
    assert found["status"] == "failed"
    assert str(tmp_path / loose) in found["message"]
    assert doctor(config=path) == 1


def test_unusable_settings_fail(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = findings(capsys, config=tmp_path / "none.toml")
    assert found["settings"]["status"] == "failed"


def test_an_empty_trust_folder_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = settings(tmp_path)
    (tmp_path / "trust" / "csca" / "bad.der").write_bytes(b"bad")
    assert findings(capsys, config=path)["trust folder"]["status"] == "warning"


def test_card_profile_holds_nothing_personal(run: Run, case: Case, tmp_path: Path) -> None:
    """A real chip's kind, as a file that can be shared and played back."""
    person = case.person
    with StreamCard(SoftwareCard(case.image), tmp_path / "card.sock") as stream:
        given = ["--card", "--number", "-", "--reader", f"stream:{stream.path}"]
        done = run("doctor", *given, stdin=person.number)
    assert done.returncode == 0, done.stderr
    profile = CardProfile.from_json(done.stdout.encode())
    assert profile.pace[0].parameter_id == 13
    assert profile.active_keys[0].trailer == "34cc"
    for secret in (person.number, person.can, person.document_number, person.surname):
        assert secret not in done.stdout
    assert replayed(profile).traits.extended
