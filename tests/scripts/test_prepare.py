"""The set-up script: what it hands to uv, what it says, and that the pins name no host."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture
def prepare(tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "scripts/prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.STATE = tmp_path / ".eid"
    module.STATE.mkdir()
    module.VENV = tmp_path / ".venv"
    module.STAMP = module.VENV / "eid-prepared.json"
    module.UNFINISHED = module.STATE / "unfinished"
    module.DRIVER = module.STATE / "vpcd"
    return module


@pytest.mark.parametrize("file", PINNED, ids=lambda file: file.name)
def test_every_pin_has_hashes_and_no_host(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    pins = re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==[^ ]+( ; [^\\]+)? \\\n +--hash=sha256:[0-9a-f]{64}", pin)


def test_pyscard_is_pinned_apart() -> None:
    assert "pyscard==" in (ROOT / "requirements/pcsc.txt").read_text()
    assert "pyscard==" not in (ROOT / "requirements/dev.txt").read_text()


def test_pip_configuration_reaches_uv(
    prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = prepare.VENV / "bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.invalid/pypi\n"
        "extra-index-url =\n  https://one.invalid/a\n  https://two.invalid/b\n"
        "trusted-host = mirror.invalid\n[install]\nfind-links = /wheels\n"
    )
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "https://nearer.invalid/pypi")
    env = prepare.uv_environment()
    assert env["UV_DEFAULT_INDEX"] == "https://nearer.invalid/pypi"
    assert env["UV_INDEX"] == "https://one.invalid/a https://two.invalid/b"
    assert env["UV_FIND_LINKS"] == "/wheels"
    assert env["UV_INSECURE_HOST"] == "mirror.invalid"


def test_uv_settings_of_the_user_win(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://chosen.invalid")
    assert "UV_DEFAULT_INDEX" not in prepare.uv_options({"index-url": "https://other.invalid"})


def test_one_line_says_what_is_missing_and_how_to_get_it(
    prepare: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare.report_missing(["pcscd", "gcc"], pyscard=False)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    for word in ("pcscd", "gcc", "pyscard", "vsmartcard-vpcd", "apt-get install", "in-process"):
        assert word in lines[0]


def test_nothing_missing_says_nothing(
    prepare: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = prepare.DRIVER / "usr/lib/pcsc/drivers/serial/libifdvpcd.so.0.8"
    driver.parent.mkdir(parents=True)
    driver.touch()
    prepare.report_missing([], pyscard=True)
    assert capsys.readouterr().err == ""


def test_ready_only_for_the_same_pins_and_after_an_uninterrupted_run(prepare: ModuleType) -> None:
    assert not prepare.is_ready(with_pyscard=True)
    (prepare.VENV / "bin").mkdir(parents=True)
    (prepare.VENV / "bin/python").touch()
    (prepare.VENV / "pyvenv.cfg").touch()
    mark = prepare.fingerprint(with_pyscard=True)
    prepare.STAMP.write_text(f'{{"fingerprint": "{mark}", "pyscard": true}}')
    assert prepare.is_ready(with_pyscard=True)
    assert not prepare.is_ready(with_pyscard=False)
    prepare.UNFINISHED.touch()
    assert not prepare.is_ready(with_pyscard=True)


def test_a_broken_stamp_is_no_stamp(prepare: ModuleType) -> None:
    prepare.VENV.mkdir()
    prepare.STAMP.write_text("{")
    assert prepare.stamp() == {}


def test_a_failing_step_shows_its_own_words(prepare: ModuleType) -> None:
    with pytest.raises(prepare.CannotPrepare, match="no such luck"):
        prepare.run(sys.executable, "-c", "raise SystemExit('no such luck')")


def test_the_test_command_fails_when_a_step_fails(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("test:\n\tfalse\n")
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/run").write_text((ROOT / ".ci/run").read_text())
    done = subprocess.run(["sh", tmp_path / ".ci/run"], capture_output=True, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize(
    ("setting", "fails"), [({"EID_NO_APT": "1"}, False), ({}, False), ({}, True)]
)
def test_what_only_tests_need_is_optional(
    prepare: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: dict[str, str],
    fails: bool,
) -> None:
    there: list[str] = []

    def install(names: list[str], prefix: list[str]) -> None:
        assert (names, prefix) == (list(prepare.FOR_TESTS), [])
        if fails:
            raise prepare.CannotPrepare("no such package")
        there.extend(names)

    monkeypatch.delenv("EID_NO_APT", raising=False)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(prepare.shutil, "which", lambda *_, **__: "/usr/bin/apt-get")
    monkeypatch.setattr(prepare, "root_prefix", list)
    monkeypatch.setattr(prepare, "install_packages", install)
    monkeypatch.setattr(prepare, "found", lambda *names: bool(there))
    prepare.prepare_tests()
    assert there == ([] if setting or fails else list(prepare.FOR_TESTS))
    said = capsys.readouterr().err
    assert ("tests that need it are skipped" in said) == (not there)
    prepare.prepare_tests()
