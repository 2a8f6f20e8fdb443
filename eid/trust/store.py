"""The anchors an operator has pinned, and what was found beside them (ICAO Doc 9303-12 §6).

A trust folder holds ``csca/``, ``link/``, ``ds/`` and ``crl/`` with DER or PEM files. Only
``csca/`` is trusted; everything else must be signed by it. What cannot be read is listed in
``problems`` and never counts. A store is read-only and may be shared between threads.

>>> store = TrustStore.of(csca=[b"garbage"])
>>> store.anchors, store.problems[0].code
((), 'tlv.truncated')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Self, TypeVar

from eid.errors import EidError, FormatError, SignatureInvalid
from eid.trust.certificates import Certificate, parse_certificate, public_key, verify_issued
from eid.trust.folder import Problem, read_folder, unwrap
from eid.trust.names import Name
from eid.trust.profile import subject_key_id
from eid.trust.revocation import Crl, parse_crl
from eid.trust.signature import verify

_MAX_REMEMBERED: Final = 4096
_Parsed = TypeVar("_Parsed", Certificate, Crl)


class TrustStore:
    """Anchors, link certificates, known signers and revocation lists."""

    __slots__ = (
        "_by_key_id",
        "_by_subject",
        "_pinned",
        "_remembered",
        "anchors",
        "crls",
        "links",
        "problems",
        "signers",
    )

    def __init__(
        self,
        *,
        anchors: Iterable[Certificate] = (),
        links: Iterable[Certificate] = (),
        signers: Iterable[Certificate] = (),
        crls: Iterable[Crl] = (),
        problems: Iterable[Problem] = (),
    ) -> None:
        self.anchors = _unique(anchors)
        self.links = _unique(links)
        self.signers = _unique(signers)
        self.crls = tuple(crls)
        self.problems = tuple(problems)
        self._pinned = frozenset(anchor.fingerprint for anchor in self.anchors)
        self._by_subject: dict[Name, list[Certificate]] = {}
        self._by_key_id: dict[bytes, list[Certificate]] = {}
        for certificate in _unique((*self.anchors, *self.links)):
            self._by_subject.setdefault(certificate.subject, []).append(certificate)
            self._by_key_id.setdefault(_key_id(certificate), []).append(certificate)
        self._remembered: dict[tuple[str, str], bool] = {}

    def __repr__(self) -> str:
        return (
            f"TrustStore(anchors={len(self.anchors)}, links={len(self.links)}, "
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
    ) -> Self:
        """A store of DER or PEM objects already in memory."""
        kinds = {"csca": csca, "link": link, "ds": ds, "crl": crl}
        return cls._from(
            {
                kind: [(f"{kind}[{index}]", data) for index, data in enumerate(items)]
                for kind, items in kinds.items()
            },
            (),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a trust folder; ``SettingsError`` if it is none.

        A ``manifest.json``, if there is one, must list every file with its SHA-256.
        """
        problems: list[Problem] = []
        found = read_folder(folder, problems)
        return cls._from(found, problems)

    @classmethod
    def _from(
        cls, found: Mapping[str, list[tuple[str, bytes]]], problems: Iterable[Problem]
    ) -> Self:
        noted = list(problems)
        return cls(
            anchors=_read(found["csca"], parse_certificate, noted),
            links=_read(found["link"], parse_certificate, noted),
            signers=_read(found["ds"], parse_certificate, noted),
            crls=_read(found["crl"], parse_crl, noted),
            problems=noted,
        )

    def is_anchor(self, certificate: Certificate) -> bool:
        """Whether the operator pinned this very certificate."""
        return certificate.fingerprint in self._pinned

    def named(self, name: Name) -> tuple[Certificate, ...]:
        """Anchors, then link certificates, of this subject."""
        return tuple(self._by_subject.get(name, ()))

    def keyed(self, key_id: bytes) -> tuple[Certificate, ...]:
        """Anchors, then link certificates, with this subject key identifier."""
        return tuple(self._by_key_id.get(key_id, ())) if key_id else ()

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


def _key_id(certificate: Certificate) -> bytes:
    try:
        return subject_key_id(certificate)
    except FormatError:
        return b""


def _unique(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    return tuple({certificate.fingerprint: certificate for certificate in certificates}.values())


def _read(
    found: list[tuple[str, bytes]],
    parse: Callable[[bytes], _Parsed],
    problems: list[Problem],
) -> list[_Parsed]:
    parsed: list[_Parsed] = []
    for source, data in found:
        try:
            parsed.extend(parse(der) for der in unwrap(data))
        except EidError as error:
            problems.append(Problem(source=source, code=error.code, message=error.message))
    return parsed
