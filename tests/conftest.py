"""Fixtures for every room: one issuer, one card, one trust folder, one private virtual reader.

PC/SC is pointed at a socket of this run before anything can use it, so that no test ever meets
the machine's own readers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import settings

from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE, Person
from eid.testing.personalise import personalise
from eid.testing.virtual_reader import VirtualReader, socket_in, unavailable_reason

if TYPE_CHECKING:
    from eid.keys.pkcs11 import TokenPlace

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SOFT_TOKEN_MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
_SOCKET_DIR = pytest.StashKey[Path]()


# No verdict by the clock: a busy machine is no failure. In CI hypothesis also repeats itself exactly.
settings.register_profile(
    "eid", settings.get_profile("ci" if os.environ.get("CI") else "default"), deadline=None
)
settings.load_profile("eid")


def pytest_configure(config: pytest.Config) -> None:
    folder = Path(tempfile.mkdtemp(prefix="eid-pcsc-"))
    config.stash[_SOCKET_DIR] = folder
    os.environ["PCSCLITE_CSOCK_NAME"] = str(socket_in(folder))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_SOCKET_DIR], ignore_errors=True)


@pytest.fixture(scope="session")
def at() -> datetime:
    """The one moment of all tests."""
    return AT


@pytest.fixture(scope="session")
def people() -> Mapping[str, Person]:
    return PEOPLE


@pytest.fixture(scope="session")
def authority() -> DocumentAuthority:
    return DocumentAuthority.create(at=AT)


@pytest.fixture(scope="session")
def aa_key() -> rsa.RSAPrivateKey:
    """The chip key of ``card_image``."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def card_image(authority: DocumentAuthority, aa_key: rsa.RSAPrivateKey) -> CardImage:
    """The card of ``people["thu"]``."""
    return personalise(PEOPLE["thu"], authority, at=AT, aa_private_key=aa_key)


@pytest.fixture(scope="session")
def trust_folder(authority: DocumentAuthority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trust folder with the authority's anchor and a current, empty revocation list."""
    return authority.trust_folder(tmp_path_factory.mktemp("trust"), crl=authority.crl(at=AT))


@pytest.fixture(scope="session")
def virtual_reader(pytestconfig: pytest.Config) -> Iterator[VirtualReader]:
    """A real pcscd with an empty virtual reader, reachable from this process by PC/SC."""
    reason = unavailable_reason()
    if reason is not None:
        pytest.skip(reason)
    with VirtualReader.start(pytestconfig.stash[_SOCKET_DIR]) as reader:
        yield reader


@pytest.fixture(scope="session")
def soft_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of this process's software tokens: SoftHSM reads its place once."""
    if shutil.which("softhsm2-util") is None or not SOFT_TOKEN_MODULE.exists():
        pytest.skip("softhsm2 is not installed")
    pytest.importorskip("pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n"
    )
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    yield folder / "tokens"
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture
def token_place(soft_tokens: Path) -> TokenPlace:
    """A new, empty software token (SoftHSM), and how to open it."""
    from eid.keys.pkcs11 import TokenPlace  # noqa: PLC0415 - the extra may be absent

    label = f"eid-{secrets.token_hex(4)}"
    command = ["softhsm2-util", "--init-token", "--free", "--label", label]
    command += ["--pin", "1234", "--so-pin", "87654321"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return TokenPlace(module=SOFT_TOKEN_MODULE, token=label, pin="1234")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """The only driver of browsers in this process: it cannot be started a second time."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        pytest.skip("chromium is not installed: sudo apt-get install chromium")
    with sync_api.sync_playwright() as running:
        yield running
