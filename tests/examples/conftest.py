"""A card of today: what README and the examples do, they do now and not at a fixed moment."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """A fictional person's card issued now, and a folder that trusts its issuer."""

    image: CardImage
    number: str
    trust: Path
    authority: DocumentAuthority


@pytest.fixture(scope="session")
def today(aa_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Today:
    at = datetime.now(UTC)
    authority = DocumentAuthority.create(at=at)
    person = PEOPLE["thu"]
    return Today(
        image=personalise(person, authority, at=at, aa_private_key=aa_key),
        number=person.number,
        trust=authority.trust_folder(tmp_path_factory.mktemp("today"), crl=authority.crl(at=at)),
        authority=authority,
    )


@pytest.fixture
def program() -> Callable[[str], ModuleType]:
    """Loads one program of examples/ by its path there."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(name).stem, EXAMPLES / name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def socket_of_card(today: Today) -> Iterator[str]:
    """The software card behind a unix socket, as a reader's name."""
    with tempfile.TemporaryDirectory(prefix="eid-") as folder:
        path = Path(folder, "card")
        with StreamCard(SoftwareCard(today.image), path):
            yield f"stream:{path}"
