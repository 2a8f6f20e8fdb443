"""The portrait cache: sealed, nameless, forgetful, and only for a chip that proves its key."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from eid.chip.access import can_from_number, personal_number
from eid.chip.cache import MAX_PORTRAIT, SealedPortraits
from eid.chip.evidence import Evidence
from eid.chip.read import read
from eid.chip.transport import Counting
from eid.testing.card_image import CardImage
from eid.testing.people import Person
from eid.testing.softcard import SoftwareCard

KEY, SOD = bytes(range(32)), bytes(32)
MONTH = timedelta(days=30)


@pytest.fixture
def cache(tmp_path: Path) -> SealedPortraits:
    return SealedPortraits(tmp_path / "portraits", KEY, max_age=MONTH)


def test_sealed(cache: SealedPortraits, tmp_path: Path) -> None:
    cache.put(SOD, b"a portrait")
    (path,) = (tmp_path / "portraits").iterdir()
    assert b"portrait" not in path.read_bytes()
    assert SOD.hex() not in path.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert cache.get(SOD) == b"a portrait"


def test_other_key_and_changed_file(cache: SealedPortraits, tmp_path: Path) -> None:
    cache.put(SOD, b"a portrait")
    other = SealedPortraits(tmp_path / "portraits", bytes(32), max_age=MONTH)
    assert other.get(SOD) is None
    (path,) = (tmp_path / "portraits").iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert cache.get(SOD) is None


def test_age(tmp_path: Path) -> None:
    SealedPortraits(tmp_path, KEY, max_age=MONTH).put(SOD, b"old")
    now = tmp_path.stat().st_mtime
    later = SealedPortraits(tmp_path, KEY, max_age=MONTH, clock=lambda: now + 31 * 86_400)
    assert later.get(SOD) is None
    assert not list(tmp_path.iterdir())


def test_too_big_and_forgotten(cache: SealedPortraits) -> None:
    cache.put(SOD, bytes(MAX_PORTRAIT + 1))
    assert cache.get(SOD) is None
    cache.put(SOD, b"1")
    assert cache.forget() == 1
    assert cache.get(SOD) is None
    with pytest.raises(ValueError, match="32 bytes"):
        SealedPortraits(Path("/nonexistent"), b"", max_age=MONTH)


@pytest.fixture
def take(
    card_image: CardImage, people: dict[str, Person], at: datetime
) -> Callable[..., tuple[Evidence, int]]:
    def run(cache: object, image: CardImage = card_image) -> tuple[Evidence, int]:
        counting = Counting(SoftwareCard(image))
        can = can_from_number(personal_number(people["thu"].number))
        return read(counting, can, at=at, cache=cache), counting.octets

    return run


def test_a_returning_card_need_not_send_its_portrait(
    take: Callable[..., tuple[Evidence, int]], cache: SealedPortraits, card_image: CardImage
) -> None:
    first, much = take(cache)
    again, little = take(cache)
    assert again.files == first.files
    assert again.files["EF.DG2"] == card_image.files["EF.DG2"]
    assert much - little > len(card_image.files["EF.DG2"])


def test_a_chip_that_proves_nothing_sends_it(
    take: Callable[..., tuple[Evidence, int]], cache: SealedPortraits, card_image: CardImage
) -> None:
    _, much = take(cache)
    silent = dataclasses.replace(card_image, ca_private_keys=())
    _, more = take(cache, silent)
    assert more > much - 1000


def test_a_cached_portrait_must_have_the_signed_hash(
    take: Callable[..., tuple[Evidence, int]], card_image: CardImage
) -> None:
    class Liar:
        kept: bytes | None = None

        def get(self, _: bytes) -> bytes:
            return b"\x75\x03lie"

        def put(self, _: bytes, content: bytes) -> None:
            self.kept = content

    liar = Liar()
    evidence, _ = take(liar)
    assert evidence.files["EF.DG2"] == liar.kept == card_image.files["EF.DG2"]


def test_a_portrait_that_is_not_signed_is_not_kept(
    take: Callable[..., tuple[Evidence, int]], cache: SealedPortraits, card_image: CardImage
) -> None:
    for files in (
        {**card_image.files, "EF.DG2": b"\x75\x01x"},
        {name: data for name, data in card_image.files.items() if name != "EF.SOD"},
    ):
        take(cache, dataclasses.replace(card_image, files=files))
    assert cache.forget() == 0
