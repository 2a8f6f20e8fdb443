"""VDS for non-constrained environments (ICAO TR "VDS-NC"): signed JSON in a QR code.

An issuer is the header's ``is``; a kid is the first eight bytes of the SHA-256 of the certificate
inside. That certificate is only a name here: the key comes from the trust list, or by `eid.qr.chains`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from eid.errors import FormatError, SignatureInvalid
from eid.keys import JSON, canonical_json, decode_base64url, parse_json_object
from eid.qr.foreign import ForeignCode, Named, Proof, refuse, signer_of
from eid.qr.issuers import IssuerKeys

MAX_CHARS: Final = 4296
_ALGORITHMS: Final = frozenset({"ES256", "ES384", "ES512"})


def verify_vds_nc(text: str, keys: IssuerKeys) -> ForeignCode:
    """Check a signed JSON code; it names no times of its own. ``content`` is its ``data``.

    ``FormatError`` ``qr.foreign`` or of the JSON reader; else as for credentials.
    """
    data, issuer, certificate, proof = _parts(text)
    alg, value = proof.get("alg"), proof.get("sigvl")
    if not isinstance(value, str) or not isinstance(data.get("msg"), dict):
        raise refuse("signed JSON code")
    if not isinstance(alg, str) or alg not in _ALGORITHMS:
        raise SignatureInvalid("The code names an algorithm that is not read.", code="qr.alg")
    key = signer_of(
        keys,
        _kid(certificate),
        issuer=issuer,
        proof=Proof(alg=alg, signature=_decoded(value), signed=canonical_json(data)),
    )
    if key.denied:
        key.check_issued(None)
    return ForeignCode(
        kind="vds_nc", issuer=issuer, key=key, issued_at=None, expires_at=None, content=data
    )


def named_signer(text: str) -> Named:
    """Country and certificate of a code that nobody has checked yet."""
    _, issuer, certificate, _ = _parts(text)
    return Named(_kid(certificate), issuer, certificate)


def _parts(text: str) -> tuple[dict[str, JSON], str, bytes, dict[str, JSON]]:
    """What is signed, its issuer, the certificate inside, and the members of the proof."""
    if len(text) > MAX_CHARS:
        raise refuse("signed JSON code")
    whole = parse_json_object(text.encode(), max_size=4 * MAX_CHARS)
    data, proof = whole.get("data"), whole.get("sig")
    if (
        whole.keys() != {"data", "sig"}
        or not isinstance(data, dict)
        or not isinstance(proof, dict)
    ):
        raise refuse("signed JSON code")
    header = data.get("hdr")
    issuer = header.get("is") if isinstance(header, dict) else None
    certificate = proof.get("cer")
    if not isinstance(issuer, str) or not isinstance(certificate, str):
        raise refuse("signed JSON code")
    return data, issuer, _decoded(certificate), proof


def _kid(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()[:8]


def _decoded(text: str) -> bytes:
    try:
        return decode_base64url(text)
    except FormatError as e:
        raise refuse("signed JSON code") from e
