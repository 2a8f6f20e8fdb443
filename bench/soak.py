"""Thousands of handshakes per protocol: ``make soak``; a session that fails ends the run with 1.

One peer loses one session in 128, because it takes shared secrets as numbers without their leading
zeros; only many sessions show that. ``SOAK_HANDSHAKES`` sets how many (default 5000).
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime

from eid.chip.access import Can, MrzKey
from eid.chip.pace import PROTOCOLS
from eid.chip.plan import Plan
from eid.chip.read import read
from eid.errors import EidError
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.chip_traits import Traits
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES, StaticKeyForm, card_access, chip_authentication
from eid.testing.softcard import SoftwareCard
from tests.chip.read.reference import reference_card

CAN, MRZ = Can("123456"), MrzKey(document_number="L898902C", birth="690806", expiry="940623")
MRZ_TEXT = "L898902C<369080619406236"
AT = datetime(2026, 11, 20, tzinfo=UTC)
PLAN = Plan(name="soak", files=("EF.DG1",))
WITH_CHIP = Plan(name="soak", files=("EF.DG14", "EF.DG1"))


def _image(access: bytes, *, bac: bool = False) -> CardImage:
    files = {"EF.CardAccess": access, "EF.DG1": b"\x61\x03abc"}
    return CardImage(files=files, can=CAN.value, mrz_information=MRZ_TEXT, traits=Traits(bac=bac))


def cases() -> dict[str, tuple[CardImage, Can | MrzKey, Plan]]:
    """Every protocol once: name, card, key and what to read."""
    found: dict[str, tuple[CardImage, Can | MrzKey, Plan]] = {
        "BAC": (_image(bytes.fromhex("310F300D060804007F0007020202020101"), bac=True), MRZ, PLAN),
        "PACE-GM with Chip Authentication": (reference_card(), CAN, WITH_CHIP),
    }
    for oid, protocol in PROTOCOLS.items():
        name = f"PACE-{protocol.family}-{protocol.mapping} {protocol.suite.label}"
        number = 0 if protocol.family == "DH" else 13
        image = _image(card_access((oid, number)))
        if protocol.mapping == "CAM":
            image = _mapping_image(oid, int(oid[-1]))
        found[name] = (image, CAN, PLAN)
    return found


def _mapping_image(oid: str, cipher: int) -> CardImage:
    """A card whose key, in EF.CardSecurity too, maps the nonce."""
    profile = replace(
        PROFILES["pace-cam"],
        card_access=card_access((oid, 13)),
        static_keys=(StaticKeyForm(key_id=13),),
        infos=(chip_authentication(cipher, key_id=13),),
        traits=Traits(),
    )
    image = personalise(PEOPLE["thu"], DocumentAuthority.create(at=AT), at=AT, profile=profile)
    return replace(image, can=CAN.value)


def main() -> int:
    rounds = int(os.environ.get("SOAK_HANDSHAKES", "5000"))
    failures = 0
    for name, (image, key, plan) in cases().items():
        failed = 0
        for _ in range(rounds):
            try:
                read(SoftwareCard(image), key, plan=plan, at=AT)
            except EidError as error:
                failed += 1
                print(f"{name}: {error.code}", flush=True)
        failures += failed
        print(f"{name:36} {rounds} handshakes, {failed} failed", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
