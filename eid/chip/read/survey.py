"""What kind of chip this is, without anything about its holder: `eid doctor --card`.

The card is read once, whole; protocols, lengths, status words and times are kept, and contents,
hashes, keys, signatures and serial numbers are forgotten with the connection.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from eid import tlv
from eid.chip.access import AccessKey
from eid.chip.active_auth import CHALLENGE_SIZE
from eid.chip.apdu import Command, Response
from eid.chip.card import Card
from eid.chip.card_profile import (
    ActiveKey,
    CardProfile,
    ChipAuthenticationOffer,
    ChipKey,
    CommandTime,
    FileFact,
    PaceOffer,
)
from eid.chip.domains import Rng, from_algorithm
from eid.chip.lds import atr_info
from eid.chip.lds.com import parse_com
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.files import COM, DATA_GROUPS, EMRTD_AID, SOD
from eid.chip.lds.security_infos import SecurityInfos, parse_security_infos
from eid.chip.lds.sod import parse_sod
from eid.chip.read import proofs
from eid.chip.read.opening import Door, open_chip
from eid.chip.transport import ReaderInfo, Timed, Transport
from eid.errors import CardError, FormatError, StatusError
from eid.trust.algorithms import DIGESTS
from eid.trust.certificates import parse_certificate, public_key
from eid.trust.public_keys import EcKey, PublicKey, RsaKey

_EXPLICIT: Final = 0x30
_MAX_TIMES: Final = 32

_Value = TypeVar("_Value")


class _Stopwatch:
    """A transport around another that notes how long each instruction took."""

    def __init__(self, inner: Transport, clock: Callable[[], float]) -> None:
        self._inner = inner
        self._clock = clock
        self.taken: dict[int, list[tuple[int, int]]] = {}

    @property
    def reader(self) -> ReaderInfo:
        """The inner transport's reader."""
        return self._inner.reader

    def transmit(self, command: bytes) -> bytes:
        """Pass the command on and note microseconds and octets."""
        begin = self._clock()
        answer = self._inner.transmit(command)
        microseconds = int((self._clock() - begin) * 1_000_000)
        self.taken.setdefault(command[1], []).append((microseconds, len(command) + len(answer)))
        return answer

    def allow(self, seconds: float) -> None:
        """Pass it on, where the inner transport can give up on a command."""
        if isinstance(self._inner, Timed):
            self._inner.allow(seconds)

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    def times(self) -> tuple[CommandTime, ...]:
        """The notes, by instruction."""
        return tuple(
            CommandTime(
                instruction=instruction,
                count=len(notes),
                median_us=int(statistics.median(us for us, _ in notes)),
                longest_us=max(us for us, _ in notes),
                octets=sum(octets for _, octets in notes),
            )
            for instruction, notes in sorted(self.taken.items())[:_MAX_TIMES]
        )


