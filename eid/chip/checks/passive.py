"""Passive Authentication: signature, hashes, chain, revocation, lists (ICAO Doc 9303-11 §5.1)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from eid.chip.checks.countries import same_country
from eid.chip.checks.question import Covered, Question
from eid.chip.lds.com import parse_com
from eid.chip.lds.files import by_dg
from eid.chip.lds.sod import SecurityObject, parse_security_object, parse_sod
from eid.chip.mrz import Mrz
from eid.chip.verdict import Check, absent, failed, not_checked, passed, unknown
from eid.errors import (
    EidError,
    FormatError,
    HashMismatch,
    Inconsistent,
    SignatureInvalid,
    VerificationError,
)
from eid.trust.certificates import Certificate, parse_certificate
from eid.trust.cms import SignedData, SignerId, verify_signed_data
from eid.trust.path import UNANCHORED, Chain, build_chain, revocation_state, signing_moment
from eid.trust.profile import check_sha1, document_types, subject_key_id
from eid.trust.store import TrustStore

_USED: Final = frozenset({"EF.DG1", "EF.DG2", "EF.DG13", "EF.DG14", "EF.DG15"})
_GUARDED: Final = frozenset({3, 4})
"""Fingerprints and iris, which only an inspection system with terminal rights can read."""
NO_ANCHOR: Final = "revocation.no_anchor"
_LDS_VERSIONS: Final = frozenset({"0107", "0108"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The security object's envelope and its signer, once the signature held."""

    data: SignedData = field(repr=False)
    signer: Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """The signed list and the files it covers."""

    security_object: SecurityObject
    covered: Covered


def check_signature(question: Question) -> tuple[Check, Signed | None]:
    """``sod.signature``: one signer, a known certificate, content digest and signature."""
    name = "sod.signature"
    data = question.files.get("EF.SOD")
    if data is None:
        return absent(name, "sod.absent", "The evidence holds no security object."), None
    try:
        signed = parse_sod(data)
        signer = find_signer(question.trust, signed)
        allow = question.policy.insecure_allow_sha1
        check_sha1(signed.signer_info.algorithm, insecure_allow_sha1=allow)
        if signed.signer_info.digest.name == "sha1" and not allow:
            raise SignatureInvalid("The content is hashed by SHA-1.", code="algorithm.sha1")
        verify_signed_data(signed, signer)
    except EidError as error:
        return failed(name, error), None
    message = "The signer's signature over the list of hashes is good."
    return passed(name, "sod.signed", message), Signed(data=signed, signer=signer)


def find_signer(trust: TrustStore, signed: SignedData) -> Certificate:
    """The one certificate that the signer identifier names; those in the SOD come first."""
    unreadable: FormatError | None = None
    candidates: list[Certificate] = []
    for raw in signed.certificates:
        try:
            candidates.append(parse_certificate(raw))
        except FormatError as error:
            unreadable = error
    wanted = signed.signer_info.signer
    for certificate in (*candidates, *_known(trust, wanted)):
        if _is_named(certificate, wanted):
            return certificate
    if unreadable is not None:
        raise unreadable
    raise SignatureInvalid("No certificate fits the signer.", code="sod.no_signer")


def _known(trust: TrustStore, wanted: SignerId) -> tuple[Certificate, ...]:
    """Signers of the store that may be the one, found by key identifier or serial number."""
    if wanted.key_id is not None:
        return trust.signers_keyed(wanted.key_id)
    return () if wanted.serial is None else trust.signers_numbered(wanted.serial)


def _is_named(certificate: Certificate, signer: SignerId) -> bool:
    if signer.key_id is not None:
        try:
            return subject_key_id(certificate) == signer.key_id
        except FormatError:
            return False
    return certificate.issuer == signer.issuer and certificate.serial == signer.serial


def check_hashes(question: Question, signed: Signed | None) -> tuple[Check, Hashes | None]:
    """``sod.hashes``: every data group at hand is listed and unchanged."""
    name = "sod.hashes"
    if signed is None:
        return not_checked(name), None
    try:
        listed = parse_security_object(signed.data.content)
        if listed.digest.name == "sha1" and not question.policy.insecure_allow_sha1:
            raise SignatureInvalid("The files are hashed by SHA-1.", code="algorithm.sha1")
    except EidError as error:
        return failed(name, error), None
    covered, errors = _compare(question.files, listed)
    errors += _coverage(question, listed)
    hashes = Hashes(security_object=listed, covered=Covered(files=MappingProxyType(covered)))
    if errors:
        return failed(name, errors[0]), hashes
    message = f"{len(covered)} of {len(listed.hashes)} listed files are here and unchanged."
    return passed(name, "sod.hashes_match", message), hashes


