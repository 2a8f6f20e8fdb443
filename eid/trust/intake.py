"""What lies in the files of an import, and what of it may be taken.

Only two things make an anchor: a self-signed authority that the operator hands over himself, and
one on a master list under a pin. A directory dump (LDIF) never does. A revocation list is taken
if an authority at hand has signed it and none newer of the same key is held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from eid.errors import EidError, FormatError
from eid.trust.certificates import Certificate, parse_certificate
from eid.trust.folder import KINDS, Problem, unwrap
from eid.trust.ldif import Item, is_ldif, read_ldif
from eid.trust.manifest import Entry, Manifest
from eid.trust.masterlist import MAX_AGE, is_master_list, read_master_list, sort_authorities
from eid.trust.names import Name
from eid.trust.profile import is_authority, may_sign_crls
from eid.trust.revocation import Crl, parse_crl
from eid.trust.store import TrustStore

_MAX_PLAIN: Final = 16 << 20
_HEAD: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """One file to be: its kind, content and manifest entry, and a title for people."""

    kind: str
    title: str
    data: bytes = field(repr=False)
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do. ``orphans`` are titles of links whose issuer is not at hand."""

    additions: tuple[Addition, ...]
    superseded: tuple[str, ...]
    present: int
    problems: tuple[Problem, ...]
    orphans: tuple[str, ...]
    lists: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which pins lists are believed, when, and how old they may be."""

    pins: tuple[Certificate, ...] = ()
    at: datetime
    max_age: timedelta = MAX_AGE


class Intake:
    """One import while it is being planned; ``found`` is what the folder holds by kind."""

    def __init__(
        self, found: Mapping[str, list[tuple[str, bytes]]], manifest: Manifest, terms: Terms
    ) -> None:
        self._terms = terms
        self._lists = dict(manifest.lists)
        self._found = found
        self._held = {
            hashlib.sha256(data).hexdigest() for items in self._found.values() for _, data in items
        }
        self._additions: dict[str, Addition] = {}
        self._problems: list[Problem] = []
        self._orphans: list[str] = []
        self._crls: list[tuple[Crl, bytes, Entry]] = []
        self._superseded: list[str] = []
        self._present = 0

    def take(self, source: Path) -> None:
        """Look into one file. Raises ``OSError`` if it cannot be read."""
        with source.open("rb") as file:
            head = file.read(_HEAD)
        if is_ldif(head):
            self._take_ldif(source)
            return
        with source.open("rb") as file:
            data = file.read(_MAX_PLAIN + 1)
        origin = Entry(path="", sha256="", source=source.name, source_sha256=_sha256(data))
        if len(data) > _MAX_PLAIN:
            self._problem(origin, FormatError("The file is too long.", code="trust.size"))
        elif is_master_list(data):
            self._take_list(data, origin)
        else:
            self._take_plain(data, origin)

    def plan(self) -> Plan:
        """What all files together come to."""
        self._settle_crls()
        return Plan(
            additions=tuple(self._additions.values()),
            superseded=tuple(self._superseded),
            present=self._present,
            problems=tuple(self._problems),
            orphans=tuple(self._orphans),
            lists=self._lists,
        )

    def _take_ldif(self, source: Path) -> None:
        digest = hashlib.sha256()
        with source.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        origin = Entry(path="", sha256="", source=source.name, source_sha256=digest.hexdigest())
        try:
            with source.open(encoding="utf-8", errors="replace") as lines:
                for item in read_ldif(lines):
                    self._take_item(item, origin)
        except FormatError as error:
            self._problem(origin, error)

    def _take_item(self, item: Item, origin: Entry) -> None:
        try:
            data = _conformant(item)
            match item.kind:
                case "masterlist":
                    self._take_list(data, origin)
                case "crl":
                    self._crls.append((parse_crl(data), data, origin))
                case "ds" | "authority":
                    self._take_directory_entry(parse_certificate(data), origin)
        except FormatError as error:
            self._problem(origin, error, item.name)

    def _take_directory_entry(self, certificate: Certificate, origin: Entry) -> None:
        if not is_authority(certificate):
            self._add("ds", certificate, origin)
        elif certificate.self_issued and not _is_link(certificate):
            message = "A directory makes no anchors; import the certificate itself to pin it."
            raise FormatError(message, code="trust.not_pinned")
        else:
            self._add("link", certificate, origin)

    def _take_list(self, data: bytes, origin: Entry) -> None:
        try:
            believed = read_master_list(
                data,
                pinned=self._terms.pins,
                at=self._terms.at,
                newest=self._lists,
                max_age=self._terms.max_age,
            )
        except EidError as error:
            self._problem(origin, error)
            return
        pin = believed.pin.fingerprint
        self._lists[pin] = max(believed.signed_at, self._lists.get(pin, believed.signed_at))
        signed = replace(origin, signed_by=pin)
        found = sort_authorities(believed.certificates)
        for certificate in found.anchors:
            self._add("csca", certificate, signed)
        for certificate in found.links:
            self._add("link", certificate, signed)
        for fingerprint, code in found.unreadable:
            message = "An entry of the list cannot be read."
            self._problem(origin, FormatError(message, code=code), fingerprint[:16])
        self._orphans += [_title(certificate) for certificate in found.orphans]

    def _take_plain(self, data: bytes, origin: Entry) -> None:
        try:
            objects = unwrap(data)
        except FormatError as error:
            self._problem(origin, error)
            return
        for der in objects:
            try:
                self._take_der(der, origin)
            except FormatError as error:
                self._problem(origin, error)

    def _take_der(self, der: bytes, origin: Entry) -> None:
        try:
            self._crls.append((parse_crl(der), der, origin))
        except FormatError:
            certificate = parse_certificate(der)
            self._add(_kind(certificate), certificate, origin)

    def _add(self, kind: str, certificate: Certificate, origin: Entry) -> None:
        name = f"{_place(certificate.subject)}-{certificate.fingerprint[:40]}.der"
        self._file(kind, name, certificate.raw, _title(certificate), origin)

    def _file(self, kind: str, name: str, data: bytes, title: str, origin: Entry) -> bool:
        """Note an addition; false if the very same bytes are here already."""
        digest = _sha256(data)
        if digest in self._held:
            self._present += 1
            return False
        self._held.add(digest)
        entry = replace(
            origin, path=f"{kind}/{name}", sha256=digest, imported_at=self._terms.at.isoformat()
        )
        self._additions[entry.path] = Addition(kind=kind, title=title, data=data, entry=entry)
        return True

    def _settle_crls(self) -> None:
        """Take lists that an authority at hand has signed and that are newer than those held."""
        store = self._store()
        held: dict[tuple[Name, str], tuple[str, Crl]] = {
            (crl.issuer, _authority_of(crl, store)): (path, crl)
            for path, data in self._found["crl"]
            for crl in _readable_crls(data)
        }
        for crl, data, origin in sorted(self._crls, key=lambda item: item[0].this_update):
            key = (crl.issuer, _authority_of(crl, store))
            path, older = held.get(key, ("", None))
            if not key[1]:
                message, code = "No authority at hand has signed this list.", "crl.unsigned"
                self._problem(origin, FormatError(message, code=code), crl.issuer.text)
            elif older is not None and crl.this_update < older.this_update:
                message, code = "A newer list of this authority is here already.", "crl.older"
                self._problem(origin, FormatError(message, code=code), crl.issuer.text)
            elif self._file("crl", _crl_name(crl), data, f"CRL of {crl.issuer.text}", origin):
                self._supersede(path)
                held[key] = (f"crl/{_crl_name(crl)}", crl)

    def _store(self) -> TrustStore:
        """What is held, with what this import adds."""
        found = {kind: list(self._found[kind]) for kind in KINDS}
        for one in self._additions.values():
            found[one.kind].append((one.entry.path, one.data))
        return TrustStore(found)

    def _supersede(self, path: str) -> None:
        if path and self._additions.pop(path, None) is None:
            self._superseded.append(path)

    def _problem(self, origin: Entry, error: EidError, what: str = "") -> None:
        source = f"{origin.source}: {what}" if what else origin.source
        self._problems.append(Problem(source=source, code=error.code, message=error.message))


def _conformant(item: Item) -> bytes:
    """The bytes of an LDIF value. Raises ``FormatError``."""
    if item.data is None:
        raise FormatError("A value is not base64.", code="ldif.value")
    if not item.conformant:
        message = "The directory itself calls this entry non-conformant."
        raise FormatError(message, code="ldif.not_conformant")
    return item.data


def _kind(certificate: Certificate) -> str:
    if not is_authority(certificate):
        return "ds"
    return "link" if _is_link(certificate) else "csca"


def _is_link(certificate: Certificate) -> bool:
    """Whether an authority's certificate is not signed by its own key."""
    return not sort_authorities([certificate.raw]).anchors


def _authority_of(crl: Crl, store: TrustStore) -> str:
    """The key that signed the list, as hexadecimal digest; empty if it is not at hand."""
    for authority in store.named(crl.issuer):
        try:
            if may_sign_crls(authority) and store.is_crl_of(crl, authority):
                return _sha256(authority.spki)
        except FormatError:
            continue
    return ""


def _readable_crls(data: bytes) -> Iterator[Crl]:
    try:
        yield from [parse_crl(der) for der in unwrap(data)]
    except FormatError:
        return


def _crl_name(crl: Crl) -> str:
    return f"{_place(crl.issuer)}-{crl.fingerprint[:40]}.crl"


def _place(name: Name) -> str:
    country = name.country.lower()
    return country if country.isascii() and country.isalpha() else "xx"


def _title(certificate: Certificate) -> str:
    return f"{certificate.subject.text} [{certificate.fingerprint[:16]}]"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
