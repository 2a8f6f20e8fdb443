"""A verdict as one self-contained page that a clerk or an auditor can read and keep.

Vietnamese first, then English. Of the numbers only the beginning is shown, for their tail opens
the chip; the portrait is left out unless asked for. What a verdict does not prove stands on the
same page as what it proves.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from eid.chip.evidence import Evidence
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.lds.template import trimmed
from eid.chip.verify import Verdict
from eid.cli.verdict_words import CHECKS, FIELDS, HEADLINES, NOT_PROVEN, NOT_PROVEN_VI, STATUSES

__all__ = ["NOT_PROVEN", "portrait_of", "verdict_page"]

_SALT = 16
_SHOWN = {"personal_number": 6, "document_number": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    title: tuple[str, str]
    name: str
    status: str
    status_word: tuple[str, str]
    code: str
    message: str


def verdict_page(
    verdict: Verdict,
    *,
    at: datetime,
    policy: str,
    evidence: Evidence | None = None,
    portrait: str = "",
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """The page as HTML text, without any outside resource.

    ``evidence`` adds a salted commitment, by which an auditor can tell whether this page is about
    the evidence in his hands. ``portrait`` is a data URL from :func:`portrait_of`.
    """
    environment = Environment(
        loader=PackageLoader("eid.cli", "pages"), autoescape=True, undefined=StrictUndefined
    )
    salt = rng(_SALT)
    return environment.get_template("verdict.html").render(
        verdict=verdict,
        headline=HEADLINES[verdict.verdict],
        holder=_holder(verdict),
        checks=[_row(verdict, name) for name in CHECKS if _has(verdict, name)],
        not_proven=tuple(zip(NOT_PROVEN_VI, NOT_PROVEN, strict=True)),
        policy=policy,
        portrait=portrait,
        salt=salt.hex(),
        commitment="" if evidence is None else evidence.commitment(salt).hex(),
        at=at.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def portrait_of(verdict: Verdict, evidence: Evidence) -> str:
    """A data URL of the signed portrait, or empty where none may or can be shown.

    Only of an accepted card, and only a JPEG: browsers do not draw JPEG 2000, and nothing is
    decoded here.
    """
    checked = verdict.verdict == "accepted" and verdict.check("portrait").status == "passed"
    if not checked:
        return ""
    portrait = parse_dg2(trimmed(evidence.files["EF.DG2"]))
    if portrait.format != "jpeg":
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(portrait.image).decode("ascii")


def _has(verdict: Verdict, name: str) -> bool:
    return any(check.name == name for check in verdict.checks)


def _row(verdict: Verdict, name: str) -> _Row:
    check = verdict.check(name)
    return _Row(
        title=CHECKS[name],
        name=name,
        status=check.status,
        status_word=STATUSES[check.status],
        code=check.code,
        message=check.message,
    )


def _holder(verdict: Verdict) -> list[tuple[tuple[str, str], str]]:
    """The titled fields of the holder that are not empty; numbers without their tail."""
    if verdict.holder is None:
        return []
    found = []
    for name, title in FIELDS.items():
        value = str(getattr(verdict.holder, name))
        shown = _SHOWN.get(name, len(value))
        text = value[:shown] + "•" * len(value[shown:])
        if text:
            found.append((title, "".join(char for char in text if char.isprintable())))
    return found
