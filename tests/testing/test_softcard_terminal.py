"""Terminal Authentication of the card: certificates, rights, and what opens DG3 and DG4."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from eid import ec, tlv
from eid.chip import chip_auth, terminal_auth
from eid.chip.apdu import Command
from eid.chip.lds.security_infos import parse_security_infos
from eid.errors import AccessDenied, FormatError
from eid.testing import cv_certificates
from eid.testing.certificates import Key
from eid.testing.cv_certificates import (
    CVCA,
    DV,
    READ_DG3,
    READ_DG4,
    TERMINAL,
    TerminalAuthority,
    certificate,
    read,
)
from eid.testing.profiles import PROFILES
from eid.testing.softcard_certificates import TA_RSA, CvKey
from eid.testing.softcard_terminal import TrustPoints

TR = json.loads(
    (Path(__file__).parents[1] / "vectors" / "emrtd" / "tr-03110-eac-examples.json").read_text()
)
DG3, DG4 = 3, 4


@pytest.fixture(scope="module")
def terminal(at):
    return TerminalAuthority.create(today=at.date())


def eac(trust_point: bytes, **changes: object):
    groups = frozenset({1, 3, 4, 14})
    return replace(PROFILES["eac"], active="", groups=groups, cvca=trust_point, **changes)


def chip_authenticated(card):
    """Chip Authentication; returns the names that Terminal Authentication signs."""
    (infos,) = tlv.parse(card.image.files["EF.DG14"]).children()
    key = chip_auth.choose(parse_security_infos(infos.raw))
    card.session, public = chip_auth.authenticate(card, key)
    return key.domain.curve, public


def prove(card, identity, *, trust_points=(), chip_name=None):
    curve, public = chip_authenticated(card)
    name = card.pace.chip_key[1 : 1 + curve.size] if chip_name is None else chip_name
    terminal_auth.authenticate(
        card,
        identity,
        trust_points=trust_points,
        chip_name=name,
        terminal_key=public[1 : 1 + curve.size],
    )
    return card


def rights(card) -> tuple[bool, bool]:
    return tuple(card.read(sfi).sw in (0x9000, 0x6282) for sfi in (DG3, DG4))


def test_biometrics_open_after_the_whole_chain(talk, terminal):
    card = talk(eac(terminal.trust_point)).open().select()
    assert card.read(DG3).sw == 0x6982
    trust_points = terminal_auth.parse_trust_points(card.read(0x1C, le=100).data)
    assert rights(prove(card, terminal, trust_points=trust_points)) == (True, True)


@pytest.mark.parametrize(
    ("granted", "expected"),
    [(READ_DG3, (True, False)), (READ_DG4, (False, True)), (0, (False, False))],
)
def test_rights_are_those_of_all_certificates(talk, at, granted, expected):
    authority = TerminalAuthority.create(today=at.date(), rights=granted)
    card = talk(eac(authority.trust_point)).open().select()
    assert rights(prove(card, authority)) == expected


def test_after_bac_the_chip_is_its_document_number(talk, terminal):
    card = talk(eac(terminal.trust_point)).select().open_bac()
    assert rights(prove(card, terminal, chip_name=b"C0999999<2")) == (True, True)


def test_pace_cam_stands_for_chip_authentication(talk, terminal):
    profile = replace(
        PROFILES["pace-cam"], active="", groups=frozenset({1, 3, 14}), cvca=terminal.trust_point
    )
    card = talk(profile).open().select()
    size = ec.by_name("secp384r1").size
    names = (key[1 : 1 + size] for key in (card.pace.chip_key, card.pace.terminal_key))
    chip_name, terminal_key = names
    terminal_auth.authenticate(
        card, terminal, trust_points=(), chip_name=chip_name, terminal_key=terminal_key
    )
    assert rights(card)[0]


def test_not_without_chip_authentication(talk, terminal):
    card = talk(eac(terminal.trust_point)).open().select()
    with pytest.raises(AccessDenied) as caught:
        terminal_auth.authenticate(
            card, terminal, trust_points=(), chip_name=b"x", terminal_key=b"y"
        )
    assert caught.value.facts["sw"] == 0x6982


def test_only_once_in_a_session(talk, terminal):
    card = prove(talk(eac(terminal.trust_point)).open().select(), terminal)
    with pytest.raises(AccessDenied):
        terminal_auth.authenticate(
            card, terminal, trust_points=(), chip_name=b"x", terminal_key=b"y"
        )
    assert rights(card) == (True, True)


def test_rights_end_with_the_session(talk, terminal):
    card = prove(talk(eac(terminal.trust_point)).open().select(), terminal)
    card.card.reset()
    card.session = None
    assert rights(card.open().select()) == (False, False)


@pytest.mark.parametrize("wrong", ["chip_name", "signer", "country"])
def test_a_terminal_that_is_not_the_one(talk, terminal, at, wrong):
    stranger = TerminalAuthority.create(today=at.date())
    identity = {
        "chip_name": terminal,
        "signer": replace(terminal, terminal_key=stranger.terminal_key),
        "country": stranger,
    }[wrong]
    card = talk(eac(terminal.trust_point)).open().select()
    with pytest.raises(AccessDenied):
        prove(card, identity, chip_name=b"other" if wrong == "chip_name" else None)
    assert rights(card) == (False, False)


class Chain:
    """Certificates issued one by one, given to a card."""

    def __init__(self, card, root: Key, name: bytes, day) -> None:
        self.card, self.day = card, day
        self.keys = {name: root}

    def key(self) -> Key:
        curve = ec.by_name("brainpoolP256r1")
        return Key(curve=curve, scalar=5 + len(self.keys))

    def give(self, authority: bytes, holder: bytes, rights_: int, *, late: int = 0) -> int:
        key = self.key()
        days = (self.day + timedelta(late), self.day + timedelta(late + 10))
        issued = certificate(self.keys[authority], authority, key, holder, rights_, days)
        self.keys[holder] = key
        return self.send(authority, issued)

    def send(self, authority: bytes, issued: bytes) -> int:
        sw = self.card(Command(0, 0x22, 0x81, 0xB6, tlv.encode(0x83, authority))).sw
        if sw != 0x9000:
            return sw
        content = tlv.parse(issued).value
        return self.card(Command(0, 0x2A, 0, 0xBE, content)).sw


@pytest.fixture
def chain(talk, at) -> Chain:
    curve = ec.by_name("brainpoolP256r1")
    root, day = Key(curve=curve, scalar=99), at.date()
    name = b"VNROOT00001"
    everything = (day, day + timedelta(100))
    trust_point = certificate(root, name, root, name, CVCA | 3, everything)
    card = talk(eac(trust_point)).open().select()
    return Chain(card, root, name, day)


def test_link_certificates_renew_the_trust_point(chain):
    assert chain.give(b"VNROOT00001", b"VNROOT00002", CVCA | 3) == 0x9000
    assert chain.give(b"VNROOT00002", b"VNROOT00003", CVCA | 3) == 0x9000
    assert chain.card.card._memory.trust.names == (b"VNROOT00003", b"VNROOT00002")
    assert chain.give(b"VNROOT00003", b"VNDV00001", DV | 3) == 0x9000
    assert chain.give(b"VNROOT00001", b"VNDV00002", DV | 3) == 0x6A88, "forgotten"
    assert chain.give(b"VNROOT00002", b"VNDV00003", DV | 3) == 0x9000


def test_time_only_goes_on(chain):
    assert chain.give(b"VNROOT00001", b"VNDV00001", DV | 3, late=50) == 0x9000
    assert chain.give(b"VNROOT00001", b"VNDV00002", DV | 3) == 0x6300, "expired by now"
    assert chain.give(b"VNROOT00001", b"VNDV00003", DV | 3, late=45) == 0x9000


def test_roles_and_names(chain):
    assert chain.give(b"VNROOT00001", b"VNIS00001", TERMINAL | 3) == 0x6300
    assert chain.give(b"VNROOT00001", b"VNDV00001", DV | 3) == 0x9000
    assert chain.give(b"VNDV00001", b"VNDV00002", DV | 3) == 0x6300
    other = certificate(
        chain.keys[b"VNROOT00001"],
        b"SOMEBODY",
        chain.key(),
        b"VNDV00009",
        DV,
        (chain.day, chain.day),
    )
    assert chain.send(b"VNROOT00001", other) == 0x6300
    assert chain.send(b"NOBODY", other) == 0x6A88


def test_commands_out_of_order(chain):
    card = chain.card
    assert card(Command(0, 0x2A, 0, 0xBE, b"\x7f\x4e\x00")).sw == 0x6985
    assert card(Command(0, 0x2A, 0, 0xAE, b"")).sw == 0x6A86
    assert card(Command(0, 0x22, 0x81, 0xA4, tlv.encode(0x83, b"X"))).sw == 0x6A88
    assert card(Command(0, 0x22, 0x81, 0xB6, b"\x83")).sw == 0x6A80
    assert chain.give(b"VNROOT00001", b"VNDV00001", DV | 3) == 0x9000
    assert card(Command(0, 0x22, 0x81, 0xA4, tlv.encode(0x83, b"VNDV00001"))).sw == 0x6A80
    assert chain.send(b"VNDV00001", tlv.encode(0x7F21, b"")) == 0x6A80
    chip_authenticated(card)
    assert card(Command(0, 0x82, 0, 0, bytes(64))).sw == 0x6985
    card.card.reset()
    assert card.plain(Command(0, 0x2A, 0, 0xBE, b"")).sw == 0x6982


@pytest.mark.parametrize("kind", ["ecdh", "dh"])
def test_the_certificates_of_tr_03110(kind):
    # the copies of the two lower ones over curves have a byte too many
    names = {"ecdh": ("cvca_cert",), "dh": ("cvca", "dv_cert", "ta_cert")}[kind]
    issuer = None
    for name in names:
        issued = read(bytes.fromhex(TR[kind][name]), curve=issuer and issuer.key.curve)
        issuer = issuer or issued
        assert issued.authority == issuer.holder
        assert issuer.key.verify(issued.body, issued.signature)
        assert not issuer.key.verify(issued.body + b"x", issued.signature)
        assert not issuer.key.verify(issued.body, b"")
        issuer = issued


@pytest.mark.parametrize("name", ["ecdh", "dh"])
def test_broken_certificates_are_format_errors(name):
    good = bytes.fromhex(TR[name]["ta_cert"])
    for cut in range(0, len(good), 7):
        with pytest.raises(FormatError):
            read(good[:cut])


def test_a_key_without_its_curve_verifies_nothing(terminal):
    assert not read(terminal.chain[0]).key.verify(b"", bytes(64))


def test_odd_keys_and_dates(terminal):
    good = terminal.chain[0]
    for old, new in (
        (tlv.encode_oid("0.4.0.127.0.7.2.2.2.2.3"), tlv.encode_oid("0.4.0.127.0.7.2.2.3.2.3")),
        (b"\x5f\x25\x06", b"\x5f\x25\x06\xff"[:4]),
    ):
        with pytest.raises(FormatError):
            read(good.replace(old, new, 1)[: len(good)])


def test_a_card_without_trust_points_knows_none():
    assert TrustPoints(b"").names == ()
    assert cv_certificates.INSPECTION_SYSTEM.endswith("3.1.2.1")


@pytest.mark.parametrize("digits", ["020603010205", "0d0600010101", "020601090009"])
def test_impossible_days(terminal, digits):
    good = terminal.chain[0]
    at = good.index(b"\x5f\x25\x06") + 3
    broken = good[:at] + bytes.fromhex(digits) + good[at + 6 :]
    with pytest.raises(FormatError):
        read(broken)


def test_the_chip_tells_its_trust_points_when_asked(talk, terminal):
    card = talk(eac(terminal.trust_point))
    data = tlv.encode(0x80, tlv.encode_oid("0.4.0.127.0.7.2.2.4.2.2")) + b"\x83\x01\x02"
    template = tlv.encode(0x7F4C, tlv.encode(0x06, b"\x04"), tlv.encode(0x53, b"\xff"))
    assert card(Command(0, 0x22, 0xC1, 0xA4, data + template)).sw == 0x9000
    pace = card.card._application.authentication._pace
    assert pace._authorities == (b"VNTESTCVCA00001",)
    pace._keys = (bytes(16), bytes(16))
    pace.mine = pace.theirs = pace.domain.public(5)
    answer = pace._confirm(pace._token(pace.mine))
    assert answer.endswith(tlv.encode(0x87, b"VNTESTCVCA00001"))


def test_rsa_signatures_in_every_scheme(aa_key):
    numbers = aa_key.public_key().public_numbers()
    for scheme, (kind, pss) in {
        "2": (hashes.SHA256, False),
        "4": (hashes.SHA256, True),
        "6": (hashes.SHA512, True),
    }.items():
        way = padding.PSS(padding.MGF1(kind()), kind.digest_size) if pss else padding.PKCS1v15()
        key = CvKey(oid=f"{TA_RSA}.{scheme}", n=numbers.n, e=numbers.e)
        assert key.verify(b"message", aa_key.sign(b"message", way, kind()))
        assert not key.verify(b"another", aa_key.sign(b"message", way, kind()))
