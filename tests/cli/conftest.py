"""Runs the console script as a user does, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid.chip.access import can_from_number, personal_number
from eid.chip.evidence import Evidence
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE, Person
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard

Run = Callable[..., subprocess.CompletedProcess[str]]
PROGRAM = Path(sys.executable).parent / "eid"


@pytest.fixture
def run() -> Run:
    def run_eid(
        *arguments: str | Path,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            input=stdin,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    return run_eid


@dataclass(frozen=True)
class Case:
    """A fictional card that was read, and the trust folder of its authority."""

    folder: Path
    evidence: Path
    trust: Path
    image: CardImage
    challenge: str = "0011223344556677"
    person: Person = PEOPLE["thu"]

    def read(self, image: CardImage) -> Evidence:
        return read(
            SoftwareCard(image),
            can_from_number(personal_number(self.person.number)),
            plan=PLANS["bank"],
            challenge=bytes.fromhex(self.challenge),
            challenge_source="caller_chosen",
            at=datetime.now(UTC),
        )


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("case")
    at = datetime.now(UTC)
    authority = DocumentAuthority.create(at=at)
    image = personalise(PEOPLE["thu"], authority, at=at)
    trust = authority.trust_folder(folder / "trust", crl=authority.crl(at=at))
    made = Case(folder, folder / "evidence.json", trust, image)
    made.evidence.write_bytes(made.read(image).to_json())
    return made
