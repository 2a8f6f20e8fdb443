"""The values of evidence and their JSON form, version 1."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from eid.chip.evidence.document import (
    JSON,
    bad,
    canonical,
    encode_octets,
    load,
    members,
    octets,
    optional_number,
    optional_text,
    text,
)
from eid.chip.lds.files import FILES
from eid.chip.transport import ReaderInfo

Protocol = Literal["PACE", "BAC", "plain", "unknown"]
PasswordKind = Literal["can", "mrz", "pin", "puk"]
ChallengeSource = Literal["verifier", "caller_chosen"]
By = Literal["terminal", "verifier"]

_C = TypeVar("_C", bound=str)

VERSION: Final = 1
MAX_BYTES: Final = 256 * 1024
MAX_CHALLENGE: Final = 64
MAX_RESPONSE: Final = 2048
MAX_TRANSCRIPT: Final = 64 * 1024
MAX_NAME: Final = 128
MAX_ATR: Final = 33
MIN_SALT: Final = 16

_PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "PACE": "PACE",
    "BAC": "BAC",
    "plain": "plain",
    "unknown": "unknown",
}
_PASSWORDS: Final[Mapping[str, PasswordKind]] = {
    "can": "can",
    "mrz": "mrz",
    "pin": "pin",
    "puk": "puk",
}
_SOURCES: Final[Mapping[str, ChallengeSource]] = {
    "verifier": "verifier",
    "caller_chosen": "caller_chosen",
}
_BY: Final[Mapping[str, By]] = {"terminal": "terminal", "verifier": "verifier"}
_ALWAYS_KEPT: Final = frozenset({"EF.DG14", "EF.DG15"})
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
_MEMBERS: Final = (
    "version",
    "files",
    "access",
    "active_authentication",
    "chip_authentication",
    "reader",
    "read_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the chip was opened; ``password`` is the kind, never the value.

    ``fallback`` names a departure from the chip's own word, such as ``builtin_card_access``.
    """

    protocol: Protocol
    mapping: str | None = None
    password: PasswordKind | None = None
    oid: str | None = None
    parameter_id: int | None = None
    fallback: str | None = None


UNKNOWN_ACCESS: Final = Access(protocol="unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAuthentication:
    """The chip's answer to a challenge, and who chose that challenge by the reader's word.

    ``caller_chosen``: someone other than a verifier did, so no level may rest on it.
    """

    challenge: bytes = field(repr=False)
    response: bytes = field(repr=False)
    source: ChallengeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthentication:
    """A Chip Authentication session; it convinces only the party that ran it."""

    by: By
    transcript: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evidence:
    """One reading of one card. ``read_at`` is the reader's claim, in UTC."""

    files: Mapping[str, bytes]
    access: Access
    active_authentication: ActiveAuthentication | None = None
    chip_authentication: ChipAuthentication | None = None
    reader: ReaderInfo | None = None
    read_at: datetime

    def __post_init__(self) -> None:
        if not set(self.files) <= set(FILES):
            raise ValueError("evidence holds files of the chip only")
        if self.read_at.tzinfo is None:
            raise ValueError("the time of reading needs a time zone")
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))
        object.__setattr__(self, "read_at", self.read_at.astimezone(UTC))

    def to_json(self) -> bytes:
        """Write the canonical form; FormatError when it would be over 256 KiB."""
        document = canonical(_write(self))
        if len(document) > MAX_BYTES:
            raise bad("The evidence is too big.", "evidence.size")
        return document

    @staticmethod
    def from_json(data: bytes) -> Evidence:
        """Read at most 256 KiB; anything out of form is a FormatError."""
        return _read(load(data, max_bytes=MAX_BYTES))

    def digest(self) -> bytes:
        """Return SHA-256 of the canonical form.

        The same everywhere, so it links a person across services: outside the verifier's own
        record only :meth:`commitment` may be written.
        """
        return hashlib.sha256(canonical(_write(self))).digest()

    def commitment(self, salt: bytes) -> bytes:
        """Return the digest hidden under a random salt of 16 bytes or more."""
        if len(salt) < MIN_SALT:
            raise ValueError("a salt has at least 16 bytes")
        prefix = b"eid-evidence-v1" + len(salt).to_bytes(2, "big") + salt
        return hashlib.sha256(prefix + self.digest()).digest()

    def redact(self, keep: Collection[str]) -> Evidence:
        """Drop every data group not in ``keep``; signer, hashes and chip key stay provable.

        EF.SOD, EF.COM, EF.CardAccess, DG14 and DG15 always stay. A dropped group of low entropy,
        such as DG1, can be guessed from its hash in EF.SOD.
        """
        if not set(keep) <= set(FILES):
            raise ValueError("keep names files of the chip")
        stays = _ALWAYS_KEPT | set(keep)
        return replace(
            self,
            files={
                name: content
                for name, content in self.files.items()
                if FILES[name].dg is None or name in stays
            },
        )

    def _describe(self) -> str:
        return f"Evidence(files={tuple(sorted(self.files))!r}, read_at={_time(self.read_at)!r})"

    __repr__ = _describe


