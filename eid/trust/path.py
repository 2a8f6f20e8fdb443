"""From a Document Signer up to a pinned anchor (ICAO Doc 9303-12 §6; 9303-11 §5.1).

The moment of judgement is the signed signing time; without one the end of the signer's private
key usage, if that is over, and else the present. A step up needs the same name, the same key
identifier *and* a good signature; between authorities the key identifier alone may lead, since a
link certificate may change the name. Link certificates may come in any order and depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from eid import tlv
from eid.errors import (
    Expired,
    FormatError,
    Inconsistent,
    Revoked,
    SignatureInvalid,
    UntrustedIssuer,
    VerificationError,
)
from eid.trust.certificates import Certificate, algorithm_of, parse_time
from eid.trust.profile import (
    USAGE_PERIOD,
    authority_key_id,
    check_authority,
    check_sha1,
    check_signer,
    may_sign_crls,
    subject_key_id,
)
from eid.trust.revocation import State
from eid.trust.store import TrustStore

Basis = Literal["signing_time", "usage_period", "now"]
UNANCHORED: Final = "chain.unanchored"
_MAX_DEPTH: Final = 8
_MAX_STEPS: Final = 64
_SKEW: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a signature is judged, and where that time comes from."""

    at: datetime
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A signer, the link certificates above it, and the anchor."""

    signer: Certificate
    links: tuple[Certificate, ...]
    anchor: Certificate

    @property
    def issuer(self) -> Certificate:
        """The authority that issued the signer."""
        return self.links[0] if self.links else self.anchor


@dataclass(slots=True, kw_only=True)
class _Climb:
    store: TrustStore
    insecure_allow_sha1: bool
    steps: int = 0


def signing_moment(signer: Certificate, *, signing_time: datetime | None, at: datetime) -> Moment:
    """The moment at which the chain must have been valid. Raises ``Expired``, ``FormatError``."""
    if signing_time is not None:
        if signing_time > at + _SKEW:
            message = f"The document was signed after {at:%Y-%m-%d}, the verifier's clock."
            raise Expired(message, code="chain.validity")
        return Moment(at=signing_time, basis="signing_time")
    end = usage_end(signer)
    if end is not None and end < at:
        return Moment(at=end, basis="usage_period")
    return Moment(at=at, basis="now")


def build_chain(
    signer: Certificate,
    store: TrustStore,
    *,
    moment: Moment,
    profile: Callable[[Certificate], None] = check_signer,
    insecure_allow_sha1: bool = False,
) -> Chain:
    """Find and check the way from ``signer`` to an anchor.

    ``profile`` is what the first certificate must be: a Document Signer.

    Raises the most telling ``VerificationError``: ``UntrustedIssuer`` with code
    ``chain.unanchored`` only if no pinned authority claims to be the issuer.
    """
    climb = _Climb(store=store, insecure_allow_sha1=insecure_allow_sha1)
    try:
        _check_denied(store, signer)
        profile(signer)
        check_sha1(algorithm_of(signer), insecure_allow_sha1=insecure_allow_sha1)
        _check_validity(signer, moment.at)
        above = _climb(climb, signer, moment.at, ())
    except FormatError as error:
        raise Inconsistent("A certificate cannot be used.", code=error.code) from error
    return Chain(signer=signer, links=above[:-1], anchor=above[-1])


def revocation_state(
    chain: Chain, store: TrustStore, *, at: datetime, insecure_allow_sha1: bool = False
) -> State:
    """Whether the signer is on a list of its authority; raises ``Revoked`` if anyone is."""
    members = (chain.signer, *chain.links, chain.anchor)
    states = [
        _state(child, issuer, store, at=at, insecure_allow_sha1=insecure_allow_sha1)
        for child, issuer in pairwise(members)
    ]
    return states[0]


def _state(
    certificate: Certificate,
    issuer: Certificate,
    store: TrustStore,
    *,
    at: datetime,
    insecure_allow_sha1: bool,
) -> State:
    authorities = [one for one in store.named(issuer.subject) if may_sign_crls(one)]
    genuine = [
        crl
        for crl in store.crls
        if crl.issuer == issuer.subject
        and (insecure_allow_sha1 or not crl.algorithm.uses_sha1)
        and any(
            store.is_crl_of(crl, authority)
            and _speaks(authority, issuer, store, insecure_allow_sha1=insecure_allow_sha1)
            for authority in authorities
        )
    ]
    if any(certificate.serial in crl.serials for crl in genuine):
        raise Revoked("A certificate of the chain is revoked.", code="chain.revoked")
    if any(crl.fresh(at) for crl in genuine):
        return "good"
    return "stale" if genuine else "unknown"


def _speaks(
    authority: Certificate, issuer: Certificate, store: TrustStore, *, insecure_allow_sha1: bool
) -> bool:
    """Whether a list's signer counts: the issuer, pinned, or led to an anchor and not revoked."""
    if authority.fingerprint == issuer.fingerprint or store.is_anchor(authority):
        return True
    climb = _Climb(store=store, insecure_allow_sha1=insecure_allow_sha1)
    try:
        _check_denied(store, authority)
        above = _climb(climb, authority, authority.not_before, ())
    except (FormatError, VerificationError):
        return False
    return not any(
        crl.issuer == authority.issuer
        and authority.serial in crl.serials
        and any(store.is_crl_of(crl, one) for one in above)
        for crl in store.crls
    )


