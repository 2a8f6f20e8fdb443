"""A verdict as lines for a terminal: checks, holder, and what is not proven."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eid.chip.verdict import Holder, Verdict

_VERDICTS = {
    "accepted": "ACCEPTED: every check that the policy requires has passed.",
    "rejected": "REJECTED: do not rely on this card.",
    "unanchored": "UNANCHORED: signatures are valid, but no anchor of yours vouches for the signer.",
}
_NOT_PROVEN = (
    "that the person who showed the card is its holder (compare the face, or use a second factor)",
    "that the holder agreed: the chip answers without any act of consent",
    "that the card was near: an answer can be relayed over a distance",
    "that the card was not cancelled since: only the issuing authority knows",
)
_COPY = "that the original chip answered: a copy of the files would look the same"
_OLD = "that the chip answered now: give the verifier's own challenge with --challenge"
_ANCHOR = "that a state issued the card: no configured anchor vouches for its signer"


def report(verdict: Verdict) -> Iterator[str]:
    """The verdict as lines for a person: checks, holder, and what is not proven."""
    yield _VERDICTS[verdict.verdict]
    if verdict.error is not None:
        yield f"  because: {verdict.error.message} ({verdict.error.code})"
    yield ""
    for check in verdict.checks:
        yield f"  {check.status:8} {check.name:20} {check.message} ({check.code})"
    if verdict.holder is not None:
        yield ""
        yield from _holder(verdict.holder)
    yield ""
    yield "Not proven:"
    yield from (f"  - {line}" for line in not_proven(verdict))


def not_proven(verdict: Verdict) -> tuple[str, ...]:
    """What a reader must not conclude from this verdict."""
    passed = {check.name for check in verdict.checks if check.status == "passed"}
    more = []
    if "sod.chain" not in passed:
        more.append(_ANCHOR)
    if "aa.signature" not in passed:
        more.append(_COPY)
    elif "aa.freshness" not in passed:
        more.append(_OLD)
    return (*more, *_NOT_PROVEN)


def _holder(holder: Holder) -> Iterator[str]:
    yield "Holder, as signed on the card:"
    yield f"  name             {_line(holder.name)}"
    yield f"  birth date       {_line(holder.birth_date)}"
    yield f"  sex, nationality {_line(holder.sex)} {_line(holder.nationality)}"
    yield f"  document number  {_line(holder.document_number)}"
    yield f"  personal number  {_line(holder.personal_number)}"


def _line(text: str) -> str:
    return "".join(char for char in text or "-" if char.isprintable())
