import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eid.cli import main, program
from eid.errors import (
    AccessDenied,
    EidError,
    FormatError,
    HashMismatch,
    SettingsError,
    Unavailable,
)

COMMANDS = (
    "read",
    "verify",
    "readers",
    "simulate",
    "kiosk",
    "serve",
    "doctor",
    "account",
    "client",
)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_everywhere(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: eid")
    assert "\x1b" not in out
    assert "╭" not in out


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["verify"], ["verify", "--nonsense"], ["read", "--wait", "x", "--out", "y"]],
)
def test_usage_errors_are_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("eid: ")
    assert captured.err.count("\n") == 1


def test_nothing_asked_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def raising(error: BaseException) -> Callable[..., Any]:
    def call(**_: object) -> int:
        raise error

    return lambda _command: call


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (EidError("No.", code="x.y"), 1, "eid: No. (x.y)\n"),
        (HashMismatch("Bad."), 1, "eid: Bad. (hash_mismatch)\n"),
        (AccessDenied("Bad."), 1, "eid: Bad. (card.access_denied)\n"),
        (Unavailable("Later."), 1, "eid: Later. (unavailable)\n"),
        (FormatError("Odd."), 2, "eid: Odd. (format)\n"),
        (SettingsError("Mend."), 2, "eid: Mend. (settings)\n"),
        (RecursionError(), 2, "eid: A file is nested too deeply or too big. (input.size)\n"),
        (MemoryError(), 2, "eid: A file is nested too deeply or too big. (input.size)\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x.json"),
            2,
            "eid: No such file or directory: x.json (system)\n",
        ),
        (OSError("odd"), 2, "eid: The system refused (system)\n"),
        (
            ModuleNotFoundError(name="smartcard.scard"),
            2,
            "eid: This command needs the package smartcard: pip install 'eid[pcsc]'. (extra)\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_become_sentences_and_codes(
    error: BaseException,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(program, "program", raising(error))
    assert program.run([]) == code
    assert capsys.readouterr().err == text


def test_a_module_of_our_own_that_is_missing_is_a_defect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program, "program", raising(ModuleNotFoundError(name="eid.nothing")))
    with pytest.raises(ModuleNotFoundError):
        program.run([])


def test_the_console_script_ends_with_the_code(run: Any) -> None:
    done = run("verify", "/nonexistent", "--trust", "/nonexistent")
    assert done.returncode == 2
    assert done.stderr.startswith("eid: ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_help_is_light() -> None:
    heavy = ["cryptography", "asn1crypto", "sqlalchemy", "falcon", "granian", "rich", "PIL"]
    script = (
        "import sys; from eid.cli import main; main(['--help']); "
        f"sys.exit(','.join(sorted(set({heavy!r}) & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_loads_no_other() -> None:
    script = (
        "import sys; from eid.cli import main, program; main(['client', '--help']); "
        "print(*(n for n, home in program.COMMANDS.items() if home in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "client"


@pytest.mark.parametrize("config", [("--config", "x.toml"), ("--config=x.toml",)])
def test_a_provider_carries_no_command_line_parser(
    config: tuple[str, ...], tmp_path: Path
) -> None:
    script = (
        "import sys; from eid.cli import main; code = main(sys.argv[1:]); "
        "print(code, *({'typer', 'pydantic', 'click', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "serve", *config],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2\n"
    assert done.stderr.startswith("eid: The settings file x.toml cannot be read")


def test_without_typer_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; sys.modules['typer'] = None; from eid.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "eid: the command line needs typer: pip install 'eid[server]'.\n"


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        (r"printf '\377' | eid read --can - --out x", "access.can"),
        (
            r"printf '\377' | PYTHONIOENCODING=utf-8:strict eid read --can - --out x",
            "input.line",
        ),
        ("eid read --can - --out x <&-", "input.line"),
        ("eid read --can - --out x </dev/null", "input.line"),
        ("eid verify --trust . 'ả' >&-", "usage"),
        ("PYTHONIOENCODING=ascii eid verify --trust /nonexistent 'ả'", "input.trust"),
    ],
)
def test_odd_streams_are_no_defect(shell: str, code: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", shell],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"({code})" in done.stderr or code == "usage"
    assert not list(tmp_path.iterdir())


def test_a_terminal_without_vietnamese_letters(case: Any, run: Any) -> None:
    done = run(
        "verify",
        case.evidence,
        "--trust",
        case.trust,
        environment={"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0
    assert case.person.name in done.stdout


def test_a_reader_of_our_output_may_leave() -> None:
    script = "import sys; from eid.cli import main; sys.exit(main(['--help']))"
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_hostile_nesting_in_any_file_of_the_operator_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = "[" * 50_000
    (tmp_path / "trust" / "csca").mkdir(parents=True)
    policy, settings = tmp_path / "policy.toml", tmp_path / "eid.toml"
    for path in (policy, settings):
        path.write_text("a = " + deep)
    common = ["verify", str(tmp_path), "--trust", str(tmp_path / "trust")]
    assert main([*common, "--policy", str(policy)]) == 2
    assert main(["serve", "--config", str(settings)]) == 2
    assert main(["kiosk", "--config", str(settings)]) == 2
    (tmp_path / "trust" / "manifest.json").write_text(deep)
    assert main(common) == 2
    assert capsys.readouterr().err.count("\n") == 4
