import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eid.chip.plan import PLANS
from eid.cli import main
from eid.testing.authority import DocumentAuthority
from eid.testing.faults import Fault, pulled
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES, Profile
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard
from eid.testing.virtual_reader import VirtualReader

PROGRAM = Path(sys.executable).parent / "eid"
PERSON = PEOPLE["thu"]


@pytest.fixture
def socket_name(case: Any, tmp_path: Path) -> Iterator[str]:
    with StreamCard(SoftwareCard(case.image), tmp_path / "card.sock") as stream:
        yield f"stream:{stream.path}"


def test_a_card_becomes_an_evidence_file(
    case: Any, run: Any, socket_name: str, tmp_path: Path
) -> None:
    out = tmp_path / "evidence.json"
    given = ("--number", "-", "--reader", socket_name, "--challenge", case.challenge)
    done = run("read", *given, "--out", out, stdin=PERSON.number + "\n")
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    document = json.loads(out.read_bytes())
    assert document["active_authentication"]["source"] == "caller_chosen"
    assert "software card" in done.stderr
    assert PERSON.number not in done.stdout + done.stderr
    assert PERSON.can not in done.stdout + done.stderr + out.read_text()
    judged = ("--trust", case.trust, "--challenge", case.challenge, "--policy", "bank")
    assert run("verify", out, *judged).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"card.sock", "evidence.json"}


@pytest.mark.parametrize(
    "key",
    [
        ("--can", PERSON.can),
        (
            "--document-number",
            PERSON.document_number,
            "--birth",
            "1990-03-02",
            "--expiry",
            "300302",
        ),
    ],
)
def test_other_keys_open_it_too(
    key: tuple[str, ...], socket_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evidence.json"
    code = main(["read", *key, "--reader", socket_name, "--plan", "kiosk", "--out", str(out)])
    assert code == 0, capsys.readouterr().err
    document = json.loads(out.read_bytes())
    assert "EF.DG2" not in document["files"]
    assert document["active_authentication"] is None


def read_profile(
    tmp_path: Path, profile: Profile, *options: str, faults: tuple[Any, ...] = ()
) -> tuple[int, Path]:
    """Read a card of this kind into a file, through a socket."""
    authority = DocumentAuthority.create(at=datetime.now(UTC))
    image = personalise(PERSON, authority, at=datetime.now(UTC), profile=profile)
    image = replace(image, traits=replace(image.traits, bit_rate=0, command_us=0, crypto_us=0))
    out = tmp_path / "evidence.json"
    with StreamCard(SoftwareCard(image, faults=faults), tmp_path / "own.sock") as stream:
        given = ["--reader", f"stream:{stream.path}", "--out", str(out), *options]
        return main(["read", *given]), out


MRZ = ("--document-number", PERSON.document_number)
MRZ += ("--birth", "1990-03-02", "--expiry", "300302")


def test_the_pin_opens_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pin = PROFILES["pin"].pin
    code, out = read_profile(tmp_path, PROFILES["pin"], "--pin", pin, "--plan", "kiosk")
    assert code == 0, capsys.readouterr().err
    assert json.loads(out.read_bytes())["access"]["password"] == "pin"
    assert pin not in out.read_text()


def test_a_wrong_pin_is_tried_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = read_profile(tmp_path, PROFILES["pin"], "--pin", "999999")
    assert code == 1
    assert "access.wrong_password" in capsys.readouterr().err
    assert not out.exists()


def test_the_plan_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", "--show-plan", "--plan", "kiosk"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows == list(PLANS["kiosk"].steps())
    assert "Chip Authentication" in rows


def test_a_plan_of_ones_own(
    socket_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "counter.toml"
    own.write_text('name = "counter"\nfiles = ["EF.SOD", "EF.DG1"]\n')
    out = tmp_path / "evidence.json"
    given = ["--can", PERSON.can, "--reader", socket_name, "--out", str(out)]
    assert main(["read", *given, "--plan", str(own)]) == 0, capsys.readouterr().err
    assert set(json.loads(out.read_bytes())["files"]) == {"EF.CardAccess", "EF.SOD", "EF.DG1"}
    own.write_text('name = "counter"\nfiles = ["EF.DG99"]\n')
    assert main(["read", *given, "--plan", str(own)]) == 2
    assert "plan.form" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [False, True])
def test_bac_after_pace_only_where_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: bool
) -> None:
    """A chip that refuses MSE:Set AT of PACE, and would take BAC."""
    options = (*MRZ, "--plan", "kiosk", *(["--insecure-bac-after-pace"] if asked else []))
    profile = PROFILES["cccd-2021"]
    refusing = (Fault("naked", at=2),)
    code, out = read_profile(tmp_path, profile, *options, faults=refusing)
    err = capsys.readouterr().err
    assert code == (0 if asked else 1), err
    if asked:
        access = json.loads(out.read_bytes())["access"]
        assert (access["protocol"], access["fallback"]) == ("BAC", "bac_after_failed_pace")
        assert "BAC was run, as you asked" in err
    assert out.exists() is asked


