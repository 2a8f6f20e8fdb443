import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from eid.errors import DeadlineExceeded, ReaderError
from eid.kiosk.readers import card_connector
from eid.kiosk.settings import AgentSettings, PinnedIssuer
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard
from eid.testing.stream_card import StreamCard
from eid.testing.virtual_reader import VirtualReader


def settings(reader: str | None = None, *, virtual: bool = True) -> AgentSettings:
    return AgentSettings(
        listen="127.0.0.1:35970",
        issuers=(PinnedIssuer(issuer="https://id.example.vn"),),
        reader=reader,
        insecure_virtual_reader=virtual,
    )


@pytest.fixture
def inserted(virtual_reader: VirtualReader, card_image: CardImage) -> Iterator[VirtualReader]:
    virtual_reader.insert(card_image)
    yield virtual_reader
    virtual_reader.remove()


def test_a_card_behind_a_socket(card_image: CardImage, tmp_path: Path) -> None:
    with StreamCard(SoftwareCard(card_image), tmp_path / "card.sock") as stream:
        transport = card_connector(settings(f"stream:{stream.path}"))(1.0)
        assert transport.transmit(bytes.fromhex("00A4020C02011C"))[-2:] == b"\x90\x00"
        transport.close()


def test_a_card_put_on_the_socket_later(card_image: CardImage, tmp_path: Path) -> None:
    held: list[StreamCard] = []
    hand = threading.Timer(
        0.2, lambda: held.append(StreamCard(SoftwareCard(card_image), tmp_path / "card.sock"))
    )
    hand.start()
    card_connector(settings(f"stream:{tmp_path / 'card.sock'}"))(20.0).close()
    hand.join()
    held[0].close()
    with pytest.raises(ReaderError):
        card_connector(settings(f"stream:{tmp_path / 'card.sock'}"))(0.1)


def test_virtual_readers_are_refused(inserted: VirtualReader) -> None:
    with pytest.raises(ReaderError) as caught:
        card_connector(settings(virtual=False))(0.1)
    assert caught.value.code == "reader.virtual"


def test_a_virtual_reader_by_name_is_refused_too(inserted: VirtualReader) -> None:
    with pytest.raises(ReaderError) as caught:
        card_connector(settings(inserted.names[0], virtual=False))(0.1)
    assert caught.value.code == "reader.virtual"


def test_a_card_that_lies_there_already_does_not_count(inserted: VirtualReader) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        card_connector(settings())(0.3)
    assert caught.value.code == "card.none"


def test_a_card_presented_now_is_read(inserted: VirtualReader, card_image: CardImage) -> None:
    def present_again() -> None:
        inserted.remove()
        inserted.insert(card_image)

    hand = threading.Timer(0.2, present_again)
    hand.start()
    transport = card_connector(settings())(20.0)
    hand.join()
    assert transport.transmit(bytes.fromhex("00A4020C02011C"))[-2:] == b"\x90\x00"
    transport.close()
