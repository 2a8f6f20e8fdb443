"""Certificates of one kind, filed at a glance and parsed when somebody asks for them.

A small shelf is parsed at once, so that whatever is unreadable in it is reported at loading; a
large one reports what a glance can see, and ``TrustStore.check`` the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from eid import tlv
from eid.errors import EidError, FormatError
from eid.trust.certificates import Certificate, parse_certificate
from eid.trust.folder import Problem, unwrap
from eid.trust.glance import ANY_COUNTRY, Glance, glance
from eid.trust.names import Name, parse_name
from eid.trust.profile import subject_key_id

PARSED_AT_ONCE: Final = 1024


class _Entry:
    """One certificate's bytes, and itself once it was parsed."""

    __slots__ = ("data", "parsed", "seen", "source")

    def __init__(self, source: str, data: bytes, seen: Glance | None) -> None:
        self.source = source
        self.data = data
        self.seen = seen
        self.parsed: Certificate | None = None

    def certificate(self) -> Certificate:
        """Parse once. Raises ``FormatError``."""
        if self.parsed is None:
            self.parsed = parse_certificate(self.data)
        return self.parsed

    def readable(self) -> Certificate | None:
        try:
            return self.certificate()
        except FormatError:
            return None


class Shelf:
    """Look-up by key identifier, name and serial number; unreadable entries never count."""

    def __init__(self, found: Iterable[tuple[str, bytes]], problems: list[Problem]) -> None:
        entries: dict[str, _Entry] = {}
        for source, data in found:
            try:
                for entry in (_file(source, der) for der in unwrap(data)):
                    entries.setdefault(_fingerprint(entry), entry)
            except EidError as error:
                problems.append(_problem(source, error))
        self.fingerprints = frozenset(entries)
        self._entries = entries
        self._by_key_id: dict[bytes, list[_Entry]] = {}
        self._by_country: dict[str, list[_Entry]] = {}
        self._by_serial: dict[int, list[_Entry]] = {}
        self._named: dict[str, dict[Name, list[_Entry]]] = {}
        if len(entries) <= PARSED_AT_ONCE:
            problems += self.check()
        for entry in entries.values():
            self._index(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def all(self) -> tuple[Certificate, ...]:
        """Every readable certificate, parsed."""
        return tuple(_certificates(self._entries.values()))

    def sources(self) -> Iterator[tuple[str, Certificate]]:
        """Every readable certificate with the file it came from."""
        for entry in self._entries.values():
            certificate = entry.readable()
            if certificate is not None:
                yield entry.source, certificate

    def check(self) -> list[Problem]:
        """Parse everything; return what cannot be read and drop it from the shelf."""
        found = []
        for fingerprint, entry in list(self._entries.items()):
            try:
                entry.certificate()
            except FormatError as error:
                found.append(_problem(entry.source, error))
                del self._entries[fingerprint]
        return found

    def keyed(self, key_id: bytes) -> Iterator[Certificate]:
        """Certificates with this subject key identifier; empty: those that have none."""
        return _certificates(self._by_key_id.get(key_id, ()))

    def named(self, name: Name) -> Iterator[Certificate]:
        """Certificates of this subject."""
        for country in dict.fromkeys((name.country, ANY_COUNTRY)):
            yield from _certificates(self._names(country).get(name, ()))

    def numbered(self, serial: int) -> Iterator[Certificate]:
        """Certificates with this serial number, whoever issued them."""
        return _certificates(self._by_serial.get(serial, ()))

    def _names(self, country: str) -> dict[Name, list[_Entry]]:
        if country not in self._named:
            names: dict[Name, list[_Entry]] = {}
            for entry in self._by_country.get(country, ()):
                name = _subject(entry)
                if name is not None:
                    names.setdefault(name, []).append(entry)
            self._named[country] = names
        return self._named[country]

    def _index(self, entry: _Entry) -> None:
        certificate, seen = entry.parsed, entry.seen
        if certificate is not None:
            key_id, country = _key_id(certificate), certificate.subject.country
            serial = certificate.serial
        elif seen is not None:
            key_id, country = seen.key_id, seen.country
            serial = int.from_bytes(seen.serial, "big", signed=True)
        else:
            return
        self._by_key_id.setdefault(key_id, []).append(entry)
        self._by_country.setdefault(country, []).append(entry)
        self._by_serial.setdefault(serial, []).append(entry)


def _file(source: str, data: bytes) -> _Entry:
    """File one certificate; what a glance cannot take is parsed. Raises ``FormatError``."""
    entry = _Entry(source, data, glance(data))
    if entry.seen is None:
        entry.certificate()
    return entry


def _fingerprint(entry: _Entry) -> str:
    return entry.certificate().fingerprint if entry.seen is None else entry.seen.fingerprint


def _certificates(entries: Iterable[_Entry]) -> Iterator[Certificate]:
    for entry in entries:
        certificate = entry.readable()
        if certificate is not None:
            yield certificate


def _subject(entry: _Entry) -> Name | None:
    try:
        if entry.parsed is not None or entry.seen is None:
            return entry.certificate().subject
        return parse_name(tlv.parse(entry.seen.subject, ber=True))
    except FormatError:
        return None


def _key_id(certificate: Certificate) -> bytes:
    try:
        return subject_key_id(certificate)
    except FormatError:
        return b""


def _problem(source: str, error: EidError) -> Problem:
    return Problem(source=source, code=error.code, message=error.message)