def _time(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat() + "Z"


def _write(evidence: Evidence) -> JSON:
    access, aa = evidence.access, evidence.active_authentication
    ca, reader = evidence.chip_authentication, evidence.reader
    return {
        "version": VERSION,
        "files": {name: encode_octets(content) for name, content in evidence.files.items()},
        "access": {
            "protocol": access.protocol,
            "mapping": access.mapping,
            "password": access.password,
            "oid": access.oid,
            "parameter_id": access.parameter_id,
            "fallback": access.fallback,
        },
        "active_authentication": None
        if aa is None
        else {
            "challenge": encode_octets(aa.challenge),
            "response": encode_octets(aa.response),
            "source": aa.source,
        },
        "chip_authentication": None
        if ca is None
        else {"by": ca.by, "transcript": encode_octets(ca.transcript)},
        "reader": None
        if reader is None
        else {"name": reader.name, "atr": encode_octets(reader.atr)},
        "read_at": _time(evidence.read_at),
    }


def _read(document: JSON) -> Evidence:
    root = members(document, _MEMBERS, "evidence")
    if root["version"] is True or root["version"] != VERSION:
        raise bad("The evidence has an unknown version.", "evidence.version")
    return Evidence(
        files=_read_files(root["files"]),
        access=_read_access(root["access"]),
        active_authentication=_read_active_authentication(root["active_authentication"]),
        chip_authentication=_read_chip_authentication(root["chip_authentication"]),
        reader=_read_reader(root["reader"]),
        read_at=_read_time(root["read_at"]),
    )


def _read_files(value: JSON) -> dict[str, bytes]:
    if not isinstance(value, Mapping) or not set(value) <= set(FILES):
        raise bad("The member files names files that are not of the chip.", "evidence.members")
    return {name: octets(content, name, most=MAX_BYTES) for name, content in value.items()}


def _read_access(value: JSON) -> Access:
    names = ("protocol", "mapping", "password", "oid", "parameter_id", "fallback")
    access = members(value, names, "access")
    password = optional_text(access["password"], "password")
    return Access(
        protocol=_choice(access["protocol"], _PROTOCOLS, "protocol"),
        mapping=optional_text(access["mapping"], "mapping"),
        password=None if password is None else _choice(password, _PASSWORDS, "password"),
        oid=optional_text(access["oid"], "oid"),
        parameter_id=optional_number(access["parameter_id"], "parameter_id"),
        fallback=optional_text(access["fallback"], "fallback"),
    )


def _read_active_authentication(value: JSON) -> ActiveAuthentication | None:
    if value is None:
        return None
    proof = members(value, ("challenge", "response", "source"), "active_authentication")
    return ActiveAuthentication(
        challenge=octets(proof["challenge"], "challenge", most=MAX_CHALLENGE),
        response=octets(proof["response"], "response", most=MAX_RESPONSE),
        source=_choice(proof["source"], _SOURCES, "source"),
    )


def _read_chip_authentication(value: JSON) -> ChipAuthentication | None:
    if value is None:
        return None
    proof = members(value, ("by", "transcript"), "chip_authentication")
    return ChipAuthentication(
        by=_choice(proof["by"], _BY, "by"),
        transcript=octets(proof["transcript"], "transcript", most=MAX_TRANSCRIPT),
    )


def _read_reader(value: JSON) -> ReaderInfo | None:
    if value is None:
        return None
    reader = members(value, ("name", "atr"), "reader")
    return ReaderInfo(
        name=text(reader["name"], "name", most=MAX_NAME),
        atr=octets(reader["atr"], "atr", most=MAX_ATR),
    )


def _read_time(value: JSON) -> datetime:
    stamp = text(value, "read_at")
    try:
        at = datetime.fromisoformat(stamp) if _TIME.fullmatch(stamp) else None
    except ValueError:
        at = None
    if at is None:
        raise bad("The member read_at is not a time in UTC.", "evidence.time")
    return at


def _choice(value: JSON, choices: Mapping[str, _C], where: str) -> _C:
    found = choices.get(value) if isinstance(value, str) else None
    if found is None:
        raise bad(f"The member {where} has an unknown value.", "evidence.value")
    return found
