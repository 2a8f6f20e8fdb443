"""DER builders of the test issuer: just enough to write certificates, CRLs and a SOD (X.690).

>>> sequence(integer(1), oid("2.5.4.6")).hex()
'30080201010603550406'
"""

from __future__ import annotations

from datetime import UTC, datetime

from eid import tlv


def sequence(*items: bytes) -> bytes:
    """SEQUENCE of ready TLVs."""
    return tlv.encode(0x30, *items)


def set_of(*items: bytes) -> bytes:
    """SET OF in DER order."""
    return tlv.encode(0x31, *sorted(items))


def integer(value: int) -> bytes:
    """INTEGER, negative ones too."""
    if value < 0:
        return tlv.encode(0x02, value.to_bytes(value.bit_length() // 8 + 1, signed=True))
    return tlv.encode(0x02, tlv.encode_int(value))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    return tlv.encode(0x06, tlv.encode_oid(dotted))


def null() -> bytes:
    """NULL."""
    return tlv.encode(0x05, b"")


def boolean(*, value: bool) -> bytes:
    """BOOLEAN."""
    return tlv.encode(0x01, b"\xff" if value else b"\x00")


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv.encode(0x04, value)


def bits(value: bytes, *, unused: int = 0) -> bytes:
    """BIT STRING, ``unused`` trailing bits not counted."""
    return tlv.encode(0x03, bytes([unused]), value)


def printable(text: str) -> bytes:
    """PrintableString."""
    return tlv.encode(0x13, text.encode("ascii"))


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv.encode(0x0C, text.encode())


def explicit(number: int, *items: bytes) -> bytes:
    """Constructed context tag [number]."""
    return tlv.encode(0xA0 | number, *items)


def implicit(number: int, value: bytes) -> bytes:
    """Primitive context tag [number]."""
    return tlv.encode(0x80 | number, value)


def general_time(at: datetime) -> bytes:
    """Contents octets of a GeneralizedTime in whole seconds of UTC."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode("ascii")


def time(at: datetime) -> bytes:
    """Time of X.509: UTCTime up to 2049, GeneralizedTime after it (RFC 5280 §4.1.2.5)."""
    text = general_time(at)
    return tlv.encode(0x17, text[2:]) if at.astimezone(UTC).year < 2050 else tlv.encode(0x18, text)
