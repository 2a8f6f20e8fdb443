"""An unpublished authority's public key, recovered from signers met in the field (SEC 1 §4.1.6).

From one ECDSA signature two keys can be computed, and one of them is the issuer's. Two
certificates of one issuer agree on one key only, and the key identifier that they name confirms
it. So thousands of Document Signers turn into one fingerprint, which the operator confirms with
the authority. Nothing here trusts anybody: whoever can make certificates can make candidates.

>>> find_candidates([])
Candidates(found=(), unresolved=())
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from eid import ec
from eid.errors import FormatError, SignatureInvalid
from eid.trust.certificates import Certificate, algorithm_of
from eid.trust.names import Name
from eid.trust.profile import authority_key_id
from eid.trust.public_keys import EcKey
from eid.trust.recovery import recovered_points
from eid.trust.signature import der_pair, plain_pair, verify

_PARTNERS: Final = 8
_MAX_KEYS: Final = 64
_SLACK: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A key that may be an authority's, and what speaks for it.

    ``fingerprint`` is SHA-256 of the uncompressed point, whatever form its certificate gives the
    curve; ``signers`` how many certificates it verifies; ``first`` and ``last`` when they begin.
    """

    issuer: str
    curve: str
    point: bytes = field(repr=False)
    fingerprint: str
    signers: int
    key_id_confirmed: bool
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """Certificates of an issuer that gave no candidate, and why: a stable code."""

    issuer: str
    signers: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """All that was found, the best supported first."""

    found: tuple[Candidate, ...]
    unresolved: tuple[Unresolved, ...]


def find_candidates(certificates: Iterable[Certificate]) -> Candidates:
    """Recover the issuers' keys. Never raises; what gives nothing is listed."""
    families: dict[tuple[Name, bytes], list[Certificate]] = {}
    for certificate in {one.fingerprint: one for one in certificates}.values():
        families.setdefault((certificate.issuer, _key_id(certificate)), []).append(certificate)
    found: list[Candidate] = []
    unresolved: list[Unresolved] = []
    for (issuer, key_id), members in families.items():
        usable = [one for one in members if _pair(one) is not None]
        if len(usable) < len(members):
            lacking = len(members) - len(usable)
            unresolved.append(
                Unresolved(issuer=issuer.text, signers=lacking, code="candidate.no_ecdsa")
            )
        _resolve(issuer, key_id, usable, found, unresolved)
    found.sort(key=lambda one: (-one.signers, one.fingerprint))
    return Candidates(found=tuple(found), unresolved=tuple(unresolved))


def _resolve(
    issuer: Name,
    key_id: bytes,
    members: list[Certificate],
    found: list[Candidate],
    unresolved: list[Unresolved],
) -> None:
    """Find key after key, each with all certificates that it verifies."""
    left, alone = members, 0
    for _ in range(_MAX_KEYS):
        if not left:
            break
        key = _agreed(left, key_id)
        if key is None:
            left, alone = left[1:], alone + 1
            continue
        own = [one for one in left if _verifies(key, one)]
        left = [one for one in left if one not in own]
        found.append(_candidate(issuer, key, key_id, own))
    if alone or left:
        unresolved.append(
            Unresolved(issuer=issuer.text, signers=alone + len(left), code="candidate.alone")
        )


def _agreed(members: list[Certificate], key_id: bytes) -> EcKey | None:
    """The key on which the first certificate and another, or the key identifier, agree."""
    keys = list(_recovered(members[0]))
    for key in keys:
        if _confirms(key, key_id):
            return key
    for other in members[1 : 1 + _PARTNERS]:
        for key in keys:
            if _verifies(key, other):
                return key
    return None


def _candidate(issuer: Name, key: EcKey, key_id: bytes, own: list[Certificate]) -> Candidate:
    point = ec.encode_point(key.curve, key.point)
    begins = [one.not_before for one in own]
    return Candidate(
        issuer=issuer.text,
        curve=key.curve.name,
        point=point,
        fingerprint=hashlib.sha256(point).hexdigest(),
        signers=len(own),
        key_id_confirmed=_confirms(key, key_id),
        first=min(begins),
        last=max(begins),
    )


def _recovered(certificate: Certificate) -> Iterator[EcKey]:
    """Every key, on every curve of fitting size, that the signature may be by."""
    for curve in ec.CURVES.values():
        pair = _pair(certificate, curve.n)
        if pair is None or not _fits(curve, *pair):
            continue
        digest = algorithm_of(certificate).digest.of(certificate.tbs)
        for point in recovered_points(curve, digest, *pair):
            yield EcKey(curve=curve, point=point)


def _fits(curve: ec.Curve, r: int, s: int) -> bool:
    """Not so small that a smaller curve's signature is meant."""
    return max(r, s).bit_length() > curve.n.bit_length() - _SLACK


def _pair(certificate: Certificate, order: int = 0) -> tuple[int, int] | None:
    """The numbers of an ECDSA signature; of a plain one only with the order that cuts it."""
    try:
        scheme = algorithm_of(certificate).scheme
    except FormatError:
        return None
    if scheme == "ecdsa":
        return der_pair(certificate.signature)
    if scheme != "ecdsa-plain":
        return None
    return plain_pair(certificate.signature, order) if order else (0, 0)


def _verifies(key: EcKey, certificate: Certificate) -> bool:
    try:
        verify(key, algorithm_of(certificate), certificate.tbs, certificate.signature)
    except SignatureInvalid:
        return False
    return True


def _confirms(key: EcKey, key_id: bytes) -> bool:
    """The identifier is the SHA-1 of the point, or its tail (RFC 5280 §4.2.1.2)."""
    digest = hashlib.sha1(ec.encode_point(key.curve, key.point), usedforsecurity=False).digest()
    short = bytes([0x40 | digest[-8] & 0x0F]) + digest[-7:]
    return any(hmac.compare_digest(form, key_id) for form in (digest, short))


def _key_id(certificate: Certificate) -> bytes:
    try:
        return authority_key_id(certificate)
    except FormatError:
        return b""
