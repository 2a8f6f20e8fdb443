"""Every named deviation of the wire: what a terminal sees of it."""

from dataclasses import replace

import pytest

from eid import tlv
from eid.chip.apdu import Command, Response
from eid.errors import FormatError, SecureMessagingError
from eid.testing import profile_faults
from eid.testing.chip_traits import Traits
from eid.testing.faults import Fault
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_apdu import take_apart
from eid.testing.softcard_deviations import Situation
from eid.testing.softcard_files import ChipFiles
from eid.testing.softcard_quirks import QUIRKS, apply_after

MASTER = Command(0, 0xA4, 0, 0x0C, b"\x3f\x00")
ACCESS = Command(0, 0xA4, 2, 0x0C, b"\x01\x1c")
CHALLENGE = Command(0, 0x88, 0, 0, bytes(8), le=256)
TESTED_ELSEWHERE = {
    "leading-zero",
    "slow-external-authenticate",
    "stuck-after-pace",
    "no-extended",
    *(name for name in QUIRKS if name.startswith(("pace-", "ca-", "pin-"))),
}


def short(sfi: int, *, offset: int = 0, le: int = 256) -> Command:
    return Command(0, 0xB0, 0x80 | sfi, offset, le=le)


class Check:
    """A command under one quirk and what comes of it; ``free`` before any access."""

    def __init__(self, command: Command, sw: int, size: int | None = None, **where: bool) -> None:
        self.command, self.sw, self.size = command, sw, size
        self.free = where.get("free", False)
        self.master = where.get("master", False)


CHECKS: dict[str, list[Check]] = {
    "select-mf-6d00": [Check(MASTER, 0x6D00, free=True)],
    "select-mf-6a86": [Check(MASTER, 0x6A86, free=True)],
    "select-mf-6982": [Check(MASTER, 0x6982, free=True)],
    "card-access-6982": [Check(ACCESS, 0x6982, free=True), Check(short(0x1C), 0x6982, free=True)],
    "card-access-6a82": [Check(ACCESS, 0x6A82, free=True)],
    "card-access-6283": [Check(ACCESS, 0x6283, free=True), Check(short(0x1C), 0x6283, 54)],
    "no-le-on-select": [Check(replace(ACCESS, le=256), 0x6700, free=True), Check(ACCESS, 0x9000)],
    "external-authenticate-le": [
        Check(Command(0, 0x82, 0, 0, bytes(40), le=40), 0x6700, free=True),
        Check(Command(0, 0x82, 0, 0, bytes(40), le=256), 0x6985, free=True),
    ],
    "end-6282": [Check(short(1), 0x6282, 95), Check(short(1, le=95), 0x9000, 95)],
    "end-6b00": [Check(short(1), 0x6B00, 0), Check(short(1, le=95), 0x9000, 95)],
    "end-empty": [Check(short(1, offset=95), 0x9000, 0), Check(short(1), 0x9000, 95)],
    "end-zeros": [
        Check(short(1, le=50), 0x9000, 50),
        Check(short(1, offset=90), 0x9000, 69),
        Check(short(1, offset=99), 0x9000, 64),
    ],
    "wrong-le-6c": [Check(short(1), 0x6C5F, 0), Check(short(1, le=95), 0x9000, 95)],
    "extended-empty": [Check(short(1, le=4_096), 0x9000, 0), Check(short(1), 0x9000, 95)],
    "le-192": [Check(short(1, le=193), 0x6700, 0), Check(short(1, le=192), 0x6282, 95)],
    "no-sfi-card-access": [Check(short(0x1C), 0x6A82, free=True), Check(ACCESS, 0x9000)],
    "no-sfi": [Check(short(1), 0x6A86, 0)],
    "card-security-6a80": [
        Check(Command(0, 0xA4, 2, 0x0C, b"\x01\x1d"), 0x6A80, master=True),
        Check(short(0x1D, le=100), 0x9000, 100, master=True),
    ],
    "dir-6982": [Check(Command(0, 0xA4, 2, 0x0C, b"\x2f\x00"), 0x6982, free=True)],
    "no-odd-read": [Check(Command(0, 0xB1, 0, 1, b"\x54\x01\x00", le=20), 0x6D00, 0)],
    "odd-read-bare": [
        Check(Command(0, 0xB1, 0, 1, b"\x54\x01\x00", le=20), 0x9000, 18),
        Check(Command(0, 0xB1, 0, 2, b"\x54\x01\x00", le=203), 0x9000, 200),
    ],
    "aa-partial": [Check(CHALLENGE, 0x9000, 128)],
    "aa-6c": [
        Check(replace(CHALLENGE, le=65_536), 0x6C00, 0),
        Check(CHALLENGE, 0x9000, 256),
        Check(replace(CHALLENGE, data=bytes(7)), 0x6A80, 0),
    ],
    "aa-no-extended": [
        Check(replace(CHALLENGE, le=65_536), 0x6700, 0),
        Check(CHALLENGE, 0x9000, 256),
    ],
    "aa-6d00": [Check(CHALLENGE, 0x6D00, 0)],
    "aa-6985": [Check(CHALLENGE, 0x6985, 0)],
    "bac-6a88": [Check(Command(0, 0x84, 0, 0, le=8), 0x6A88, free=True)],
    "extra-padding": [Check(short(1), 0x9000, 95)],
    "get-response": [Check(short(1), 0x9000, 95), Check(short(2, le=200), 0x9000, 200)],
}
BY_SIGHT = {"end-bad-padding", "naked-error", "no-status-object"}


