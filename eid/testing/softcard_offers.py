"""What a chip offers for PACE, read from its own EF.CardAccess (9303-11 §9.2.1, §9.2.2).

>>> offer = offers(bytes.fromhex("31143012060A04007F0007020204020202010202010D"))[0]
>>> offer.mapping, offer.suite.label, offer.number
('GM', 'AES-128', 13)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from eid import tlv
from eid.chip.crypto import Suite
from eid.errors import FormatError
from eid.testing.softcard_domain import Domain, from_algorithm, standard_domain

Mapped = Literal["GM", "IM", "CAM"]
PACE: Final = "0.4.0.127.0.7.2.2.4"
SUITES: Final[Mapping[str, Suite]] = {
    "1": Suite.DES3,
    "2": Suite.AES_128,
    "3": Suite.AES_192,
    "4": Suite.AES_256,
}
_MAPPINGS: Final[Mapping[str, Mapped]] = {
    "1": "GM",
    "2": "GM",
    "3": "IM",
    "4": "IM",
    "6": "CAM",
}
_PARAMETER_ARCS: Final = PACE.count(".") + 1
_PROTOCOL_ARCS: Final = PACE.count(".") + 2


@dataclass(frozen=True, slots=True)
class Offer:
    """One PACEInfo with its domain; ``number`` None where the chip does not name it."""

    oid: str
    suite: Suite
    mapping: Mapped
    domain: Domain
    number: int | None


def offers(card_access: bytes) -> tuple[Offer, ...]:
    """Every PACE protocol of EF.CardAccess that a chip of this kind can run."""
    infos = [info.children() for info in tlv.parse(card_access).children()]
    named = [(parts[0].oid(), parts[1:]) for parts in infos]
    explicit = {
        _number(rest, 1): from_algorithm(rest[0])
        for oid, rest in named
        if _below_pace(oid) and oid.count(".") == _PARAMETER_ARCS
    }
    protocols = (
        (oid, _number(rest, 1))
        for oid, rest in named
        if _below_pace(oid) and oid.count(".") == _PROTOCOL_ARCS
    )
    return tuple(offer for oid, number in protocols for offer in _offer(oid, number, explicit))


def choose(card_access: bytes, oid: str, wanted: int | None) -> Offer | None:
    """The one offer that MSE:Set AT means; None when none fits or several do."""
    fitting = [
        offer
        for offer in offers(card_access)
        if offer.oid == oid and (wanted is None or offer.number in (None, wanted))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _offer(oid: str, number: int | None, explicit: Mapping[int | None, Domain]) -> list[Offer]:
    *_, agreement, cipher = oid.split(".")
    mapping, suite = _MAPPINGS.get(agreement), SUITES.get(cipher)
    if mapping is None or suite is None or (mapping == "CAM" and suite is Suite.DES3):
        return []
    domain = explicit.get(number) or _standard(number)
    return [Offer(oid, suite, mapping, domain, number)] if domain else []


def _standard(number: int | None) -> Domain | None:
    """A card that names no parameters has those of the first cards: brainpoolP256r1."""
    try:
        return standard_domain(13 if number is None else number)
    except FormatError:
        return None


def _number(rest: tuple[tlv.Tlv, ...], place: int) -> int | None:
    return rest[place].integer() if len(rest) > place else None


def _below_pace(oid: str) -> bool:
    return oid.startswith(f"{PACE}.")
