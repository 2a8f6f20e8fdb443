import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from eid.chip.card_profile import CardProfile, FileFact, PaceOffer
from eid.cli import main
from eid.testing.case_folder import card_from_case
from eid.testing.holder_file import EXAMPLE
from eid.testing.people import PEOPLE
from eid.testing.virtual_reader import unavailable_reason

pcsc = pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))
EID = str(Path(sys.executable).parent / "eid")


@pcsc
@pytest.mark.pcsc
def test_a_command_runs_with_the_card_and_its_code_comes_back(run: Any, tmp_path: Path) -> None:
    trust, image, out = tmp_path / "trust", tmp_path / "card.json", tmp_path / "evidence.json"
    saved = ("--save-trust", trust, "--save-image", image, "--person", "mau")
    can = PEOPLE["mau"].can
    done = run("simulate", *saved, "--", EID, "read", "--can", can, "--out", out)
    assert done.returncode == 0, done.stderr
    assert PEOPLE["mau"].number in done.stderr
    assert image.stat().st_mode & 0o777 == 0o600
    assert run("verify", out, "--trust", trust).returncode == 0
    failing = run("simulate", "--image", image, "--", EID, "read", "--can", "000000", "--out", out)
    assert failing.returncode == 1
    assert run("simulate", "--image", image, "--", "sh", "-c", "exit 7").returncode == 7
    assert run("simulate", "--image", image, "--", "sh", "-c", "kill -9 $$").returncode == 137


@pcsc
@pytest.mark.pcsc
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_waits_until_interrupted_and_leaves_nothing(sent: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [EID, "simulate"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert PEOPLE["thu"].number in lines[0]
    name, _, path = lines[1].strip().partition("=")
    assert name == "PCSCLITE_CSOCK_NAME"
    assert Path(path).is_socket()
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not Path(path).exists()


def test_a_running_virtual_reader_gets_the_card(run: Any) -> None:
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def reader() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"\x00\x01\x04")
                heard.append(connection.recv(64))
                connection.recv(64)

        thread = threading.Thread(target=reader)
        thread.start()
        done = run("simulate", "--vpcd", f"127.0.0.1:{port}", "--", "sleep", "0.5")
        thread.join(10)
    assert done.returncode == 0, done.stderr
    assert heard == [b"\x00\x05\x3b\x80\x80\x01\x01"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--person", "nobody"), "input.person"),
        (("--vpcd", "here", "--", "true"), "input.address"),
        (("--vpcd", "127.0.0.1:0", "--", "true"), "input.address"),
        (("--vpcd", "127.0.0.1:1", "--", "true"), "reader.no_virtual_reader"),
        (("--image", "/nonexistent"), "system"),
    ],
)
def test_unusable_options(
    options: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *options]) in {1, 2}
    assert f"({code})" in capsys.readouterr().err


def test_a_card_file_is_checked(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(b"{}")
    assert main(["simulate", "--image", str(path)]) == 2
    path.write_bytes(case.image.to_json())
    assert main(["simulate", "--image", str(path), "--save-trust", str(tmp_path / "t")]) == 2
    assert "input.trust" in capsys.readouterr().err


@pcsc
@pytest.mark.pcsc
def test_a_command_that_is_not_there(case: Any, tmp_path: Path, run: Any) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(case.image.to_json())
    done = run("simulate", "--image", path, "--", "no-such-command-here")
    assert done.returncode == 2
    assert "input.command" in done.stderr


def test_profiles_and_faults_are_listed(run: Any) -> None:
    done = run("simulate", "--list")
    assert done.returncode == 0
    assert "cccd-2021" in done.stdout
    assert "le-192" in done.stdout
    assert "pull@N" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--profile", "no-such-card"), "There is no such profile"),
        (("--fault", "no-such-fault"), "There is no fault"),
        (("--fault", "pull@x"), "no known name and place"),
        (("--case", "no-such-folder"), "no usable case"),
        (("--case", "CASE", "--fault", "dg2-jp2"), "needs a new card"),
        (("--case", "CASE", "--image", "x.json"), "not both"),
        (("--case", "CASE", "--save-trust", "x"), "do not give --image or --case"),
        (("--holder", "HOLDER"), "fictional = true"),
        (("--profile", "HOLDER"), "card profile"),
    ],
)
def test_cards_that_cannot_be_made(
    run: Any, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    holder = tmp_path / "holder.toml"
    holder.write_text('name = "Somebody"')
    cases = Path(__file__).parents[1] / "vectors" / "forged_cards"
    names = {"CASE": cases / "base-bp256", "HOLDER": holder}
    done = run("simulate", *(names.get(argument, argument) for argument in arguments))
    assert done.returncode == 2
    assert sentence in done.stderr


@pcsc
@pytest.mark.pcsc
def test_kinds_cases_and_holders_lie_in_the_reader(run: Any, tmp_path: Path) -> None:
    out, holder = tmp_path / "evidence.json", tmp_path / "holder.toml"
    holder.write_text(EXAMPLE)
    read = ("--", EID, "read", "--out", out)
    kind = ("--holder", holder, "--profile", "pace-im", "--fault", "le-192")
    done = run("simulate", *kind, *read, "--can", "555555")
    assert done.returncode == 0, done.stderr
    pulled = run("simulate", "--holder", holder, "--fault", "pull@9", *read, "--can", "555555")
    assert pulled.returncode == 1
    case = Path(__file__).parents[1] / "vectors" / "forged_cards" / "base-bp256"
    can = card_from_case(case).can
    done = run("simulate", "--case", case, "--fault", "no-sfi", *read, "--can", can)
    assert done.returncode == 0, done.stderr


@pcsc
@pytest.mark.pcsc
def test_a_shared_profile_is_played_back(run: Any, tmp_path: Path) -> None:
    out, shared = tmp_path / "evidence.json", tmp_path / "profile.json"
    offer = PaceOffer(oid="0.4.0.127.0.7.2.2.4.2.4", parameter_id=16)
    shared.write_bytes(
        CardProfile(pace=(offer,), files=(FileFact(name="EF.DG1", length=95),)).to_json()
    )
    can = PEOPLE["thu"].can
    done = run("simulate", "--profile", shared, "--", EID, "read", "--can", can, "--out", out)
    assert done.returncode == 0, done.stderr


def test_on_a_socket_no_pcsc_is_needed(run: Any, tmp_path: Path) -> None:
    card, out, trust = tmp_path / "card.sock", tmp_path / "evidence.json", tmp_path / "trust"
    opening = ("--can", PEOPLE["thu"].can, "--reader", f"stream:{card}", "--out", out)
    done = run("simulate", "--stream", card, "--save-trust", trust, "--", EID, "read", *opening)
    assert done.returncode == 0, done.stderr
    assert not card.exists()
    assert run("verify", out, "--trust", trust).returncode == 0
    both = run("simulate", "--stream", card, "--vpcd", "127.0.0.1:35963")
    assert both.returncode == 2
    assert "input.reader" in both.stderr
