"""DG1: one MRZ of one of three sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from eid import tlv
from eid.chip.lds.dg1 import parse_dg1
from eid.errors import FormatError
from eid.testing import data_groups
from eid.testing.people import PEOPLE

SILVER = Path(__file__).parents[2] / "vectors" / "bsi_silver"


def test_a_passport():
    mrz = parse_dg1((SILVER / "Datagroup1.bin").read_bytes())
    assert (mrz.kind, mrz.document_number, mrz.birth_date) == ("TD3", "C11T002JM", "960812")
    assert (mrz.surname, mrz.given_names, mrz.problems) == ("MUSTERMANN", "ERIKA", ())


def test_an_identity_card():
    person = PEOPLE["thu"]
    mrz = parse_dg1(data_groups.dg1(person))
    assert (mrz.kind, mrz.issuing_state) == ("TD1", "VNM")
    assert mrz.optional_data.startswith(person.number)


@pytest.mark.parametrize(
    "body",
    [
        b"", tlv.encode(0x5F1F, b"I<VNM"), tlv.encode(0x5F1F, b"<" * 91),
        tlv.encode(0x5F1F, b"<" * 90) * 2, tlv.encode(0x5F1F, b"<" * 90) + tlv.encode(0x5F20),
        tlv.encode(0x5F1F, b"\n" * 90), tlv.encode(0x5F1F, b"<" * 89 + b"\xe9"),
    ],
)  # fmt: skip
def test_malformed(body):
    with pytest.raises(FormatError):
        parse_dg1(tlv.encode(0x61, body))
