"""A kiosk reads one card and writes evidence for somebody else to judge.

The number comes from standard input (typed or scanned). ``--reader stream:/path.sock`` takes a
software card instead of a reader: for tests only.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from eid.chip import pcsc, stream
from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.chip.transport import Transport
from eid.errors import CardError, FormatError

WORDS = {
    "card.access_denied": "Số này không mở được thẻ. / This number does not open the card.",
    "card.removed": "Thẻ đã bị lấy ra. / The card was taken away.",
}


def connect(reader: str | None, *, wait_s: float) -> Transport:
    """A card that was put on the reader from now on."""
    if reader and reader.startswith("stream:"):
        return stream.connect_unix(Path(reader.removeprefix("stream:")))
    print("Đặt thẻ lên đầu đọc. / Put the card on the reader.", file=sys.stderr)
    found = pcsc.wait_for_card(reader, timeout=wait_s, presented_after=True)
    return pcsc.connect(found)


def main(arguments: list[str] | None = None) -> int:
    """Read one card; 0 when the evidence is written, 1 when another try may help."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--challenge", type=bytes.fromhex, help="the verifier's, 16 digits")
    parser.add_argument("--reader")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        key = can_from_number(personal_number(sys.stdin.readline().strip()))
        with closing(connect(given.reader, wait_s=60)) as card:
            evidence = read(
                card,
                key,
                plan=PLANS["bank"],
                challenge=given.challenge,
                at=datetime.now(UTC),
            )
    except (CardError, FormatError) as error:
        print(WORDS.get(error.code, f"{error.message} ({error.code})"), file=sys.stderr)
        return 1
    descriptor = os.open(given.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(evidence.to_json())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
