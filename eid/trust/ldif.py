r"""What the ICAO Public Key Directory ships: LDIF with certificates, CRLs and lists (RFC 2849).

Read record by record, so that a directory of any size costs the memory of one entry. Nothing in
an LDIF file is trusted: it is only a container.

>>> [item.kind for item in read_ldif(["dn: c=VN\n", "userCertificate;binary:: MAA=\n"])]
['ds']
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from eid.errors import FormatError

Kind = Literal["ds", "authority", "crl", "masterlist"]
_KINDS: Final = MappingProxyType[str, Kind](
    {
        "usercertificate": "ds",
        "cacertificate": "authority",
        "certificaterevocationlist": "crl",
        "authorityrevocationlist": "crl",
        "pkdmasterlistcontent": "masterlist",
        "cscamasterlistdata": "masterlist",
    }
)
_MAX_RECORD: Final = 32 << 20
_NOT_CONFORMANT: Final = "dc=nc-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One value: its kind, the entry's name, whether the PKD itself calls it non-conformant.

    ``data`` is ``None`` where the value is not base64.
    """

    kind: Kind
    name: str
    conformant: bool
    data: bytes | None = field(repr=False)


def read_ldif(lines: Iterable[str]) -> Iterator[Item]:
    """Give every value of a known attribute. Raises ``FormatError`` for an endless record."""
    for record in _records(lines):
        name = next((_text(value) for key, value in record if key == "dn"), "")
        conformant = _NOT_CONFORMANT not in name.lower().replace(" ", "")
        for attribute, value in record:
            kind = _KINDS.get(attribute.partition(";")[0])
            if kind is not None:
                yield Item(kind=kind, name=name, conformant=conformant, data=_octets(value))


def is_ldif(head: bytes) -> bool:
    """Whether a file's first bytes are LDIF."""
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return text.startswith((b"dn:", b"version:", b"#"))


def _records(lines: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
    """Unfold: a line that starts with one space continues the one before; # is a comment."""
    record: list[tuple[str, str]] = []
    folded: list[str] = []
    size = 0
    for line in (raw.rstrip("\r\n") for raw in lines):
        size += len(line)
        if size > _MAX_RECORD:
            raise FormatError("A record of the LDIF file is too long.", code="ldif.size")
        if line.startswith(" ") and folded:
            folded.append(line[1:])
            continue
        record += _attribute(folded)
        folded = [line] if line else []
        if not line:
            yield record
            record, size = [], 0
    yield [*record, *_attribute(folded)]


def _attribute(folded: list[str]) -> list[tuple[str, str]]:
    name, colon, value = "".join(folded).partition(":")
    if not colon or name.startswith("#"):
        return []
    return [(name.strip().lower(), value)]


def _text(value: str) -> str:
    """A plain value, or a base64 one as text, cut to a length that a report can show."""
    if not value.startswith(":"):
        return value.strip()[:512]
    return (_octets(value) or b"").decode("utf-8", "replace")[:512]


def _octets(value: str) -> bytes | None:
    if not value.startswith(":"):
        return None
    try:
        return base64.b64decode("".join(value[1:].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
