"""The procedures of two agencies, as data: what each asks of the login, and what of the person.

A procedure never asks for what a consented claim says. ``acr`` is the level at its door. Where
``send_acr`` is given, sending asks for fresh factors at that level once more: reading about a
procedure needs less than having it done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

LEVEL_1, LEVEL_2 = "urn:eid:level:1", "urn:eid:level:2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """One procedure. ``known`` are claims to show and use, ``typed`` what only the person knows.

    ``results`` are the decisions that one sending brings; ``then`` is the procedure of another
    agency that goes on from here, with its own login and its own consent.
    """

    name: str
    acr: str
    scope: str = "openid profile"
    known: tuple[str, ...] = ("name", "birthdate")
    typed: tuple[str, ...] = ()
    send_acr: str | None = None
    results: tuple[str, ...] = ()
    then: str | None = None


def _table(*procedures: Procedure) -> Mapping[str, Procedure]:
    return MappingProxyType({procedure.name: procedure for procedure in procedures})


CIVIL = _table(
    Procedure(name="own_data", acr=LEVEL_1, known=("name", "birthdate", "gender")),
    Procedure(
        name="school",
        acr=LEVEL_2,
        scope="openid profile address",
        known=("name", "address"),
        typed=("child_name", "child_birth_date", "school"),
        results=("school",),
    ),
    Procedure(
        name="criminal_record",
        acr=LEVEL_1,
        typed=("reason",),
        send_acr=LEVEL_2,
        results=("criminal_record",),
    ),
    Procedure(
        name="birth",
        acr=LEVEL_2,
        scope="openid profile address eid:number",
        known=("name", "birthdate", "address", "personal_number"),
        typed=("child_name", "child_birth_date", "child_sex"),
        results=("birth", "residence"),
        then="insurance_card",
    ),
)
"""The public-service portal."""

INSURANCE = _table(
    Procedure(name="own_record", acr=LEVEL_1),
    Procedure(
        name="insurance_card",
        acr=LEVEL_2,
        scope="openid profile address eid:number",
        known=("name", "address", "personal_number"),
        typed=("child_name", "child_birth_date", "child_sex"),
        results=("insurance_card",),
    ),
)
"""The second agency's portal."""
