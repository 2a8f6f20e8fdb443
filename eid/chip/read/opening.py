"""Opening a chip: PACE, or BAC where there is no PACE, and the application (9303-11 §4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eid.chip import bac, pace
from eid.chip.access import AccessKey, MrzKey
from eid.chip.card import Card
from eid.chip.domains import Rng
from eid.chip.evidence import Access
from eid.chip.lds.card_security import parse_card_security
from eid.chip.lds.files import CARD_ACCESS, CARD_SECURITY
from eid.chip.lds.security_infos import SecurityInfos, parse_security_infos
from eid.errors import CardError, FormatError, ProtocolError, StatusError

BUILTIN_CARD_ACCESS: Final = bytes.fromhex(
    "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F00070202"
    "04020202010202010D"
)
FALLBACK_BUILTIN: Final = "builtin_card_access"
FALLBACK_NO_CARD_ACCESS: Final = "bac_without_card_access"
FALLBACK_AFTER_PACE: Final = "bac_after_failed_pace"
_BIRTH_AND_EXPIRY: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """How a chip was opened, and what later proofs build on.

    ``chip_name`` identifies the chip in Terminal Authentication. After PACE-CAM,
    ``terminal_key`` is our compressed key and ``transcript`` what the chip showed.
    """

    access: Access
    files: dict[str, bytes] = field(repr=False)
    chip_name: bytes = field(repr=False)
    terminal_key: bytes = field(default=b"", repr=False)
    transcript: tuple[bytes, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a chip may be opened with; ``restart`` gives a card that was reset."""

    key: AccessKey
    rng: Rng
    insecure_bac_after_pace: bool
    restart: Callable[[Card], Card]


def open_chip(card: Card, door: Door) -> tuple[Card, Opened]:
    """Run PACE, or BAC, and select the application; the card may have been reset on the way.

    BAC runs only with the MRZ: where the chip offers no PACE, where it hides EF.CardAccess and
    refuses PACE from the start, and after a failed PACE where the caller insists. Which of them
    it was is in ``access.fallback``, and the judge holds it against DG14.
    """
    content = card.read_card_access()
    if content is None:
        return _without_card_access(card, door)
    infos = _infos(content)
    files = {CARD_ACCESS.name: content}
    if not infos.pace and isinstance(door.key, MrzKey):
        return card, _basic(card, door.key, door.rng, files, fallback=None)
    offer = pace.choose_offer(infos)
    try:
        return card, _pace(card, offer, door, files, fallback=None)
    except CardError:
        if not (door.insecure_bac_after_pace and isinstance(door.key, MrzKey)):
            raise
    card = door.restart(card)
    return card, _basic(card, door.key, door.rng, files, fallback=FALLBACK_AFTER_PACE)


def _without_card_access(card: Card, door: Door) -> tuple[Card, Opened]:
    """Try what Vietnamese cards offer; a chip that knows no PACE at all says so at once."""
    offer = pace.choose_offer(_infos(BUILTIN_CARD_ACCESS))
    try:
        return card, _pace(card, offer, door, {}, fallback=FALLBACK_BUILTIN)
    except StatusError as error:
        first = error.facts.get("step") == "PACE: MSE:Set AT"
        if not (first and isinstance(door.key, MrzKey)):
            raise
    return card, _basic(card, door.key, door.rng, {}, fallback=FALLBACK_NO_CARD_ACCESS)


def _pace(
    card: Card, offer: pace.Offer, door: Door, files: dict[str, bytes], *, fallback: str | None
) -> Opened:
    session = pace.run(card.exchange, offer, door.key, rng=door.rng)
    card.secure(session.messaging)
    transcript = None
    if offer.protocol.mapping == "CAM":
        content = card.read_file(CARD_SECURITY.fid, CARD_SECURITY.sfi)
        files[CARD_SECURITY.name] = content
        _check_mapping(content, offer, session)
        transcript = session.mapping_key, session.chip_data
    card.select_application()
    access = Access(
        protocol="PACE",
        mapping=offer.protocol.mapping,
        password=door.key.kind,
        oid=offer.info.oid,
        parameter_id=offer.parameter_id,
        fallback=fallback,
    )
    compress = session.domain.compress
    return Opened(
        access=access,
        files=files,
        chip_name=compress(session.chip_key),
        terminal_key=compress(session.terminal_key) if transcript else b"",
        transcript=transcript,
    )


def _check_mapping(content: bytes, offer: pace.Offer, session: pace.PaceSession) -> None:
    """End a session with a chip that does not know the key it names: it is not worth reading."""
    try:
        infos = parse_card_security(content)
    except FormatError as error:
        raise ProtocolError("EF.CardSecurity is malformed.", code="pace.cam_key") from error
    pace.check_chip_mapping(infos, offer.parameter_id, session.mapping_key, session.chip_data)


def _basic(
    card: Card, key: MrzKey, rng: Rng, files: dict[str, bytes], *, fallback: str | None
) -> Opened:
    card.select_application()
    card.secure(bac.establish(card.exchange, key, rng=rng))
    number = key.information()[:-_BIRTH_AND_EXPIRY]
    access = Access(protocol="BAC", password=key.kind, fallback=fallback)
    return Opened(access=access, files=files, chip_name=number)


def _infos(card_access: bytes) -> SecurityInfos:
    try:
        return parse_security_infos(card_access)
    except FormatError as error:
        raise ProtocolError("EF.CardAccess is malformed.", code="access.card_access") from error
