from __future__ import annotations

import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eid.chip.stream import StreamTransport, connect_unix
from eid.errors import CardRemoved, ReaderError
from eid.testing.card_image import CardImage
from eid.testing.faults import pulled
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard

SELECT = bytes.fromhex("00A4020C02011C")
READ = bytes.fromhex("00B0000001")


@pytest.fixture
def path() -> Iterator[Path]:
    """A path short enough for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "card.sock"


def test_one_reader_after_another(card_image: CardImage, path: Path) -> None:
    with StreamCard(SoftwareCard(card_image), path) as stream:
        for _ in range(2):
            transport = connect_unix(stream.path)
            assert transport.reader.atr == card_image.atr
            assert transport.transmit(READ).hex() == "6986"
            assert transport.transmit(SELECT).hex() == "9000"
            transport.close()
        assert stream.card.count == 4


def test_the_socket_is_private_and_goes_with_the_card(card_image: CardImage, path: Path) -> None:
    stream = StreamCard(SoftwareCard(card_image), path)
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    stream.close()
    stream.close()
    assert not path.exists()


def test_a_pulled_card_is_removed_for_the_reader(card_image: CardImage, path: Path) -> None:
    with StreamCard(SoftwareCard(card_image, faults=[pulled(1)]), path):
        transport: StreamTransport = connect_unix(path)
        with pytest.raises(CardRemoved):
            transport.transmit(SELECT)
        transport.close()


def test_closing_ends_a_waiting_reader(card_image: CardImage, path: Path) -> None:
    stream = StreamCard(SoftwareCard(card_image), path)
    transport = connect_unix(path)
    stream.close()
    with pytest.raises(CardRemoved):
        transport.transmit(SELECT)
    transport.close()


def test_a_taken_path_is_a_reader_error(card_image: CardImage, path: Path) -> None:
    path.touch()
    with pytest.raises(ReaderError) as caught:
        StreamCard(SoftwareCard(card_image), path)
    assert caught.value.code == "reader.card_socket"


def test_a_reader_still_in_the_queue_is_let_go(card_image: CardImage, path: Path) -> None:
    """Closing while connections wait must not leave the thread serving one of them."""
    stream = StreamCard(SoftwareCard(card_image), path)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for client in waiting:
        client.connect(str(path))
    stream.close()
    for client in waiting:
        client.close()
