"""A card profile: strict both ways, and no room for anything personal."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from eid.chip.card_profile import (
    MAX_JSON,
    ActiveKey,
    CardProfile,
    ChipAuthenticationOffer,
    ChipKey,
    CommandTime,
    FileFact,
    PaceOffer,
)
from eid.errors import FormatError

FULL = CardProfile(
    atr="3b80800101",
    extended_length=True,
    max_command=1_024,
    max_response=65_536,
    select_master_file=0x6D00,
    bac=False,
    lds_version="0107",
    sod=("2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.3", "brainpoolP384r1"),
    terminal_authentication=(1,),
    pace=(PaceOffer(oid="0.4.0.127.0.7.2.2.4.2.2", parameter_id=13),),
    chip_authentication=(ChipAuthenticationOffer(oid="0.4.0.127.0.7.2.2.3.2.2"),),
    chip_keys=(ChipKey(domain="brainpoolP256r1", key_id=1),),
    active_keys=(ActiveKey(algorithm="rsa", bits=2_048, trailer="34cc"),),
    files=(FileFact(name="EF.DG1", length=95), FileFact(name="EF.DG3", length=None, sw=0x6982)),
    times=(CommandTime(instruction=0xB0, count=9, median_us=900, longest_us=4_000),),
)


def changed(**members: object) -> bytes:
    document = json.loads(FULL.to_json())
    document.update(members)
    return json.dumps(document).encode()


@pytest.mark.parametrize("profile", [FULL, CardProfile()])
def test_a_profile_survives_its_file(profile):
    assert CardProfile.from_json(profile.to_json()) == profile
    assert CardProfile.from_json(profile.to_json()).to_json() == profile.to_json()


def test_every_member_is_checked():
    document = json.loads(FULL.to_json())
    for name in document:
        less = {key: value for key, value in document.items() if key != name}
        with pytest.raises(FormatError):
            CardProfile.from_json(json.dumps(less).encode())


@pytest.mark.parametrize(
    "members",
    [
        {"holder": "somebody"},
        {"atr": "Nguyễn"},
        {"atr": "x" * 97},
        {"atr": 3},
        {"atr": "a:b\n"},
        {"extended_length": 1},
        {"max_command": True},
        {"max_command": -1},
        {"max_command": 1 << 31},
        {"max_command": 1.5},
        {"pace": "none"},
        {"pace": [{}]},
        {"pace": [7]},
        {"pace": [{"oid": "1.2", "version": 2, "parameter_id": "13"}]},
        {"sod": ["a"] * 65},
        {"chip_keys": [{"domain": "dh-2048", "explicit": None, "key_id": None}]},
    ],
)
def test_what_is_out_of_bounds_is_refused(members):
    with pytest.raises(FormatError) as caught:
        CardProfile.from_json(changed(**members))
    assert caught.value.code == "card_profile.format"


@pytest.mark.parametrize("version", [2, "1", True, None])
def test_another_version_is_refused(version):
    with pytest.raises(FormatError) as caught:
        CardProfile.from_json(changed(version=version))
    assert caught.value.code == "card_profile.version"


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 60_000])
def test_what_is_no_document_is_refused(data):
    with pytest.raises(FormatError):
        CardProfile.from_json(data)


def test_a_huge_file_is_refused_unread():
    with pytest.raises(FormatError) as caught:
        CardProfile.from_json(b" " * (MAX_JSON + 1))
    assert caught.value.code == "card_profile.size"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_profile_or_a_format_error(data):
    with suppress(FormatError):
        CardProfile.from_json(data)
