"""A verdict as one self-contained page that a clerk or an auditor can read and keep.

The portrait and the numbers are left out: the tail of either number opens the chip. What a verdict does not prove stands on the
same page as what it proves.
"""

from __future__ import annotations

from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from eid.chip.verify import Verdict

HEADLINES = {
    "accepted": "Accepted: signed by a configured anchor, and every required check passed.",
    "unanchored": "Signature valid, chain not anchored. This is not a genuine card to anybody.",
    "rejected": "Rejected. Do not serve on the strength of this card.",
}

NOT_PROVEN = (
    "That the holder is present: nobody compared a face or asked for a secret here.",
    "That the holder agreed: the access number of the chip is printed on the card.",
    "That the card was at this reader: an answer of the chip can be relayed over a distance.",
    "That the card was not cancelled since: only the issuing authority knows.",
)


def verdict_page(verdict: Verdict, *, at: datetime, policy: str) -> str:
    """The page as HTML text, without any outside resource."""
    environment = Environment(
        loader=PackageLoader("eid.cli", "pages"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("verdict.html").render(
        report=verdict.to_json(),
        headline=HEADLINES[verdict.verdict],
        left_out=("personal_number", "document_number"),
        not_proven=NOT_PROVEN,
        policy=policy,
        at=at.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )
