"""SecurityInfos: Vietnam's EF.CardAccess, every kind of entry, and malformed ones."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.security_infos import parse_security_infos
from eid.errors import FormatError
from eid.testing import der
from eid.testing.personalise import VIETNAM_CARD_ACCESS

PACE = "0.4.0.127.0.7.2.2.4.2.2"


def infos(*entries):
    return parse_security_infos(der.set_of(*entries))


def info(oid, *parts):
    return der.sequence(der.oid(oid), *parts)


def refused(call, *codes):
    with pytest.raises(FormatError) as caught:
        call()
    assert caught.value.code in codes


def test_vietnams_card_access():
    found = parse_security_infos(VIETNAM_CARD_ACCESS)
    assert [(one.oid, one.version, one.parameter_id) for one in found.pace] == [(PACE, 2, 13)]
    assert found.pace[0].raw in VIETNAM_CARD_ACCESS
    ca = found.chip_authentication
    assert [(one.oid, one.version, one.key_id) for one in ca] == [
        ("0.4.0.127.0.7.2.2.3.2.2", 1, None)
    ]
    assert len(found.terminal_authentication) == 1
    assert found.unknown == found.active_authentication == found.ca_public_keys == ()
    assert len(found.items) == 3


def test_every_kind():
    key = der.sequence(der.sequence(), der.bits(b""))
    found = infos(
        info(PACE, der.integer(2)),
        info("0.4.0.127.0.7.2.2.4.2", der.sequence(), der.integer(13)),
        info("0.4.0.127.0.7.2.2.3.1.4", der.integer(1), der.integer(7)),
        info("0.4.0.127.0.7.2.2.1.1", key, der.integer(7)),
        info("2.23.136.1.1.5", der.integer(1), der.oid("0.4.0.127.0.7.1.1.4.1.3")),
        info("1.2.3", der.null()),
    )
    assert found.pace[0].parameter_id is None
    assert found.chip_authentication[0].key_id == 7
    assert (found.ca_public_keys[0].spki, found.ca_public_keys[0].key_id) == (key, 7)
    assert found.active_authentication[0].signature_algorithm == "0.4.0.127.0.7.1.1.4.1.3"
    assert {one.oid for one in found.unknown} == {"0.4.0.127.0.7.2.2.4.2", "1.2.3"}


def test_a_wrong_version_is_a_finding_not_an_error():
    assert infos(info(PACE, der.integer(99))).pace[0].version == 99


@pytest.mark.parametrize(
    "entry",
    [
        der.null(),
        der.sequence(),
        der.sequence(der.oid(PACE)),
        der.sequence(der.null(), der.integer(1)),
        info(PACE, der.integer(1), der.integer(1), der.integer(1)),
        info(PACE, der.null()),
        info(PACE, der.integer(1), der.null()),
        info(PACE, der.integer(1 << 70)),
        info("0.4.0.127.0.7.2.2.1.2", der.null()),
        info("2.23.136.1.1.5", der.integer(1)),
        info("2.23.136.1.1.5", der.integer(1), der.null()),
    ],
)
def test_malformed_entries(entry):
    refused(
        lambda: infos(entry),
        "security_infos.entry", "security_infos.number", "security_infos.key",
    )  # fmt: skip


def test_the_set():
    refused(infos, "security_infos.count")
    many = [info(f"1.2.{number}", der.null()) for number in range(65)]
    refused(lambda: infos(*many), "security_infos.count")
    refused(lambda: parse_security_infos(der.sequence()), "security_infos.tag")
    refused(lambda: parse_security_infos(bytes((1 << 16) + 1)), "format.too_long")
    refused(lambda: parse_security_infos(VIETNAM_CARD_ACCESS + b"\x05\x00"), "tlv.trailing")


def test_dg14_has_its_own_tag():
    assert parse_dg14(tlv.encode(0x6E, VIETNAM_CARD_ACCESS)).pace
    refused(lambda: parse_dg14(tlv.encode(0x6F, VIETNAM_CARD_ACCESS)), "lds.tag")
