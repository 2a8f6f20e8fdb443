"""ICAO Datastructure for Barcode, RDB1 (ICAO TR "IDB"; base32, messages as tag, length, value).

An issuer is the three-letter country of the header, a kid its five-byte certificate reference.
Unsigned codes are refused: they prove nothing. The header names SHA-256, 384 or 512, and the key's
curve, NIST or Brainpool, must have that size.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, time
from typing import Final

from eid.errors import SignatureInvalid, VerificationError
from eid.qr import c40, envelope
from eid.qr.foreign import ForeignCode, Named, Proof, refuse, signer_of
from eid.qr.issuers import IssuerKeys

PREFIX: Final = "RDB1"
MAX_CHARS: Final = 4296
MESSAGES: Final = {7: "mrz_td1", 8: "mrz_td3", 9: "can", 10: "ef_card_access"}
_HEADER: Final = 12
_GROUP, _CERTIFICATE, _SIGNATURE = 0x61, 0x7E, 0x7F
_ALGORITHMS: Final = {1: "ECDSA-SHA256", 2: "ECDSA-SHA384", 3: "ECDSA-SHA512"}
_SIGNED, _ZIPPED = 1, 2


def verify_idb(text: str, keys: IssuerKeys, *, at: datetime) -> ForeignCode:
    """Check a signed code. ``content`` has the messages by name, or by number as text.

    The code ends with the document that it speaks of, so ``expires_at`` is unknown.
    ``FormatError`` ``qr.foreign``, ``qr.zlib``; else as for credentials.
    """
    payload = _payload(text)
    header, parts = _parts(payload)
    alg = _ALGORITHMS.get(header[2])
    if alg is None:
        raise SignatureInvalid("The code names an algorithm that is not read.", code="qr.alg")
    signed = payload[: _HEADER + parts[0][2]]
    country = c40.decode(header[:2])
    proof = Proof(alg=alg, signature=parts[-1][1], signed=signed)
    key = signer_of(keys, header[3:8], issuer=country, proof=proof)
    if header[8] != 0:
        raise refuse("barcode of ICAO")
    issued = datetime.combine(c40.read_date(header[9:12]), time(), tzinfo=UTC)
    if issued > at:
        raise VerificationError("The code was issued in the future.", code="qr.issued_in_future")
    key.check_issued(int(issued.timestamp()))
    return ForeignCode(
        kind="idb",
        issuer=country,
        key=key,
        issued_at=issued,
        expires_at=None,
        content=_messages(parts[0][1]),
    )


def named_signer(text: str) -> Named:
    """Country, reference and, where it is inside, certificate of a code nobody has checked yet."""
    header, parts = _parts(_payload(text))
    inside = [value for tag, value, _ in parts if tag == _CERTIFICATE]
    return Named(header[3:8], c40.decode(header[:2]), inside[0] if inside else None)


def _parts(payload: bytes) -> tuple[bytes, list[tuple[int, bytes, int]]]:
    parts = _items(payload[_HEADER:], end=len(payload) - _HEADER)
    tags = [tag for tag, _, _ in parts]
    if tags not in ([_GROUP, _SIGNATURE], [_GROUP, _CERTIFICATE, _SIGNATURE]):
        raise refuse("barcode of ICAO")
    return payload[:_HEADER], parts


def _payload(text: str) -> bytes:
    flags = ord(text[4]) - ord("A") if len(text) > 4 else -1
    if not text.startswith(PREFIX) or len(text) > MAX_CHARS or not 0 <= flags <= _SIGNED | _ZIPPED:
        raise refuse("barcode of ICAO")
    if not flags & _SIGNED:
        raise SignatureInvalid("The code is not signed.", code="qr.signature")
    body = text[5:]
    try:
        data = base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError) as e:
        raise refuse("barcode of ICAO") from e
    if base64.b32encode(data).decode().rstrip("=") != body:
        raise refuse("barcode of ICAO")
    payload = envelope.inflate(data) if flags & _ZIPPED else data
    if len(payload) <= _HEADER:
        raise refuse("barcode of ICAO")
    return payload


def _messages(group: bytes) -> dict[str, object]:
    found: dict[str, object] = {}
    for tag, value, _ in _items(group, end=len(group)):
        name = MESSAGES.get(tag, str(tag))
        if name in found:
            raise refuse("barcode of ICAO")
        found[name] = c40.decode(value).replace(" ", "<") if name.startswith("mrz") else value
    return found


def _items(data: bytes, *, end: int) -> list[tuple[int, bytes, int]]:
    """Tag, value and where it ends, of each item; lengths as DER writes them."""
    items, at = [], 0
    while at < end:
        try:
            tag, size, at = data[at], data[at + 1], at + 2
            if size >= 0x80:
                width = size - 0x80
                size, at = int.from_bytes(data[at : at + width], "big"), at + width
                if width not in (1, 2) or size < (0x80 if width == 1 else 0x100):
                    raise refuse("barcode of ICAO")
        except IndexError as e:
            raise refuse("barcode of ICAO") from e
        if at + size > end:
            raise refuse("barcode of ICAO")
        items.append((tag, data[at : at + size], at + size))
        at += size
    return items
