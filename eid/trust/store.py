"""The anchors an operator has pinned, and what was found beside them (ICAO Doc 9303-12 §6).

A trust folder holds ``csca/``, ``link/``, ``ds/`` and ``crl/`` with DER or PEM files. Only
``csca/`` is trusted; everything else must be signed by it. What cannot be read is listed in
``problems`` and never counts. A store is read-only and may be shared between threads.

>>> store = TrustStore.of(csca=[b"garbage"])
>>> store.anchors, store.problems[0].code
((), 'tlv.truncated')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from eid.errors import EidError, FormatError, SignatureInvalid
from eid.trust.certificates import Certificate, public_key, verify_issued
from eid.trust.deny import NOTHING_DENIED, DenyList
from eid.trust.folder import Problem, read_deny_list, read_folder, unwrap
from eid.trust.names import Name
from eid.trust.revocation import Crl, parse_crl
from eid.trust.shelf import Shelf
from eid.trust.signature import verify

_MAX_REMEMBERED: Final = 4096


class TrustStore:
    """Anchors, link certificates, known signers and revocation lists."""

    __slots__ = ("_anchors", "_links", "_remembered", "_signers", "crls", "denied", "problems")

    def __init__(
        self,
        found: Mapping[str, list[tuple[str, bytes]]],
        problems: Iterable[Problem] = (),
        denied: DenyList = NOTHING_DENIED,
    ) -> None:
        noted = list(problems)
        self._anchors = Shelf(found.get("csca", ()), noted)
        self._links = Shelf(found.get("link", ()), noted)
        self._signers = Shelf(found.get("ds", ()), noted)
        self.crls = tuple(_crls(found.get("crl", ()), noted))
        self.denied = denied
        self.problems = tuple(noted)
        self._remembered: dict[tuple[str, str], bool] = {}

    def __repr__(self) -> str:
        return (
            f"TrustStore(anchors={len(self._anchors)}, links={len(self._links)}, "
            f"crls={len(self.crls)}, problems={len(self.problems)})"
        )

    @classmethod
    def of(
        cls,
        *,
        csca: Iterable[bytes] = (),
        link: Iterable[bytes] = (),
        ds: Iterable[bytes] = (),
        crl: Iterable[bytes] = (),
        denied: DenyList = NOTHING_DENIED,
    ) -> Self:
        """A store of DER or PEM objects already in memory."""
        kinds = {"csca": csca, "link": link, "ds": ds, "crl": crl}
        found = {
            kind: [(f"{kind}[{index}]", data) for index, data in enumerate(items)]
            for kind, items in kinds.items()
        }
        return cls(found, (), denied)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a trust folder; ``SettingsError`` if it is none.

        A ``manifest.json``, if there is one, must list every file with its SHA-256; what stands
        in ``deny.toml`` is never taken. Above 1,024 certificates of a kind, each is parsed when
        it is needed: then ``problems`` holds what shows at a glance, and :meth:`check` the rest.
        """
        problems: list[Problem] = []
        found = read_folder(folder, problems)
        return cls(found, problems, read_deny_list(folder))

    @property
    def anchors(self) -> tuple[Certificate, ...]:
        """Every pinned authority, parsed."""
        return self._anchors.all()

    @property
    def links(self) -> tuple[Certificate, ...]:
        """Every link certificate, parsed."""
        return self._links.all()

    @property
    def signers(self) -> tuple[Certificate, ...]:
        """Every known Document Signer, parsed."""
        return self._signers.all()

    def sources(self) -> Iterator[tuple[str, Certificate]]:
        """Every readable certificate with the file it came from."""
        for shelf in (self._anchors, self._links, self._signers):
            yield from shelf.sources()

    def check(self) -> tuple[Problem, ...]:
        """Parse everything there is; all that cannot be used, loading included."""
        shelves = (self._anchors, self._links, self._signers)
        late = [problem for shelf in shelves for problem in shelf.check()]
        return (*self.problems, *late)

    def is_anchor(self, certificate: Certificate) -> bool:
        """Whether the operator pinned this very certificate."""
        return certificate.fingerprint in self._anchors.fingerprints

    def named(self, name: Name) -> tuple[Certificate, ...]:
        """Anchors, then link certificates, of this subject."""
        return _unique((*self._anchors.named(name), *self._links.named(name)))

    def keyed(self, key_id: bytes) -> tuple[Certificate, ...]:
        """Anchors, then link certificates, with this subject key identifier."""
        if not key_id:
            return ()
        return _unique((*self._anchors.keyed(key_id), *self._links.keyed(key_id)))

    def candidates(self, issuer: Name, key_id: bytes) -> tuple[Certificate, ...]:
        """Anchors, then links, of this name; with a key identifier, none that has another."""
        if not key_id:
            return self.named(issuer)
        shelves = (self._anchors, self._links)
        found = [one for shelf in shelves for key in (key_id, b"") for one in shelf.keyed(key)]
        return _unique(one for one in found if one.subject == issuer)

    def signers_numbered(self, serial: int) -> tuple[Certificate, ...]:
        """Known Document Signers with this serial number."""
        return tuple(self._signers.numbered(serial))

    def signers_keyed(self, key_id: bytes) -> tuple[Certificate, ...]:
        """Known Document Signers with this subject key identifier."""
        return tuple(self._signers.keyed(key_id)) if key_id else ()

    def check_issued(self, certificate: Certificate, issuer: Certificate) -> None:
        """As ``verify_issued``, but a good answer is remembered."""
        key = (certificate.fingerprint, issuer.fingerprint)
        if not self._remembered.get(key, False):
            verify_issued(certificate, issuer)
            self._remember(key)

    def is_crl_of(self, crl: Crl, authority: Certificate) -> bool:
        """Whether the authority's key signed the list; a good answer is remembered."""
        key = (crl.fingerprint, authority.fingerprint)
        if self._remembered.get(key, False):
            return True
        try:
            verify(public_key(authority), crl.algorithm, crl.tbs, crl.signature)
        except (SignatureInvalid, FormatError):
            return False
        self._remember(key)
        return True

    def _remember(self, key: tuple[str, str]) -> None:
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = True


def _unique(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    return tuple({certificate.fingerprint: certificate for certificate in certificates}.values())


def _crls(found: Iterable[tuple[str, bytes]], problems: list[Problem]) -> Iterator[Crl]:
    for source, data in found:
        try:
            yield from [parse_crl(der) for der in unwrap(data)]
        except EidError as error:
            problems.append(Problem(source=source, code=error.code, message=error.message))
