r"""What to read, and how the chip must prove itself: the reading plan as data.

The order is the order of reading: what lets a verifier start comes first, the portrait last.
A plan of one's own is a TOML file::

    name = "counter"
    files = ["EF.SOD", "EF.DG14", "EF.DG1", "EF.DG13"]
    chip_authentication = true
    active_authentication = false
    terminal_authentication = false

>>> PLANS["kiosk"].files[:2], "EF.DG2" in PLANS["kiosk"].files, PLANS["bank"].files[-1]
(('EF.SOD', 'EF.DG14'), False, 'EF.DG2')
>>> parse_plan('name="mine"\nfiles=["EF.SOD", "EF.DG1"]').chip_authentication
True
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from eid.chip.lds.files import CARD_ACCESS, CARD_SECURITY, FILES
from eid.errors import FormatError, SettingsError

MAX_TOML: Final = 1 << 14
_MAX_NAME: Final = 32
_FLAGS: Final = ("active_authentication", "chip_authentication", "terminal_authentication")
_BEFORE: Final = frozenset({CARD_ACCESS.name, CARD_SECURITY.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Files to read after access, in this order; EF.CardAccess is always read before.

    Chip Authentication runs as soon as EF.DG14 is there, Terminal Authentication after it and
    Active Authentication at the end: each where the chip, and the caller, can.
    """

    name: str
    files: tuple[str, ...]
    active_authentication: bool = True
    chip_authentication: bool = True
    terminal_authentication: bool = False

    def __post_init__(self) -> None:
        if not set(self.files) <= set(FILES) - _BEFORE or len(set(self.files)) != len(self.files):
            raise ValueError("a reading plan names known files, each once")

    def steps(self) -> Iterator[str]:
        """Return the plan as rows of a table, in the order of reading."""
        yield "EF.CardAccess"
        yield "access (PACE, else BAC)"
        for name in self.files:
            yield name
            if name == "EF.DG14" and self.chip_authentication:
                yield "Chip Authentication"
            if name == "EF.DG14" and self.terminal_authentication:
                yield "Terminal Authentication"
        if self.active_authentication:
            yield "Active Authentication"


def parse_plan(text: str) -> Plan:
    """Read a plan from TOML; unknown keys, names or types are a FormatError."""
    if len(text) > MAX_TOML:
        raise _malformed()
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _malformed() from error
    name, files = table.pop("name", None), table.pop("files", None)
    flags = {key: value for key, value in table.items() if key in _FLAGS}
    named = isinstance(name, str) and 0 < len(name) <= _MAX_NAME and name.isprintable()
    listed = isinstance(files, list) and all(isinstance(file, str) for file in files)
    typed = all(isinstance(value, bool) for value in flags.values())
    if not (named and listed and typed) or table.keys() - set(_FLAGS):
        raise _malformed()
    try:
        return Plan(name=name, files=tuple(files), **flags)
    except ValueError as error:
        raise _malformed() from error


def load_plan(name: str) -> Plan:
    """Return the plan of this name, or read it from the TOML file of this path."""
    if name in PLANS:
        return PLANS[name]
    path = Path(name)
    if path.suffix != ".toml":
        raise FormatError(
            f"There is no plan {name}: use {', '.join(PLANS)} or a TOML file.", code="plan.unknown"
        )
    try:
        with path.open("rb") as file:
            return parse_plan(file.read(MAX_TOML + 1).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _malformed() from error
    except OSError as error:
        raise SettingsError(
            "The reading plan cannot be read.", code="plan.file", file=name, expected="a TOML file"
        ) from error


def _malformed() -> FormatError:
    return FormatError("The reading plan is malformed.", code="plan.form")


_FIRST: Final = ("EF.SOD", "EF.DG14", "EF.DG1", "EF.DG15", "EF.DG13")

PLANS: Final[Mapping[str, Plan]] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(name="kiosk", files=_FIRST),
            Plan(name="bank", files=(*_FIRST, "EF.DG2")),
            Plan(
                name="full",
                files=(
                    *_FIRST,
                    "EF.COM",
                    "EF.DG7",
                    "EF.DG11",
                    "EF.DG12",
                    "EF.DG16",
                    "EF.DG2",
                ),
            ),
            Plan(
                name="biometrics",
                files=(*_FIRST, "EF.DG2", "EF.DG3", "EF.DG4"),
                terminal_authentication=True,
            ),
        )
    }
)
