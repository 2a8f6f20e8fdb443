"""Kinds of cards: what a chip holds and offers, as data (public facts and guesses, by name).

``PROFILES`` are kinds to try a reader with. Of Vietnam's cards the 2021 one follows public reader
code; the 2024 one is a guess, and says so.

>>> sorted(PROFILES)[:3]
['3des', 'bac-passport', 'can-cuoc-2024']
>>> PROFILES["pace-cam"].card_security
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.testing import biometric_groups, der, sod
from eid.testing.biometric_groups import FaceForm
from eid.testing.chip_traits import Traits
from eid.testing.data_groups import ParentsLayout
from eid.testing.detail_groups import DateForm, NamesForm
from eid.testing.mrz import Zone
from eid.testing.rsa_keys import Signs
from eid.testing.sod import SignedForm

VIETNAM_CARD_ACCESS: Final = bytes.fromhex(
    "3134300d060804007f0007020202020101300f060a04007f0007"
    "02020302020201013012060a04007f0007020204020202010202010d"
)
VIETNAM_TRAITS: Final = Traits(bac=True, quirks=frozenset({"select-mf-6d00"}))
PACE_DH_GM: Final = "0.4.0.127.0.7.2.2.4.1"
PACE_ECDH_GM: Final = "0.4.0.127.0.7.2.2.4.2"
PACE_DH_IM: Final = "0.4.0.127.0.7.2.2.4.3"
PACE_ECDH_IM: Final = "0.4.0.127.0.7.2.2.4.4"
PACE_ECDH_CAM: Final = "0.4.0.127.0.7.2.2.4.6"
CA_DH: Final = "0.4.0.127.0.7.2.2.3.1"
CA_ECDH: Final = "0.4.0.127.0.7.2.2.3.2"
TERMINAL_AUTHENTICATION: Final = "0.4.0.127.0.7.2.2.2"
EMRTD: Final = "A0000002471001"
LDS2_VISAS: Final = "A0000002472003"
DES3, AES_128, AES_192, AES_256 = 1, 2, 3, 4
_TYPICAL: Final = Traits(bit_rate=424_000, command_us=8_000, crypto_us=60_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticKeyForm:
    """A Chip Authentication key: a curve's name, or ``dh-0`` to ``dh-2`` by parameter id.

    ``x942`` writes a DH key as non-conforming cards do.
    """

    domain: str = "brainpoolP256r1"
    key_id: int | None = None
    explicit: bool = True
    x942: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What may differ from the card of 2021; the defaults are that card.

    ``card_access`` empty is a card without PACE. ``ca_curve`` is the curve of DG14's key unless
    ``static_keys`` says more. ``infos`` are further SecurityInfos of DG14, ``signed_access``
    stands there instead of EF.CardAccess. ``groups`` are the data groups; ``without`` leaves some
    out, ``unsigned`` keeps some out of the SOD, ``claimed`` are listed in EF.COM without being
    there. ``signs`` is how the document signer does, ``signer_serial`` its certificate's number
    where it is not drawn, ``age_days`` how long ago the card was issued. ``active`` names the Active Authentication key: ``rsa-2048``, ``rsa-2048-e3``,
    ``ecdsa-brainpoolP256r1``, or empty. ``atr_info`` is the longest command and answer; ``cvca``
    the certificate from which Terminal Authentication starts. An empty ``atr`` is the usual one.
    """

    card_access: bytes = VIETNAM_CARD_ACCESS
    signed_access: bytes | None = None
    infos: tuple[bytes, ...] = ()
    ca_curve: str = "brainpoolP256r1"
    static_keys: tuple[StaticKeyForm, ...] | None = None
    active: str = "rsa-2048"
    groups: frozenset[int] = frozenset({1, 2, 3, 13, 14, 15})
    without: frozenset[int] = frozenset()
    unsigned: frozenset[int] = frozenset()
    claimed: frozenset[int] = frozenset()
    zone: Zone = "TD1"
    document_number: str = ""
    lds: str = "0107"
    parents: ParentsLayout = "A"
    raw_dg13: bool = False
    face: FaceForm = biometric_groups.BY_THE_RULES
    portrait_size: int = 0
    biometrics: bool = False
    signature_picture: bool = True
    names: NamesForm = "list"
    fillers: bool = False
    dates: DateForm = "text"
    signing_time: bool = False
    signs: Signs = ""
    signer_serial: int | None = None
    age_days: int = 0
    sod: SignedForm = sod.BY_THE_RULES
    with_com: bool = True
    card_security: bool = False
    atr_info: tuple[int, int] | None = None
    directory: tuple[str, ...] = ()
    cvca: bytes = b""
    pin: str = ""
    puk: str = ""
    atr: bytes = b""
    traits: Traits = VIETNAM_TRAITS

    @property
    def document_types(self) -> tuple[str, ...]:
        """The MRZ document codes that the signer of such cards may sign."""
        return ("P",) if self.zone == "TD3" else ("ID",)

    def named(self, *quirks: str) -> Profile:
        """The same with further quirks on the wire."""
        return self.behaving(quirks=self.traits.quirks | set(quirks))

    def behaving(self, **changes: object) -> Profile:
        """The same with other traits."""
        return replace(self, traits=replace(self.traits, **changes))  # type: ignore[arg-type]