@pytest.fixture(scope="module")
def image(authority, at, aa_key):
    profile = replace(
        PROFILES["cccd-2021"], traits=Traits(bac=True), card_security=True, directory=("A0",)
    )
    return personalise(PEOPLE["thu"], authority, at=at, profile=profile, aa_private_key=aa_key)


def test_no_quirk_is_without_a_test():
    assert CHECKS.keys() | BY_SIGHT | TESTED_ELSEWHERE == QUIRKS.keys()


@pytest.mark.parametrize(
    ("name", "check"),
    [(name, check) for name, checks in CHECKS.items() for check in checks],
    ids=[f"{name}-{n}" for name, checks in CHECKS.items() for n, _ in enumerate(checks)],
)
def test_what_a_terminal_sees(talk, image, name, check):
    card = talk(image, name)
    if not check.free:
        card.open()
        if not check.master:
            card.select()
    answer = card(check.command)
    assert answer.sw == check.sw
    if check.size is not None:
        assert len(answer.data) == check.size


def test_sound_bytes_come_through_odd_padding(talk, image):
    card = talk(image, "extra-padding").open().select()
    assert card.read(1).data == image.files["EF.DG1"]


def test_parts_of_128_bytes(talk, image):
    card = talk(image, "get-response").open().select()
    first = card.plain(card.session.protect(short(2, le=200)))
    assert (len(first.data), first.sw >> 8) == (128, 0x61)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("naked-error", Command(0, 0xA4, 2, 0x0C, b"\x01\x0b")),
        ("no-status-object", short(1)),
    ],
)
def test_what_ends_a_session(talk, image, name, command):
    card = talk(image).open().select()
    assert card(command).sw in (0x9000, 0x6282, 0x6A82)
    card = talk(image, name).open()
    with pytest.raises(SecureMessagingError):
        card.select()(command)


def test_a_file_whose_end_is_not_padded_is_read(talk, image):
    """The answer is authentic, and 6282 says that it is the last: no padding, nothing to take."""
    right = talk(image).open().select()(short(1, le=200))
    odd = talk(image, "end-bad-padding").open().select()(short(1, le=200))
    assert odd.data.startswith(right.data)
    assert odd.sw == 0x6282


