"""A card's kind played back from the profile that ``eid doctor --card`` wrote of a real one.

Protocols, curves, lengths and times are the real card's; holder, keys and signatures are made
anew. What the profile does not say is as on the card of 2021.

>>> from eid.chip.card_profile import CardProfile, FileFact
>>> replayed(CardProfile(files=(FileFact(name="EF.DG1", length=93),))).zone
'TD3'
"""

from __future__ import annotations

from typing import Final

from eid import tlv
from eid.chip.card_profile import ActiveKey, CardProfile, ChipKey
from eid.errors import FormatError
from eid.testing import biometric_groups
from eid.testing.chip_traits import Digest, Traits
from eid.testing.mrz import Zone
from eid.testing.profiles import (
    Profile,
    StaticKeyForm,
    card_access,
    chip_authentication,
    terminal_authentication,
)

_LENGTHS: Final[dict[int, Zone]] = {95: "TD1", 77: "TD2", 93: "TD3"}
_GROUP_BITS: Final = {1_024: "dh-0", 2_048: "dh-2"}
_TRAILERS: Final[dict[str, Digest]] = {
    "bc": "sha1-bc",
    "33cc": "sha1",
    "34cc": "sha256",
    "35cc": "sha512",
    "36cc": "sha384",
    "38cc": "sha224",
}
_MASTER_FILE: Final = {
    0x6D00: "select-mf-6d00",
    0x6A86: "select-mf-6a86",
    0x6982: "select-mf-6982",
}
_LOCKED: Final = 0x6982
_READ, _AGREE = 0xB0, 0x86
_KNOWN_GROUPS: Final = frozenset({1, 2, 3, 4, 7, 11, 12, 13, 14, 15, 16})
_BIOMETRIC: Final = frozenset({3, 4})


def replayed(card: CardProfile) -> Profile:
    """Return the profile of a card like that one; FormatError for curves that are not known."""
    lengths = {fact.name: fact.length or 0 for fact in card.files}
    groups = _groups(card)
    infos = [terminal_authentication() for _ in card.terminal_authentication[:1]]
    infos += [chip_authentication_of(o.oid, o.key_id) for o in card.chip_authentication]
    active = card.active_keys[0] if card.active_keys else None
    return Profile(
        card_access=_card_access(card, infos, lengths.get("EF.CardAccess", 0)),
        infos=tuple(infos),
        static_keys=tuple(_static_key(key) for key in card.chip_keys),
        active=_active(active),
        groups=groups,
        zone=_LENGTHS.get(lengths.get("EF.DG1", 0), "TD1"),
        lds=card.lds_version or "0107",
        portrait_size=_portrait_size(lengths.get("EF.DG2", 0)),
        with_com="EF.COM" in lengths,
        card_security=bool(lengths.get("EF.CardSecurity")),
        atr_info=(card.max_command, card.max_response) if card.max_command else None,
        atr=_octets(card.atr),
        traits=_traits(card, active),
    )


def chip_authentication_of(oid: str, key_id: int | None) -> bytes:
    """ChipAuthenticationInfo with this whole identifier."""
    agreement, _, cipher = oid.rpartition(".")
    if not (agreement and cipher.isdigit()):
        raise FormatError("The card profile names no protocol.", code="card_profile.protocol")
    return chip_authentication(int(cipher), agreement=agreement, key_id=key_id)


def _card_access(card: CardProfile, infos: list[bytes], length: int) -> bytes:
    """PACE's entries, after the others where EF.CardAccess is as long as with them (Vietnam)."""
    offers = card_access(*((offer.oid, offer.parameter_id) for offer in card.pace))
    if not card.pace:
        return b""
    entries = (item.raw for item in tlv.parse(offers).children())
    everything = tlv.encode(0x31, *infos, *entries)
    return everything if len(everything) == length else offers


def _groups(card: CardProfile) -> frozenset[int]:
    """Data groups that could be read, and biometric ones that were locked."""
    numbers = {
        int(fact.name[5:]): fact
        for fact in card.files
        if fact.name.startswith("EF.DG") and fact.name[5:].isdigit()
    }
    there = {
        number
        for number, fact in numbers.items()
        if fact.length or (number in _BIOMETRIC and fact.sw == _LOCKED)
    }
    return frozenset(there & _KNOWN_GROUPS) or frozenset({1})


def _static_key(key: ChipKey) -> StaticKeyForm:
    domain = key.domain
    if domain.startswith("dh-"):
        bits = int(domain[3:]) if domain[3:].isdigit() else 0
        domain = _GROUP_BITS.get(bits, "")
        if not domain:
            raise FormatError("The card's group is not known.", code="card_profile.domain")
    return StaticKeyForm(domain=domain, key_id=key.key_id, explicit=key.explicit)


def _active(key: ActiveKey | None) -> str:
    if key is None:
        return ""
    return f"rsa-{key.bits}" if key.algorithm == "rsa" else f"ecdsa-{key.curve}"


def _portrait_size(group: int) -> int:
    """How many bytes of picture make a DG2 of this length; 0 for the picture's own."""
    overhead = len(biometric_groups.dg2(bytes(group), sex="M")) - group
    return max(group - overhead, 0)


def _traits(card: CardProfile, active: ActiveKey | None) -> Traits:
    times = {time.instruction: time.median_us for time in card.times}
    reading = times.get(_READ, 0)
    quirk = _MASTER_FILE.get(card.select_master_file)
    return Traits(
        quirks=frozenset({quirk} if quirk else ()),
        extended=card.extended_length is not False,
        bac=bool(card.bac),
        signature_digest=_TRAILERS.get(active.trailer if active else "", "sha256"),
        der=active is not None and active.response == "der",
        command_us=reading,
        crypto_us=max(times.get(_AGREE, reading) - reading, 0),
    )


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as e:
        raise FormatError("The card profile's ATR is malformed.", code="card_profile.atr") from e
