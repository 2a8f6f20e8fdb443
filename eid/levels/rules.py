"""The rules of law as data: article, effective dates, source, confidence, in our own words.

>>> from datetime import UTC, datetime
>>> rules = Rules.load().at(datetime(2026, 11, 21, tzinfo=UTC))
>>> rules.get("auth.level_2").article
'69/2024 art. 20'
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from importlib import resources
from typing import Literal, cast, get_args

from eid.errors import FormatError
from eid.levels.assurance import FactorLevel

VIETNAM = timezone(timedelta(hours=7))
Confidence = Literal["high", "medium", "low", "own"]
_DAYS_KEPT = 64
_REQUIRED = frozenset({"id", "article", "text", "confidence"})
_MEMBERS = _REQUIRED | {"grants", "numbers", "from", "until", "due", "subjects"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. ``text`` is our summary, never a quotation of the law.

    ``confidence`` is high, medium or low for law (how sure we are of its content) and ``own``
    for a rule of this project. Dates are calendar dates in UTC+7, ``effective_until`` included.
    ``due`` is the last day on which ``subjects`` may do what the rule asks.
    """

    id: str
    regulation: str
    article: str
    text: str
    source: str
    confidence: Confidence
    effective_from: date
    effective_until: date | None = None
    due: date | None = None
    subjects: tuple[str, ...] = ()
    grants: FactorLevel | None = None
    numbers: Mapping[str, int]

    def applies_on(self, day: date) -> bool:
        """Whether the rule is in force on a day in Vietnam."""
        return self.effective_from <= day and (
            self.effective_until is None or day <= self.effective_until
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """A set of rules; of two with one id, at most one is in force on any day."""

    items: tuple[Rule, ...]
    _by_id: dict[str, Rule] = field(init=False, repr=False, compare=False)
    _table: tuple[FactorLevel, ...] = field(init=False, repr=False, compare=False)
    _days: dict[date, Rules] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {rule.id: rule for rule in reversed(self.items)})
        table = tuple(rule.grants for rule in self.items if rule.grants)
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_days", {})

    @classmethod
    def load(cls) -> Rules:
        """The rules that come with the library, of all times."""
        folder = resources.files("eid.levels").joinpath("rules")
        files = sorted(
            (file for file in folder.iterdir() if file.name.endswith(".toml")),
            key=lambda file: file.name,
        )
        return cls.parse(file.read_text(encoding="utf-8") for file in files)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Rules:
        """Rules from TOML texts, one per regulation; FormatError for anything unclear."""
        rules: list[Rule] = []
        for text in texts:
            try:
                document = tomllib.loads(text)
                rules += (_rule(document["regulation"], row) for row in document["rule"])
            except (ValueError, KeyError, TypeError) as error:
                raise FormatError("The rules file is malformed.", code="rules") from error
        _refuse_overlap(rules)
        return cls(tuple(rules))

    def at(self, at: datetime) -> Rules:
        """The rules in force at a moment, by the calendar of Vietnam."""
        if at.tzinfo is None:
            raise ValueError("times are aware")
        day = at.astimezone(VIETNAM).date()
        known = self._days.get(day)
        if known is None:
            known = Rules(tuple(rule for rule in self.items if rule.applies_on(day)))
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            self._days[day] = known
        return known

    def get(self, rule_id: str) -> Rule | None:
        """The rule with this id, if it is among these."""
        return self._by_id.get(rule_id)

    def number(self, rule_id: str, name: str) -> int | None:
        """A number that a rule sets, or None where no rule does."""
        rule = self.get(rule_id)
        return rule.numbers.get(name) if rule else None

    def factor_table(self) -> tuple[FactorLevel, ...]:
        """What each authentication level takes under these rules."""
        return self._table

    def deadlines(self, subject: str) -> tuple[Rule, ...]:
        """The rules that give a trade such as ``banking`` a last day, the earliest first."""
        found = (rule for rule in self.items if rule.due and subject in rule.subjects)
        return tuple(sorted(found, key=lambda rule: (rule.due or date.max, rule.id)))


def _rule(regulation: Mapping[str, object], row: Mapping[str, object]) -> Rule:
    if (
        row.keys() - _MEMBERS
        or _REQUIRED - row.keys()
        or row["confidence"] not in get_args(Confidence)
    ):
        raise ValueError("unknown member or confidence")
    grants = cast("Mapping[str, object]", row.get("grants", {}))
    numbers = cast("Mapping[str, object]", row.get("numbers", {}))
    subjects = cast("list[object]", row.get("subjects", []))
    return Rule(
        id=_text(row["id"]),
        regulation=_text(regulation["name"]),
        article=_text(row["article"]),
        text=_text(row["text"]),
        source=_text(regulation["source"]),
        confidence=cast("Confidence", row["confidence"]),
        effective_from=_date(row.get("from", regulation["effective_from"])),
        effective_until=_end(row.get("until", regulation.get("effective_until"))),
        due=_end(row.get("due")),
        subjects=tuple(map(_text, subjects)),
        grants=_grants(grants) if grants else None,
        numbers={name: _int(value) for name, value in numbers.items()},
    )


def _grants(row: Mapping[str, object]) -> FactorLevel:
    needs = cast("list[str]", row.get("needs", []))
    return FactorLevel(
        level=_int(row["level"]), kinds=_int(row["kinds"]), needs=frozenset(map(_text, needs))
    )


def _refuse_overlap(rules: Iterable[Rule]) -> None:
    seen: dict[str, list[Rule]] = {}
    for rule in rules:
        for other in seen.setdefault(rule.id, []):
            if rule.applies_on(other.effective_from) or other.applies_on(rule.effective_from):
                raise FormatError("Two rules of one id are in force at once.", code="rules")
        seen[rule.id].append(rule)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("text expected")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("whole number expected")
    return value


def _date(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError("date expected")
    return value


def _end(value: object) -> date | None:
    return None if value is None else _date(value)
