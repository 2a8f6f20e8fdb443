"""What in a trust folder runs out, has run out, or cannot be used (`eid trust check`).

A finding that is ``bad`` changes verdicts now; one that is ``soon`` will.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from eid.errors import FormatError
from eid.trust.certificates import Certificate
from eid.trust.manifest import Manifest
from eid.trust.masterlist import sort_authorities
from eid.trust.path import usage_end
from eid.trust.profile import may_sign_crls
from eid.trust.store import TrustStore

SOON: Final = timedelta(days=90)
LIST_AGE: Final = timedelta(days=180)
_CRL_SOON: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know: how pressing, a stable code, what it is about, and a sentence."""

    grade: Literal["bad", "soon", "note"]
    code: str
    about: str
    message: str


def check_store(store: TrustStore, manifest: Manifest | None, *, at: datetime) -> list[Finding]:
    """Everything that the operator should know about the store, the pressing first."""
    found = [*_problems(store), *_authorities(store, at), *_crls(store, at)]
    found += _lists(manifest or Manifest(), at)
    if not store.anchors:
        message = "No anchor is pinned: every card is unanchored."
        found.append(Finding(grade="bad", code="trust.no_anchor", about="", message=message))
    order = ("bad", "soon", "note")
    return sorted(found, key=lambda finding: order.index(finding.grade))


def _problems(store: TrustStore) -> Iterator[Finding]:
    for problem in store.check():
        yield Finding(
            grade="bad", code=problem.code, about=problem.source, message=problem.message
        )


def _authorities(store: TrustStore, at: datetime) -> Iterator[Finding]:
    for certificate in (*store.anchors, *store.links):
        ends = certificate.not_after
        if not certificate.not_before <= at <= ends:
            message = "This authority is not valid now; documents from its time may still be."
            yield _finding("note", "authority.expired", certificate, message)
        elif ends < at + SOON:
            message = f"This authority expires on {ends:%Y-%m-%d}."
            yield _finding("soon", "authority.expires", certificate, message)
        last = _signs_until(certificate)
        if last is not None and at - SOON < last < at + SOON:
            message = f"This authority stops signing on {last:%Y-%m-%d}: expect its successor."
            yield _finding("soon", "authority.successor", certificate, message)
    everyone = [one.raw for one in (*store.anchors, *store.links)]
    for orphan in sort_authorities(everyone).orphans:
        message = "The issuer of this link certificate is not in the store."
        yield _finding("note", "link.orphan", orphan, message)


def _crls(store: TrustStore, at: datetime) -> Iterator[Finding]:
    covered = set()
    for crl in store.crls:
        signed = any(
            may_sign_crls(one) and store.is_crl_of(crl, one) for one in store.named(crl.issuer)
        )
        about = f"CRL of {crl.issuer.text}"
        if not signed:
            message = "No authority in the store has signed this list; it is never used."
            yield Finding(grade="bad", code="crl.unsigned", about=about, message=message)
            continue
        covered.add(crl.issuer)
        if not crl.fresh(at):
            message = f"This list is out of date: it is of {crl.this_update:%Y-%m-%d}."
            yield Finding(grade="bad", code="crl.stale", about=about, message=message)
        elif crl.next_update is not None and crl.next_update < at + _CRL_SOON:
            message = f"A newer list is due on {crl.next_update:%Y-%m-%d}."
            yield Finding(grade="soon", code="crl.due", about=about, message=message)
    for anchor in store.anchors:
        if anchor.subject not in covered and anchor.not_after >= at:
            covered.add(anchor.subject)
            message = "No list is here: revocation stays unknown."
            yield _finding("note", "crl.missing", anchor, message)


def _lists(manifest: Manifest, at: datetime) -> Iterator[Finding]:
    for pin, signed_at in manifest.lists.items():
        if signed_at < at - LIST_AGE:
            message = f"The newest master list under this pin is of {signed_at:%Y-%m-%d}."
            yield Finding(
                grade="soon", code="masterlist.old", about=f"pin {pin[:16]}", message=message
            )


def _signs_until(certificate: Certificate) -> datetime | None:
    try:
        return usage_end(certificate)
    except FormatError:
        return None


def _finding(
    grade: Literal["bad", "soon", "note"], code: str, certificate: Certificate, message: str
) -> Finding:
    about = f"{certificate.subject.text} [{certificate.fingerprint[:16]}]"
    return Finding(grade=grade, code=code, about=about, message=message)
