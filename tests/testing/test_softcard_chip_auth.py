"""Chip Authentication of the card: keys of every kind, both commands, chaining, bad faith."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eid import ec, tlv
from eid.chip import chip_auth, crypto
from eid.chip.apdu import Command
from eid.chip.crypto import Suite
from eid.chip.lds.security_infos import parse_security_infos
from eid.errors import SecureMessagingError, StatusError
from eid.testing.profiles import (
    AES_128,
    AES_256,
    CA_DH,
    CA_ECDH,
    DES3,
    PROFILES,
    Profile,
    StaticKeyForm,
    chip_authentication,
)
from eid.testing.softcard_apdu import Refused
from eid.testing.softcard_chip_auth import ChipAuthentication, Choice, StaticKey
from eid.testing.softcard_domain import of_curve, standard_domain

TR = json.loads(
    (Path(__file__).parents[1] / "vectors" / "emrtd" / "tr-03110-eac-examples.json").read_text()
)
BARE = replace(PROFILES["pace-im"], groups=frozenset({1, 14}), active="")
P256, DH0 = StaticKeyForm(), StaticKeyForm(domain="dh-0")


def with_keys(*keys: StaticKeyForm, infos: tuple[bytes, ...]) -> Profile:
    access = PROFILES["3des"].card_access
    return replace(BARE, card_access=access, static_keys=keys, infos=infos)


def dg14(talk):
    (infos,) = tlv.parse(talk.image.files["EF.DG14"]).children()
    return parse_security_infos(infos.raw)


def authenticate(talk) -> Suite:
    """Run Chip Authentication and prove it by a read under the new keys."""
    key = chip_auth.choose(dg14(talk))
    assert key is not None
    talk.session, _ = chip_auth.authenticate(talk, key)
    assert talk.read(1).data == talk.image.files["EF.DG1"]
    return key.suite


@pytest.mark.parametrize(
    ("keys", "infos", "suite"),
    [
        ((P256,), (chip_authentication(AES_128),), Suite.AES_128),
        ((P256,), (chip_authentication(DES3), chip_authentication(3)), Suite.AES_192),
        ((P256,), (chip_authentication(DES3),), Suite.DES3),
        ((P256,), (), Suite.DES3),
        ((StaticKeyForm(domain="brainpoolP512r1"),), (chip_authentication(4),), Suite.AES_256),
        ((StaticKeyForm(domain="secp224r1", explicit=False),), (chip_authentication(2),), None),
        ((StaticKeyForm(key_id=0),), (chip_authentication(2, key_id=0),), Suite.AES_128),
        (
            (StaticKeyForm(key_id=1), StaticKeyForm(domain="secp521r1", key_id=2)),
            (chip_authentication(2, key_id=1), chip_authentication(4, key_id=2)),
            Suite.AES_256,
        ),
        ((DH0,), (chip_authentication(AES_256, agreement=CA_DH),), Suite.AES_256),
        ((replace(DH0, x942=True),), (chip_authentication(DES3, agreement=CA_DH),), Suite.DES3),
        ((DH0, P256), (chip_authentication(2, agreement=CA_DH), chip_authentication(3)), None),
    ],
    ids=[
        "aes",
        "two-ciphers",
        "3des",
        "no-info",
        "aes-256",
        "named-curve",
        "key-id-0",
        "two-keys",
        "dh",
        "x9.42",
        "dh-and-ecdh",
    ],
)
def test_keys_of_every_kind(talk, keys, infos, suite):
    assert authenticate(talk(with_keys(*keys, infos=infos)).open().select()) in (
        suite,
        Suite.AES_128 if suite is None else suite,
        Suite.AES_192 if suite is None else suite,
    )


@pytest.mark.parametrize("kind", ["ecdh", "dh"])
def test_the_agreement_of_the_worked_examples(kind):
    run = {name: value for name, value in TR[kind].items() if name.startswith("ca_")}
    domain = of_curve("brainpoolP256r1") if kind == "ecdh" else standard_domain(0)
    private = int(run["ca_picc_priv_key"], 16)
    assert domain.public(private).hex() == run["ca_picc_pub_key"]
    theirs = bytes.fromhex(run["ca_pcd_pub_key"])
    assert domain.agree(private, theirs).hex() == run["ca_shared_secret_k"]


def test_the_new_session_is_another(talk):
    card = talk(with_keys(P256, infos=(chip_authentication(AES_128),))).open().select()
    old = card.session
    authenticate(card)
    card.session = old
    with pytest.raises(SecureMessagingError):
        card.read(1)


def test_a_long_key_in_parts(talk):
    card = talk(
        with_keys(DH0, infos=(chip_authentication(2, agreement=CA_DH),)), "ca-chained"
    ).open()
    key = chip_auth.choose(dg14(card.select()))
    whole = tlv.encode(0x7C, tlv.encode(0x80, key.public))
    assert card(Command(0, 0x22, 0x41, 0xA4, tlv.encode(0x80, tlv.encode_oid(key.oid)))).ok
    assert card(Command(0, 0x86, 0, 0, whole, le=256)).sw == 0x6700
    pair = key.domain.draw(lambda size: bytes(size - 1) + b"\x05")
    choose = tlv.encode(0x80, tlv.encode_oid(key.oid))
    assert card(Command(0, 0x22, 0x41, 0xA4, choose)).sw == 0x9000
    whole = tlv.encode(0x7C, tlv.encode(0x80, pair.public))
    parts = [whole[i : i + 30] for i in range(0, len(whole), 30)]
    for part in parts[:-1]:
        assert card(Command(0x10, 0x86, 0, 0, part)).sw == 0x9000
    assert card(Command(0, 0x86, 0, 0, parts[-1], le=256)).data == b"\x7c\x00"
    card.session = chip_auth._session(key.suite, pair.agree(key.public))
    assert card.read(1).data == card.image.files["EF.DG1"]


def test_parts_have_an_end(talk):
    card = talk(with_keys(P256, infos=())).open()
    for _ in range(20):
        assert card(Command(0x10, 0x22, 0x41, 0xA6, bytes(200))).sw == 0x9000
    assert card(Command(0x10, 0x22, 0x41, 0xA6, bytes(200))).sw == 0x6700
    assert card(Command(0x10, 0x84, 0, 0, le=8)).sw == 0x6985


def test_bad_requests(talk):
    card = talk(with_keys(P256, infos=(chip_authentication(AES_128),))).open()
    oid = tlv.encode(0x80, tlv.encode_oid(f"{CA_ECDH}.2"))

    def choose(data: bytes) -> int:
        return card(Command(0, 0x22, 0x41, 0xA4, data)).sw

    assert choose(oid + b"\x84\x01\x05") == 0x6A88
    assert choose(tlv.encode(0x80, tlv.encode_oid(f"{CA_ECDH}.4"))) == 0x6A80
    assert choose(b"\x80\x00") == choose(b"\x80") == 0x6A80
    for body in (b"\x7c\x00", b"\x7c", tlv.encode(0x7C, tlv.encode(0x80, bytes(65)))):
        assert choose(oid) == 0x9000
        assert card(Command(0, 0x86, 0, 0, body, le=256)).sw == 0x6A80
    assert card(Command(0, 0x22, 0x41, 0xA6, b"\x84\x01\x00")).sw == 0x6A80
    point = tlv.encode(0x91, ec.encode_point(ec.by_name("secp256r1"), (1, 1)))
    assert card(Command(0, 0x22, 0x41, 0xA6, point)).sw == 0x6A80, "AES keys are not for KAT"
    assert card(Command(0, 0x22, 0x41, 0xB6, point)).sw == 0x6A86
    assert authenticate(card.select()) is Suite.AES_128, "the old session goes on"


def test_not_without_a_session(talk):
    card = talk(BARE)
    assert card.plain(Command(0, 0x22, 0x41, 0xA4, b"\x80\x00")).sw == 0x6985


def test_a_failure_may_kill_the_session(talk):
    profile = with_keys(P256, infos=(chip_authentication(AES_128),))
    card = talk(profile, "ca-kills-session").open()
    assert card(Command(0, 0x22, 0x41, 0xA4, b"\x80\x00")).sw == 0x6A80
    assert card.plain(Command(0x0C, 0xB0, 0x9C, 0, bytes(10))).sw == 0x6985


@pytest.mark.parametrize("fault", ["ca-pretends", "ca-wrong-key"])
def test_9000_alone_proves_nothing(talk, fault):
    card = talk(with_keys(P256, infos=(chip_authentication(AES_128),)), fault).open().select()
    with pytest.raises(SecureMessagingError):
        authenticate(card)


def test_3des_only_by_the_longer_way(talk):
    image = with_keys(P256, infos=(chip_authentication(DES3),))
    card = talk(image, "ca-no-kat").open().select()
    short = tlv.encode(0x91, bytes(65))
    assert card(Command(0, 0x22, 0x41, 0xA6, short)).sw == 0x6A86
    assert authenticate(card) is Suite.DES3


@pytest.mark.parametrize("content", ["", "00", "6e00", "6e023100", "6e0430023100"])
def test_a_dg14_that_is_none_offers_nothing(content):
    keys = ChipAuthentication(bytes.fromhex(content), [5])
    assert keys.by_id() == {}
    with pytest.raises(Refused):
        keys.choose(tlv.encode(0x80, tlv.encode_oid(f"{CA_ECDH}.2")))


@pytest.mark.parametrize("number", [13, 0], ids=["curve", "group"])
def test_secrets_keep_their_leading_zeros(number):
    """One agreement in 256 begins with 00: it is looked for, not waited for."""
    domain = standard_domain(number)
    static = 0x1234567
    public = domain.public(static)
    zeros = (n for n in range(2, 5_000) if domain.agree(n, public)[0] == 0)
    ephemeral = next(zeros)
    secret = domain.agree(static, domain.public(ephemeral))
    assert secret == domain.agree(ephemeral, public)
    assert (secret[0], len(secret)) == (0, (domain.prime.bit_length() + 7) // 8)
    agreement = Choice(Suite.AES_128, StaticKey(domain, static, None, "2")).agree(
        domain.public(ephemeral)
    )
    assert agreement.session._ks_enc == crypto.kdf(secret, crypto.KDF_ENC, Suite.AES_128)
