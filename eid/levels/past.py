"""A past assertion judged again, under the rules of its own day (house rule: law is data).

>>> from datetime import UTC, datetime
>>> day = datetime(2026, 11, 21, tzinfo=UTC)
>>> stored = {"at": str(int(day.timestamp())), "account_level": "2", "level": "2",
...           "auth_level": "2", "source": "chip_local", "consent": "yes",
...           "factors": "password:0 card:4"}
>>> reassess(PastAssertion.from_detail(stored), Rules.load()).differs
()
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast, get_args

from eid.errors import FormatError
from eid.levels.account import Account
from eid.levels.assess import assess
from eid.levels.assurance import METHODS, Assurance, Factor, HolderMatch, Source
from eid.levels.rules import Rules

_FACTOR = re.compile(r"([a-z]{1,16})(\+uv)?:(0|[1-9][0-9]{0,5})", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_REQUIRED = frozenset({"at", "account_level", "level", "auth_level", "source", "consent"})
_OPTIONAL = frozenset({"factors", "age", "holder_match", "session"})
MAX_FACTORS, MAX_TEXT = 16, 1024
SESSION_AUTH_LEVEL = 1
"""What a browser's session was worth without any fresh factor (contracts §6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAssertion:
    """What was asserted and on which grounds; holds no personal data but, for the young, an age.

    ``factors`` carry their own times; ``age`` is in years where a rule may ask for it;
    ``session`` when a browser was signed on already, which is worth level 1 without any of them.
    """

    at: datetime
    account_level: int
    level: int
    auth_level: int
    source: Source
    consent: bool
    factors: tuple[Factor, ...] = ()
    holder_match: HolderMatch = "none"
    age: int | None = None
    session: bool = False

    def to_text(self) -> str:
        """As one word-separated line, for a member of a row's detail."""
        detail = self.to_detail()
        detail["factors"] = detail["factors"].replace(" ", ",")
        return " ".join(f"{name}={value}" for name, value in detail.items())

    @classmethod
    def from_text(cls, text: str) -> PastAssertion:
        """From such a line; FormatError as below."""
        pairs = [word.partition("=") for word in text[:MAX_TEXT].split(" ")]
        detail = {name: value for name, _, value in pairs}
        if len(detail) != len(pairs) or len(text) > MAX_TEXT:
            raise _malformed()
        return cls.from_detail({**detail, "factors": detail.get("factors", "").replace(",", " ")})

    def to_detail(self) -> dict[str, str]:
        """As the detail of an audit row; factors as ``method:seconds-before``."""
        detail = {
            "at": str(int(self.at.timestamp())),
            "account_level": str(self.account_level),
            "level": str(self.level),
            "auth_level": str(self.auth_level),
            "source": self.source,
            "consent": "yes" if self.consent else "no",
            "holder_match": self.holder_match,
            "factors": " ".join(
                f"{one.method}{'+uv' if one.user_verified else ''}:"
                f"{max(0, int((self.at - one.at).total_seconds()))}"
                for one in self.factors
            ),
        }
        if self.session:
            detail["session"] = "yes"
        return detail if self.age is None else {**detail, "age": str(self.age)}

    @classmethod
    def from_detail(cls, detail: Mapping[str, str]) -> PastAssertion:
        """From an audit row's detail; FormatError for an unknown member, level or factor."""
        if detail.keys() - _REQUIRED - _OPTIONAL or _REQUIRED - detail.keys():
            raise _malformed()
        at = datetime.fromtimestamp(_number(detail["at"]), UTC)
        if detail["source"] not in get_args(Source) or detail["consent"] not in {"yes", "no"}:
            raise _malformed()
        match = detail.get("holder_match", "none")
        if match not in get_args(HolderMatch):
            raise _malformed()
        return cls(
            at=at,
            account_level=_number(detail["account_level"], highest=2),
            level=_number(detail["level"], highest=2),
            auth_level=_number(detail["auth_level"], highest=4),
            source=cast("Source", detail["source"]),
            consent=detail["consent"] == "yes",
            factors=_factors(detail.get("factors", ""), at),
            holder_match=cast("HolderMatch", match),
            age=_number(detail["age"], highest=150) if "age" in detail else None,
            session=_flag(detail.get("session", "no")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassessment:
    """What the rules of the day gave; ``differs`` names the axes on which more was asserted."""

    assurance: Assurance
    differs: tuple[str, ...]


def reassess(past: PastAssertion, rules: Rules) -> Reassessment:
    """Assess the recorded grounds again under the rules in force at ``past.at``; pure."""
    account = Account(
        id="past",
        username="past",
        created_at=past.at,
        state="active" if past.account_level else "registered",
        level=_level_for_age(past, rules),
        holder_match=past.holder_match,
        source=past.source,
    )
    now = assess(
        card=None,
        factors=past.factors,
        account=account,
        consent=past.consent,
        rules=rules,
        at=past.at,
    )
    if past.session and now.auth_level < SESSION_AUTH_LEVEL:
        now = replace(now, auth_level=SESSION_AUTH_LEVEL)
    differs = [] if past.level <= now.level else ["level"]
    if past.auth_level > now.auth_level:
        differs.append("auth_level")
    if not past.consent and rules.at(past.at).get("consent"):
        differs.append("consent")
    return Reassessment(assurance=now, differs=tuple(differs))


def _level_for_age(past: PastAssertion, rules: Rules) -> int:
    youngest = rules.at(past.at).number("account.level_2", "min_age")
    if youngest is None or past.age is None or past.age >= youngest:
        return past.account_level
    return min(past.account_level, 1)


def _factors(text: str, at: datetime) -> tuple[Factor, ...]:
    words = text.split()
    if len(words) > MAX_FACTORS:
        raise _malformed()
    found = []
    for word in words:
        match = _FACTOR.fullmatch(word)
        if match is None or match[1] not in METHODS:
            raise _malformed()
        shown = at - timedelta(seconds=int(match[3]))
        found.append(Factor.of(match[1], shown, user_verified=bool(match[2])))
    return tuple(found)


def _flag(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise _malformed()
    return text == "yes"


def _number(text: object, highest: int = 10**11) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text) or int(text) > highest:
        raise _malformed()
    return int(text)


def _malformed() -> FormatError:
    return FormatError("The recorded assertion is malformed.", code="assertion")
