"""Read a card that lies on somebody's phone: the phone relays commands over a WebSocket.

Run it, open the address it prints in the phone's application (here: ``phone.py``), and the
evidence is written as from any reader. The phone sees protected bytes only after PACE, but whoever
runs it holds the card's channel: judge the evidence with a challenge of your own, as always.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import load_plan
from eid.chip.read import read
from eid.chip.transport import ReaderInfo
from eid.errors import CardRemoved, EidError
from examples.phone_reader import websocket

_MAX_ATR = 33


class PhoneTransport:
    """A card behind a WebSocket: one binary message per command and per answer.

    The first message from the phone is the card's answer to reset, which may be empty.
    """

    def __init__(self, link: websocket.WebSocket) -> None:
        self._link = link
        self._reader = ReaderInfo(name="Phone", atr=link.receive()[:_MAX_ATR])

    @property
    def reader(self) -> ReaderInfo:
        """The phone and the card's answer to reset."""
        return self._reader

    def transmit(self, command: bytes) -> bytes:
        """Send one command and return its answer; an empty one says that the card is gone."""
        self._link.send(command)
        answer = self._link.receive()
        if len(answer) < 2:
            self.close()
            raise CardRemoved("The card left the phone.")
        return answer

    def close(self) -> None:
        """End the connection."""
        self._link.close()


def main() -> int:
    """Wait for one phone, read one card, write its evidence."""
    parser = argparse.ArgumentParser(description="Read a card through a phone.")
    parser.add_argument("--listen", default="127.0.0.1:8765", help="behind a TLS proxy elsewhere")
    parser.add_argument("--plan", default="kiosk")
    parser.add_argument("--challenge", required=True, help="the verifier's, 16 hex digits")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    key = can_from_number(personal_number(sys.stdin.readline().strip()))
    host, _, port = options.listen.rpartition(":")
    path = f"/card/{secrets.token_urlsafe(16)}"
    with socket.create_server((host, int(port))) as server:
        print(f"ws://{host}:{server.getsockname()[1]}{path}", flush=True)
        link = None
        while link is None:
            connection, _ = server.accept()
            connection.settimeout(10)
            link = websocket.accept(connection, path)
    transport = PhoneTransport(link)
    try:
        evidence = read(
            transport,
            key,
            plan=load_plan(options.plan),
            challenge=bytes.fromhex(options.challenge),
            at=datetime.now(UTC),
        )
    finally:
        transport.close()
    options.out.touch(mode=0o600)
    options.out.write_bytes(evidence.to_json())
    print(f"Read {len(evidence.files)} files.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EidError as error:
        sys.exit(f"{error.message} ({error.code})")
