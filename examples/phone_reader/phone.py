"""Stands in for a phone's application: holds a software card and relays what the desk sends.

A real one does the same with the phone's NFC: connect to the address, send the answer to reset
(empty where the phone does not tell it), then answer each binary message with the card's bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from eid.errors import CardRemoved
from eid.testing.card_image import CardImage
from eid.testing.softcard import SoftwareCard
from examples.phone_reader import websocket


def main() -> int:
    """Relay one card until the desk hangs up."""
    parser = argparse.ArgumentParser(description="A phone with a software card on it.")
    parser.add_argument("address", help="what the desk printed")
    parser.add_argument("card", type=Path, help="a test card file")
    options = parser.parse_args()
    target = urlsplit(options.address)
    card = SoftwareCard(CardImage.from_json(options.card.read_bytes()))
    link = websocket.connect(target.hostname or "", target.port or 80, target.path)
    link.send(card.reader.atr)
    try:
        while True:
            link.send(card.transmit(link.receive()))
    except CardRemoved:
        return 0


if __name__ == "__main__":
    sys.exit(main())
