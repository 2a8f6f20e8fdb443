"""EU Digital COVID Certificate, HC1 (eu-dcc-hcert-spec §3: CWT, zlib, base45).

An issuer is a country code, a kid the first eight bytes of its certificate's SHA-256; keys that
share one are all tried. ES256 and PS256, as the specification has them; no other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from eid.errors import SignatureInvalid
from eid.qr import cose, cwt, envelope
from eid.qr.cose import Message
from eid.qr.foreign import ForeignCode, Named, Proof, refuse, signer_among
from eid.qr.issuers import IssuerKeys

PREFIX: Final = "HC1:"
_HCERT: Final = -260
_ALGORITHMS: Final = {cose.ES256: "ES256", -37: "PS256"}


def verify_dcc(text: str, keys: IssuerKeys, *, at: datetime) -> ForeignCode:
    """Check a health certificate; errors as `eid.qr.credential.verify_credential`, ``qr.foreign``.

    ``content`` is the certificate, with ``ver``, ``nam``, ``dob`` and one of ``v``, ``t``, ``r``.
    """
    if not text.startswith(PREFIX):
        raise refuse("health certificate")
    message = cose.parse(envelope.unpack(text.removeprefix(PREFIX)))
    claims = cwt.parse_claims(message.payload)
    key = signer_among(
        keys.tried(message, claims.issuer), issuer=claims.issuer, proof=_proof(message)
    )
    key.check_issued(claims.issued_at)
    cwt.check_times(claims, at=at)
    container = claims.every.get(_HCERT)
    certificate = container.get(1) if isinstance(container, dict) else None
    if not isinstance(certificate, dict) or not isinstance(certificate.get("ver"), str):
        raise refuse("health certificate")
    return ForeignCode(
        kind="dcc",
        issuer=key.issuer,
        key=key,
        issued_at=cwt.instant(claims.issued_at),
        expires_at=cwt.instant(claims.expires_at),
        content={str(name): value for name, value in certificate.items()},
    )


def named_signer(text: str) -> Named:
    """Kid and country of a certificate that nobody has checked yet."""
    message = cose.parse(envelope.unpack(text.removeprefix(PREFIX)))
    return Named(message.kid or b"", cwt.parse_claims(message.payload).issuer or "")


def _proof(message: Message) -> Proof:
    alg = _ALGORITHMS.get(message.alg)
    if alg is None:
        raise SignatureInvalid("The code names an algorithm that is not read.", code="qr.alg")
    return Proof(alg=alg, signature=message.signature, signed=cose.to_be_signed(message))
