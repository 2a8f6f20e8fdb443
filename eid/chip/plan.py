"""What to read, and whether the chip must prove itself: the reading plan as data.

The order is the order of reading: what lets a verifier start comes first, the portrait last.

>>> PLANS["kiosk"].files[:3], "EF.DG2" in PLANS["kiosk"].files, PLANS["bank"].files[-1]
(('EF.SOD', 'EF.DG14', 'EF.DG15'), False, 'EF.DG2')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eid.chip.lds.files import FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Files to read after access, in this order; EF.CardAccess is always read before."""

    name: str
    files: tuple[str, ...]
    active_authentication: bool = True

    def __post_init__(self) -> None:
        if not set(self.files) <= set(FILES) or len(set(self.files)) != len(self.files):
            raise ValueError("a reading plan names known files, each once")


_PROOF: Final = ("EF.SOD", "EF.DG14", "EF.DG15")
_DATA: Final = ("EF.DG1", "EF.DG13")

PLANS: Final[Mapping[str, Plan]] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(name="kiosk", files=(*_PROOF, *_DATA, "EF.COM")),
            Plan(name="bank", files=(*_PROOF, *_DATA, "EF.COM", "EF.DG2")),
            Plan(
                name="full",
                files=(*_PROOF, *_DATA, "EF.COM", "EF.DG11", "EF.DG12", "EF.DG16", "EF.DG2"),
            ),
        )
    }
)
