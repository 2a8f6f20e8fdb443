"""Prime-order groups: the table, published agreements, and what is no element."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from eid import tlv
from eid.ec import groups
from eid.ec.groups import GROUPS, Group, group_by_parameter_id, group_from_parameters
from eid.errors import FormatError

VECTORS = Path(__file__).parent.parent / "vectors" / "emrtd"
G2 = json.loads((VECTORS / "icao-9303-11-examples.json").read_text())["G2_pace_dh_gm"]
H2 = json.loads((VECTORS / "icao-9303-11-examples.json").read_text())["H2_pace_dh_im"]
TR = json.loads((VECTORS / "tr-03110-eac-examples.json").read_text())["dh"]
ALL = tuple(GROUPS.values())
SMALL = group_by_parameter_id(0)


def number(text: str) -> int:
    return int(text, 16)


def parameters(*numbers: int) -> tlv.Tlv:
    return tlv.parse(tlv.encode(0x30, *(tlv.encode(2, tlv.encode_int(n)) for n in numbers)))


def code_of(call, *args) -> str:
    with pytest.raises(FormatError) as caught:
        call(*args)
    return caught.value.code


def test_the_first_group_is_the_published_one():
    assert (SMALL.p, SMALL.g, SMALL.q) == tuple(number(H2[name]) for name in "pgq")


@pytest.mark.parametrize("group", ALL, ids=lambda group: group.name)
def test_the_table_holds_groups_of_prime_order(group):
    assert (group.p - 1) % group.q == 0
    assert pow(group.g, group.q, group.p) == 1
    assert all(pow(3, n - 1, n) == 1 for n in (group.p, group.q))
    assert group.size * 8 == group.bits
    assert group is group_by_parameter_id(group.parameter_id)


@pytest.mark.parametrize("number_", [3, 8, -1])
def test_other_numbers_are_no_group(number_):
    assert code_of(group_by_parameter_id, number_) == "ec.unknown_group"


def test_worked_example_of_generic_mapping():
    shared = number(G2["shared_secret_h"])
    mapped = groups.map_element(SMALL, number(G2["nonce_s"]), shared)
    assert mapped == number(G2["mapped_generator"])
    private = number(G2["terminal_private"])
    assert groups.power(SMALL, private, mapped) == number(G2["terminal_public"])
    secret = groups.agree(SMALL, private, number(G2["chip_public"]))
    assert secret == bytes.fromhex(G2["shared_secret"])


def test_worked_example_of_chip_authentication():
    public = groups.decode_element(SMALL, bytes.fromhex(TR["ca_picc_pub_key"]))
    secret = groups.agree(SMALL, number(TR["ca_pcd_priv_key"]), public)
    assert secret == bytes.fromhex(TR["ca_shared_secret_k"])
    assert groups.public_element(SMALL, number(TR["ca_picc_priv_key"])) == public


@pytest.mark.parametrize(
    "element",
    [0, 1, SMALL.p - 1, SMALL.p, SMALL.p + 2, 2],
    ids=["zero", "one", "minus-one", "p", "above-p", "other-order"],
)
def test_trivial_and_foreign_numbers_are_no_elements(element):
    assert code_of(groups.decode_element, SMALL, element.to_bytes(129, "big")) == "ec.element"
    assert code_of(groups.agree, SMALL, 5, element) == "ec.element"
    assert code_of(groups.map_element, SMALL, 5, element) == "ec.element"


@pytest.mark.parametrize("size", [0, 130])
def test_elements_have_the_length_of_p(size):
    assert code_of(groups.decode_element, SMALL, bytes(size)) == "ec.element"


def test_leading_zeros_are_written_and_need_not_be_read():
    element = SMALL.g
    while element >> (8 * 127):
        element = element * SMALL.g % SMALL.p
    encoded = groups.encode_element(SMALL, element)
    assert len(encoded) == 128
    for data in (encoded, b"\x00" + encoded, encoded[1:]):
        assert groups.decode_element(SMALL, data) == element


def test_a_mapped_generator_is_never_trivial():
    inverse = pow(pow(SMALL.g, 7, SMALL.p), -1, SMALL.p)
    assert code_of(groups.map_element, SMALL, 7, inverse) == "ec.element"


def test_a_secret_is_never_trivial():
    free = Group(name="free", parameter_id=None, p=SMALL.p, g=SMALL.g, q=None)
    assert code_of(groups.agree, free, SMALL.q, SMALL.g) == "ec.element"


def test_private_keys_are_drawn_evenly_below_the_order():
    draws = [bytes(20), SMALL.q.to_bytes(20, "big"), (SMALL.q - 1).to_bytes(20, "big")]
    assert groups.random_exponent(SMALL, lambda size: draws.pop(0)) == SMALL.q - 1
    with pytest.raises(ValueError, match="randomness"):
        groups.random_exponent(SMALL, bytes)
    free = Group(name="free", parameter_id=None, p=SMALL.p, g=SMALL.g, q=None)
    asked = []
    groups.random_exponent(free, lambda size: asked.append(size) or b"\x00" * (size - 1) + b"\x01")
    assert asked == [65]


class TestParameters:
    @pytest.mark.parametrize("group", ALL, ids=lambda group: group.name)
    @pytest.mark.parametrize("form", ["pkcs3", "pkcs3-length", "x942"])
    def test_known_groups_are_recognised(self, group, form):
        third = {"pkcs3": (), "pkcs3-length": (224,), "x942": (group.q,)}[form]
        assert group_from_parameters(parameters(group.p, group.g, *third)) is group

    def test_a_group_of_the_cards_own_is_taken_without_a_number(self):
        other = pow(SMALL.g, 3, SMALL.p)
        group = group_from_parameters(parameters(SMALL.p, other, SMALL.q))
        assert (group.parameter_id, group.g, group.q) == (None, other, SMALL.q)
        assert group_from_parameters(parameters(SMALL.p, other)).q is None

    @pytest.mark.parametrize(
        ("numbers", "code"),
        [
            ((SMALL.p, SMALL.g, SMALL.q + 2), "ec.group"),
            ((SMALL.p, 3, SMALL.q), "ec.group"),
            ((SMALL.p, 1), "ec.unknown_group"),
            ((SMALL.p, SMALL.p - 1), "ec.unknown_group"),
            ((SMALL.p - 1, 3), "ec.unknown_group"),
            (((1 << 512) + 1, 3), "ec.unknown_group"),
            (((1 << 4_096) + 1, 3), "ec.unknown_group"),
            ((1 << 5_000, 3), "ec.group"),
            ((SMALL.p,), "ec.group"),
        ],
        ids=["q", "order-of-g", "one", "minus-one", "even", "small", "big", "huge", "few"],
    )
    def test_unusable_groups_are_refused(self, numbers, code):
        assert code_of(group_from_parameters, parameters(*numbers)) == code

    @pytest.mark.parametrize("text", ["0500", "3000", "3003010101", "30060401000401 00"])
    def test_other_structures_are_refused(self, text):
        assert code_of(group_from_parameters, tlv.parse(bytes.fromhex(text))) == "ec.group"

    @settings(max_examples=50)
    @given(st.binary(max_size=40))
    def test_any_contents_are_a_group_or_a_format_error(self, content):
        item = tlv.parse(tlv.encode(0x30, content))
        with pytest.raises(FormatError):
            group_from_parameters(item)
