"""Issue a Claim 169 credential (id-claim-169 1.2.0; RFC 8392; Token Status List §6.2).

>>> from datetime import UTC, datetime, timedelta
>>> from eid.keys import SigningKey
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> terms = Terms(issuer="https://id.example", issued_at=now, expires_at=now + timedelta(days=90))
>>> text = issue(Identity(name="NGUYEN VAN THU"), terms, SigningKey.generate("credentials"))
>>> set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
True
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from eid.keys import SigningKey
from eid.qr import cbor, cose, cwt, envelope
from eid.qr.cbor import Cbor
from eid.qr.claim169 import CLAIM, Identity, write_identity
from eid.qr.cose import Signer
from eid.qr.credential import StatusReference
from eid.qr.signers import as_signer

MAX_SUBJECT = 16
_ID_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who states it and for how long. ``subject``: ≤ 16 random or pairwise bytes, never a number."""

    issuer: str
    issued_at: datetime
    expires_at: datetime
    subject: bytes | None = field(default=None, repr=False)
    status: StatusReference | None = None


def issue(
    identity: Identity,
    terms: Terms,
    key: SigningKey | Signer,
    *,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Sign *identity* and give the base45 text for a QR code.

    ``FormatError`` (``qr.field``, ``qr.text``) where a field does not fit; ``ValueError`` for
    terms that no verifier would accept.
    """
    claims: dict[int | str, Cbor] = {
        cwt.ISS: terms.issuer,
        cwt.EXP: int(terms.expires_at.timestamp()),
        cwt.NBF: int(terms.issued_at.timestamp()),
        cwt.IAT: int(terms.issued_at.timestamp()),
        cwt.CTI: rng(_ID_SIZE),
        CLAIM: write_identity(identity),
    }
    if claims[cwt.EXP] == claims[cwt.IAT] or terms.expires_at < terms.issued_at:
        raise ValueError("the credential would end before it begins")
    if terms.subject is not None:
        if not 0 < len(terms.subject) <= MAX_SUBJECT:
            raise ValueError("a subject has 1 to 16 bytes")
        claims[cwt.SUB] = terms.subject
    if terms.status is not None:
        place: Cbor = {"idx": terms.status.index, "uri": terms.status.uri}
        claims[cwt.STATUS] = {"status_list": place}
    return envelope.pack(cose.sign(cbor.encode(claims), as_signer(key)))