def _compare(
    files: Mapping[str, bytes], listed: SecurityObject
) -> tuple[dict[str, bytes], list[VerificationError]]:
    covered: dict[str, bytes] = {}
    errors: list[VerificationError] = []
    for number, expected in sorted(listed.hashes.items()):
        name = by_dg(number).name
        data = files.get(name)
        if data is None:
            continue
        if hmac.compare_digest(listed.digest.of(data), expected):
            covered[name] = data
        else:
            message = f"The content of {name} is not what was signed."
            errors.append(HashMismatch(message, code="dg.hash", file=name))
    return covered, errors


def _coverage(question: Question, listed: SecurityObject) -> list[VerificationError]:
    errors: list[VerificationError] = []
    names = {by_dg(number).name for number in listed.hashes}
    for name in sorted(_USED & question.files.keys() - names):
        message = f"{name} is here, but no signed hash covers it."
        errors.append(HashMismatch(message, code="dg.not_covered", file=name))
    if not listed.hashes:
        errors.append(HashMismatch("No file is covered.", code="dg.not_covered", file=""))
    wanted = {by_dg(number).name for number in listed.hashes.keys() - _GUARDED}
    if question.policy.require_complete:
        for name in sorted(wanted - question.files.keys()):
            message = f"{name} is listed, but could not be read."
            errors.append(Inconsistent(message, code="dg.missing", file=name))
    return errors


def check_chain(
    question: Question, signed: Signed | None, mrz: Mrz | None
) -> tuple[Check, Chain | None]:
    """``sod.chain``: from the signer to a pinned anchor, all of one country.

    Status ``unknown`` with code ``chain.unanchored`` if nothing is wrong but no anchor is known.
    """
    name = "sod.chain"
    if signed is None:
        return not_checked(name), None
    info = signed.data.signer_info
    try:
        _check_document(signed.signer, mrz)
        moment = signing_moment(signed.signer, signing_time=info.signing_time, at=question.at)
        chain = build_chain(
            signed.signer,
            question.trust,
            moment=moment,
            insecure_allow_sha1=question.policy.insecure_allow_sha1,
        )
    except EidError as error:
        if error.code == UNANCHORED:
            return unknown(name, error.code, error.message), None
        return failed(name, error), None
    message = f"A pinned anchor vouches for the signer (judged by: {moment.basis})."
    return passed(name, "chain.anchored", message), chain


def _check_document(signer: Certificate, mrz: Mrz | None) -> None:
    """The signer may sign this kind of document of this state."""
    if mrz is None:
        return
    if not same_country(signer.subject.country, mrz.issuing_state):
        raise Inconsistent("Document and signer are of two countries.", code="chain.country")
    allowed = document_types(signer)
    kinds = {mrz.document_code, mrz.document_code[:1]}
    if allowed is not None and not kinds & allowed:
        raise Inconsistent("The signer may not sign this kind.", code="chain.document_type")


def check_revocation(question: Question, chain: Chain | None) -> Check:
    """``sod.revocation``: passed only on a fresh, genuine list."""
    name = "sod.revocation"
    if chain is None:
        return unknown(name, NO_ANCHOR, "Without an anchor no list can be judged.")
    try:
        state = revocation_state(
            chain,
            question.trust,
            at=question.at,
            insecure_allow_sha1=question.policy.insecure_allow_sha1,
        )
    except EidError as error:
        return failed(name, error)
    if state == "good":
        return passed(name, "revocation.good", "The signer is not on the current list.")
    message = {
        "stale": f"The signer is not on the list at hand, but that is not of {question.at:%Y-%m-%d}.",
        "unknown": "No revocation list of the signer's authority is at hand.",
    }[state]
    return unknown(name, f"revocation.{state}", message)


def check_lists(question: Question, hashes: Hashes | None) -> Check:
    """``lds.consistency``: versions, and EF.COM, where it was read, against the signed list."""
    name = "lds.consistency"
    if hashes is None:
        return not_checked(name)
    listed = hashes.security_object
    try:
        _check_version(listed)
        data = question.files.get("EF.COM")
        if data is None:
            return passed(name, "lds.com_not_read", "The signed list is consistent in itself.")
        com = parse_com(data)
        if com.data_groups != listed.hashes.keys():
            raise Inconsistent("EF.COM and the signed list differ.", code="lds.data_groups")
        if com.lds_version != (listed.lds_version or "0107"):
            raise Inconsistent("EF.COM states another LDS version.", code="lds.version")
        if com.unicode_version != (listed.unicode_version or "040000"):
            raise Inconsistent("EF.COM states another Unicode version.", code="lds.version")
    except EidError as error:
        return failed(name, error)
    return passed(name, "lds.consistent", "EF.COM and the signed list agree.")


def _check_version(listed: SecurityObject) -> None:
    """Version 0 has no version info, version 1 has one (ICAO Doc 9303-10 §4.6.2.2)."""
    fits = (listed.version, listed.lds_version is not None) in ((0, False), (1, True))
    known = listed.lds_version is None or listed.lds_version in _LDS_VERSIONS
    if not fits or not known:
        raise Inconsistent("The security object's version is wrong.", code="lds.version")
