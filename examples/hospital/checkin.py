"""Check-in: from what a patient shows to a visit that says how the identity was established.

Five ways, and the visit keeps which one it was:

``chip``      the card's chip was read and judged, and answered our own challenge
``presence``  a code on the patient's screen, signed for this hospital and this moment
``printed``   the code printed on the card: unsigned, so it says whom to look for and no more
``declared``  somebody's word: a newborn by the mother, a patient without papers
``nobody``    an emergency: treated first

No way invents a number. Insurance is asked for afterwards and never holds a visit up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import eid
from eid.chip.evidence import Evidence
from eid.errors import FormatError, InsufficientEvidence
from eid.qr.issuers import IssuerKeys
from eid.qr.presence import Asked, Seen, SeenInMemory, new_challenge, verify_presence
from eid.qr.printed import parse_printed
from eid.trust.store import TrustStore

from .book import Book, Established, Patient, Visit
from .insurance import InsurancePortal, PortalDown

POLICY = replace(
    eid.IDENTIFY,
    name="hospital",
    required=eid.IDENTIFY.required | {"aa.signature", "aa.freshness"},
    issuing_state="VNM",
)
"""Signed, anchored, not expired, Vietnam's, and the chip itself answers now; no portrait is read."""
WITHOUT_NUMBER: dict[str, tuple[str, Established]] = {
    "newborn": ("SS", "declared"),
    "no_papers": ("KG", "declared"),
    "emergency": ("CC", "nobody"),
}
"""Temporary names begin with two letters, so that none can pass for a personal number."""


@dataclass(slots=True)
class CheckIn:
    """One hospital's check-in. ``audience`` is the hospital's name in presence codes."""

    book: Book
    portal: InsurancePortal
    trust: TrustStore
    presence_keys: IssuerKeys
    audience: str
    rng: Callable[[int], bytes] = secrets.token_bytes
    seen: Seen = field(default_factory=SeenInMemory, repr=False)

    # -- who is it ---------------------------------------------------------------------------

    def challenge(self) -> bytes:
        """Eight bytes for one reading of one card: keep them until the evidence comes."""
        return self.rng(8)

    def by_card(
        self, evidence: Evidence, challenge: bytes, number: str | None, *, by: str, at: datetime
    ) -> Visit:
        """A chip that was read for us just now, and whose it must be, if a number was typed here."""
        card = eid.verify(
            evidence,
            self.trust,
            policy=POLICY,
            at=at,
            challenge=challenge,
            expect_number=number,
        )
        holder = card.holder
        patient = self.book.patient(holder.personal_number, holder.name, holder.birth_date)
        salt = self.rng(16)
        return self._visit(patient, "chip", by, at, proof=evidence.commitment(salt), salt=salt)

    def by_printed(self, text: str, *, by: str, at: datetime) -> Visit:
        """The card's printed code. A code that contradicts itself is refused."""
        card = parse_printed(text, at=at)
        if not card.consistent or card.birth_date is None:
            raise FormatError("The printed code contradicts itself.", code="printed.inconsistent")
        patient = self.book.patient(card.number, card.name, card.birth_date.isoformat())
        return self._visit(patient, "printed", by, at)

    def ask_presence(self) -> Asked:
        """The question to show as a QR code, for one patient."""
        return Asked(audience=self.audience, challenge=new_challenge(rng=self.rng))

    def by_presence(self, text: str, asked: Asked, *, by: str, at: datetime) -> Visit:
        """The answer on the patient's screen, from somebody whom a chip introduced before."""
        presence = verify_presence(text, self.presence_keys, asked, at=at, seen=self.seen)
        patient = self.book.patient_of(presence.issuer, presence.subject)
        if patient is None:
            raise InsufficientEvidence(
                "This person has not been here with a card yet.",
                missing=("card",),
                code="hospital.unknown_subject",
            )
        return self._visit(patient, "presence", by, at)

    def introduce(self, text: str, asked: Asked, visit: Visit, *, at: datetime) -> None:
        """Tie presence codes to the patient whose chip was read in this very visit."""
        if visit.established != "chip":
            raise InsufficientEvidence(
                "Only a chip introduces a person.", missing=("card",), code="hospital.not_by_chip"
            )
        presence = verify_presence(text, self.presence_keys, asked, at=at, seen=self.seen)
        self.book.tie(presence.issuer, presence.subject, visit.patient)

    def without_number(self, kind: str, name: str, *, by: str, at: datetime) -> Visit:
        """A newborn, a patient without papers, an emergency: treated under a temporary name."""
        letters, established = WITHOUT_NUMBER[kind]
        patient = self.book.temporary(letters, name)
        return self._visit(patient, established, by, at)

    # -- is the person insured ---------------------------------------------------------------

    def look_up(self, visit: Visit, *, at: datetime) -> tuple[Visit, float]:
        """Ask the portal, and how long that took; no answer leaves the visit pending."""
        patient = self.book.by_id(visit.patient)
        if patient.number is None:
            return self.book.insured(visit.id, "not_asked"), 0.0
        try:
            answer = self.portal(patient.number, patient.name, patient.birth_date, at=at)
        except PortalDown as error:
            return self.book.insured(visit.id, "pending"), error.took_s
        return self.book.insured(visit.id, answer.state, answer.cards), answer.took_s

    def settle(self, visit_id: str, card: str) -> Visit:
        """The patient's paper card says which of the portal's answers is meant, or replaces one."""
        visit = self.book.visit(visit_id)
        if visit.insurance == "two_answers" and card not in visit.cards:
            raise FormatError("That card was not among the answers.", code="hospital.card")
        return self.book.insured(visit_id, "settled", (card,))

    def retry(self, *, at: datetime) -> int:
        """Ask again for every visit that waits; how many were answered."""
        waiting = self.book.pending()
        for visit in waiting:
            if self.look_up(visit, at=at)[0].insurance == "pending":
                break  # still down: the rest would only wait as well
        return len(waiting) - len(self.book.pending())

    def _visit(
        self,
        patient: Patient,
        established: Established,
        by: str,
        at: datetime,
        *,
        proof: bytes | None = None,
        salt: bytes = b"",
    ) -> Visit:
        visit = Visit(
            id=self.rng(8).hex(),
            patient=patient.id,
            at=at,
            by=by,
            established=established,
            proof=proof,
            salt=salt,
        )
        return self.book.add(visit)
