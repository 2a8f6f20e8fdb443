"""Personalise a card: every file and key of a fictional holder's chip, signed by a test issuer.

The profile is Vietnam's card of 2021 unless another is given: PACE-ECDH-GM-AES-128 on
brainpoolP256r1, TD1, DG1, DG2, DG3 (empty and locked), DG13, DG14, DG15 with RSA-2048.

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
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec

from eid import tlv
from eid.testing import biometric_groups, cv_certificates, data_groups, der, detail_groups
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import DEFAULT_ATR, CardImage, private_key_der
from eid.testing.chip_keys import (
    ActiveKey,
    StaticKey,
    active_info,
    active_public_key,
    new_active_key,
)
from eid.testing.mrz import mrz_information
from eid.testing.people import Person
from eid.testing.portrait import draw_jpeg_2000, draw_portrait
from eid.testing.profiles import (
    CARD_2021,
    PACE_ECDH_GM,
    VIETNAM_CARD_ACCESS,
    Profile,
    StaticKeyForm,
    card_access,
)
from eid.testing.rsa_keys import signer_key

__all__ = [
    "CARD_2021",
    "PACE_ECDH_GM",
    "VIETNAM_CARD_ACCESS",
    "Profile",
    "active_public_key",
    "authority_for",
    "card_access",
    "personalise",
]

_CVCA_SIZE: Final = 36
_SAMPLE: Final = 1_200
_WSQ: Final = bytes.fromhex("FFA0FFA8")


@dataclass(frozen=True, slots=True)
class _Making:
    """All that the data groups are made from."""

    person: Person
    profile: Profile
    active: ActiveKey | None
    static: tuple[StaticKey, ...]
    rng: Callable[[int], bytes]


def authority_for(
    profile: Profile,
    *,
    at: datetime,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[DocumentAuthority, datetime]:
    """Make an authority whose signer signs such cards, and say when this one was issued."""
    issued = at - timedelta(days=profile.age_days)
    authority = DocumentAuthority.create(
        at=issued,
        rng=rng,
        ds_key=signer_key(profile.signs),
        ds_serial=profile.signer_serial,
        document_types=profile.document_types,
    )
    return authority, issued


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
    active = aa_private_key
    if active is None and profile.active:
        active = new_active_key(profile.active)
    forms = profile.static_keys
    forms = (StaticKeyForm(domain=profile.ca_curve),) if forms is None else forms
    static = tuple(StaticKey.create(form, rng=rng) for form in forms)
    making = _Making(person, profile, active, static, rng)
    return CardImage(
        files=_files(making, authority, at),
        can=person.can,
        pin=profile.pin,
        puk=profile.puk,
        mrz_information=mrz_information(person, profile.zone, profile.document_number),
        aa_private_key=private_key_der(active) if active else b"",
        ca_private_keys=tuple(key.private for key in static),
        cvca=profile.cvca,
        traits=profile.traits,
        atr=profile.atr or DEFAULT_ATR,
    )


def _files(making: _Making, authority: DocumentAuthority, at: datetime) -> dict[str, bytes]:
    profile, groups = making.profile, _groups(making)
    hashes = {
        number: sha256(content).digest()
        for number, content in groups.items()
        if number not in profile.unsigned
    }
    files = {f"EF.DG{number}": content for number, content in groups.items()}
    files["EF.SOD"] = authority.sign_sod(
        hashes,
        signing_time=at if profile.signing_time else None,
        lds=profile.lds,
        form=profile.sod,
    )
    if profile.with_com:
        files["EF.COM"] = data_groups.com(groups.keys() | profile.claimed, lds=profile.lds)
    if profile.card_access:
        files["EF.CardAccess"] = profile.card_access
    if profile.card_security:
        infos = tlv.encode(0x31, *_security_infos(making))
        files["EF.CardSecurity"] = authority.sign_card_security(infos)
    if profile.cvca:
        name = cv_certificates.read(profile.cvca).holder
        files["EF.CVCA"] = tlv.encode(0x42, name).ljust(_CVCA_SIZE, b"\x00")
    return files | _master_files(profile)


def _master_files(profile: Profile) -> dict[str, bytes]:
    """EF.ATR/INFO with the longest command and answer, and EF.DIR with the applications."""
    files = {}
    if profile.atr_info is not None:
        lengths = (der.integer(size) for size in profile.atr_info)
        capabilities = tlv.encode(0x47, bytes.fromhex("8011C0"))
        files["EF.ATR/INFO"] = capabilities + tlv.encode(0x7F66, *lengths)
    if profile.directory:
        files["EF.DIR"] = b"".join(
            tlv.encode(0x61, tlv.encode(0x4F, bytes.fromhex(aid))) for aid in profile.directory
        )
    return files


def _groups(making: _Making) -> Mapping[int, bytes]:
    person, profile, rng = making.person, making.profile, making.rng
    samples = [_WSQ + rng(_SAMPLE) for _ in range(2)] if profile.biometrics else []
    makers: Mapping[int, Callable[[], bytes]] = {
        1: lambda: data_groups.dg1(person, zone=profile.zone, number=profile.document_number),
        2: lambda: biometric_groups.dg2(_portrait(making), sex=person.sex, form=profile.face),
        3: lambda: biometric_groups.dg3(rng(16), *samples),
        4: lambda: biometric_groups.dg4(rng(16), *samples),
        7: lambda: detail_groups.dg7(_signature(making)),
        11: lambda: detail_groups.dg11(person, names=profile.names, fillers=profile.fillers),
        12: lambda: detail_groups.dg12(person, dates=profile.dates),
        13: lambda: _dg13(making),
        14: lambda: data_groups.dg14(*_security_infos(making)),
        16: lambda: detail_groups.dg16(person),
    }
    wanted = sorted(profile.groups - profile.without - {15})
    groups = {number: makers[number]() for number in wanted}
    if making.active and 15 in profile.groups - profile.without:
        groups[15] = data_groups.dg15(active_public_key(making.active))
    return groups


def _portrait(making: _Making) -> bytes:
    """The picture in the profile's format, grown by zeros to its size where it has one."""
    seed, picture = making.person.number, making.profile.face.picture
    if picture == "jpeg":
        image = draw_portrait(seed)
    else:
        image = draw_jpeg_2000(seed, box=picture == "jp2")
    return image.ljust(making.profile.portrait_size, b"\x00")


def _signature(making: _Making) -> bytes:
    return draw_portrait(making.person.name)[:_SAMPLE] if making.profile.signature_picture else b""


def _dg13(making: _Making) -> bytes:
    if making.profile.raw_dg13:
        return tlv.encode(0x6D, making.person.number.encode("ascii"))
    return data_groups.dg13(making.person, parents=making.profile.parents)


def _security_infos(making: _Making) -> tuple[bytes, ...]:
    """What EF.CardAccess offers, the profile's own entries, and the chip's keys."""
    profile = making.profile
    access = profile.card_access if profile.signed_access is None else profile.signed_access
    infos = [item.raw for item in tlv.children(tlv.parse(access))] if access else []
    infos += [entry for entry in profile.infos if entry not in infos]
    infos += [key.info() for key in making.static]
    if isinstance(making.active, pyca_ec.EllipticCurvePrivateKey):
        infos.append(active_info(profile.traits.signature_digest))
    return tuple(infos) or (der.sequence(der.oid("2.23.136.1.1.6"), der.integer(0)),)
