"""Cards of today, and a trust folder for them: the counter's pages live by the real clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise

from .desk import Officer, Place, open_place


@dataclass(frozen=True)
class Cards:
    images: Mapping[str, CardImage]
    trust: Path
    authority: DocumentAuthority


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    at = datetime.now(UTC)
    authority = DocumentAuthority.create(at=at)
    images = {name: personalise(PEOPLE[name], authority, at=at) for name in ("thu", "mau")}
    trust = authority.trust_folder(tmp_path_factory.mktemp("counter"), crl=authority.crl(at=at))
    return Cards(images, trust, authority)


@pytest.fixture
def opened(cards: Cards, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    with ExitStack() as stack:

        def run(**settings: bool) -> Place:
            image = cards.images["thu"]
            return stack.enter_context(open_place(tmp_path, cards.trust, image, **settings))

        yield run


@pytest.fixture
def place(opened: Callable[..., Place]) -> Place:
    return opened()


@pytest.fixture
def officer(place: Place) -> Officer:
    place.add("can-bo", "officer")
    return Officer(place, "can-bo").ready()
