"""A fictional hospital: its authority, its patients and their cards, the issuer of their codes.

Everything is made anew at each start; nobody and nothing in it is real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eid.chip.transport import Transport
from eid.errors import CardError
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.presence import Asked, issue_presence
from eid.qr.signers import SoftwareSigner
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE, Person
from eid.testing.personalise import personalise
from eid.testing.softcard import SoftwareCard
from eid.trust.store import TrustStore

from .book import Book
from .checkin import CheckIn
from .insurance import InsurancePortal

AUDIENCE = "https://hospital.example"
ISSUER = "https://id.example"
_PLACES = (1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35,
           36, 37, 38, 40, 42, 44, 45)  # fmt: skip
_SURNAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô")


@dataclass(slots=True)
class Trial:
    """The trial's authority, and a card for whoever is asked for."""

    at: datetime
    authority: DocumentAuthority = field(init=False, repr=False)
    signer: SoftwareSigner = field(init=False, repr=False)
    _chip_key: rsa.RSAPrivateKey = field(init=False, repr=False)
    _cards: dict[str, CardImage] = field(default_factory=dict, repr=False)
    people: Mapping[str, Person] = field(init=False)

    def __post_init__(self) -> None:
        self.authority = DocumentAuthority.create(at=self.at)
        self.signer = SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
        self._chip_key = rsa.generate_private_key(65537, 2048)
        self.people = {person.number: person for person in PEOPLE.values()}

    def checkin(self, book: Book, portal: InsurancePortal) -> CheckIn:
        """A check-in that trusts the trial's authority and the trial's issuer."""
        keys = IssuerKeys.of([IssuerKey.of(ISSUER, self.signer.public_key)])
        trust = TrustStore.of(csca=[self.authority.csca_der])
        return CheckIn(
            book=book, portal=portal, trust=trust, presence_keys=keys, audience=AUDIENCE
        )

    def put_down(self, number: str) -> Transport:
        """A reader on which the card of whoever has this number is put down at once."""
        person = self.people.get(number)
        if person is None:
            raise CardError("No card was put down.", code="card.none")
        return self.card(person)

    def card(self, person: Person) -> Transport:
        """The person's card in a field."""
        return SoftwareCard(self.image(person))

    def image(self, person: Person) -> CardImage:
        """The card as it was issued, made when it is first asked for."""
        if person.number not in self._cards:
            self._cards[person.number] = personalise(
                person, self.authority, at=self.at, aa_private_key=self._chip_key
            )
        return self._cards[person.number]

    def answer(self, asked: Asked, person: Person, *, at: datetime) -> str:
        """What the person's telephone shows for a question."""
        return issue_presence(asked, subject=person.number[-9:].encode(), key=self.signer, at=at)


def fictional(index: int) -> Person:
    """One of 300 people whom nobody ever met; their numbers end in one digit six times."""
    place, tail = _PLACES[index // 10 % len(_PLACES)], str(index % 10) * 6
    year = 50 + index % 50
    female = index % 2
    return Person(
        number=f"{place:03d}{female}{year:02d}{tail}",
        name=f"{_SURNAMES[index % len(_SURNAMES)]} {'Thị' if female else 'Văn'} Thử {index}",
        birth_date=date(1900 + year, 1 + index % 12, 1 + index % 28),
        sex="F" if female else "M",
        issue_date=date(2022, 1, 4),
        expiry=date(2045, 1, 4),
        origin="Xã Thử Nghiệm",
        residence="Số 1 Phố Mẫu",
    )


def printed_code(person: Person) -> str:
    """What is printed on the person's card."""
    sex = "Nam" if person.sex == "M" else "Nữ"
    born, issued = (day.strftime("%d%m%Y") for day in (person.birth_date, person.issue_date))
    return f"{person.number}||{person.name}|{born}|{sex}|{person.residence}|{issued}"


def trial_book(folder: Path | None) -> Book:
    """The book in a folder, or in memory."""
    return Book(":memory:" if folder is None else folder / "hospital.db")
