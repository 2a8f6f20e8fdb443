from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Holder:
    name: str = "TRẦN THỊ THỬ"
    birth_date: str = "1990-05-17"
    sex: str = "F"
    nationality: str = "VNM"
    document_number: str = "090000001"
    personal_number: str = "001190000001"


@dataclass
class Dg13:
    residence: str | None = "1 Phố Thử, Hà Nội"
    issue_date: str | None = "20/03/2022"


@dataclass
class MrzLike:
    issuing_state: str = "VNM"


@dataclass
class Card:
    """What levels ask of a VerifiedCard; only ``verify`` makes a real one."""

    possession_proven: bool = True
    verified_at: datetime = AT
    holder: Holder = field(default_factory=Holder)
    dg13: Dg13 | None = field(default_factory=Dg13)
    mrz: MrzLike = field(default_factory=MrzLike)
    expires: date | None = date(2030, 5, 17)
    source: str = "chip_local"
    checks: tuple = ()


@pytest.fixture
def card():
    return Card


@pytest.fixture
def dg13():
    return Dg13
