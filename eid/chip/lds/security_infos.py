"""SecurityInfos of EF.CardAccess and DG14 (ICAO Doc 9303-11 §9.2; TR-03110-3 A.1.1).

Versions and identifiers are reported as found and judged elsewhere: a wrong version is a finding
about the card, not a reason to lose the rest of the file.

>>> infos = parse_security_infos(bytes.fromhex("31143012060A04007F0007020204020202010202010D"))
>>> infos.pace[0].oid, infos.pace[0].parameter_id
('0.4.0.127.0.7.2.2.4.2.2', 13)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eid import tlv
from eid.errors import FormatError

ID_PK: Final = "0.4.0.127.0.7.2.2.1."
ID_TA: Final = "0.4.0.127.0.7.2.2.2"
ID_CA: Final = "0.4.0.127.0.7.2.2.3."
ID_PACE: Final = "0.4.0.127.0.7.2.2.4."
ID_AA: Final = "2.23.136.1.1.5"

_MAX_FILE: Final = 1 << 16
_MAX_INFOS: Final = 64
_PROTOCOL_ARCS: Final = 11
"""Arcs of an OID that names a protocol with its cipher; PACEDomainParameterInfo has one less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityInfo:
    """One SecurityInfo as it stands: OID, encoded ``required`` and optional part, all its bytes."""

    oid: str
    required: tlv.Tlv
    optional: tlv.Tlv | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceInfo:
    """PACEInfo; ``parameter_id`` is ``None`` where the card leaves it out."""

    oid: str
    version: int
    parameter_id: int | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthenticationInfo:
    """ChipAuthenticationInfo: protocol with cipher, version and key reference."""

    oid: str
    version: int
    key_id: int | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthenticationPublicKey:
    """ChipAuthenticationPublicKeyInfo; ``spki`` is the encoded SubjectPublicKeyInfo."""

    oid: str
    spki: bytes
    key_id: int | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAuthenticationInfo:
    """ActiveAuthenticationInfo: the signature algorithm of an ECDSA chip."""

    version: int
    signature_algorithm: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityInfos:
    """All SecurityInfos of one file, sorted by kind; ``unknown`` keeps the rest."""

    items: tuple[SecurityInfo, ...]
    pace: tuple[PaceInfo, ...]
    chip_authentication: tuple[ChipAuthenticationInfo, ...]
    ca_public_keys: tuple[ChipAuthenticationPublicKey, ...]
    active_authentication: tuple[ActiveAuthenticationInfo, ...]
    terminal_authentication: tuple[SecurityInfo, ...]
    unknown: tuple[SecurityInfo, ...]


def parse_security_infos(data: bytes) -> SecurityInfos:
    """Parse ``SET OF SecurityInfo``; BER tolerated, nothing may follow. Raises ``FormatError``."""
    if len(data) > _MAX_FILE:
        raise FormatError("The SecurityInfos are longer than 64 KiB.", code="format.too_long")
    outer = tlv.parse(data, ber=True)
    if outer.tag != 0x31:
        raise FormatError("SecurityInfos are not a SET.", code="security_infos.tag")
    entries = tlv.children(outer, ber=True)
    if not 1 <= len(entries) <= _MAX_INFOS:
        raise FormatError("SecurityInfos are empty or too many.", code="security_infos.count")
    return _sort(tuple(_info(entry) for entry in entries))


def _info(entry: tlv.Tlv) -> SecurityInfo:
    parts = tlv.children(entry, ber=True) if entry.tag == 0x30 else ()
    if not 2 <= len(parts) <= 3 or parts[0].tag != 0x06:
        raise FormatError("A SecurityInfo is malformed.", code="security_infos.entry")
    return SecurityInfo(
        oid=tlv.decode_oid(parts[0].value),
        required=parts[1],
        optional=parts[2] if len(parts) == 3 else None,
        raw=entry.raw,
    )


def _sort(items: tuple[SecurityInfo, ...]) -> SecurityInfos:
    pace, ca, keys, aa, ta, unknown = (
        tuple(info for info in items if _kind(info.oid) == kind)
        for kind in ("pace", "ca", "key", "aa", "ta", "")
    )
    return SecurityInfos(
        items=items,
        pace=tuple(map(_pace, pace)),
        chip_authentication=tuple(map(_chip_authentication, ca)),
        ca_public_keys=tuple(map(_public_key, keys)),
        active_authentication=tuple(map(_active_authentication, aa)),
        terminal_authentication=ta,
        unknown=unknown,
    )


def _kind(oid: str) -> str:
    if oid.startswith(ID_PACE) and oid.count(".") == _PROTOCOL_ARCS - 1:
        return "pace"
    if oid.startswith(ID_CA) and oid.count(".") == _PROTOCOL_ARCS - 1:
        return "ca"
    if oid in (ID_PK + "1", ID_PK + "2"):
        return "key"
    return {ID_AA: "aa", ID_TA: "ta"}.get(oid, "")


def _pace(info: SecurityInfo) -> PaceInfo:
    return PaceInfo(
        oid=info.oid,
        version=_integer(info.required),
        parameter_id=_optional_integer(info),
        raw=info.raw,
    )


def _chip_authentication(info: SecurityInfo) -> ChipAuthenticationInfo:
    return ChipAuthenticationInfo(
        oid=info.oid,
        version=_integer(info.required),
        key_id=_optional_integer(info),
        raw=info.raw,
    )


def _public_key(info: SecurityInfo) -> ChipAuthenticationPublicKey:
    if info.required.tag != 0x30:
        raise FormatError("A chip key is not a structure.", code="security_infos.key")
    return ChipAuthenticationPublicKey(
        oid=info.oid, spki=info.required.raw, key_id=_optional_integer(info), raw=info.raw
    )


def _active_authentication(info: SecurityInfo) -> ActiveAuthenticationInfo:
    if info.optional is None or info.optional.tag != 0x06:
        raise FormatError("ActiveAuthenticationInfo is malformed.", code="security_infos.entry")
    return ActiveAuthenticationInfo(
        version=_integer(info.required),
        signature_algorithm=tlv.decode_oid(info.optional.value),
        raw=info.raw,
    )


def _integer(item: tlv.Tlv) -> int:
    if item.tag != 0x02 or not 1 <= len(item.value) <= 8:
        raise FormatError("A SecurityInfo number is malformed.", code="security_infos.number")
    return tlv.decode_int(item.value)


def _optional_integer(info: SecurityInfo) -> int | None:
    return None if info.optional is None else _integer(info.optional)
