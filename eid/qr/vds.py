"""Visible Digital Seal (9303-13; BSI TR-03137): the bytes of a DataMatrix symbol.

An issuer is the signer's four letters, such as ``DETS``; a kid is these and the certificate
reference, as ASCII. The key says the hash: 256 bits with SHA-256, 384 with SHA-384, 512 and 521 with
SHA-512, NIST or Brainpool.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Final

from eid.errors import VerificationError
from eid.qr import c40
from eid.qr.foreign import ForeignCode, Named, Proof, refuse, signer_of
from eid.qr.issuers import IssuerKeys

MAGIC: Final = 0xDC
MAX_BYTES: Final = 3000
_VERSION_3, _VERSION_4 = 2, 3
_SIGNATURE: Final = 0xFF
_LONG_LENGTH: Final = 0x81
"""DER's sign of one more byte of length; some writers put it before signatures of 128 bytes."""


def verify_vds(data: bytes, keys: IssuerKeys, *, at: datetime) -> ForeignCode:
    """Check a seal. ``content``: ``country``, ``document_date``, ``definition``, ``category``,
    ``features`` (tag → bytes). Errors as for credentials, ``qr.foreign``.
    """  # noqa: D205
    if not 20 <= len(data) <= MAX_BYTES or data[0] != MAGIC:
        raise refuse("digital seal")
    country = c40.decode(data[2:4])
    signer, reference, start = _signer(data)
    header_end = start + 8
    document_date, signed_on = (
        c40.read_date(data[place : place + 3]) for place in (start, start + 3)
    )
    features, signature, end = _features(data, header_end)
    kid = (signer + reference).encode("ascii")
    proof = Proof(alg=None, signature=signature, signed=data[:end])
    key = signer_of(keys, kid, issuer=signer, proof=proof)
    issued = datetime.combine(signed_on, time(), tzinfo=UTC)
    if issued > at:
        raise VerificationError("The code was issued in the future.", code="qr.issued_in_future")
    key.check_issued(int(issued.timestamp()))
    return ForeignCode(
        kind="vds",
        issuer=signer,
        key=key,
        issued_at=issued,
        expires_at=None,
        content={
            "country": country,
            "document_date": document_date.isoformat(),
            "definition": data[start + 6],
            "category": data[start + 7],
            "features": features,
        },
    )


def named_signer(data: bytes) -> Named:
    """Signer and certificate reference of a seal that nobody has checked yet."""
    if not 20 <= len(data) <= MAX_BYTES or data[0] != MAGIC:
        raise refuse("digital seal")
    signer, reference, _ = _signer(data)
    return Named((signer + reference).encode("ascii"), signer)


def _signer(data: bytes) -> tuple[str, str, int]:
    """Signer, certificate reference and where the dates begin; the versions differ here."""
    if data[1] == _VERSION_3:
        both = c40.decode(data[4:10])
        return both[:4], both[4:], 10
    head = c40.decode(data[4:8])
    if data[1] != _VERSION_4 or len(head) != 6:
        raise refuse("digital seal")
    try:
        length = int(head[4:], 16)
    except ValueError as e:
        raise refuse("digital seal") from e
    end = 8 + (length + 2) // 3 * 2
    reference = c40.decode(data[8:end])
    if not length or len(reference) != length:
        raise refuse("digital seal")
    return head[:4], reference, end


def _features(data: bytes, at: int) -> tuple[dict[int, bytes], bytes, int]:
    """Features by tag, the signature, and where what is signed ends."""
    found: dict[int, bytes] = {}
    while at + 2 <= len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if tag == _SIGNATURE and size == _LONG_LENGTH and start < len(data):
            size, start = data[start], start + 1
        value = data[start : start + size]
        if len(value) != size or tag in found:
            break
        if tag == _SIGNATURE:
            if start + size != len(data):
                break
            return found, value, at
        found[tag] = value
        at = start + size
    raise refuse("digital seal")
