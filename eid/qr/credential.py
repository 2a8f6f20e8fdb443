"""Verify a Claim 169 credential offline (id-claim-169 1.2.0; RFC 8392; facts: strictness matrix).

>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> from datetime import UTC, datetime, timedelta
>>> from eid.qr.issue import Terms, issue
>>> from eid.qr.signers import SoftwareSigner
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> signer = SoftwareSigner.of(Ed25519PrivateKey.generate())
>>> terms = Terms(issuer="https://id.example", issued_at=now, expires_at=now + timedelta(days=90))
>>> text = issue(Identity(name="NGUYEN VAN THU"), terms, signer)
>>> keys = IssuerKeys.of([IssuerKey.of("https://id.example", signer.public_key)])
>>> credential = verify_credential(text, keys, at=now)
>>> credential.identity.name, credential.binding
('NGUYEN VAN THU', 'bearer')

A credential is its issuer's statement that it read a genuine chip. It is not a state document,
and whoever shows it is only its bearer: compare the portrait, or ask for a presence code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from eid.errors import FormatError, VerificationError
from eid.qr import cbor, cose, cwt, envelope
from eid.qr.cbor import Cbor
from eid.qr.claim169 import CLAIM, Finding, Identity, parse_identity
from eid.qr.cwt import Claims
from eid.qr.issuers import IssuerKey, IssuerKeys

_TAG_ENCODED = 24
_MAX_URI = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReference:
    """Where the issuer says whether the credential still holds (Token Status List)."""

    uri: str
    index: int


@dataclass(frozen=True, init=False)
class Credential:
    """A credential whose signature, issuer and times hold. Only `verify_credential` makes one.

    ``status_answer`` is ``None`` if nobody was asked. ``binding`` is always ``"bearer"``: nothing here proves who holds the paper or screen.
    """

    identity: Identity = field(repr=False)
    claims: Claims
    key: IssuerKey
    status: StatusReference | None
    status_answer: StatusAnswer | None
    findings: tuple[Finding, ...]
    unknown: Mapping[int | str, Cbor] = field(repr=False)
    binding: Literal["bearer"] = "bearer"

    def __init__(self) -> None:
        raise TypeError("only verify_credential makes a Credential")

    @property
    def issuer(self) -> str:
        """Whose key signed it, and whom it names itself."""
        return self.key.issuer

    @property
    def subject(self) -> str | bytes | None:
        """What the issuer calls its holder."""
        return self.claims.subject

    @property
    def id(self) -> bytes | None:
        """The number of this very credential."""
        return self.claims.id

    @property
    def issued_at(self) -> datetime | None:
        """When the issuer signed, in UTC."""
        return cwt.instant(self.claims.issued_at)

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, in UTC."""
        return cwt.instant(self.claims.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedCredential:
    """What a text claims. Nobody vouches for it: for display to developers and issuers only."""

    identity: Identity = field(repr=False)
    claims: Claims
    signature_size: int
    status: StatusReference | None
    findings: tuple[Finding, ...]
    unknown: Mapping[int | str, Cbor] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """The credential had not been withdrawn ``as_of`` then; the freshness is the policy's word."""

    freshness: Literal["fresh", "stale_accepted"]
    as_of: datetime


class StatusCheck(Protocol):
    """Asked about an otherwise valid credential of *issuer*; raises to refuse it."""

    def __call__(  # noqa: D102
        self, reference: StatusReference, *, issuer: str, at: datetime
    ) -> StatusAnswer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialPolicy:
    """What one use accepts. ``max_age_s`` counts from ``iat``; without it ``exp`` is required."""

    max_age_s: int | None = None
    skew_s: int = cwt.DEFAULT_SKEW_S
    require_status: bool = False


DEFAULT_POLICY = CredentialPolicy()


def verify_credential(
    text: str,
    keys: IssuerKeys,
    *,
    at: datetime,
    policy: CredentialPolicy = DEFAULT_POLICY,
    status: StatusCheck | None = None,
) -> Credential:
    """Check a scanned text against *keys* at the time *at*.

    ``FormatError`` (``qr.base45``, ``qr.zlib``, ``qr.cbor``, ``qr.cose…``, ``qr.cwt``,
    ``qr.claim169``, ``qr.text``), ``UntrustedIssuer``, ``SignatureInvalid``, ``Inconsistent``,
    ``Expired`` or ``VerificationError``; codes in docs/reference/qr-claims.md. With
    ``require_status`` a credential without status reference, or a call without *status*, is
    ``qr.status_missing``.
    """
    message = cose.parse(envelope.unpack(text))
    claims = cwt.parse_claims(message.payload)
    key = keys.verify(message, issuer=claims.issuer)
    key.check_issued(claims.issued_at)
    cwt.check_times(claims, at=at, skew_s=policy.skew_s, max_age_s=policy.max_age_s)
    claim, wrapped = _claim_map(claims)
    parsed = parse_identity(claim)
    reference = status_reference(claims)
    if policy.require_status and (reference is None or status is None):
        raise VerificationError(
            "Nobody can say whether this code was withdrawn.", code="qr.status_missing"
        )
    answer = None
    if reference is not None and status is not None:
        answer = status(reference, issuer=key.issuer, at=at)
    credential = object.__new__(Credential)
    vars(credential).update(
        identity=parsed.identity,
        claims=claims,
        key=key,
        status=reference,
        status_answer=answer,
        findings=(*_message_findings(message.kid, wrapped), *parsed.findings),
        unknown=parsed.unknown,
    )
    return credential


def read_unverified(text: str) -> UnverifiedCredential:
    """Show what *text* claims without checking signature or times; ``FormatError`` if it is none."""
    message = cose.parse(envelope.unpack(text))
    claims = cwt.parse_claims(message.payload)
    claim, wrapped = _claim_map(claims)
    parsed = parse_identity(claim)
    return UnverifiedCredential(
        identity=parsed.identity,
        claims=claims,
        signature_size=len(message.signature),
        status=status_reference(claims),
        findings=(*_message_findings(message.kid, wrapped), *parsed.findings),
        unknown=parsed.unknown,
    )


def status_reference(claims: Claims) -> StatusReference | None:
    """The claim ``status.status_list`` (Token Status List §6.2); ``FormatError`` ``qr.status``."""
    raw = claims.every.get(cwt.STATUS)
    if raw is None:
        return None
    match raw:
        case {"status_list": {"idx": int(index), "uri": str(uri)}} if (
            index >= 0 and not isinstance(index, bool) and len(uri) <= _MAX_URI
        ):
            return StatusReference(uri=uri, index=index)
        case _:
            raise FormatError("The status reference is malformed.", code="qr.status")


def _claim_map(claims: Claims) -> tuple[Mapping[int | str, Cbor], bool]:
    """The identity map, and whether a byte string was wrapped around it."""
    raw = claims.every.get(CLAIM)
    if isinstance(raw, dict):
        return raw, False
    if isinstance(raw, cbor.Tag) and raw.number == _TAG_ENCODED:
        raw = raw.value
    if isinstance(raw, bytes):
        return cbor.decode_map(raw), True
    raise FormatError("The token carries no identity.", code="qr.claim169")


def _message_findings(kid: bytes | None, wrapped: bool) -> tuple[Finding, ...]:  # noqa: FBT001
    odd = () if kid is not None else (Finding(code="kid.absent"),)
    return (*odd, Finding(code="claim169.wrapped")) if wrapped else odd
