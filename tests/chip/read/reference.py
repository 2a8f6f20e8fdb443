"""The reference card of the bars: fixed file sizes, as its peers were measured with."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from eid import ec, tlv
from eid.chip.access import Can
from eid.testing import data_groups, der
from eid.testing.card_image import CardImage, private_key_der
from eid.testing.certificates import public_key_info
from eid.testing.personalise import active_public_key, card_access

SIZES = {
    "EF.COM": 25,
    "EF.DG1": 95,
    "EF.DG2": 18_420,
    "EF.DG13": 604,
    "EF.DG14": 148,
    "EF.DG15": 165,
    "EF.SOD": 1_549,
}
_TAGS = {"EF.COM": 0x60, "EF.DG1": 0x61, "EF.DG2": 0x75, "EF.DG13": 0x6D, "EF.SOD": 0x77}
CAN = Can("123456")


def of_size(tag: int, size: int) -> bytes:
    for head in range(2, 6):
        content = tlv.encode(tag, bytes(i * 37 & 0xFF for i in range(size - head)))
        if len(content) == size:
            return content
    raise AssertionError(size)


@cache
def reference_card() -> CardImage:
    """PACE and CA over brainpoolP256r1 with AES-128, AA by RSA-1024, files of the bars' sizes."""
    curve, scalar = ec.by_name("brainpoolP256r1"), 0xC0FFEE << 200 | 5
    point = ec.encode_point(curve, ec.public_point(curve, scalar))
    aa_key = rsa.generate_private_key(65537, 1024)
    infos = [
        der.sequence(
            der.oid("0.4.0.127.0.7.2.2.1.2"), public_key_info(curve, point, explicit=False)
        ),
        der.sequence(der.oid("0.4.0.127.0.7.2.2.3.2.2"), der.integer(1)),
    ]
    short = SIZES["EF.DG14"] - len(data_groups.dg14(*infos))
    for filler in range(short):
        padding = der.sequence(der.oid("2.999.1"), tlv.encode(0x04, bytes(filler)))
        if len(data_groups.dg14(*infos, padding)) == SIZES["EF.DG14"]:
            infos.append(padding)
            break
    files = {name: of_size(tag, SIZES[name]) for name, tag in _TAGS.items()}
    files |= {
        "EF.CardAccess": card_access(("0.4.0.127.0.7.2.2.4.2.2", 13)),
        "EF.DG14": data_groups.dg14(*infos),
        "EF.DG15": data_groups.dg15(active_public_key(aa_key)),
    }
    assert {name: len(files[name]) for name in SIZES} == SIZES
    return CardImage(
        files=files,
        can=CAN.value,
        aa_private_key=private_key_der(aa_key),
        ca_private_keys=(scalar,),
    )
