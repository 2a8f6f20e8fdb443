"""Both axes beside the levels of other schemes: our own judgement, never law (facts/vietnam §5.7).

>>> row = equivalent("account", 2)
>>> row.eidas, row.nist_800_63_4, row.confidence
('high (proofing)', 'IAL3-like', 'own')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Axis = Literal["account", "auth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """One level of one axis, and what it is about as good as elsewhere.

    ``acr`` is without its prefix, ``amr`` names those of RFC 8176 that come with it,
    ``verified_claims`` says what OpenID Identity Assurance carries for it, under the operator's
    own trust framework. ``confidence`` is always ``own``: equivalences are judgement.
    """

    axis: Axis
    level: int
    eidas: str
    iso_29115: str
    nist_800_63_4: str
    acr: str
    amr: str
    verified_claims: str
    confidence: Literal["own"] = "own"


MAPPING: tuple[Equivalent, ...] = (
    Equivalent(
        axis="account",
        level=1,
        eidas="low",
        iso_29115="LoA2",
        nist_800_63_4="IAL1 to IAL2",
        acr="level:1",
        amr="",
        verified_claims="assurance_level 1",
    ),
    Equivalent(
        axis="account",
        level=2,
        eidas="high (proofing)",
        iso_29115="LoA4 (proofing)",
        nist_800_63_4="IAL3-like",
        acr="level:2",
        amr="",
        verified_claims="assurance_level 2",
    ),
    Equivalent(
        axis="auth",
        level=1,
        eidas="low",
        iso_29115="LoA1 to LoA2",
        nist_800_63_4="AAL1",
        acr="auth:1",
        amr="pwd | pin | otp | sc | hwk",
        verified_claims="",
    ),
    Equivalent(
        axis="auth",
        level=2,
        eidas="substantial",
        iso_29115="LoA3",
        nist_800_63_4="AAL2",
        acr="auth:2",
        amr="mfa",
        verified_claims="",
    ),
    Equivalent(
        axis="auth",
        level=3,
        eidas="substantial",
        iso_29115="LoA3",
        nist_800_63_4="AAL2",
        acr="auth:3",
        amr="mfa face",
        verified_claims="",
    ),
    Equivalent(
        axis="auth",
        level=4,
        eidas="high, only with a protected key (chip, security module)",
        iso_29115="LoA4",
        nist_800_63_4="AAL3, only with a protected key",
        acr="auth:4",
        amr="mfa face, with sc | hwk and pwd | pin",
        verified_claims="",
    ),
)


def equivalent(axis: Axis, level: int) -> Equivalent | None:
    """The row of a level, or None for one that has none (0, or unknown)."""
    return next((row for row in MAPPING if (row.axis, row.level) == (axis, level)), None)
