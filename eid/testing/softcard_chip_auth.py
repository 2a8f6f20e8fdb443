"""Chip Authentication version 1 from the chip's side (9303-11 §6.2; TR-03110-1 §3.4).

The chip reads its own DG14 (or EF.CardSecurity) to know what it offers. 3DES may be asked for with
MSE:Set KAT, every cipher with MSE:Set AT and GENERAL AUTHENTICATE. A key without a
ChipAuthenticationInfo, as some cards have it, is offered for 3DES.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from eid import tlv
from eid.chip import crypto
from eid.chip.crypto import Suite
from eid.errors import FormatError
from eid.testing.softcard_apdu import SW_REFERENCE_NOT_FOUND, SW_WRONG_DATA, Refused
from eid.testing.softcard_domain import Domain, from_algorithm
from eid.testing.softcard_messaging import ChipSession
from eid.testing.softcard_offers import SUITES

CHIP_AUTHENTICATION: Final = "0.4.0.127.0.7.2.2.3"
PUBLIC_KEY: Final = "0.4.0.127.0.7.2.2.1"
_PROTOCOL_ARCS: Final = CHIP_AUTHENTICATION.count(".") + 2


@dataclass(frozen=True, slots=True)
class StaticKey:
    """One key pair of the chip: ``agreement`` is the last arc, 1 for DH and 2 for ECDH."""

    domain: Domain
    private: int = field(repr=False)
    key_id: int | None
    agreement: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one Chip Authentication led to."""

    session: ChipSession
    terminal_key: bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """What MSE:Set AT chose."""

    suite: Suite
    key: StaticKey

    def agree(self, theirs: bytes) -> Agreement:
        """Agree on a new session with the terminal's key; its counter starts at zero."""
        try:
            secret = self.key.domain.agree(self.key.private, theirs)
            checked = self.key.domain.check(theirs)
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        session = ChipSession(
            self.suite,
            crypto.kdf(secret, crypto.KDF_ENC, self.suite),
            crypto.kdf(secret, crypto.KDF_MAC, self.suite),
        )
        return Agreement(session, self.key.domain.compressed(checked))


class ChipAuthentication:
    """The chip's keys and protocols; it holds no state of a session."""

    def __init__(self, dg14: bytes, privates: Sequence[int]) -> None:
        infos = _security_infos(dg14) if privates else []
        publics = [(oid, rest) for oid, rest in infos if oid.startswith(f"{PUBLIC_KEY}.")]
        self._protocols = tuple(oid for oid, _ in infos if _is_info(oid))
        pairs = zip(publics, privates, strict=False)
        found = (_static_key(oid, rest, private) for (oid, rest), private in pairs)
        self._keys = tuple(key for key in found if key is not None)

    def choose(self, request: bytes) -> Choice:
        """Accept the data of MSE:Set AT: protocol and, where keys are several, the key's id."""
        objects = _objects(request)
        try:
            oid = tlv.decode_oid(objects.get(0x80, b""))
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        key_id = _key_id(objects)
        *_, agreement, cipher = oid.split(".")
        if oid not in self._protocols or cipher not in SUITES:
            raise Refused(SW_WRONG_DATA)
        return Choice(SUITES[cipher], self._key(key_id, agreement))

    def agree_at_once(self, request: bytes) -> Agreement:
        """Run MSE:Set KAT: key and agreement in one command, for 3DES only."""
        objects = _objects(request)
        theirs = objects.get(0x91)
        ciphers = {oid.rsplit(".", 1)[1] for oid in self._protocols}
        if theirs is None or (ciphers and "1" not in ciphers):
            raise Refused(SW_WRONG_DATA)
        return Choice(Suite.DES3, self._key(_key_id(objects), None)).agree(theirs)

    def by_id(self) -> dict[int | None, int]:
        """Private keys by their id, for PACE-CAM."""
        return {key.key_id: key.private for key in self._keys}

    def _key(self, key_id: int | None, agreement: str | None) -> StaticKey:
        fitting = [
            key
            for key in self._keys
            if agreement in (None, key.agreement) and key_id in (None, key.key_id)
        ]
        if len(fitting) != 1:
            raise Refused(SW_REFERENCE_NOT_FOUND)
        return fitting[0]


def _security_infos(dg14: bytes) -> list[tuple[str, tuple[tlv.Tlv, ...]]]:
    """Identifier and further parts of each entry; what is no DG14 (forged cards) has none."""
    try:
        entries = tlv.parse(dg14, ber=True).children(ber=True)[0].children(ber=True)
        parts = [entry.children(ber=True) for entry in entries]
        return [(part[0].oid(), part[1:]) for part in parts]
    except (FormatError, IndexError):
        return []


def _is_info(oid: str) -> bool:
    return oid.startswith(f"{CHIP_AUTHENTICATION}.") and oid.count(".") == _PROTOCOL_ARCS


def _static_key(oid: str, rest: tuple[tlv.Tlv, ...], private: int) -> StaticKey | None:
    """A key as the chip uses it; None for one (of forged cards) that no chip could use."""
    try:
        algorithm = rest[0].children(ber=True)[0]
        key_id = rest[1].integer() if len(rest) > 1 else None
        domain = from_algorithm(algorithm)
    except (FormatError, IndexError):
        return None
    return StaticKey(domain, private, key_id, oid.rsplit(".", 1)[1])


def _objects(request: bytes) -> dict[int, bytes]:
    try:
        return {item.tag: item.value for item in tlv.parse_all(request)}
    except FormatError as e:
        raise Refused(SW_WRONG_DATA) from e


def _key_id(objects: dict[int, bytes]) -> int | None:
    value = objects.get(0x84)
    return None if value is None else int.from_bytes(value, "big")
