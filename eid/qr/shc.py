"""SMART Health Cards (spec.smarthealth.cards: JWS ES256, raw deflate, digits).

An issuer is its URL, a kid the JWK thumbprint (RFC 7638), 32 bytes. Codes in several chunks, which
the specification has given up, are refused.
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime
from typing import Final

from eid.errors import FormatError
from eid.keys import JSON, decode_base64url, parse_json_object
from eid.qr import cwt
from eid.qr.cwt import Claims
from eid.qr.foreign import ForeignCode, Proof, refuse, signer_of
from eid.qr.issuers import IssuerKeys

PREFIX: Final = "shc:/"
MAX_DIGITS: Final = 7089
MAX_CONTENT: Final = 64 * 1024
_OFFSET: Final = 45
_DIGITS: Final = re.compile(r"(?:[0-6][0-9]|7[0-7])+")


def verify_shc(
    text: str, keys: IssuerKeys, *, at: datetime, max_age_s: int | None = None
) -> ForeignCode:
    """Check a health card; few of them end by themselves, so give *max_age_s*.

    ``FormatError`` ``qr.foreign``, ``qr.zlib``; else as `eid.qr.credential.verify_credential`.
    ``content`` is the member ``vc``.
    """
    digits = text.removeprefix(PREFIX)
    if digits == text or len(digits) > MAX_DIGITS or not _DIGITS.fullmatch(digits):
        raise refuse("health card")
    token = "".join(chr(int(digits[i : i + 2]) + _OFFSET) for i in range(0, len(digits), 2))
    head, payload, signature = _parts(token)
    header = parse_json_object(decode_base64url(head))
    kid = header.get("kid")
    if header.get("alg") != "ES256" or header.get("zip") != "DEF" or not isinstance(kid, str):
        raise refuse("health card")
    if not header.keys() <= {"alg", "zip", "kid", "typ"}:
        raise refuse("health card")
    content = parse_json_object(_inflate(decode_base64url(payload)), max_size=MAX_CONTENT)
    issuer, credential = content.get("iss"), content.get("vc")
    if not isinstance(issuer, str) or not isinstance(credential, dict):
        raise refuse("health card")
    key = signer_of(
        keys,
        decode_base64url(kid),
        issuer=issuer,
        proof=Proof(
            alg="ES256",
            signature=decode_base64url(signature),
            signed=f"{head}.{payload}".encode("ascii"),
        ),
    )
    issued, expires = _seconds(content.get("nbf")), _seconds(content.get("exp"))
    key.check_issued(issued)
    cwt.check_times(_claims(issuer, issued, expires), at=at, max_age_s=max_age_s)
    return ForeignCode(
        kind="shc",
        issuer=issuer,
        key=key,
        issued_at=cwt.instant(issued),
        expires_at=cwt.instant(expires),
        content=credential,
    )


def _parts(token: str) -> tuple[str, str, str]:
    match token.split("."):
        case [head, payload, signature]:
            return head, payload, signature
        case _:
            raise refuse("health card")


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(data, MAX_CONTENT + 1)
    except zlib.error as e:
        raise FormatError("The compressed data is damaged.", code="qr.zlib") from e
    if len(content) > MAX_CONTENT or not inflater.eof or inflater.unused_data:
        raise FormatError("The compressed data is cut short or too large.", code="qr.zlib")
    return content


def _seconds(value: JSON) -> int | None:
    """A NumericDate; others print fractions of a second, which are cut off."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 37:
        return int(value)
    raise refuse("health card")


def _claims(issuer: str, issued: int | None, expires: int | None) -> Claims:
    return Claims(
        issuer=issuer, subject=None, audience=None, expires_at=expires, not_before=issued,
        issued_at=issued, id=None, every={},
    )  # fmt: skip
