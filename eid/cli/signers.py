"""Document Signer certificates wherever they are met: alone, in EF.SOD, in evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.trust.certificates import Certificate

_MAX_FILE = 1 << 20
_SOD = 0x77
_JSON = ord("{")


def signers_in(path: Path) -> Iterator[Certificate]:
    """The signers in one file; a file that holds none is warned about."""
    from eid.trust.certificates import parse_certificate

    with path.open("rb") as file:
        data = file.read(_MAX_FILE + 1)
    try:
        if len(data) > _MAX_FILE:
            raise FormatError("The file is too long.", code="input.size")  # noqa: TRY301
        found = [parse_certificate(der) for der in _certificates(data)]
    except FormatError as error:
        typer.echo(f"eid: warning: {path.name}: {error.message} ({error.code})", err=True)
        return
    yield from found


def _certificates(data: bytes) -> tuple[bytes, ...]:
    from eid.chip.evidence import Evidence
    from eid.chip.lds.sod import parse_sod
    from eid.chip.lds.template import trimmed
    from eid.trust.folder import unwrap

    if data[:1] == bytes([_JSON]):
        data = Evidence.from_json(data).files.get("EF.SOD", b"")
    if data[:1] == bytes([_SOD]):
        return parse_sod(trimmed(data)).certificates
    return tuple(unwrap(data))
