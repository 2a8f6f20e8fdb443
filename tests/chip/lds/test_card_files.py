"""EF.ATR/INFO, EF.DIR, EF.CardSecurity, DG3, DG4 and faces by ISO/IEC 39794-5."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eid import tlv
from eid.chip.lds.atr_info import AtrInfo, parse_atr_info
from eid.chip.lds.biometrics import parse_dg3, parse_dg4
from eid.chip.lds.card_security import parse_card_security
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.lds.dir import parse_dir
from eid.errors import FormatError

VECTORS = Path(__file__).parents[2] / "vectors"
AID = bytes.fromhex("A0000002471001")


class TestAtrInfo:
    def test_nothing_said(self) -> None:
        assert parse_atr_info(b"") == AtrInfo()
        assert parse_atr_info(b"\x43\x01\xb8") == AtrInfo()

    def test_capabilities(self) -> None:
        found = parse_atr_info(bytes.fromhex("4703D0D2800000"))
        assert (found.extended, found.chaining, found.max_command) == (False, True, 0)
        assert parse_atr_info(bytes.fromhex("4701D0")).extended is None

    @pytest.mark.parametrize("text", ["7F6604 02020400", "7F6600", "7F66", "47"])
    def test_refused(self, text: str) -> None:
        with pytest.raises(FormatError):
            parse_atr_info(bytes.fromhex(text))

    def test_c_070_too_much(self) -> None:
        for data in (
            bytes(1025),
            tlv.encode(0x7F66, b"\x02\x04\x01\x00\x00\x00", b"\x02\x01\x01"),
        ):
            with pytest.raises(FormatError):
                parse_atr_info(data)


class TestDir:
    def test_several_templates(self) -> None:
        """Dutch cards hold several, some of them with labels."""
        one = tlv.encode(0x61, tlv.encode(0x4F, AID))
        two = tlv.encode(0x61, tlv.encode(0x4F, AID[:5]), tlv.encode(0x50, b"label"))
        assert parse_dir(one + two + bytes(4)) == (AID, AID[:5])

    @pytest.mark.parametrize(
        "data",
        [
            b"\x62\x00",
            tlv.encode(0x61, tlv.encode(0x50, b"label")),
            tlv.encode(0x61, tlv.encode(0x4F, b"")),
            tlv.encode(0x61, tlv.encode(0x4F, bytes(17))),
            tlv.encode(0x61, tlv.encode(0x4F, AID)) * 33,
            b"\x61" * 5000,
        ],
    )
    def test_c_070_refused(self, data: bytes) -> None:
        with pytest.raises(FormatError):
            parse_dir(data)


class TestCardSecurity:
    def test_published(self) -> None:
        vectors = json.loads((VECTORS / "emrtd" / "tr-03110-eac-examples.json").read_text())
        data = bytes.fromhex(vectors["ecdh"]["ef_cardsecurity"])
        found = parse_card_security(data)
        assert found.ca_public_keys
        assert bytes.fromhex(vectors["ecdh"]["ca_picc_pub_key"]) in found.ca_public_keys[0].spki

    def test_published_but_spoilt(self) -> None:
        """The DH example, as it is spread, holds two octets too many: at 335, in the chip's key
        (which the example also gives by itself), and at 471, in the certificate. It is refused as
        it stands, and read without them.
        """
        vectors = json.loads((VECTORS / "emrtd" / "tr-03110-eac-examples.json").read_text())
        data = bytes.fromhex(vectors["dh"]["ef_cardsecurity"])
        with pytest.raises(FormatError) as caught:
            parse_card_security(data)
        assert caught.value.code == "tlv.trailing"
        found = parse_card_security(data[:335] + data[336:471] + data[472:])
        key = bytes.fromhex(vectors["dh"]["ca_picc_pub_key"])
        assert any(key in entry.spki for entry in found.ca_public_keys)

    def test_refused(self) -> None:
        with pytest.raises(FormatError):
            parse_card_security(b"\x30\x00")


class TestBiometrics:
    def test_specimen(self) -> None:
        fingers = parse_dg3((VECTORS / "bsi_silver" / "Datagroup3.bin").read_bytes())
        irises = parse_dg4((VECTORS / "bsi_silver" / "Datagroup4.bin").read_bytes())
        assert [finger.type for finger in fingers] == [8] * len(fingers)
        assert fingers[0].record.startswith(b"FIR\0")
        assert irises[0].type == 16
        assert "FIR" not in repr(fingers[0])

    def test_filler_only(self) -> None:
        empty = tlv.encode(0x7F61, b"\x02\x01\x00", tlv.encode(0x53, bytes(16)))
        assert parse_dg3(tlv.encode(0x63, empty)) == ()

    @pytest.mark.parametrize(
        "group",
        [
            tlv.encode(0x7F60, b"\x02\x01\x00"),
            tlv.encode(0x7F61, b"\x02\x01\x01"),
            tlv.encode(0x7F61, b"\x02\x01\x0b", *[tlv.encode(0x7F60)] * 11),
            tlv.encode(0x7F61, b"\x02\x01\x01", tlv.encode(0x7F60, tlv.encode(0x5F2E, b"x"))),
            tlv.encode(0x7F61, b"\x02\x01\x01", tlv.encode(0x7F60, tlv.encode(0xA1))),
            tlv.encode(
                0x7F61,
                b"\x02\x01\x01",
                tlv.encode(
                    0x7F60,
                    tlv.encode(0xA1, tlv.encode(0x81, bytes(5))),
                    tlv.encode(0x5F2E, b"x"),
                ),
            ),
        ],
    )
    def test_refused(self, group: bytes) -> None:
        with pytest.raises(FormatError):
            parse_dg3(tlv.encode(0x63, group))


class TestExtensibleFaces:
    @pytest.mark.parametrize("name", ["MandFields", "AllFields"])
    def test_samples(self, name: str) -> None:
        data = (VECTORS / "dg2_39794_5" / f"ICAO_39794_5_AP_DG2_{name}.dat").read_bytes()
        found = parse_dg2(data)
        assert (found.format, found.width) == ("jp2", 0)
        assert found.image[4:8] == b"jP  "

    def test_refused(self) -> None:
        data = (VECTORS / "dg2_39794_5" / "ICAO_39794_5_AP_DG2_MandFields.dat").read_bytes()
        for old, new in (
            (bytes.fromhex("8001038102"), bytes.fromhex("8001048102")),
            (bytes.fromhex("65823ac3"), bytes.fromhex("66823ac3")),
            (bytes.fromhex("80823a980000000c6a50"), bytes.fromhex("81823a980000000c6a50")),
        ):
            assert old in data
            with pytest.raises(FormatError):
                parse_dg2(data.replace(old, new))