def test_a_naked_error_leaves_no_protection(talk, image):
    card = talk(image, "naked-error").open().select()
    answer = card.plain(card.session.protect(Command(0, 0xA4, 2, 0x0C, b"\x01\x0b")))
    assert (answer.data, answer.sw) == (b"", 0x6A82)


def test_quirks_of_image_and_call_add_up(image):
    worn = replace(image, traits=replace(image.traits, quirks=frozenset({"le-192"})))
    card = SoftwareCard(worn, faults=["card-access-6982", Fault("short", 3)])
    assert card.transmit(ACCESS.encode()).hex() == "6982"
    assert card.transmit(short(1, le=200).encode()).hex() == "6700"
    assert len(card.transmit(ACCESS.encode())) == 1


def test_no_extended_length(talk, image):
    card = talk(image, "no-extended")
    assert card.plain(short(0x1C, le=4_096)).sw == 0x6700
    assert not talk("no-extended").card._extended


def test_an_unknown_name_is_refused(image):
    with pytest.raises(FormatError):
        SoftwareCard(image, faults=["no-such-thing"])


def test_a_situation_without_a_file_is_left_alone():
    files = ChipFiles({})
    command = take_apart(bytes.fromhex("00B0000010"))
    situation = Situation(command, files, protected=False)
    assert apply_after(frozenset({"end-zeros"}), situation, (b"", 0x6986)) == (b"", 0x6986)
    assert situation.target is None
    assert situation.offset == 0


class TestTimes:
    def slept(self, image, *commands: bytes, faults=(), **times: int) -> list[float]:
        slept: list[float] = []
        traits = replace(image.traits, **times)
        card = SoftwareCard(replace(image, traits=traits), faults=faults, sleep=slept.append)
        for command in commands:
            card.transmit(command)
        return slept

    def test_a_card_without_times_never_sleeps(self, image):
        assert self.slept(image, ACCESS.encode()) == []

    def test_the_bit_rate_counts_both_ways(self, image):
        read = short(0x1C).encode()
        (seconds,) = self.slept(image, read, bit_rate=106_000)
        assert seconds == pytest.approx((5 + 54 + 2) * 8 / 106_000)

    def test_computing_takes_longer(self, image):
        times = {"command_us": 1_000, "crypto_us": 50_000}
        challenge = CHALLENGE.encode()
        assert self.slept(image, ACCESS.encode(), challenge, b"\x00", **times) == [
            pytest.approx(0.001),
            pytest.approx(0.051),
            pytest.approx(0.001),
        ]

    def test_one_slow_command(self, image):
        external = Command(0, 0x82, 0, 0, bytes(40)).encode()
        assert self.slept(image, external, faults=["slow-external-authenticate"]) == [0.619]


class TestTraits:
    def test_members_survive(self):
        traits = Traits(quirks=frozenset({"le-192", "no-sfi"}), der=True, bit_rate=424_000)
        assert Traits.from_members(traits.to_members()) == traits

    @pytest.mark.parametrize(
        "changes",
        [
            {"quirks": ["nothing-known"]},
            {"quirks": "le-192"},
            {"extended": 1},
            {"bit_rate": True},
            {"signature_digest": "md5"},
            {"more": 1},
        ],
    )
    def test_other_members_are_refused(self, changes):
        with pytest.raises(FormatError):
            Traits.from_members(Traits().to_members() | changes)


def test_the_table_names_each_fault_once():
    names = [name for name, _, _ in profile_faults.table()]
    assert len(names) == len(set(names)) == len(QUIRKS) + len(profile_faults.ISSUE_FAULTS)
    assert all(1 <= pitfall <= 30 for _, pitfall, _ in profile_faults.table())


def test_a_far_offset_selects_by_short_identifier(talk, image):
    card = talk(image).open().select()
    command = Command(0, 0xB1, 0, 0x0D, b"\x54\x01\x02", le=12)
    answer: Response = card(command)
    assert tlv.parse(answer.data).value == image.files["EF.DG13"][2:12]
