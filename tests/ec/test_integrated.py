"""Integrated mapping against the worked examples of 9303-11, appendix H."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from eid import ec
from eid.chip.crypto import Suite, encrypt
from eid.ec import groups, integrated
from eid.errors import FormatError

EXAMPLES = json.loads(
    (Path(__file__).parent.parent / "vectors" / "emrtd" / "icao-9303-11-examples.json").read_text()
)
USABLE = tuple(curve for curve in ec.CURVES.values() if integrated.maps(curve))


def aes128(key: bytes, data: bytes) -> bytes:
    return encrypt(Suite.AES_128, key, data)


def test_worked_example_over_a_curve():
    case = EXAMPLES["H1_pace_ecdh_im"]
    curve = ec.by_name(case["curve"])
    s, t = bytes.fromhex(case["nonce_s"]), bytes.fromhex(case["nonce_t"])
    number = integrated.pseudo_random(aes128, s, t, curve.p)
    assert number == int(case["pseudo_random_result"], 16)
    point = integrated.map_to_point(curve, number)
    assert point == tuple(int(case[f"mapped_generator_{axis}"], 16) for axis in "xy")


def test_worked_example_in_a_group():
    case = EXAMPLES["H2_pace_dh_im"]
    group = groups.group_by_parameter_id(0)
    s, t = bytes.fromhex(case["nonce_s"]), bytes.fromhex(case["nonce_t"])
    number = integrated.pseudo_random(aes128, s, t, group.p)
    assert number == int(case["pseudo_random_result"], 16)
    assert integrated.map_to_element(group, number) == int(case["mapped_generator"], 16)


@pytest.mark.parametrize("suite", Suite)
def test_every_cipher_takes_nonces_of_its_own_size(suite):
    chip, terminal = integrated.nonce_sizes(suite.key_size)
    assert chip % suite.block_size == 0
    assert chip >= suite.key_size == terminal
    number = integrated.pseudo_random(
        lambda key, data: encrypt(suite, key, data), bytes(chip), bytes(terminal), 2**256
    )
    assert number.bit_length() > 200
    with pytest.raises(ValueError, match="nonces"):
        integrated.pseudo_random(aes128, bytes(chip - 1), bytes(terminal), 2**256)


def test_long_keys_are_cut_from_the_stream_by_the_length_of_the_terminals_nonce():
    seen = []

    def record(key: bytes, data: bytes) -> bytes:
        seen.append(len(key))
        return encrypt(Suite.AES_192, key, data)

    integrated.pseudo_random(record, bytes(32), bytes(24), 2**521)
    assert set(seen) == {24}
    assert len(seen) == 1 + 2 * 3  # 3 blocks of 256 bits hold 521 + 64


@settings(max_examples=60)
@given(st.sampled_from(USABLE), st.integers(min_value=2, max_value=2**700))
def test_every_number_but_three_is_a_point(curve, number):
    number = 2 + number % (curve.p - 3)
    assert ec.contains(curve, integrated.map_to_point(curve, number))


@pytest.mark.parametrize("curve", USABLE, ids=lambda curve: curve.name)
def test_three_numbers_have_no_point(curve):
    for number in (0, 1, curve.p - 1):
        with pytest.raises(FormatError) as caught:
            integrated.map_to_point(curve, number)
        assert caught.value.code == "ec.mapping"


def test_one_standard_curve_has_no_integrated_mapping():
    assert {curve.name for curve in ec.CURVES.values()} - {c.name for c in USABLE} == {"secp224r1"}
    with pytest.raises(FormatError):
        integrated.map_to_point(ec.by_name("secp224r1"), 5)


def test_trivial_elements_are_refused():
    group = groups.group_by_parameter_id(0)
    for number in (0, 1, group.p - 1):
        with pytest.raises(FormatError):
            integrated.map_to_element(group, number)
    free = groups.Group(name="free", parameter_id=None, p=group.p, g=group.g, q=None)
    with pytest.raises(FormatError):
        integrated.map_to_element(free, 5)
