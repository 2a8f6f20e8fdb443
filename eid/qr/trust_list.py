"""The signed list of issuer keys that offline verifiers carry (own profile of RFC 8392, RFC 9052).

>>> from datetime import UTC, datetime, timedelta
>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> from eid.qr.signers import SoftwareSigner
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> root, signer = (SoftwareSigner.of(Ed25519PrivateKey.generate()) for _ in range(2))
>>> listed = [IssuerKey.of("https://id.example", signer.public_key)]
>>> data = issue_trust_list(listed, root, edition=Edition(
...     publisher="https://trust.example", version=7, issued_at=now, expires_at=now + timedelta(days=7)))
>>> pinned = IssuerKeys.of([IssuerKey.of("https://trust.example", root.public_key)])
>>> trust = verify_trust_list(data, pinned, at=now)
>>> trust.edition.version, trust.keys.keys == tuple(listed)
(7, True)

An issuer's misused key stays listed with the times that no longer count (`Denied`), so that what
it signed before still does. A list never replaces one with a higher version. Keys that only codes of
others use, Brainpool and RSA, stand in a claim of their own: the verifier page reads over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from eid.errors import Expired, FormatError, VerificationError
from eid.keys import SigningKey
from eid.qr import cbor, cose, cwt, headers
from eid.qr.algorithms import IssuerPublicKey, read_key, write_key
from eid.qr.cbor import Cbor
from eid.qr.cose import PublicKey, Signer
from eid.qr.fields import integer
from eid.qr.issuers import Denied, IssuerKey, IssuerKeys
from eid.qr.signers import as_signer

TYPE: Final = "application/eid-trust-list+cose"
MAX_SIZE: Final = 1 << 20
MAX_KEYS: Final = 5_000
_VERSION, _KEYS, _FOREIGN = -70_010, -70_011, -70_012
_ISSUER, _KID, _KEY, _DENIED = 1, 2, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Who published a list, its ever rising number, and how long it is fresh."""

    publisher: str
    version: int
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """A list whose signature holds."""

    edition: Edition
    keys: IssuerKeys


def issue_trust_list(
    keys: Iterable[IssuerKey], signer: SigningKey | Signer, *, edition: Edition
) -> bytes:
    """Sign a list: the body to serve at ``/trust-list``."""
    every = tuple(keys)
    entries: list[Cbor] = [_entry(key) for key in every if cose.is_own(key.public_key)]
    foreign: list[Cbor] = [_entry(key) for key in every if not cose.is_own(key.public_key)]
    claims: dict[int | str, Cbor] = {
        cwt.ISS: edition.publisher,
        cwt.IAT: int(edition.issued_at.timestamp()),
        cwt.EXP: int(edition.expires_at.timestamp()),
        _VERSION: edition.version,
        _KEYS: entries,
    }
    if foreign:
        claims[_FOREIGN] = foreign
    return cose.sign(cbor.encode(claims), as_signer(signer), protected={headers.TYP: TYPE})


def verify_trust_list(
    data: bytes,
    pinned: IssuerKeys,
    *,
    at: datetime,
    held_version: int = 0,
    max_stale: timedelta = timedelta(0),
) -> TrustList:
    """Check a list against the *pinned* keys of its publisher.

    ``VerificationError`` ``qr.trust_list_older`` for a version below *held_version*; ``Expired``
    ``qr.trust_list_stale`` past its end by more than *max_stale*; ``FormatError``
    ``qr.trust_list``; else as for credentials.
    """
    message = cose.parse(data, max_size=MAX_SIZE)
    if message.typ != TYPE:
        raise _refuse()
    claims = cwt.parse_claims(message.payload, max_size=MAX_SIZE)
    publisher = pinned.verify(message, issuer=claims.issuer)
    publisher.check_issued(claims.issued_at)
    cwt.check_begun(claims, at=at)
    issued, expires = cwt.instant(claims.issued_at), cwt.instant(claims.expires_at)
    version, entries = integer(claims.every.get(_VERSION)), claims.every.get(_KEYS)
    if issued is None or expires is None or version is None or version < 1:
        raise _refuse()
    foreign = claims.every.get(_FOREIGN, [])
    if not isinstance(entries, list) or not isinstance(foreign, list):
        raise _refuse()
    if len(entries) + len(foreign) > MAX_KEYS:
        raise _refuse()
    if version < held_version:
        raise VerificationError("A later trust list is known.", code="qr.trust_list_older")
    if at - expires > max_stale:
        raise Expired("The trust list is too old for this use.", code="qr.trust_list_stale")
    return TrustList(
        edition=Edition(
            publisher=publisher.issuer, version=version, issued_at=issued, expires_at=expires
        ),
        keys=IssuerKeys.of(
            [_read_entry(entry, _public_key) for entry in entries]
            + [_read_entry(entry, read_key) for entry in foreign]
        ),
    )


def _entry(key: IssuerKey) -> dict[int | str, Cbor]:
    public = key.public_key
    windows: list[Cbor] = [[window.start, window.end] for window in key.denied]
    entry: dict[int | str, Cbor] = {
        _ISSUER: key.issuer,
        _KID: key.kid,
        _KEY: public_key_bytes(public) if cose.is_own(public) else write_key(public),
    }
    return {**entry, _DENIED: windows} if windows else entry


def _read_entry(raw: Cbor, read: Callable[[bytes], IssuerPublicKey]) -> IssuerKey:
    if not isinstance(raw, dict) or not raw.keys() <= {_ISSUER, _KID, _KEY, _DENIED}:
        raise _refuse()
    issuer, kid, key = raw.get(_ISSUER), raw.get(_KID), raw.get(_KEY)
    windows = raw.get(_DENIED, [])
    if not isinstance(issuer, str) or not isinstance(kid, bytes) or not isinstance(key, bytes):
        raise _refuse()
    if not isinstance(windows, list) or not kid:
        raise _refuse()
    return IssuerKey(
        issuer=issuer,
        kid=kid,
        public_key=read(key),
        denied=tuple(_window(window) for window in windows),
    )


def _window(raw: Cbor) -> Denied:
    if not isinstance(raw, list) or len(raw) != 2:
        raise _refuse()
    start, end = (integer(side) for side in raw)
    if (start is None) != (raw[0] is None) or (end is None) != (raw[1] is None):
        raise _refuse()
    return Denied(start=start, end=end)


def public_key_bytes(key: PublicKey) -> bytes:
    """32 bytes for Ed25519, the 33 of a compressed point for P-256."""
    if isinstance(key, Ed25519PublicKey):
        return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )


def _public_key(raw: bytes) -> PublicKey:
    try:
        if len(raw) == 32:
            return Ed25519PublicKey.from_public_bytes(raw)
        if len(raw) == 33:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as e:
        raise _refuse() from e
    raise _refuse()


def _refuse() -> FormatError:
    return FormatError("The data is not a trust list.", code="qr.trust_list")
