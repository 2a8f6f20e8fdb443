"""Patients and visits in one SQLite file. A visit that was accepted is on the disk."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

Established = Literal["chip", "presence", "printed", "declared", "nobody"]
Insurance = Literal[
    "asked", "covered", "no_data", "two_answers", "settled", "pending", "not_asked"
]
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_TABLES = """
CREATE TABLE IF NOT EXISTS patients (
  id INTEGER PRIMARY KEY, number TEXT UNIQUE, temporary TEXT UNIQUE,
  name TEXT NOT NULL, birth_date TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS subjects (
  issuer TEXT, subject BLOB, patient INTEGER NOT NULL, PRIMARY KEY (issuer, subject));
CREATE TABLE IF NOT EXISTS visits (
  id TEXT PRIMARY KEY, patient INTEGER NOT NULL REFERENCES patients, at TEXT NOT NULL,
  by_whom TEXT NOT NULL, established TEXT NOT NULL, proof BLOB, salt BLOB,
  insurance TEXT NOT NULL DEFAULT 'asked', cards TEXT NOT NULL DEFAULT '');
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A person: with the personal number, or under a temporary name of the hospital."""

    id: int
    number: str | None = field(repr=False)
    temporary: str | None
    name: str = field(repr=False)
    birth_date: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who came when, who let him in, and how the identity was established.

    ``proof`` is a salted commitment to the evidence: nobody can link it to another service's.
    """

    id: str
    patient: int
    at: datetime
    by: str
    established: Established
    proof: bytes | None = field(default=None, repr=False)
    salt: bytes = field(default=b"", repr=False)
    insurance: Insurance = "asked"
    cards: tuple[str, ...] = field(default=(), repr=False)


class Book:
    """The hospital's book."""

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def patient(self, number: str, name: str, birth_date: str) -> Patient:
        """The patient with this number; made at the first visit."""
        with self._write() as book:
            book.execute(
                "INSERT INTO patients (number, name, birth_date) VALUES (?, ?, ?) "
                "ON CONFLICT (number) DO NOTHING",
                (number, name, birth_date),
            )
        return self._patient("number = ?", number)

    def temporary(self, letters: str, name: str) -> Patient:
        """A patient without a number: two letters and a random word, never twelve digits."""
        with self._write() as book:
            word = "".join(secrets.choice(_LETTERS) for _ in range(6))
            book.execute(
                "INSERT INTO patients (temporary, name, birth_date) VALUES (?, ?, '')",
                (f"{letters}-{word}", name),
            )
        return self._patient("temporary = ?", f"{letters}-{word}")

    def by_id(self, patient: int) -> Patient:
        """The patient."""
        return self._patient("id = ?", patient)

    def patient_of(self, issuer: str, subject: bytes) -> Patient | None:
        """Whom this issuer's presence codes speak of, if a chip introduced that person here."""
        row = self._connection.execute(
            "SELECT patient FROM subjects WHERE issuer = ? AND subject = ?", (issuer, subject)
        ).fetchone()
        return None if row is None else self.by_id(row[0])

    def tie(self, issuer: str, subject: bytes, patient: int) -> None:
        """From now on this subject is that patient."""
        with self._write() as book:
            book.execute(
                "INSERT OR REPLACE INTO subjects VALUES (?, ?, ?)", (issuer, subject, patient)
            )

    def add(self, visit: Visit) -> Visit:
        """Put a visit on the disk."""
        with self._write() as book:
            book.execute(
                "INSERT INTO visits (id, patient, at, by_whom, established, proof, salt) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    visit.id,
                    visit.patient,
                    visit.at.isoformat(),
                    visit.by,
                    visit.established,
                    visit.proof,
                    visit.salt,
                ),
            )
        return visit

    def insured(self, visit_id: str, state: Insurance, cards: tuple[str, ...] = ()) -> Visit:
        """What is known of the visit's insurance now."""
        with self._write() as book:
            book.execute(
                "UPDATE visits SET insurance = ?, cards = ? WHERE id = ?",
                (state, " ".join(cards), visit_id),
            )
        return self.visit(visit_id)

    def visit(self, visit_id: str) -> Visit:
        """The visit; KeyError if there is none."""
        found = self._visits("WHERE id = ?", visit_id)
        if not found:
            raise KeyError("no such visit")
        return found[0]

    def pending(self) -> tuple[Visit, ...]:
        """The visits whose look-up waits for the portal, oldest first."""
        return self._visits("WHERE insurance = ? ORDER BY at, id", "pending")

    def latest(self, count: int) -> tuple[Visit, ...]:
        """The last visits, newest first."""
        return self._visits("ORDER BY at DESC, id LIMIT ?", count)

    def _patient(self, where: str, value: object) -> Patient:
        query = f"SELECT id, number, temporary, name, birth_date FROM patients WHERE {where}"  # noqa: S608 - our own words
        row = self._connection.execute(query, (value,)).fetchone()
        number_id, number, temporary, name, birth_date = row
        return Patient(
            id=number_id, number=number, temporary=temporary, name=name, birth_date=birth_date
        )

    def _visits(self, rest: str, value: object) -> tuple[Visit, ...]:
        columns = "id, patient, at, by_whom, established, proof, salt, insurance, cards"
        query = f"SELECT {columns} FROM visits {rest}"  # noqa: S608 - our own words
        return tuple(
            Visit(
                id=row[0],
                patient=row[1],
                at=datetime.fromisoformat(row[2]),
                by=row[3],
                established=row[4],
                proof=row[5],
                salt=row[6],
                insurance=row[7],
                cards=tuple(row[8].split()),
            )
            for row in self._connection.execute(query, (value,))
        )

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            yield self._connection
