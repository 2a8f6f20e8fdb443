"""Deviations that are written into a card when it is issued, by name (``eid simulate --fault``).

Each changes the profile before the files are signed, so that the signature still holds. Together
with ``QUIRKS``, on the wire, and ``Fault``, at one command, they are all that ``--fault`` takes.

>>> ISSUE_FAULTS["lds-1.8"].apply(CARD_2021).lds
'0108'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from eid import tlv
from eid.errors import FormatError
from eid.testing.chip_traits import Digest
from eid.testing.profiles import (
    AES_128,
    AES_256,
    CARD_2021,
    DES3,
    EMRTD,
    LDS2_VISAS,
    PACE_ECDH_CAM,
    PACE_ECDH_GM,
    Profile,
    StaticKeyForm,
    card_access,
    chip_authentication,
)
from eid.testing.softcard_quirks import QUIRKS

_BIG_PORTRAIT: Final = 70_000
_LONG_AGO: Final = 12 * 365
_SHORT_NUMBER: Final = "AB12345"
_LONG_NUMBER: Final = "D23145890734"


@dataclass(frozen=True, slots=True)
class IssueFault:
    """One deviation: ``pitfall`` is its number in the list of pitfalls."""

    pitfall: int
    what: str
    apply: Callable[[Profile], Profile]


def _sets(**changes: object) -> Callable[[Profile], Profile]:
    return lambda profile: replace(profile, **changes)  # type: ignore[arg-type]


def _face(**changes: object) -> Callable[[Profile], Profile]:
    return lambda profile: replace(
        profile,
        face=replace(profile.face, **changes),  # type: ignore[arg-type]
    )


def _sod(**changes: object) -> Callable[[Profile], Profile]:
    return lambda profile: replace(
        profile,
        sod=replace(profile.sod, **changes),  # type: ignore[arg-type]
    )


def _also(*groups: int, **changes: object) -> Callable[[Profile], Profile]:
    """Add data groups and change what they hold."""
    return lambda profile: replace(
        profile,
        groups=profile.groups | set(groups),
        **changes,  # type: ignore[arg-type]
    )


def _signs(digest: Digest) -> Callable[[Profile], Profile]:
    return lambda profile: profile.behaving(signature_digest=digest)


def _own_keys(profile: Profile, *keys: StaticKeyForm, infos: tuple[bytes, ...]) -> Profile:
    """Replace keys and every ChipAuthenticationInfo, wherever it stood."""
    access = [
        item.raw
        for item in tlv.parse(profile.card_access).children()
        if not item.children()[0].oid().startswith("0.4.0.127.0.7.2.2.3.")
    ]
    return replace(profile, card_access=tlv.encode(0x31, *access), static_keys=keys, infos=infos)


def _several_keys(profile: Profile) -> Profile:
    keys = StaticKeyForm(key_id=1), StaticKeyForm(domain="secp384r1", key_id=2)
    infos = chip_authentication(AES_128, key_id=1), chip_authentication(AES_256, key_id=2)
    return _own_keys(profile, *keys, infos=infos)


def _two_mapping_keys(profile: Profile) -> Profile:
    access = card_access((f"{PACE_ECDH_CAM}.{AES_128}", 13), (f"{PACE_ECDH_CAM}.{AES_256}", 16))
    keys = StaticKeyForm(key_id=13), StaticKeyForm(domain="brainpoolP384r1", key_id=16)
    infos = chip_authentication(AES_128, key_id=13), chip_authentication(AES_256, key_id=16)
    return replace(profile, card_access=access, static_keys=keys, infos=infos, card_security=True)


def _weaker(profile: Profile) -> Profile:
    """EF.CardAccess, unsigned, offers 3DES where the signed DG14 has what was there before."""
    offered = card_access((f"{PACE_ECDH_GM}.{DES3}", 13))
    return replace(profile, card_access=offered, signed_access=profile.card_access)


ISSUE_FAULTS: Final[Mapping[str, IssueFault]] = {
    "dir-several": IssueFault(
        5, "EF.DIR lists several applications", _sets(directory=(EMRTD, LDS2_VISAS))
    ),
    "com-missing": IssueFault(5, "There is no EF.COM", _sets(with_com=False)),
    "com-extra": IssueFault(
        5, "EF.COM lists DG7 and DG16, which are not there", _sets(claimed=frozenset({7, 16}))
    ),
    "big-portrait": IssueFault(6, "DG2 is longer than 64 KiB", _sets(portrait_size=_BIG_PORTRAIT)),
    "pace-two-elements": IssueFault(
        10,
        "PACEInfo does not name its parameters",
        _sets(card_access=card_access((f"{PACE_ECDH_GM}.{AES_128}", None))),
    ),
    "pace-several": IssueFault(
        10,
        "Several PACEInfos, the weakest first",
        _sets(
            card_access=card_access(
                (f"{PACE_ECDH_GM}.{DES3}", 12),
                (f"{PACE_ECDH_GM}.{AES_128}", 13),
                (f"{PACE_ECDH_GM}.{AES_256}", 16),
            )
        ),
    ),
    "cam-two-keys": IssueFault(10, "Two keys for PACE-CAM, by parameter id", _two_mapping_keys),
    "short-number": IssueFault(
        13, "A document number of seven characters", _sets(document_number=_SHORT_NUMBER)
    ),
    "long-number": IssueFault(
        13,
        "A document number that overflows the field of TD1",
        _sets(document_number=_LONG_NUMBER, zone="TD1"),
    ),
    "td2": IssueFault(13, "A zone of two lines of 36", _sets(zone="TD2")),
    "ca-no-info": IssueFault(
        15,
        "A Chip Authentication key without its ChipAuthenticationInfo",
        lambda profile: _own_keys(profile, StaticKeyForm(), infos=()),
    ),
    "ca-key-id-zero": IssueFault(
        15,
        "The Chip Authentication key has the id 0",
        lambda profile: _own_keys(
            profile, StaticKeyForm(key_id=0), infos=(chip_authentication(AES_128, key_id=0),)
        ),
    ),
    "ca-two-keys": IssueFault(15, "Two Chip Authentication keys", _several_keys),
    "dg14-unsigned": IssueFault(16, "DG14 is not in the SOD", _sets(unsigned=frozenset({14}))),
    "card-access-weaker": IssueFault(16, "EF.CardAccess is weaker than DG14", _weaker),
    "aa-ecdsa": IssueFault(
        17, "Active Authentication by ECDSA", _sets(active="ecdsa-brainpoolP256r1")
    ),
    "aa-der": IssueFault(
        17,
        "Active Authentication by ECDSA, answered in DER",
        lambda profile: replace(profile, active="ecdsa-secp256r1").behaving(der=True),
    ),
    "aa-1024": IssueFault(17, "A chip key of 1,024 bits", _sets(active="rsa-1024")),
    "aa-e3": IssueFault(17, "A chip key with the exponent 3", _sets(active="rsa-2048-e3")),
    "aa-trailer-bc": IssueFault(17, "A signature with the trailer BC", _signs("sha1-bc")),
    "aa-trailer-33cc": IssueFault(17, "A signature with the trailer 33CC", _signs("sha1")),
    "aa-trailer-35cc": IssueFault(17, "A signature with the trailer 35CC", _signs("sha512")),
    "aa-trailer-36cc": IssueFault(17, "A signature with the trailer 36CC", _signs("sha384")),
    "aa-trailer-38cc": IssueFault(17, "A signature with the trailer 38CC", _signs("sha224")),
    "sod-content-be": IssueFault(
        18, "The SOD's content type is 1.3.27.1.1.1", _sod(content_type="1.3.27.1.1.1")
    ),
    "sod-content-sdu": IssueFault(
        18,
        "The SOD's content type is 1.2.528.1.1006.1.20.1",
        _sod(content_type="1.2.528.1.1006.1.20.1"),
    ),
    "sod-content-data": IssueFault(
        18, "The SOD's content type is id-data", _sod(content_type="1.2.840.113549.1.7.1")
    ),
    "sod-indefinite": IssueFault(
        19, "The SOD is written with indefinite lengths", _sod(indefinite=True)
    ),
    "sod-key-id": IssueFault(
        20, "The SOD names its signer by key identifier", _sod(by_key_id=True)
    ),
    "sod-issuer-printable": IssueFault(
        20,
        "The SOD writes its signer's issuer in another string type",
        _sod(printable_issuer=True),
    ),
    "ds-serial-negative": IssueFault(
        20,
        "The signer's certificate has a negative serial number",
        _sets(signer_serial=-(1 << 62)),
    ),
    "sod-rsa": IssueFault(21, "The SOD is signed with RSA", _sets(signs="rsa")),
    "sod-rsa-plain": IssueFault(
        21, "The SOD names its RSA signature plain rsaEncryption", _sets(signs="rsa-plain")
    ),
    "sod-rsa-pss": IssueFault(
        21,
        "The SOD is signed with RSASSA-PSS, its salt longer than the digest",
        _sets(signs="rsa-pss"),
    ),
    "sod-digest-differs": IssueFault(
        21,
        "The signer's digest is SHA-512, that of the data groups SHA-256",
        _sod(digest="sha512"),
    ),
    "sod-long-integers": IssueFault(
        21, "The ECDSA signature's numbers have a 00 too many", _sod(long_integers=True)
    ),
    "sod-no-attributes": IssueFault(
        22, "The SOD has no signed attributes", _sod(attributes=False)
    ),
    "ds-expired": IssueFault(
        24,
        "The signer's certificate has expired since the card was signed",
        _sets(age_days=_LONG_AGO),
    ),
    "sod-version-1": IssueFault(23, "The SOD's SignedData has version 1", _sod(version=1)),
    "sod-with-csca": IssueFault(
        24, "The SOD also holds the country's own certificate", _sod(with_anchor=True)
    ),
    "sod-signing-time": IssueFault(22, "The SOD has a signing time", _sets(signing_time=True)),
    "dg2-7f2e": IssueFault(28, "DG2's record stands in 7F2E", _face(block=0x7F2E)),
    "dg2-no-owner": IssueFault(28, "DG2 does not name its format owner", _face(owner=False)),
    "dg2-length-8": IssueFault(28, "DG2's record length is 8 too big", _face(record_error=8)),
    "dg2-length-1": IssueFault(28, "DG2's record length is 1 too small", _face(record_error=-1)),
    "dg2-jp2": IssueFault(28, "The portrait is JPEG 2000 in a box", _face(picture="jp2")),
    "dg2-j2k": IssueFault(28, "The portrait is a raw JPEG 2000 stream", _face(picture="j2k")),
    "dg2-trailing": IssueFault(28, "Zeros follow the portrait", _face(trailing=32)),
    "dg2-39794": IssueFault(28, "DG2 follows ISO/IEC 39794-5", _face(standard="39794")),
    "dg7-empty": IssueFault(28, "DG7 holds no picture", _also(7, signature_picture=False)),
    "dg11-direct": IssueFault(28, "DG11's other names are no list", _also(11, names="direct")),
    "dg11-fillers": IssueFault(28, "DG11's empty fields hold a filler", _also(11, fillers=True)),
    "dg12-bcd": IssueFault(28, "DG12's dates are BCD", _also(12, dates="bcd")),
    "dg13-raw": IssueFault(28, "DG13 is no TLV inside", _also(13, raw_dg13=True)),
    "dg13-layout-b": IssueFault(28, "DG13 has the parents in one sequence", _sets(parents="B")),
    "lds-1.8": IssueFault(28, "LDS 1.8: the SOD names its versions", _sets(lds="0108")),
}


def apply(profile: Profile, names: tuple[str, ...]) -> Profile:
    """Return the profile with these faults, of issue or of the wire; FormatError for others."""
    for name in names:
        if name in ISSUE_FAULTS:
            profile = ISSUE_FAULTS[name].apply(profile)
        elif name in QUIRKS:
            profile = profile.named(name)
        else:
            raise FormatError(f"There is no fault {name[:40]!r}.", code="testing.fault")
    return profile


def table() -> tuple[tuple[str, int, str], ...]:
    """Every named fault with its pitfall's number and what it does, by number and name."""
    rows = [(name, fault.pitfall, fault.what) for name, fault in ISSUE_FAULTS.items()]
    rows += [(name, quirk.pitfall, quirk.what) for name, quirk in QUIRKS.items()]
    return tuple(sorted(rows, key=lambda row: (row[1], row[0])))
