"""The chip itself: PACE confirmation, Active and Chip Authentication, portrait (9303-11 §6, §9)."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from eid.chip import active_auth
from eid.chip.checks.card_security import check_card_security
from eid.chip.checks.question import Covered, Question
from eid.chip.chip_auth import VerifierSession, check_relayed, tells_refusal
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.security_infos import (
    ID_CA,
    ID_PACE,
    ID_PK,
    SecurityInfos,
    parse_security_infos,
)
from eid.chip.verdict import Check, absent, failed, not_checked, passed, unknown
from eid.errors import ChallengeMismatch, EidError, FormatError, Inconsistent, NotGenuine
from eid.trust.public_keys import DhKey, EcKey, parse_public_key

_CIPHERS: Final = frozenset({"1", "2", "3", "4"})
_FAMILIES: Final = {"1": DhKey, "2": EcKey}


_parse_card_access: Final = lru_cache(maxsize=16)(parse_security_infos)
"""EF.CardAccess is the same in every card of a kind; nothing of a person is in it."""


def check_pace(question: Question, covered: Covered) -> Check:
    """``pace.confirmation``: unsigned EF.CardAccess offers exactly what signed files offer."""
    name = "pace.confirmation"
    try:
        data = question.files.get("EF.CardAccess")
        access = None if data is None else _parse_card_access(data)
        anchored = check_card_security(question, access)
        dg14 = covered.read("EF.DG14", parse_dg14)
        signed = frozenset() if dg14 is None else _pace_infos(dg14)
        if access is not None and signed and _pace_infos(access) != signed:
            raise Inconsistent("EF.CardAccess is not what DG14 says.", code="pace.downgrade")
        if dg14 is None or not signed or not anchored:
            return _unconfirmed(question)
        if not _used_is_signed(question, dg14, seen=access is not None):
            raise Inconsistent("The protocol used is not the signed one.", code="pace.downgrade")
    except EidError as error:
        return failed(name, error)
    return passed(name, "pace.confirmed", "The access protocol is the one that was signed.")


def _unconfirmed(question: Question) -> Check:
    """Nothing signed names a protocol; where BAC was run, that itself is worth knowing."""
    name = "pace.confirmation"
    if question.evidence.access.protocol == "BAC":
        message = "The chip was opened by BAC: its key is weak, and who listens can find it."
        return unknown(name, "pace.bac", message)
    message = "No signed and anchored file names the access protocol."
    return unknown(name, "pace.unconfirmed", message)


def _pace_infos(infos: SecurityInfos) -> frozenset[bytes]:
    """Every SecurityInfo of the PACE branch, domain parameters included, as encoded."""
    return frozenset(info.raw for info in infos.items if info.oid.startswith(ID_PACE))


def _used_is_signed(question: Question, dg14: SecurityInfos, *, seen: bool) -> bool:
    """Whether the protocol the reader says it ran is on offer; without the file it must say."""
    access = question.evidence.access
    if access.protocol == "BAC":
        return False
    if access.protocol != "PACE":
        return seen
    return any(
        info.oid == access.oid and info.parameter_id in (access.parameter_id, None)
        for info in dg14.pace
    )


def check_active(question: Question, covered: Covered) -> Check:
    """``aa.signature``: the key of covered DG15 signed the recorded challenge."""
    name = "aa.signature"
    proof = question.evidence.active_authentication
    try:
        key = covered.read("EF.DG15", parse_dg15)
        if key is None:
            if "EF.DG15" in question.files:
                return not_checked(name)
            return absent(name, "aa.unavailable", "The evidence holds no key of the chip.")
        if proof is None:
            return absent(name, "aa.not_performed", "The chip was not asked to sign.")
        dg14 = covered.read("EF.DG14", parse_dg14)
        odd = active_auth.check(key, dg14, proof.challenge, proof.response)
    except EidError as error:
        return failed(name, error)
    code = odd[0] if odd else "aa.signed"
    return passed(name, code, "The original chip signed the recorded challenge.")


def check_freshness(question: Question, signature: Check) -> Check:
    """``aa.freshness``: the recorded challenge is the verifier's own, given apart from evidence."""
    name = "aa.freshness"
    proof = question.evidence.active_authentication
    if proof is None:
        return absent(name, "aa.not_performed", "The chip was not asked to sign.")
    if question.challenge is None:
        return absent(name, "aa.no_challenge", "The verifier gave no challenge of its own.")
    if not hmac.compare_digest(proof.challenge, question.challenge):
        error = ChallengeMismatch(
            "The proof answers another challenge.", code="aa.other_challenge"
        )
        return failed(name, error)
    if signature.status != "passed":
        return unknown(
            name, "aa.not_proven", "The challenge fits, but the chip's answer is not good."
        )
    return passed(name, "aa.fresh", "The chip answered the verifier's own challenge.")


