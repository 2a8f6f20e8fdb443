"""Small credentials instead of selective disclosure: one code per purpose (facts: comparison).

Somebody who must only know an age learns an age. Sign the result with
`eid.qr.from_card.issue_for`, each with a subject of its own.

>>> sorted(INSURANCE_FIELDS)
['birth_date', 'name', 'sex']
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eid.chip.verify import VerifiedCard
from eid.errors import InsufficientEvidence
from eid.qr.claim169 import VERSION, Identity
from eid.qr.from_card import age_of, faces, identity_of

INSURANCE_FIELDS: Final = frozenset({"name", "birth_date", "sex"})


def age_over(card: VerifiedCard, years: int, *, portrait: bytes | None = None) -> Identity:
    """That the holder is at least *years* old, and nothing else but the *portrait*.

    Without a portrait anyone can show it. ``InsufficientEvidence`` ``qr.age`` if the holder is
    younger or the card does not state the whole date.
    """
    age = age_of(card)
    if age is None or age < years:
        raise InsufficientEvidence(
            "The card does not show that age.", missing=("age",), code="qr.age"
        )
    return Identity(version=VERSION, age_over=years, biometrics=faces(portrait))


def insurance(card: VerifiedCard, number: str, *, portrait: bytes | None = None) -> Identity:
    """Name, birth date, sex and the health insurance *number*.

    The number is not on the chip: the issuer states that it looked it up for this very person.
    """
    known = identity_of(card, include=INSURANCE_FIELDS, portrait=portrait)
    return replace(known, insurance_number=number)