def test_a_refused_proof_is_said(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = replace(case.image, ca_private_keys=())
    out = tmp_path / "evidence.json"
    with StreamCard(SoftwareCard(image), tmp_path / "own.sock") as stream:
        given = ["--can", PERSON.can, "--reader", f"stream:{stream.path}", "--out", str(out)]
        assert main(["read", *given, "--plan", "kiosk"]) == 0
    assert "chip_auth.refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--number", PERSON.number, "--can", PERSON.can),
        ("--document-number", "001"),
        ("--number", "123"),
        ("--can", "12345x"),
        ("--can", PERSON.can, "--challenge", "00"),
        ("--can", PERSON.can, "--plan", "everything"),
        ("--can", PERSON.can, "--out", "/nonexistent/evidence.json"),
        ("--document-number", "1", "--birth", "soon", "--expiry", "300302"),
    ],
)
def test_unusable_options(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evidence.json"
    assert main(["read", "--out", str(out), *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("eid: ")
    assert captured.err.count("\n") == 1
    assert not out.exists()


def test_a_wrong_number_is_refused_and_leaves_no_file(
    socket_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evidence.json"
    number = PEOPLE["mau"].number
    given = ["--number", number, "--reader", socket_name, "--out", str(out)]
    assert main(["read", *given]) == 1
    err = capsys.readouterr().err
    assert "access.wrong_password" in err
    assert number not in err
    assert not out.exists()


def test_a_socket_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--can", "123456", "--reader", f"stream:{tmp_path}/no", "--out", f"{tmp_path}/x"]
    assert main(["read", *given]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith(")")


@pytest.mark.pcsc
def test_through_a_real_service(
    case: Any, run: Any, virtual_reader: VirtualReader, tmp_path: Path
) -> None:
    out = tmp_path / "evidence.json"
    virtual_reader.insert(case.image)
    try:
        done = run("read", "--number", "-", "--out", out, stdin=PERSON.number)
        assert done.returncode == 0, done.stderr
        assert "Only a virtual reader is there" in done.stderr
        assert run("verify", out, "--trust", case.trust).returncode == 0
        named = run(
            "read",
            "--can",
            "-",
            "--reader",
            virtual_reader.names[0],
            "--out",
            out,
            stdin=PERSON.can,
        )
        assert named.returncode == 0, named.stderr
        unknown = run("read", "--can", "-", "--reader", "none", "--out", out, stdin=PERSON.can)
        assert unknown.returncode == 1
        assert "reader.unknown" in unknown.stderr
    finally:
        virtual_reader.remove()
    absent = run("read", "--can", "-", "--wait", "0.1", "--out", out, stdin=PERSON.can)
    assert absent.returncode == 1
    assert "card.none" in absent.stderr


@pytest.mark.pcsc
def test_a_pulled_card_is_said(
    case: Any, run: Any, virtual_reader: VirtualReader, tmp_path: Path
) -> None:
    virtual_reader.insert(case.image, faults=[pulled(8)])
    try:
        done = run("read", "--can", "-", "--out", tmp_path / "x", stdin=PERSON.can)
    finally:
        virtual_reader.remove()
    assert done.returncode == 1
    assert "card.removed" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.pcsc
def test_a_lifted_card_is_read_on(
    case: Any, run: Any, virtual_reader: VirtualReader, tmp_path: Path
) -> None:
    """The card leaves at its twelfth command and is put back: ``--resume`` ends the read."""
    out = tmp_path / "evidence.json"
    virtual_reader.insert(case.image, faults=[pulled(12)])

    def put_back() -> None:
        limit = time.monotonic() + 60
        while virtual_reader.commands() < 12 and time.monotonic() < limit:
            time.sleep(0.02)
        virtual_reader.insert(case.image)

    hand = threading.Thread(target=put_back)
    hand.start()
    try:
        done = run("read", "--can", "-", "--resume", "--out", out, stdin=PERSON.can)
    finally:
        hand.join()
        virtual_reader.remove()
    assert done.returncode == 0, done.stderr
    assert "EF.DG2" in json.loads(out.read_bytes())["files"]


@pytest.mark.pcsc
def test_an_interrupted_wait_is_calm(virtual_reader: VirtualReader, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(PROGRAM), "read", "--can", "-", "--out", str(tmp_path / "x")],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(PERSON.can + "\n")
    process.stdin.flush()
    assert "virtual reader" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.pcsc
def test_readers(run: Any, virtual_reader: VirtualReader) -> None:
    done = run("readers", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "readers": [{"name": name, "virtual": True} for name in virtual_reader.names]
    }
    assert run("readers").stdout.count("(virtual: tests only)") == 2


def test_without_a_service(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("smartcard")
    nowhere = {"PCSCLITE_CSOCK_NAME": str(tmp_path / "none")}
    done = run("readers", environment=nowhere)
    assert done.returncode == 1
    assert "reader.no_service" in done.stderr
    done = run("read", "--can", "123456", "--out", tmp_path / "x", environment=nowhere)
    assert done.returncode == 1
    doctor = run("doctor", environment=nowhere)
    assert "apt-get install pcscd" in doctor.stdout


@pytest.mark.pcsc
def test_the_doctor_warns_of_a_virtual_reader(run: Any, virtual_reader: VirtualReader) -> None:
    assert os.environ["PCSCLITE_CSOCK_NAME"] == str(virtual_reader.socket_path)
    assert "virtual reader" in run("doctor").stdout
