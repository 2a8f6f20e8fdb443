"""Read one card into Evidence: talks to the chip, never judges what it says.

PACE (or BAC, where there is no PACE), then every file of the plan, Chip Authentication as soon as
DG14 is there, and the chip's answer to the challenge, all in one sitting. Whatever fails, the
session's keys are wiped.

>>> from datetime import UTC, datetime
>>> from eid.chip.access import can_from_number, personal_number
>>> from eid.testing.authority import DocumentAuthority
>>> from eid.testing.people import PEOPLE
>>> from eid.testing.personalise import personalise
>>> from eid.testing.softcard import SoftwareCard
>>> at, person = datetime(2026, 11, 20, tzinfo=UTC), PEOPLE["thu"]
>>> card = SoftwareCard(personalise(person, DocumentAuthority.create(at=at), at=at))
>>> can = can_from_number(personal_number(person.number))
>>> evidence = read(card, can, plan=PLANS["kiosk"], challenge=bytes(8), at=at)
>>> evidence.access.protocol, len(evidence.files), evidence.active_authentication is not None
('PACE', 6, True)
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime

from eid.chip.access import AccessKey
from eid.chip.card import Card
from eid.chip.domains import Rng
from eid.chip.evidence import MAX_NAME, ChallengeSource, Evidence
from eid.chip.plan import PLANS, Plan
from eid.chip.read.opening import (
    BUILTIN_CARD_ACCESS,
    FALLBACK_AFTER_PACE,
    FALLBACK_BUILTIN,
    FALLBACK_NO_CARD_ACCESS,
    Door,
)
from eid.chip.read.proofs import ChipVerifier
from eid.chip.read.sitting import PortraitCache, Progress, Sitting, Step, Wishes
from eid.chip.terminal_auth import TerminalIdentity
from eid.chip.transport import ReaderInfo, Transport
from eid.errors import CardRemoved

__all__ = [
    "BUILTIN_CARD_ACCESS",
    "FALLBACK_AFTER_PACE",
    "FALLBACK_BUILTIN",
    "FALLBACK_NO_CARD_ACCESS",
    "PLANS",
    "Plan",
    "PortraitCache",
    "Progress",
    "Step",
    "read",
]

_MOST_RETURNS = 8


def read(  # noqa: PLR0913 - options by keyword, each with a safe default
    transport: Transport,
    key: AccessKey,
    *,
    plan: Plan = PLANS["bank"],
    challenge: bytes | None = None,
    challenge_source: ChallengeSource = "verifier",
    chip_verifier: ChipVerifier | None = None,
    terminal: TerminalIdentity | None = None,
    reconnect: Callable[[], Transport] | None = None,
    cache: PortraitCache | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    deadline_s: float = 30.0,
    at: datetime,
    extended: bool | None = None,
    insecure_bac_after_pace: bool = False,
    rng: Rng = secrets.token_bytes,
    clock: Callable[[], float] = time.monotonic,
) -> Evidence:
    """Read the card on this transport; the transport stays open and is the caller's to close.

    ``challenge`` is the verifier's eight bytes; without it the chip is not challenged, since the
    reader never makes one up. Give ``challenge_source="caller_chosen"`` when it comes from
    anyone else. ``chip_verifier`` is asked, with DG14, for a request to relay as the last step.
    ``terminal`` is who may read DG3 and DG4. ``extended=False`` keeps to short commands. Files
    the chip does not have are left out: who judges decides whether they are missed.

    ``reconnect`` waits for the card and connects anew: with it a lifted card is read on. Files
    read before are kept only if the chip that is back proves to be the same one, by its key.
    ``cache`` keeps portraits between reads. Raises CardError and its kin; CardError
    ``card.cancelled`` once ``cancelled`` says so.
    """
    limit = clock() + deadline_s

    def card_on(connection: Transport) -> Card:
        return Card(connection, extended=extended, limit=limit, cancelled=cancelled, clock=clock)

    def restart(card: Card) -> Card:
        card.wipe()
        return card_on(reconnect() if reconnect else transport)

    wishes = Wishes(
        plan=plan,
        challenge=challenge if plan.active_authentication else None,
        challenge_source=challenge_source,
        chip_verifier=chip_verifier,
        terminal=terminal if plan.terminal_authentication else None,
        cache=cache,
        progress=progress,
    )
    door = Door(key=key, rng=rng, insecure_bac_after_pace=insecure_bac_after_pace, restart=restart)
    sitting = Sitting(wishes, door)
    card = card_on(transport)
    for _ in range(_MOST_RETURNS):
        try:
            sitting.run(card)
            break
        except CardRemoved:
            if reconnect is None:
                raise
            card = card_on(reconnect())
    else:
        raise CardRemoved("The card was lifted too often.", code="card.restless")
    return sitting.evidence(_reader(card.reader), at)


def _reader(info: ReaderInfo) -> ReaderInfo:
    name = "".join(char for char in info.name if char.isprintable())[:MAX_NAME]
    return ReaderInfo(name=name, atr=info.atr[:33])
