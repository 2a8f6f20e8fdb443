"""Personalise a card: every file and key of a fictional holder's chip, signed by a test issuer.

The profile is Vietnam's card of 2021: PACE-ECDH-GM-AES-128 on brainpoolP256r1, TD1, DG1, DG2,
DG3 (empty and locked), DG13, DG14, DG15 with RSA-2048.

>>> from datetime import UTC, datetime
>>> from eid.testing.authority import DocumentAuthority
>>> from eid.testing.people import PEOPLE
>>> at = datetime(2026, 11, 20, tzinfo=UTC)
>>> image = personalise(PEOPLE["thu"], DocumentAuthority.create(at=at), at=at)
>>> len(image.files["EF.CardAccess"]), image.can
(54, '999999')
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid import ec, tlv
from eid.testing import data_groups, der
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage, private_key_der
from eid.testing.certificates import public_key_info
from eid.testing.chip_traits import Traits
from eid.testing.mrz import mrz_information
from eid.testing.people import Person
from eid.testing.portrait import draw_portrait

VIETNAM_CARD_ACCESS: Final = bytes.fromhex(
    "3134300d060804007f0007020202020101300f060a04007f0007"
    "02020302020201013012060a04007f0007020204020202010202010d"
)
VIETNAM_TRAITS: Final = Traits(bac=True, quirks=frozenset({"select-mf-6d00"}))
PACE_ECDH_GM: Final = "0.4.0.127.0.7.2.2.4.2"
_CHIP_AUTHENTICATION_KEY = "0.4.0.127.0.7.2.2.1.2"
_ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
_ECDSA_PLAIN_SHA256 = "0.4.0.127.0.7.1.1.4.1.3"
_RSA_BITS = 2048

ActiveKey = rsa.RSAPrivateKey | pyca_ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What may differ from the card of 2021; the defaults are that card.

    ``ca_curve`` is the curve of DG14's key; ``without`` holds data groups to leave
    out, ``signing_time`` writes that attribute into the SOD.
    """

    card_access: bytes = VIETNAM_CARD_ACCESS
    ca_curve: str = "brainpoolP256r1"
    parents: data_groups.ParentsLayout = "A"
    without: frozenset[int] = frozenset()
    signing_time: bool = False
    traits: Traits = VIETNAM_TRAITS


CARD_2021: Final = Profile()


def personalise(
    person: Person,
    authority: DocumentAuthority,
    *,
    at: datetime,
    profile: Profile = CARD_2021,
    aa_private_key: ActiveKey | None = None,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> CardImage:
    """Make the card of ``person``; ``at`` is when it is issued, by the authority's signer.

    A ready ``aa_private_key`` saves the search for an RSA key; an elliptic-curve key makes a
    card that answers Active Authentication by ECDSA.
    """
    if not authority.signs_at(at):
        raise ValueError("The authority's document signer does not sign at this time.")
    aa_key = aa_private_key or rsa.generate_private_key(65537, _RSA_BITS)
    ca_curve = ec.by_name(profile.ca_curve)
    ca_scalar = ec.random_scalar(ca_curve, rng)
    groups = _groups(person, profile, aa_key, (ca_curve, ca_scalar), rng)
    hashes = {number: sha256(content).digest() for number, content in groups.items()}
    files = {f"EF.DG{number}": content for number, content in groups.items()} | {
        "EF.CardAccess": profile.card_access,
        "EF.COM": data_groups.com(groups),
        "EF.SOD": authority.sign_sod(hashes, signing_time=at if profile.signing_time else None),
    }
    return CardImage(
        files=files,
        can=person.can,
        mrz_information=mrz_information(person),
        aa_private_key=private_key_der(aa_key),
        ca_private_keys=(ca_scalar,),
        traits=profile.traits,
    )


def card_access(*pace: tuple[str, int], version: int = 2) -> bytes:
    """EF.CardAccess that offers these PACE protocols as (object identifier, parameter id)."""
    infos = (
        der.sequence(der.oid(dotted), der.integer(version), der.integer(parameter))
        for dotted, parameter in pace
    )
    return tlv.encode(0x31, *infos)


def _groups(
    person: Person,
    profile: Profile,
    aa_key: ActiveKey,
    ca_key: tuple[ec.Curve, int],
    rng: Callable[[int], bytes],
) -> Mapping[int, bytes]:
    makers: Mapping[int, Callable[[], bytes]] = {
        1: lambda: data_groups.dg1(person),
        2: lambda: data_groups.dg2(draw_portrait(person.number), sex=person.sex),
        3: lambda: data_groups.dg3(rng(16)),
        13: lambda: data_groups.dg13(person, parents=profile.parents),
        14: lambda: data_groups.dg14(*_security_infos(profile, aa_key, *ca_key)),
        15: lambda: data_groups.dg15(active_public_key(aa_key)),
    }
    return {number: make() for number, make in makers.items() if number not in profile.without}


def _security_infos(
    profile: Profile, aa_key: ActiveKey, ca_curve: ec.Curve, ca_scalar: int
) -> tuple[bytes, ...]:
    ca_point = ec.multiply(ca_curve, ca_scalar, ca_curve.generator)
    ca_info = public_key_info(ca_curve, ec.encode_point(ca_curve, ca_point), explicit=True)
    infos = [item.raw for item in tlv.children(tlv.parse(profile.card_access))]
    infos.append(der.sequence(der.oid(_CHIP_AUTHENTICATION_KEY), ca_info))
    if isinstance(aa_key, pyca_ec.EllipticCurvePrivateKey):
        infos.append(
            der.sequence(
                der.oid(_ACTIVE_AUTHENTICATION), der.integer(1), der.oid(_ECDSA_PLAIN_SHA256)
            )
        )
    return tuple(infos)


def active_public_key(key: ActiveKey) -> bytes:
    """SubjectPublicKeyInfo of an Active Authentication key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
