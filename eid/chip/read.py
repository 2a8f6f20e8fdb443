"""Read one card into Evidence: talks to the chip, never judges what it says.

PACE with the CAN or the MRZ, then every file of the plan and the chip's answer to the challenge,
all inside the one secure session. Whatever fails, the session's keys are wiped.

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
('PACE', 7, True)
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from eid.chip.access import AccessKey
from eid.chip.active_auth import challenge_chip
from eid.chip.apdu import SW_FILE_NOT_FOUND
from eid.chip.card import Card
from eid.chip.domains import Rng
from eid.chip.evidence import (
    MAX_NAME,
    Access,
    ActiveAuthentication,
    ChallengeSource,
    Evidence,
)
from eid.chip.lds.files import CARD_ACCESS, FILES
from eid.chip.lds.security_infos import PaceInfo, parse_security_infos
from eid.chip.pace import PROTOCOLS, choose_pace, establish
from eid.chip.plan import PLANS, Plan
from eid.chip.transport import ReaderInfo, Transport
from eid.errors import FormatError, ProtocolError, StatusError

Step = Literal["access", "file", "proof"]

BUILTIN_CARD_ACCESS: Final = bytes.fromhex(
    "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F00070202"
    "04020202010202010D"
)
FALLBACK_BUILTIN: Final = "builtin_card_access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was just finished: ``done`` of ``total`` steps; ``file`` where it was a file."""

    step: Step
    done: int
    total: int
    file: str | None = None


def read(  # noqa: PLR0913 - options by keyword, each with a safe default
    transport: Transport,
    key: AccessKey,
    *,
    plan: Plan = PLANS["bank"],
    challenge: bytes | None = None,
    challenge_source: ChallengeSource = "verifier",
    progress: Callable[[Progress], None] | None = None,
    deadline_s: float = 30.0,
    at: datetime,
    extended: bool | None = None,
    rng: Rng = secrets.token_bytes,
    clock: Callable[[], float] = time.monotonic,
) -> Evidence:
    """Read the card on this transport; the transport stays open and is the caller's to close.

    ``challenge`` is the verifier's eight bytes; without it the chip is not challenged, since the
    reader never makes one up. Give ``challenge_source="caller_chosen"`` when it comes from
    anyone else. ``extended=False`` keeps to short commands. Files the chip does not have are
    left out: who judges decides whether they are missed. Raises CardError and its kin.
    """
    card = Card(transport, extended=extended, limit=clock() + deadline_s, clock=clock)
    found = _Found()
    steps = _Steps(progress, total=len(plan.files) + 2)
    try:
        access = _open(card, key, rng, found)
        steps.finished("access")
        for name in plan.files:
            _read_if_present(card, name, found)
            steps.finished("file", name)
        answer = _challenge(card, plan, challenge, challenge_source)
        steps.finished("proof")
    finally:
        card.wipe()
    return Evidence(
        files=found.files,
        access=access,
        active_authentication=answer,
        reader=_reader(card.reader),
        read_at=at.replace(microsecond=0),
    )


@dataclass(slots=True)
class _Found:
    """The files so far; its repr, and so a traceback, shows none of them."""

    files: dict[str, bytes] = field(default_factory=dict, repr=False)


class _Steps:
    """Counts finished steps and tells whoever wants to know."""

    def __init__(self, listener: Callable[[Progress], None] | None, *, total: int) -> None:
        self._listener = listener
        self._total = total
        self._done = 0

    def finished(self, step: Step, file: str | None = None) -> None:
        self._done += 1
        if self._listener is not None:
            self._listener(Progress(step=step, done=self._done, total=self._total, file=file))


def _open(card: Card, key: AccessKey, rng: Rng, found: _Found) -> Access:
    """Run PACE and select the application; return how it went."""
    content = card.read_card_access()
    if content is not None:
        found.files[CARD_ACCESS.name] = content
    info = _choose(content or BUILTIN_CARD_ACCESS)
    card.secure(establish(card.exchange, info, key, rng=rng))
    card.select_application()
    return Access(
        protocol="PACE",
        mapping=PROTOCOLS[info.oid].mapping,
        password=key.kind,
        oid=info.oid,
        parameter_id=info.parameter_id,
        fallback=FALLBACK_BUILTIN if content is None else None,
    )


def _choose(card_access: bytes) -> PaceInfo:
    try:
        infos = parse_security_infos(card_access)
    except FormatError as error:
        raise ProtocolError("EF.CardAccess is malformed.", code="access.card_access") from error
    return choose_pace(infos)


def _read_if_present(card: Card, name: str, found: _Found) -> None:
    file = FILES[name]
    try:
        found.files[name] = card.read_file(file.fid, file.sfi)
    except StatusError as error:
        if error.sw != SW_FILE_NOT_FOUND:
            raise


def _challenge(
    card: Card, plan: Plan, challenge: bytes | None, source: ChallengeSource
) -> ActiveAuthentication | None:
    """Have the chip answer; a chip that refuses gives no proof, which is for others to judge."""
    if challenge is None or not plan.active_authentication:
        return None
    try:
        response = challenge_chip(card.exchange, challenge, extended=card.extended is True)
    except StatusError:
        return None
    return ActiveAuthentication(challenge=challenge, response=response, source=source)


def _reader(info: ReaderInfo) -> ReaderInfo:
    name = "".join(char for char in info.name if char.isprintable())[:MAX_NAME]
    return ReaderInfo(name=name, atr=info.atr[:33])
