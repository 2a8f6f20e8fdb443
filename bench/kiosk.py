"""From the card on the reader to the last screen: our CPU above the card profile's own sum.

Everything of a visit is counted, in one process: challenge from the provider, PACE and reading,
the kiosk's verdict, sealing, delivery, the provider's judgement and rows, the page. The software
card's own computing is taken out (a real chip computes elsewhere); its bit rate, its time per
command and for crypto are summed, not waited for, and stand in the note.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.report import Row
from eid.chip.transport import ReaderInfo
from eid.testing.softcard import SoftwareCard
from tests.kiosk.field import NUMBER, Field, in_the_field

BAR_MS = 150.0
_TYPICAL = {"bit_rate": 424_000, "command_us": 8_000, "crypto_us": 60_000}
_SLOW = {"bit_rate": 106_000, "command_us": 12_000, "crypto_us": 180_000}


class Apart:
    """A card whose own computing is counted apart, and whose own times are summed."""

    def __init__(self, field: Field, profile: dict[str, int], *, extended: bool) -> None:
        image = field.image
        timed = replace(image, traits=replace(image.traits, **profile))
        self._card = SoftwareCard(timed, extended=extended, sleep=self._take)
        self.cpu = self.profile_s = 0.0

    def _take(self, seconds: float) -> None:
        self.profile_s += seconds

    @property
    def reader(self) -> ReaderInfo:
        return self._card.reader

    def transmit(self, command: bytes) -> bytes:
        began = time.thread_time()
        try:
            return self._card.transmit(command)
        finally:
            self.cpu += time.thread_time() - began

    def close(self) -> None:
        self._card.close()


def rows(*, quick: bool) -> Iterator[Row]:
    """Both bit rates, short and extended, line up and down."""
    with tempfile.TemporaryDirectory() as folder, in_the_field(Path(folder)) as field:
        for rate, profile in ((106, _SLOW), (424, _TYPICAL)):
            for extended in (False, True):
                for up in (True, False):
                    yield _case(field, rate, profile, extended=extended, up=up, quick=quick)


def _case(
    field: Field, rate: int, profile: dict[str, int], *, extended: bool, up: bool, quick: bool
) -> Row:
    field.line(up=up)
    figures, card = [], Apart(field, profile, extended=extended)
    for _ in range(4 if quick else 12):
        card = Apart(field, profile, extended=extended)
        figures.append(_visit(field, card, up=up))
    length = "extended" if extended else "short"
    line = "up" if up else "down"
    return Row(
        what=f"card to last screen, {rate} kbit/s, {length} APDUs, line {line}",
        figure=statistics.median(figures[1:]),
        bar=BAR_MS,
        at_least=False,
        unit=" ms CPU",
        note=f"worst {max(figures[1:]):.0f}; the card's own sum {card.profile_s:.2f} s",
    )


def _visit(field: Field, card: Apart, *, up: bool) -> float:
    field.act("begin")
    field.act("agree", agree="yes")
    field.cards[:] = [card]
    token = field.token
    began = time.process_time()
    field.act("number", token=token, number=NUMBER)
    shown = field.shown
    spent = time.process_time() - began - card.cpu
    if shown != ("done" if up else "recorded"):
        raise SystemExit(f"the visit ended at {shown}")
    field.act("over")
    return spent * 1000
