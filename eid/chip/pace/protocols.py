"""Which PACE protocols exist, which this library runs, and which of a chip's it takes.

>>> PROTOCOLS["0.4.0.127.0.7.2.2.4.6.2"]
PaceProtocol(family='ECDH', mapping='CAM', suite=<Suite.AES_128: ('AES-128', 16, 16)>)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from eid import ec
from eid.chip.crypto import Suite
from eid.chip.domains import Domain, Family, from_algorithm, standard_domain
from eid.chip.lds.security_infos import ID_PACE, PaceInfo, SecurityInfo, SecurityInfos
from eid.ec import integrated
from eid.errors import AccessDenied, FormatError

MappingKind = Literal["GM", "IM", "CAM"]
VERSION: Final = 2
_FAMILIES: Final[tuple[tuple[str, Family, MappingKind], ...]] = (
    ("1", "DH", "GM"),
    ("2", "ECDH", "GM"),
    ("3", "DH", "IM"),
    ("4", "ECDH", "IM"),
    ("6", "ECDH", "CAM"),
)
_CIPHERS: Final = (
    ("1", Suite.DES3),
    ("2", Suite.AES_128),
    ("3", Suite.AES_192),
    ("4", Suite.AES_256),
)
_PREFERENCE: Final[Mapping[MappingKind, int]] = {"CAM": 2, "GM": 1, "IM": 0}
_DOMAIN_ARCS: Final = 10
_UNNAMED_CURVE: Final = 13
"""brainpoolP256r1: what the cards that name no parameters at all (Spain) mean."""


@dataclass(frozen=True, slots=True)
class PaceProtocol:
    """What an object identifier of PACE stands for."""

    family: Family
    mapping: MappingKind
    suite: Suite


PROTOCOLS: Final[Mapping[str, PaceProtocol]] = MappingProxyType(
    {
        f"{ID_PACE}{branch}.{cipher}": PaceProtocol(family, mapping, suite)
        for branch, family, mapping in _FAMILIES
        for cipher, suite in _CIPHERS
        if not (mapping == "CAM" and suite is Suite.DES3)
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A PACEInfo that can be run: its protocol, its domain and the number to name it by."""

    info: PaceInfo
    protocol: PaceProtocol
    domain: Domain
    parameter_id: int | None
    assumed: bool = False
    """Whether the chip does not say which domain it means, so that a rule gave it."""


def choose_pace(infos: SecurityInfos) -> PaceInfo:
    """Return the strongest PACEInfo this library can run.

    Order: what names its parameters before what does not; AES-256, AES-192, AES-128, 3DES; then the stronger curve or group; then chip
    authentication, generic, integrated mapping; then the card's own order. AccessDenied
    ``access.no_pace`` when the card offers none, ``pace.unsupported`` (with the identifiers in
    ``offered``) when it offers only others.
    """
    return choose_offer(infos).info


def choose_offer(infos: SecurityInfos) -> Offer:
    """Return the PACEInfo that :func:`choose_pace` returns, ready to run."""
    if not infos.pace:
        raise AccessDenied("The chip does not offer PACE.", code="access.no_pace")
    found = (offer_of(info, infos) for info in infos.pace)
    usable = [offer for offer in found if offer is not None]
    if not usable:
        raise unsupported(tuple(info.oid for info in infos.pace))
    return max(usable, key=_rank)


def offer_of(info: PaceInfo, infos: SecurityInfos | None = None) -> Offer | None:
    """Return what a PACEInfo asks for, or None where this library cannot run it.

    ``infos`` holds the domain parameters that the chip defines itself: those are taken where
    all of them equal a known curve's. A PACEInfo without a number means the chip's own parameters,
    else those that every other PACEInfo of its family names, else, for curves, brainpoolP256r1.
    """
    protocol = PROTOCOLS.get(info.oid)
    if protocol is None or info.version != VERSION:
        return None
    try:
        domain = _domain(info, infos)
        assumed = domain is None and info.parameter_id is None
        if assumed:
            domain = _assumed_domain(protocol.family, info, infos)
    except FormatError:
        return None
    if domain is None or domain.family != protocol.family:
        return None
    if protocol.mapping == "IM" and domain.family == "ECDH" and not _integrated(domain):
        return None
    number = domain.parameter_id if info.parameter_id is None else info.parameter_id
    return Offer(info=info, protocol=protocol, domain=domain, parameter_id=number, assumed=assumed)


def unsupported(offered: tuple[str, ...]) -> AccessDenied:
    """Return the error for a chip that speaks PACE only in other ways."""
    return AccessDenied(
        "The chip offers PACE only in variants that are not supported.",
        code="pace.unsupported",
        offered=offered,
    )


def _rank(offer: Offer) -> tuple[bool, int, int, int, int]:
    suite = offer.protocol.suite
    preference = _PREFERENCE[offer.protocol.mapping]
    return not offer.assumed, suite.key_size, suite.block_size, offer.domain.strength, preference


def _integrated(domain: Domain) -> bool:
    return integrated.maps(ec.by_name(domain.name))


def _domain(info: PaceInfo, infos: SecurityInfos | None) -> Domain | None:
    """The chip's own definition of the number comes first; without a number there is only one."""
    own = [item for item in infos.unknown if _defines_domain(item, info)] if infos else []
    fitting = [item for item in own if _number(item) in (info.parameter_id, None)]
    if len(fitting) == 1:
        return from_algorithm(fitting[0].required)
    if fitting or info.parameter_id is None:
        return None
    return standard_domain(info.parameter_id)


def _assumed_domain(family: Family, info: PaceInfo, infos: SecurityInfos | None) -> Domain | None:
    """What a PACEInfo without a number means where the chip defines no domain for it."""
    items = infos.unknown if infos else ()
    if any(_defines_domain(item, info) for item in items):
        return None
    others = {
        other.parameter_id
        for other in (infos.pace if infos else ())
        if other.parameter_id is not None
        and other.oid in PROTOCOLS
        and PROTOCOLS[other.oid].family == family
    }
    if not others and family == "ECDH":
        others = {_UNNAMED_CURVE}
    return standard_domain(others.pop()) if len(others) == 1 else None


def _defines_domain(item: SecurityInfo, info: PaceInfo) -> bool:
    """Whether it is a PACEDomainParameterInfo of this protocol, whatever its cipher."""
    fits = info.oid.startswith(item.oid + ".") and item.oid.startswith(ID_PACE)
    return fits and item.oid.count(".") == _DOMAIN_ARCS - 1


def _number(item: SecurityInfo) -> int | None:
    return None if item.optional is None else item.optional.integer()
