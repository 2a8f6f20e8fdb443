"""The kiosk's program reads what the bank's program judges, over a software card."""

import io
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from eid.testing.people import PEOPLE

Program = Callable[[str], ModuleType]


@dataclass
class Branch:
    """Both programs, working in one folder."""

    bank: ModuleType
    kiosk: ModuleType
    folder: Path
    trust: Path
    number: str
    reader: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    @property
    def card(self) -> Path:
        return self.folder / "card.json"

    @property
    def pending(self) -> Path:
        return self.folder / "pending"

    def new(self, transfer: str) -> str:
        assert self.bank.main(["new", transfer, "--pending", str(self.pending)]) == 0
        return self.capsys.readouterr().out.strip()

    def read(self, challenge: str, number: str = "") -> int:
        self.monkeypatch.setattr("sys.stdin", io.StringIO((number or self.number) + "\n"))
        words = ["--challenge", challenge, "--reader", self.reader, "--out", str(self.card)]
        return int(self.kiosk.main(words))

    def judge(self, transfer: str, number: str = "") -> str:
        self.monkeypatch.setattr("sys.stdin", io.StringIO((number or self.number) + "\n"))
        words = ["judge", transfer, str(self.card), "--trust", str(self.trust)]
        code = self.bank.main([*words, "--pending", str(self.pending)])
        said = self.capsys.readouterr().out.splitlines()[0]
        assert (code == 0) == said.startswith("yes")
        return said


@pytest.fixture
def branch(
    program: Program,
    today,
    socket_of_card: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Branch:
    return Branch(
        bank=program("bank/decide.py"),
        kiosk=program("kiosk/read_card.py"),
        folder=tmp_path,
        trust=today.trust,
        number=today.number,
        reader=socket_of_card,
        monkeypatch=monkeypatch,
        capsys=capsys,
    )


def test_the_customers_own_card_lets_the_transfer_go_once(branch: Branch) -> None:
    assert branch.read(branch.new("t1")) == 0
    assert stat.S_IMODE(branch.card.stat().st_mode) == 0o600
    assert branch.judge("t1").startswith("yes")
    assert branch.judge("t1") == "no: no_open_challenge"


def test_evidence_of_another_transfer_is_refused(branch: Branch) -> None:
    assert branch.read(branch.new("t1")) == 0
    branch.new("t2")
    assert branch.judge("t2").startswith("no: ")


def test_another_persons_card_is_refused(branch: Branch) -> None:
    assert branch.read(branch.new("t1")) == 0
    assert branch.judge("t1", PEOPLE["mau"].number).startswith("no: ")


def test_an_old_challenge_is_refused(branch: Branch) -> None:
    branch.new("t1")
    late = datetime.now(UTC) + timedelta(minutes=3)
    assert branch.bank.take_challenge(branch.pending, "t1", at=late) is None


def test_a_transfer_names_no_place_outside_the_folder(branch: Branch) -> None:
    branch.new("../../t1")
    assert (branch.pending / "t1").exists()


def test_a_wrong_number_reads_nothing_and_says_so_without_it(branch: Branch) -> None:
    wrong = PEOPLE["mau"].number
    assert branch.read(branch.new("t1"), wrong) == 1
    assert not branch.card.exists()
    said = branch.capsys.readouterr().err
    assert said
    assert wrong not in said