def check_chip_authentication(question: Question, covered: Covered) -> Check:
    """``chip_auth``: keys of DG14 are usable; another party's session proves nothing here."""
    name = "chip_auth"
    try:
        dg14 = covered.read("EF.DG14", parse_dg14)
        if dg14 is None:
            if "EF.DG14" in question.files:
                return not_checked(name)
            return absent(name, "chip_auth.unavailable", "The evidence holds no DG14.")
        if not _check_keys(dg14):
            return absent(name, "chip_auth.unavailable", "DG14 offers no Chip Authentication.")
    except EidError as error:
        return failed(name, error)
    return _check_session(question, dg14)


def _check_session(question: Question, dg14: SecurityInfos) -> Check:
    name = "chip_auth"
    proof, session = question.evidence.chip_authentication, question.chip_session
    if proof is None:
        return absent(name, "chip_auth.not_performed", "Chip Authentication was not run.")
    if proof.by == "verifier" and session is not None:
        return _check_own_session(session, proof.transcript, dg14)
    if proof.by == "terminal" and tells_refusal(proof.transcript):
        return absent(name, "chip_auth.refused", "The chip refused Chip Authentication.")
    message = "Whoever ran the session can write its transcript; it proves nothing to others."
    return unknown(name, "chip_auth.not_transferable", message)


def _check_own_session(session: VerifierSession, transcript: bytes, dg14: SecurityInfos) -> Check:
    """Judge the chip's answer in the session that this verifier drew the key for."""
    name = "chip_auth"
    digests = {hashlib.sha256(key.spki).digest() for key in dg14.ca_public_keys}
    try:
        check_relayed(session, transcript)
        if session.key_digest not in digests:
            raise NotGenuine("The chip proved another key.", code="chip_auth.other_key")
    except EidError as error:
        return failed(name, error)
    return passed(name, "chip_auth.proven", "The original chip answered the verifier's session.")


def _check_keys(dg14: SecurityInfos) -> bool:
    """Judge every key and protocol on offer; False if there is none. Raises ``NotGenuine``."""
    stray = [info for info in dg14.unknown if info.oid.startswith((ID_CA, ID_PK))]
    if stray:
        raise NotGenuine("A Chip Authentication protocol is unknown.", code="chip_auth.protocol")
    families = set()
    for key in dg14.ca_public_keys:
        try:
            parsed = parse_public_key(key.spki)
        except FormatError as error:
            raise NotGenuine(
                "A Chip Authentication key is unusable.", code="chip_auth.key"
            ) from error
        family = key.oid.removeprefix(ID_PK)
        if not isinstance(parsed, _FAMILIES[family]):
            raise NotGenuine("A key is not of its protocol.", code="chip_auth.key")
        families.add(family)
    for info in dg14.chip_authentication:
        family, _, cipher = info.oid.removeprefix(ID_CA).partition(".")
        if family not in families or cipher not in _CIPHERS:
            raise NotGenuine("A protocol has no key.", code="chip_auth.protocol")
        if info.version != 1:
            raise NotGenuine("A protocol version is unknown.", code="chip_auth.version")
    return bool(families)


def check_portrait(question: Question, covered: Covered) -> Check:
    """``portrait``: covered DG2 holds one face whose headers are sound; no picture is decoded."""
    name = "portrait"
    try:
        portrait = covered.read("EF.DG2", parse_dg2)
    except FormatError as error:
        return failed(name, error)
    if portrait is not None:
        return passed(name, "portrait.present", f"A portrait ({portrait.format}) is there.")
    if "EF.DG2" in question.files:
        return not_checked(name)
    return absent(name, "portrait.absent", "The evidence holds no portrait.")
