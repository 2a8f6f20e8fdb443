"""The ``[kiosk]`` table of ``kiosk.toml``: an enrolled kiosk with screens of its own.

>>> from_table({"id": "k" * 22, "organisation": "Clinic", "purpose": "Check-in",
...             "data_dir": "data"}).languages
('vi', 'en')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from eid.errors import SettingsError

_KEYS: Final[Mapping[str, tuple[type, str]]] = MappingProxyType(
    {
        "id": (str, "the id that eid kiosk setup was given"),
        "organisation": (str, "who asks, as people know it"),
        "purpose": (str, "what for, in the first language"),
        "purposes": (dict, "what for, in the other languages"),
        "data_dir": (str, "a folder for key, day and queue"),
        "portrait": (bool, "true to ask for the portrait, by itself"),
        "clerks": (bool, "true where staff assist"),
        "languages": (list, 'languages in order, such as ["vi", "en"]'),
        "texts": (str, "a folder with texts of further languages"),
        "idle_s": (int, "seconds from 15 to 600"),
        "clerk_idle_s": (int, "seconds from 15 to 3600"),
        "most_visits": (int, "visits that may wait, from 1 to 100000"),
    }
)
_REQUIRED: Final = ("id", "organisation", "purpose", "data_dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledSettings:
    """An enrolled kiosk: who it is, what it asks for, and how its screens behave."""

    id: str
    organisation: str
    purpose: str
    data_dir: Path
    purposes: Mapping[str, str] = field(default_factory=dict)
    portrait: bool = False
    clerks: bool = True
    languages: tuple[str, ...] = ("vi", "en")
    texts: Path | None = None
    idle_s: int = 60
    clerk_idle_s: int = 300
    most_visits: int = 2_000

    def __post_init__(self) -> None:
        for key in ("id", "organisation", "purpose", "languages"):
            if not getattr(self, key):
                raise _wrong(key)
        for key, low, high in (
            ("idle_s", 15, 600),
            ("clerk_idle_s", 15, 3_600),
            ("most_visits", 1, 100_000),
        ):
            if not low <= getattr(self, key) <= high:
                raise _wrong(key)


def from_table(table: Mapping[str, object], *, base: Path = Path()) -> EnrolledSettings:
    """The table as a value; SettingsError names the key. Paths are relative to ``base``."""
    _check(table)
    values = dict(table)
    for key in ("data_dir", "texts"):
        if key in values:
            values[key] = base / str(values[key])
    if "languages" in values:
        values["languages"] = _texts("languages", values["languages"])
    purposes = values.get("purposes")
    if isinstance(purposes, dict):
        _texts("purposes", list(purposes.values()))
    return EnrolledSettings(**values)  # type: ignore[arg-type]


def _check(table: Mapping[str, object]) -> None:
    for key, value in table.items():
        if key not in _KEYS:
            raise _wrong(key, "a known key: " + ", ".join(sorted(_KEYS)))
        if type(value) is not _KEYS[key][0]:
            raise _wrong(key)
    for key in _REQUIRED:
        if not table.get(key):
            raise _wrong(key)


def _texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(key)
    return tuple(value)


def _wrong(key: str, expected: str = "") -> SettingsError:
    words = expected or _KEYS[key][1]
    return SettingsError(
        f"The setting kiosk.{key} must be {words}.", key=f"kiosk.{key}", expected=words
    )
