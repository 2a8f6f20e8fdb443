"""A fictional holder in a TOML file, for cards of one's own (``eid simulate --holder FILE``).

The file says ``fictional = true``: nobody's real data belong into a software card.

>>> person = holder_from_toml(EXAMPLE.encode())
>>> person.number, person.expiry
('001090555555', datetime.date(2035, 1, 31))
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from typing import Final

from eid.errors import FormatError
from eid.testing.people import Person, mrz_letters

MAX_TOML: Final = 1 << 16
_NUMBER: Final = re.compile(r"[0-9]{12}")
_MAX_TEXT: Final = 200
_REQUIRED: Final = tuple(f.name for f in fields(Person) if f.default is MISSING)
_KNOWN: Final = tuple(f.name for f in fields(Person))
_DATES: Final = frozenset({"birth_date", "issue_date", "expiry"})

EXAMPLE: Final = """fictional = true
number = "001090555555"
name = "Lê Văn Thí Dụ"
birth_date = 1990-01-31
sex = "M"
issue_date = 2024-07-01
expiry = 2035-01-31        # leave it out for a card without end
origin = "Xã Giả Tưởng, Hà Nội"
residence = "Số 5 Phố Không Tên, Hà Nội"
# further: nationality, ethnicity, religion, features, father, mother, spouse, old_number, chip_id
"""


def holder_from_toml(data: bytes) -> Person:
    """Read a holder; unknown, missing or mistyped entries are a FormatError that names them."""
    if len(data) > MAX_TOML:
        raise FormatError("The holder file is too big.", code="holder.size")
    try:
        entries = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as e:
        raise FormatError("The holder file is no TOML.", code="holder.format") from e
    if entries.pop("fictional", False) is not True:
        raise FormatError(
            "A holder file must say fictional = true: no real person's data.",
            code="holder.not_fictional",
        )
    entries.setdefault("expiry", None)
    for name in [*_REQUIRED, *sorted(entries)]:
        _check(name, entries)
    return Person(**entries)


def _check(name: str, entries: Mapping[str, object]) -> None:
    if name not in _KNOWN:
        raise FormatError(
            f"The holder file has an unknown entry {name[:40]!r}.", code="holder.entry"
        )
    value = entries.get(name)
    if name in _DATES:
        right = isinstance(value, date) and not isinstance(value, datetime)
        right = right or (name == "expiry" and value is None)
    else:
        right = isinstance(value, str) and len(value) <= _MAX_TEXT and _fits(name, value)
    if not right:
        raise FormatError(f"The holder file's {name} is missing or unusable.", code="holder.entry")


def _fits(name: str, value: str) -> bool:
    if name == "number":
        return _NUMBER.fullmatch(value) is not None
    if name == "sex":
        return value in ("M", "F")
    if name == "name":
        return "<" in mrz_letters(value)
    if name in ("old_number", "chip_id"):
        return value.isascii()
    return True
