"""Evidence from a folder of raw chip files, as other readers leave them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from eid.chip.evidence.document import JSON, bad, load, members
from eid.chip.evidence.values import (
    MAX_CHALLENGE,
    MAX_RESPONSE,
    UNKNOWN_ACCESS,
    ActiveAuthentication,
    Evidence,
)
from eid.chip.lds.files import FILES
from eid.errors import FormatError

MAX_FILE: Final = 1 << 20
_PROOF: Final = "active_authentication.json"
_MAX_PROOF: Final = 16 * 1024


def from_folder(folder: Path) -> Evidence:
    """Read ``EF.DG1`` or ``ef_dg1.bin`` and so on, and the optional answer of the chip.

    ``active_authentication.json`` holds ``{"challenge": hex, "response": hex}``; who chose that
    challenge is unknown, so it counts as ``caller_chosen``. Other files are left alone. Raises
    FormatError when nothing of the chip is there, or one file is there twice or too big.
    """
    names = {path.name: path for path in _entries(folder)}
    files: dict[str, bytes] = {}
    newest = 0.0
    for name in FILES:
        found = [names[given] for given in (name, _plain_name(name)) if given in names]
        if len(found) > 1:
            raise bad(f"The folder holds {name} under two names.", "evidence.folder")
        for path in found:
            files[name] = _content(path, MAX_FILE)
            newest = max(newest, path.stat().st_mtime)
    if not files:
        raise bad("The folder holds no files of a chip.", "evidence.folder")
    return Evidence(
        files=files,
        access=UNKNOWN_ACCESS,
        active_authentication=_proof(names.get(_PROOF)),
        read_at=datetime.fromtimestamp(int(newest), tz=UTC),
    )


def _plain_name(name: str) -> str:
    return name.lower().replace(".", "_") + ".bin"


def _entries(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise FormatError("The folder cannot be read.", code="evidence.folder") from error


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise FormatError("A file cannot be read.", code="evidence.folder") from error
    if len(content) > most:
        raise bad("A file of the chip is too big.", "evidence.size")
    return content


def _proof(path: Path | None) -> ActiveAuthentication | None:
    if path is None:
        return None
    document = load(_content(path, _MAX_PROOF), max_bytes=_MAX_PROOF)
    proof = members(document, ("challenge", "response"), _PROOF)
    return ActiveAuthentication(
        challenge=_hex(proof["challenge"], MAX_CHALLENGE),
        response=_hex(proof["response"], MAX_RESPONSE),
        source="caller_chosen",
    )


def _hex(value: JSON, most: int) -> bytes:
    try:
        octets = bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        octets = None
    if octets is None or len(octets) > most:
        raise bad("The chip's answer is not hexadecimal.", "evidence.hex")
    return octets
