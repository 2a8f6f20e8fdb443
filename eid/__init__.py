"""Electronic identity: from the chip in a citizen's card to the login of a service.

The few public names stand here and are loaded when they are used, so that ``import eid`` costs
nothing and a bank that only verifies needs the core install alone::

    card = eid.verify(evidence, trust, policy=eid.BANK, at=now, challenge=challenge)

>>> import eid
>>> eid.can_from_number("001090999999").kind
'can'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from eid.errors import EidError as EidError

if TYPE_CHECKING:
    from eid.chip.access import Can as Can, MrzKey as MrzKey, can_from_number as can_from_number
    from eid.chip.evidence import Evidence as Evidence
    from eid.chip.plan import PLANS as PLANS
    from eid.chip.read import read as read
    from eid.chip.verify import (
        BANK as BANK,
        IDENTIFY as IDENTIFY,
        LEVEL2 as LEVEL2,
        Verdict as Verdict,
        VerifiedCard as VerifiedCard,
        judge as judge,
        verify as verify,
    )
    from eid.levels.assess import assess as assess
    from eid.trust.store import TrustStore as TrustStore

_HOMES = {
    "Can": "eid.chip.access",
    "MrzKey": "eid.chip.access",
    "can_from_number": "eid.chip.access",
    "Evidence": "eid.chip.evidence",
    "PLANS": "eid.chip.plan",
    "read": "eid.chip.read",
    "BANK": "eid.chip.verify",
    "IDENTIFY": "eid.chip.verify",
    "LEVEL2": "eid.chip.verify",
    "Verdict": "eid.chip.verify",
    "VerifiedCard": "eid.chip.verify",
    "judge": "eid.chip.verify",
    "verify": "eid.chip.verify",
    "assess": "eid.levels.assess",
    "TrustStore": "eid.trust.store",
}


def __getattr__(name: str) -> object:
    """Load a public name from its home (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'eid' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