def survey(
    transport: Transport,
    key: AccessKey,
    *,
    deadline_s: float = 60.0,
    rng: Rng = secrets.token_bytes,
    clock: Callable[[], float] = time.monotonic,
) -> CardProfile:
    """Read the card on this transport and describe its kind.

    Raises CardError and its kin where the chip cannot be opened; files that it refuses, and
    files that cannot be understood, are facts about it.
    """
    watch = _Stopwatch(transport, clock)
    card = Card(watch, limit=clock() + deadline_s, clock=clock)
    master = card.exchange(Command(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")).sw
    lengths = _lengths(card)
    door = Door(key=key, rng=rng, insecure_bac_after_pace=False, restart=lambda same: same)
    try:
        card, opened = open_chip(card, door)
        found = dict(opened.files)
        facts = [FileFact(name=name, length=len(data)) for name, data in found.items()]
        facts += [
            _fact(card, file.name, (file.fid, file.sfi), found)
            for file in (COM, SOD, *DATA_GROUPS)
        ]
        proofs.authenticate_chip(card, found.get("EF.DG14"), rng)
        active = _active(card, found, rng)
    finally:
        card.wipe()
    dg14 = proofs.security_infos(found.get("EF.DG14"))
    offered = _read(found, "EF.CardAccess", parse_security_infos)
    return CardProfile(
        atr=transport.reader.atr.hex(),
        extended_length=card.extended,
        max_command=lengths.max_command,
        max_response=lengths.max_response,
        select_master_file=master,
        bac=_answers_bac(watch),
        lds_version=_version(found),
        sod=_signer(found),
        pace=_pace(offered),
        active_keys=active,
        files=tuple(facts),
        times=watch.times(),
        terminal_authentication=_terminal(dg14),
        chip_authentication=_chip_authentication(dg14),
        chip_keys=_chip_keys(dg14),
    )


def _lengths(card: Card) -> atr_info.AtrInfo:
    try:
        return atr_info.parse_atr_info(card.read_start(atr_info.FID, atr_info.SFI))
    except (CardError, FormatError):
        return atr_info.AtrInfo()


def _fact(card: Card, name: str, place: tuple[int, int], found: dict[str, bytes]) -> FileFact:
    try:
        found[name] = card.read_file(*place)
    except StatusError as error:
        return FileFact(name=name, length=None, sw=error.sw)
    return FileFact(name=name, length=len(found[name]))


def _answers_bac(watch: _Stopwatch) -> bool:
    """Ask for a challenge outside any session, as BAC begins; the session is over by then."""
    watch.transmit(Command(0x00, 0xA4, 0x04, 0x0C, EMRTD_AID).encode())
    answer = Response.parse(watch.transmit(Command(0x00, 0x84, 0x00, 0x00, le=8).encode()))
    return answer.ok and len(answer.data) == 8


def _active(card: Card, found: Mapping[str, bytes], rng: Rng) -> tuple[ActiveKey, ...]:
    """Have the chip sign random bytes, and keep the form of the signature only."""
    key = _read(found, "EF.DG15", parse_dg15)
    if key is None:
        return ()
    answer = proofs.answer_challenge(
        card, rng(CHALLENGE_SIZE), "caller_chosen", dg15=found["EF.DG15"]
    )
    response = answer.response if answer else b""
    if isinstance(key, RsaKey):
        return (
            ActiveKey(algorithm="rsa", bits=key.n.bit_length(), trailer=_trailer(key, response)),
        )
    size = 2 * ((key.curve.n.bit_length() + 7) // 8)
    form = ("plain" if len(response) == size else "der") if response else ""
    return (
        ActiveKey(algorithm="ecdsa", bits=key.curve.bits, curve=key.curve.name, response=form),
    )


def _trailer(key: RsaKey, response: bytes) -> str:
    number = pow(int.from_bytes(response, "big"), key.e, key.n) if response else 0
    tail = number.to_bytes((key.n.bit_length() + 7) // 8, "big")[-2:]
    if not response:
        return ""
    return "bc" if tail[1] == 0xBC else tail.hex()


def _terminal(infos: SecurityInfos | None) -> tuple[int, ...]:
    found = infos.terminal_authentication if infos else ()
    return tuple(int.from_bytes(info.required.value[:2], "big") for info in found)


def _chip_authentication(infos: SecurityInfos | None) -> tuple[ChipAuthenticationOffer, ...]:
    return tuple(
        ChipAuthenticationOffer(oid=info.oid, version=info.version, key_id=info.key_id)
        for info in (infos.chip_authentication if infos else ())
    )


def _chip_keys(infos: SecurityInfos | None) -> tuple[ChipKey, ...]:
    return tuple(
        _chip_key(key.spki, key.key_id) for key in (infos.ca_public_keys if infos else ())
    )


def _chip_key(spki: bytes, key_id: int | None) -> ChipKey:
    try:
        algorithm = tlv.parse(spki, ber=True).children(ber=True)[0]
        parts = algorithm.children(ber=True)
        explicit = len(parts) > 1 and parts[1].tag == _EXPLICIT
        return ChipKey(domain=from_algorithm(algorithm).name, explicit=explicit, key_id=key_id)
    except (FormatError, IndexError):
        return ChipKey(domain="unknown", key_id=key_id)


def _pace(infos: SecurityInfos | None) -> tuple[PaceOffer, ...]:
    return tuple(
        PaceOffer(oid=info.oid, version=info.version, parameter_id=info.parameter_id)
        for info in (infos.pace if infos else ())
    )


def _version(found: Mapping[str, bytes]) -> str:
    com = _read(found, "EF.COM", parse_com)
    return com.lds_version if com and com.lds_version.isalnum() else ""


def _signer(found: Mapping[str, bytes]) -> tuple[str, ...]:
    """Digest, signature and key of EF.SOD's signer, by their names."""
    signed = _read(found, "EF.SOD", parse_sod)
    if signed is None:
        return ()
    info = signed.signer_info
    digest = next(oid for oid, known in DIGESTS.items() if known == info.digest)
    try:
        key = _key_name(public_key(parse_certificate(signed.certificates[0])))
    except (FormatError, IndexError):
        key = "unknown"
    return (digest, info.algorithm.scheme, key)


def _key_name(key: PublicKey) -> str:
    if isinstance(key, EcKey):
        return key.curve.name
    return f"rsa-{key.n.bit_length()}" if isinstance(key, RsaKey) else "unknown"


def _read(
    found: Mapping[str, bytes], name: str, parse: Callable[[bytes], _Value]
) -> _Value | None:
    try:
        return parse(found[name])
    except (KeyError, FormatError):
        return None