def _climb(
    climb: _Climb, child: Certificate, moment: datetime, path: tuple[Certificate, ...]
) -> tuple[Certificate, ...]:
    candidates = _candidates(climb.store, child, renamed=bool(path))
    worst: VerificationError = UntrustedIssuer(
        "No trusted authority is known for the signer.", code=UNANCHORED
    )
    for issuer in candidates:
        try:
            return _step(climb, child, issuer, moment, path)
        except FormatError as error:
            worst = _telling(worst, Inconsistent("An issuer is unusable.", code=error.code))
        except VerificationError as error:
            worst = _telling(worst, error)
    raise worst


def _candidates(
    store: TrustStore, child: Certificate, *, renamed: bool
) -> tuple[Certificate, ...]:
    key_id = authority_key_id(child)
    named = [
        issuer
        for issuer in store.candidates(child.issuer, key_id)
        if not key_id or _subject_key_id(issuer) in (key_id, b"")
    ]
    others = [issuer for issuer in store.keyed(key_id) if renamed and issuer not in named]
    return (*named, *others)


def _subject_key_id(certificate: Certificate) -> bytes | None:
    """The key identifier, or ``None`` if it is unreadable and so equals nothing."""
    try:
        return subject_key_id(certificate)
    except FormatError:
        return None


def _step(
    climb: _Climb,
    child: Certificate,
    issuer: Certificate,
    moment: datetime,
    path: tuple[Certificate, ...],
) -> tuple[Certificate, ...]:
    climb.steps += 1
    if climb.steps > _MAX_STEPS or len(path) > _MAX_DEPTH or issuer in path:
        raise UntrustedIssuer("The chain does not end at an anchor.", code="chain.path")
    _check_issued(climb.store, child, issuer)
    _check_denied(climb.store, issuer)
    check_authority(issuer)
    if issuer.subject.country != child.subject.country:
        raise Inconsistent("Signer and issuer are of two countries.", code="chain.country")
    _check_validity(issuer, moment)
    if climb.store.is_anchor(issuer):
        if issuer.self_issued:
            _check_issued(climb.store, issuer, issuer, code="chain.anchor_damaged")
        return (issuer,)
    check_sha1(algorithm_of(issuer), insecure_allow_sha1=climb.insecure_allow_sha1)
    above = _climb(climb, issuer, min(moment, issuer.not_before), (*path, issuer))
    return (issuer, *above)


def _check_issued(
    store: TrustStore, child: Certificate, issuer: Certificate, code: str = "chain.signature"
) -> None:
    try:
        store.check_issued(child, issuer)
    except SignatureInvalid as error:
        raise SignatureInvalid("The issuer did not sign the certificate.", code=code) from error


def _check_denied(store: TrustStore, certificate: Certificate) -> None:
    if store.denied.denies(certificate):
        raise Revoked("The operator no longer takes this certificate.", code="chain.denied")


def _check_validity(certificate: Certificate, moment: datetime) -> None:
    if not certificate.not_before <= moment <= certificate.not_after:
        message = f"A certificate was not valid on {moment:%Y-%m-%d}, when it is judged."
        raise Expired(message, code="chain.validity")


def usage_end(certificate: Certificate) -> datetime | None:
    """When the private key stops signing, if the certificate says so. Raises ``FormatError``."""
    extension = certificate.extensions.get(USAGE_PERIOD)
    if extension is None:
        return None
    found = tlv.find(tlv.children(tlv.parse(extension.value, ber=True), ber=True), 0x81)
    if found is None:
        return None
    return parse_time(tlv.parse(tlv.encode(0x18, found.value)))


_RANKS: Final = {UNANCHORED: 0, "chain.path": 1, "chain.signature": 2}


def _telling(one: VerificationError, other: VerificationError) -> VerificationError:
    return max(one, other, key=lambda error: _RANKS.get(error.code, 3))
