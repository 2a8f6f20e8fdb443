"""What a judgement says: checks by name, the holder, and one verdict (contracts §4).

>>> check = Check(name="portrait", status="absent", code="portrait.absent", message="No portrait.")
>>> Verdict(verdict="rejected", checks=(check,)).to_json()["checks"]
[{'name': 'portrait', 'status': 'absent', 'code': 'portrait.absent'}]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from eid.errors import EidError, VerificationError

Status = Literal["passed", "failed", "absent", "unknown"]
Outcome = Literal["accepted", "rejected", "unanchored"]
JsonObject = dict[str, object]

CHECK_NAMES: Final = (
    "sod.signature",
    "sod.chain",
    "sod.revocation",
    "sod.hashes",
    "lds.consistency",
    "mrz",
    "holder.consistency",
    "document.expiry",
    "pace.confirmation",
    "aa.signature",
    "aa.freshness",
    "chip_auth",
    "portrait",
    "remote",
)
PASSIVE: Final = frozenset(CHECK_NAMES[:5])
NOT_CHECKED: Final = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, how it ended, a stable code and a sentence; ``error`` if it failed."""

    name: str
    status: Status
    code: str
    message: str
    error: EidError | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who the card says its holder is; ``birth_date`` is ISO, or empty where it is incomplete.

    ``sex`` is ``M``, ``F`` or empty; ``personal_number`` is empty where the card has none.
    """

    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    sex: str = field(repr=False)
    nationality: str = field(repr=False)
    document_number: str = field(repr=False)
    personal_number: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The whole report. ``holder`` is there only if the hashes passed; ``error`` says why not.

    ``signer`` and ``anchor`` are SHA-256 fingerprints in hexadecimal, empty where unknown.
    """

    verdict: Outcome
    checks: tuple[Check, ...]
    holder: Holder | None = field(default=None, repr=False)
    signer: str = ""
    anchor: str = ""
    error: VerificationError | None = field(default=None, repr=False, compare=False)

    def check(self, name: str) -> Check:
        """The check of this name; ``KeyError`` if there is none."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes that speak against the card, the most telling first; empty if accepted."""
        if self.error is None:
            return ()
        failed = [check.code for check in self.checks if check.status == "failed"]
        return tuple(dict.fromkeys((self.error.code, *failed)))

    @property
    def passive_authentication(self) -> Status:
        """The state of the signed data alone: the worst of its five checks."""
        found = {check.status for check in self.checks if check.name in PASSIVE}
        order: tuple[Status, ...] = ("failed", "absent", "unknown")
        return next((status for status in order if status in found), "passed")

    def to_json(self) -> JsonObject:
        """The members of contracts §4; holds personal data where there is a holder."""
        holder = self.holder
        return {
            "verdict": self.verdict,
            "checks": [
                {"name": check.name, "status": check.status, "code": check.code}
                for check in self.checks
            ],
            "holder": None
            if holder is None
            else {
                "name": holder.name,
                "birth_date": holder.birth_date,
                "sex": holder.sex,
                "nationality": holder.nationality,
                "document_number": holder.document_number,
                "personal_number": holder.personal_number,
            },
        }


def passed(name: str, code: str, message: str) -> Check:
    """A check that holds."""
    return Check(name=name, status="passed", code=code, message=message)


def absent(name: str, code: str, message: str) -> Check:
    """A check for which the evidence holds nothing."""
    return Check(name=name, status="absent", code=code, message=message)


def unknown(name: str, code: str, message: str) -> Check:
    """A check that cannot be decided here."""
    return Check(name=name, status="unknown", code=code, message=message)


def failed(name: str, error: EidError) -> Check:
    """A check that speaks against the card. The error keeps no frames, and so no card data."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return Check(name=name, status="failed", code=error.code, message=error.message, error=error)


def not_checked(name: str) -> Check:
    """A check whose bytes are not covered by a good signature, so nobody looked."""
    return unknown(name, NOT_CHECKED, "Not judged, because no good signature covers its data.")
