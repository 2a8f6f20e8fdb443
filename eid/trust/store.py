"""The anchors an operator has pinned, and what was found beside them (ICAO Doc 9303-12 §6).

A trust folder holds ``csca/``, ``link/``, ``ds/`` and ``crl/`` with DER or PEM files. Only
``csca/`` is trusted; everything else must be signed by it. What cannot be read is listed in
``problems`` and never counts. A store is read-only and may be shared between threads.

>>> store = TrustStore.of(csca=[b"garbage"])
>>> store.anchors, store.problems[0].code
((), 'tlv.truncated')
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

from eid.errors import EidError, FormatError, SettingsError, SignatureInvalid
from eid.trust.certificates import Certificate, parse_certificate, public_key, verify_issued
from eid.trust.names import Name
from eid.trust.profile import subject_key_id
from eid.trust.revocation import Crl, parse_crl
from eid.trust.signature import verify

_PEM: Final = re.compile(
    rb"-----BEGIN (CERTIFICATE|X509 CRL)-----([A-Za-z0-9+/=\s]*)-----END \1-----"
)
_MAX_FILE: Final = 4 << 20
_MAX_MANIFEST: Final = 16 << 20
_MAX_FILES: Final = 20_000
_MAX_REMEMBERED: Final = 4096
_Parsed = TypeVar("_Parsed", Certificate, Crl)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in the store that could not be used: where it lies, a code, and a sentence."""

    source: str
    code: str
    message: str


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
        if not folder.is_dir():
            raise SettingsError(
                "The trust folder does not exist.",
                code="settings.trust_folder",
                file=str(folder),
                expected="a folder with csca/, link/, ds/ and crl/",
            )
        problems: list[Problem] = []
        manifest = _manifest(folder)
        found = {
            kind: list(_files(folder, kind, manifest, problems))
            for kind in ("csca", "link", "ds", "crl")
        }
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
            parsed.extend(parse(der) for der in _unwrap(data))
        except EidError as error:
            problems.append(Problem(source=source, code=error.code, message=error.message))
    return parsed


def _unwrap(data: bytes) -> list[bytes]:
    """The DER objects of a PEM bundle, or the data itself."""
    if b"-----BEGIN" not in data:
        return [data]
    blocks = _PEM.findall(data)
    if len(blocks) != data.count(b"-----BEGIN"):
        raise FormatError("A PEM file has broken parts.", code="trust.pem")
    try:
        return [base64.b64decode(b"".join(body.split()), validate=True) for _, body in blocks]
    except binascii.Error as error:
        raise FormatError("A PEM file has broken parts.", code="trust.pem") from error


def _manifest(folder: Path) -> Mapping[str, str] | None:
    """Relative path to SHA-256, or ``None`` without a manifest."""
    path = folder / "manifest.json"
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            entries = json.loads(file.read(_MAX_MANIFEST))["entries"]
        return {str(entry["path"]): str(entry["sha256"]) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            "The manifest of the trust folder is unreadable.",
            code="settings.trust_manifest",
            file=str(path),
            expected='{"entries": [{"path": ..., "sha256": ...}]}',
        ) from error


def _files(
    folder: Path, kind: str, manifest: Mapping[str, str] | None, problems: list[Problem]
) -> Iterator[tuple[str, bytes]]:
    home = folder / kind
    paths = sorted(home.iterdir()) if home.is_dir() else []
    for index, path in enumerate(path for path in paths if not path.name.startswith(".")):
        source = f"{kind}/{path.name}"
        code, data = _file(path) if index < _MAX_FILES else ("trust.count", b"")
        if not code and manifest is not None:
            listed = manifest.get(source) == hashlib.sha256(data).hexdigest()
            code = "" if listed else "trust.manifest"
        if code:
            problems.append(Problem(source=source, code=code, message=_PROBLEMS[code]))
        else:
            yield source, data


_PROBLEMS: Final[Mapping[str, str]] = {
    "trust.count": "The folder holds too many files.",
    "trust.manifest": "The manifest does not list this file as it is.",
    "trust.file": "Only plain files are read.",
    "trust.writable": "Everybody may change this file.",
    "trust.size": "The file is too long.",
    "trust.unreadable": "The file cannot be read.",
}


def _file(path: Path) -> tuple[str, bytes]:
    """A problem code or the bytes of a plain file nobody else may write."""
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            return "trust.file", b""
        if info.st_mode & stat.S_IWOTH:
            return "trust.writable", b""
        if info.st_size > _MAX_FILE:
            return "trust.size", b""
        return "", path.read_bytes()
    except OSError:
        return "trust.unreadable", b""
