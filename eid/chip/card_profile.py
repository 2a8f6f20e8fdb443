"""What one card's chip is like, without anything about its holder: a file that can be shared.

``eid doctor --card`` writes it after a read, ``eid simulate --profile FILE`` plays it back with a
fictional holder. It holds protocols, curves, lengths, status words and times; never a content, a
key, a hash, a serial number or a signature. Lengths of files say little, but they are of one card.

>>> profile = CardProfile(pace=(PaceOffer(oid="0.4.0.127.0.7.2.2.4.2.2", parameter_id=13),))
>>> CardProfile.from_json(profile.to_json()) == profile
True
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final, TypeVar

from eid.errors import FormatError

MAX_JSON: Final = 1 << 16
FORMAT: Final = "eid-card-profile"
VERSION: Final = 1
_MAX_ITEMS: Final = 64
_TEXT: Final = re.compile(r"[A-Za-z0-9 ._+/-]{0,96}")
_MAX_NUMBER: Final = (1 << 31) - 1

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceOffer:
    """A PACEInfo of EF.CardAccess; ``parameter_id`` None where the card leaves it out."""

    oid: str
    version: int = 2
    parameter_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthenticationOffer:
    """A ChipAuthenticationInfo of DG14."""

    oid: str
    version: int = 1
    key_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipKey:
    """A Chip Authentication key: ``domain`` is a curve's name, or ``dh-`` and the bits of p."""

    domain: str
    explicit: bool = True
    key_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveKey:
    """The Active Authentication key of DG15: ``algorithm`` is ``rsa`` or ``ecdsa``.

    ``bits`` of the modulus or the field; ``curve`` for ecdsa; ``trailer`` in hexadecimal digits
    for rsa; ``signature_oid`` as DG14 names it; ``response`` is ``plain`` or ``der`` for ecdsa.
    """

    algorithm: str
    bits: int
    curve: str = ""
    trailer: str = ""
    signature_oid: str = ""
    response: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """A file of the chip: its length, or None where reading ended with status word ``sw``."""

    name: str
    length: int | None
    sw: int = 0x9000


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTime:
    """How long the chip took: all commands with this instruction, in microseconds.

    ``octets`` counts commands and answers together, so that a bit rate can be told from it.
    """

    instruction: int
    count: int
    median_us: int
    longest_us: int
    octets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CardProfile:
    """Everything that is known of a chip's kind.

    ``atr`` in hexadecimal digits. ``extended_length`` None is unknown, ``max_command`` and
    ``max_response`` come from EF.ATR/INFO (0: not said). ``select_master_file`` is the status word
    of SELECT MF (0: not tried). ``bac`` is whether GET CHALLENGE was answered before any access.
    ``sod`` names digest, signature algorithm and the signer's key: oids and a curve or RSA bits.
    """

    atr: str = ""
    extended_length: bool | None = None
    max_command: int = 0
    max_response: int = 0
    select_master_file: int = 0
    bac: bool | None = None
    lds_version: str = ""
    sod: tuple[str, ...] = ()
    terminal_authentication: tuple[int, ...] = ()
    pace: tuple[PaceOffer, ...] = ()
    chip_authentication: tuple[ChipAuthenticationOffer, ...] = ()
    chip_keys: tuple[ChipKey, ...] = ()
    active_keys: tuple[ActiveKey, ...] = ()
    files: tuple[FileFact, ...] = ()
    times: tuple[CommandTime, ...] = ()

    def to_json(self) -> bytes:
        """Write the profile as indented JSON, the same bytes for equal profiles."""
        members = {"format": FORMAT, "version": VERSION} | asdict(self)
        return (json.dumps(members, indent=1, sort_keys=True) + "\n").encode("ascii")

    @staticmethod
    def from_json(data: bytes) -> CardProfile:
        """Read a profile; other members, text or numbers out of bounds are a FormatError."""
        if len(data) > MAX_JSON:
            raise FormatError("The card profile is too big.", code="card_profile.size")
        try:
            members = json.loads(data)
        except (ValueError, RecursionError) as e:
            raise _malformed() from e
        if not isinstance(members, dict):
            raise _malformed()
        kind, version = members.pop("format", None), members.pop("version", None)
        if (kind, version) != (FORMAT, VERSION) or isinstance(version, bool):
            raise FormatError("This is no card profile of version 1.", code="card_profile.version")
        return _part(CardProfile, members)


def _part(make: Callable[..., _Part], value: object) -> _Part:
    """Read the members of one of the classes above by their declared types."""
    kinds = {field.name: str(field.type) for field in fields(make)}  # type: ignore[arg-type]
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise _malformed()
    return make(**{name: _member(kind, value[name]) for name, kind in kinds.items()})


def _member(kind: str, value: object) -> object:
    if kind in _VALUES:
        return _VALUES[kind](value)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > _MAX_ITEMS:
        raise _malformed()
    return tuple(_LISTS[kind](item) for item in value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise _malformed()
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_NUMBER:
        raise _malformed()
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _malformed()
    return value


def _malformed() -> FormatError:
    return FormatError("The card profile is malformed.", code="card_profile.format")


_LISTS: Final[Mapping[str, Callable[[object], object]]] = {
    "tuple[str, ...]": _text,
    "tuple[int, ...]": _number,
    "tuple[PaceOffer, ...]": lambda value: _part(PaceOffer, value),
    "tuple[ChipAuthenticationOffer, ...]": lambda value: _part(ChipAuthenticationOffer, value),
    "tuple[ChipKey, ...]": lambda value: _part(ChipKey, value),
    "tuple[ActiveKey, ...]": lambda value: _part(ActiveKey, value),
    "tuple[FileFact, ...]": lambda value: _part(FileFact, value),
    "tuple[CommandTime, ...]": lambda value: _part(CommandTime, value),
}
_VALUES: Final[Mapping[str, Callable[[object], object]]] = {
    "str": _text,
    "int": _number,
    "int | None": lambda value: None if value is None else _number(value),
    "bool": _flag,
    "bool | None": lambda value: None if value is None else _flag(value),
}