def info(dotted: str, version: int, *rest: bytes) -> bytes:
    """One SecurityInfo of an identifier, a version and, where given, more."""
    return der.sequence(der.oid(dotted), der.integer(version), *rest)


def card_access(*pace: tuple[str, int | None], version: int = 2) -> bytes:
    """EF.CardAccess that offers these PACE protocols as (object identifier, parameter id)."""
    infos = (
        info(dotted, version, *([] if number is None else [der.integer(number)]))
        for dotted, number in pace
    )
    return tlv.encode(0x31, *infos)


def chip_authentication(
    cipher: int, *, agreement: str = CA_ECDH, key_id: int | None = None
) -> bytes:
    """ChipAuthenticationInfo for a cipher by its number in the protocol's identifier."""
    return info(f"{agreement}.{cipher}", 1, *([] if key_id is None else [der.integer(key_id)]))


def terminal_authentication() -> bytes:
    """TerminalAuthenticationInfo of version 1."""
    return info(TERMINAL_AUTHENTICATION, 1)


CARD_2021: Final = Profile()
_PASSPORT: Final = Profile(
    zone="TD3",
    groups=frozenset({1, 2, 14, 15}),
    traits=Traits(bac=True),
    card_access=card_access((f"{PACE_ECDH_GM}.{AES_128}", 13)),
    infos=(chip_authentication(AES_128),),
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "cccd-2021": CARD_2021,
        "can-cuoc-2024": Profile(
            lds="0108",
            parents="B",
            active="ecdsa-brainpoolP256r1",
            card_access=card_access(
                (f"{PACE_ECDH_CAM}.{AES_128}", 13), (f"{PACE_ECDH_GM}.{AES_128}", 13)
            ),
            static_keys=(StaticKeyForm(key_id=13),),
            infos=(terminal_authentication(), chip_authentication(AES_128, key_id=13)),
            card_security=True,
            atr_info=(1_024, 4_096),
            traits=replace(_TYPICAL, bit_rate=848_000),
        ),
        "cccd-2021-slow": CARD_2021.behaving(
            bit_rate=106_000, command_us=12_000, crypto_us=180_000
        ),
        "bac-passport": replace(
            _PASSPORT, card_access=b"", infos=(), static_keys=(), groups=frozenset({1, 2, 15})
        ),
        "pace-im": replace(_PASSPORT, card_access=card_access((f"{PACE_ECDH_IM}.{AES_256}", 16))),
        "pace-cam": replace(
            _PASSPORT,
            card_access=card_access(
                (f"{PACE_ECDH_CAM}.{AES_256}", 15), (f"{PACE_ECDH_GM}.{AES_256}", 15)
            ),
            static_keys=(StaticKeyForm(domain="secp384r1", key_id=15),),
            infos=(chip_authentication(AES_256, key_id=15),),
            card_security=True,
        ),
        "pace-dh": replace(
            _PASSPORT,
            card_access=card_access((f"{PACE_DH_GM}.{AES_128}", 2)),
            static_keys=(StaticKeyForm(domain="dh-2"),),
            infos=(chip_authentication(AES_128, agreement=CA_DH),),
        ),
        "eac": replace(
            _PASSPORT,
            groups=frozenset({1, 2, 3, 4, 7, 11, 12, 14, 15, 16}),
            biometrics=True,
            infos=(chip_authentication(AES_128), terminal_authentication()),
            card_security=True,
            atr_info=(1_024, 65_536),
            directory=(EMRTD,),
        ),
        "no-extended": CARD_2021.behaving(extended=False),
        "3des": replace(
            _PASSPORT,
            card_access=card_access((f"{PACE_ECDH_GM}.{DES3}", 12)),
            static_keys=(StaticKeyForm(domain="brainpoolP224r1"),),
            infos=(chip_authentication(DES3),),
            active="rsa-1024",
            traits=Traits(bac=True, signature_digest="sha1-bc"),
        ),
        "pin": replace(_PASSPORT, pin="246810", puk="1234567890"),
    }
)
