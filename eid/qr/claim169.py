"""The identity map of MOSIP Claim 169 and our private keys in it (id-claim-169 1.2.0 §3).

>>> from datetime import date
>>> identity = Identity(name="NGUYEN VAN THU", birth_date=date(1990, 3, 2), sex="M")
>>> write_identity(identity)
{4: 'NGUYEN VAN THU', 8: '19900302', 9: 1}
>>> parsed = parse_identity({4: "NGUYEN VAN THU", 8: "1990-03-02", 9: "1"})
>>> parsed.identity == identity, [finding.code for finding in parsed.findings]
(True, ['date.dashes', 'sex.text'])

Strict when writing. When reading, the shapes that others really print are understood and each
is reported as a finding; what is not understood is kept raw in ``unknown``, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from eid.errors import FormatError
from eid.qr.cbor import Cbor
from eid.qr.fields import (
    MAX_ITEMS,
    SEXES,
    Reader,
    Sex,
    Value,
    integer,
    number_between,
    octets,
    read_date,
    read_integers,
    read_language,
    read_sex,
    text,
)
from eid.qr.plaintext import shown_text

CLAIM = 169
VERSION = "1.2.0"
FACE = 62
WEBP = 4
_BIOMETRIC_KEYS = range(50, 66)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as the specification says; ``key`` is the map key it was seen at."""

    code: str
    key: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Biometric:
    """One picture or template; ``format`` and ``subformat`` are the specification's numbers."""

    data: bytes = field(repr=False)
    format: int | None = None
    subformat: int | None = None
    issuer: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Identity:
    """What a credential says about its holder. Field names to map keys: ``FIELDS``.

    Without slots: what a card does not say costs nothing, it is the default of the class.
    """

    number: str | None = None
    version: str | None = None
    language: str | None = None
    name: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    sex: Sex | None = None
    residence: str | None = None
    email: str | None = None
    phone: str | None = None
    nationality: str | None = None
    marital_status: int | None = None
    guardian: str | None = None
    image: bytes | None = None
    image_format: int | None = None
    best_fingers: tuple[int, ...] | None = None
    second_name: str | None = None
    second_language: str | None = None
    location_code: str | None = None
    legal_status: str | None = None
    issuing_country: str | None = None
    origin: str | None = None
    issue_date: date | None = None
    old_number: str | None = None
    ethnicity: str | None = None
    religion: str | None = None
    level: str | None = None
    sod_binding: bytes | None = None
    insurance_number: str | None = None
    age_over: int | None = None
    biometrics: Mapping[int, tuple[Biometric, ...]] = field(default_factory=dict)

    @property
    def portrait(self) -> bytes | None:
        """The face (key 62), else the image (key 16), as the issuer encoded it."""
        faces = self.biometrics.get(FACE, ())
        return faces[0].data if faces else self.image


class ParsedIdentity(NamedTuple):
    """An identity map, what was odd about it, and what was not understood."""

    identity: Identity
    findings: tuple[Finding, ...]
    unknown: Mapping[int | str, Cbor]

    def __repr__(self) -> str:
        return f"ParsedIdentity(findings={self.findings!r})"


class Field(NamedTuple):
    """One row of the map: key, attribute of `Identity`, and how the value is read."""

    key: int
    name: str
    read: Reader


FIELDS: tuple[Field, ...] = (
    Field(1, "number", text(64)),
    Field(2, "version", text(16)),
    Field(3, "language", read_language),
    Field(4, "name", text(200)),
    Field(5, "first_name", text(100)),
    Field(6, "middle_name", text(100)),
    Field(7, "last_name", text(100)),
    Field(8, "birth_date", read_date),
    Field(9, "sex", read_sex),
    Field(10, "residence", text(512, lines=True)),
    Field(11, "email", text(254)),
    Field(12, "phone", text(40, pattern=r"\+?[0-9 ().-]+")),
    Field(13, "nationality", text(3, pattern=r"[A-Z]{2,3}")),
    Field(14, "marital_status", number_between(1, 3)),
    Field(15, "guardian", text(400)),
    Field(16, "image", octets(4096)),
    Field(17, "image_format", number_between(1, 4)),
    Field(18, "best_fingers", read_integers),
    Field(19, "second_name", text(200)),
    Field(20, "second_language", read_language),
    Field(21, "location_code", text(64)),
    Field(22, "legal_status", text(64)),
    Field(23, "issuing_country", text(3, pattern=r"[A-Z]{2,3}")),
    # From here on: our private keys, docs/reference/qr-claims.md.
    Field(24, "origin", text(512, lines=True)),
    Field(25, "issue_date", read_date),
    Field(26, "old_number", text(16, pattern=r"[0-9]{9,12}")),
    Field(27, "ethnicity", text(64)),
    Field(28, "religion", text(64)),
    Field(29, "level", text(8, pattern=r"[0-2]")),
    Field(30, "sod_binding", octets(32)),
    Field(31, "insurance_number", text(20, pattern=r"[A-Z0-9]{10,15}")),
    Field(32, "age_over", number_between(1, 150)),
)

_READERS: Mapping[int | str, tuple[str, Reader]] = {
    row.key: (row.name, row.read) for row in FIELDS
}


def parse_identity(claim: Mapping[int | str, Cbor]) -> ParsedIdentity:
    """Read an identity map. ``FormatError`` ``qr.text`` for a text that hides something."""
    values: dict[str, object] = {}
    biometrics: dict[int, tuple[Biometric, ...]] = {}
    unknown: dict[int | str, Cbor] = {}
    findings: list[Finding] = []
    for key, raw in claim.items():
        row = _READERS.get(key)
        if row is not None and (read := row[1](raw)) is not None:
            values[row[0]], odd = read
            if odd:
                findings += _findings(odd, key)
        elif key in _BIOMETRIC_KEYS and (found := _biometrics(raw)) is not None:
            biometrics[int(key)], bare = found
            findings += _findings(("biometric.bare_map",) * bare, key)
        else:
            unknown[key] = raw
            code = "field.unknown" if row is None else "field.not_understood"
            findings += _findings((code,), key)
    identity = _identity(values, biometrics)
    if identity.image_format is not None and identity.image is None:
        findings.append(Finding(code="image.missing", key=17))
    return ParsedIdentity(identity, tuple(findings), unknown)


def write_identity(identity: Identity) -> dict[int | str, Cbor]:
    """The map for *identity*; ``FormatError`` ``qr.field`` where a value would read back otherwise."""
    claim: dict[int | str, Cbor] = {}
    for row in FIELDS:
        value = getattr(identity, row.name)
        if value is not None:
            claim[row.key] = _plain(value, row.name)
    for key, items in identity.biometrics.items():
        claim[key] = [_biometric_map(item) for item in items]
    again = parse_identity(claim)
    odd = [finding for finding in again.findings if not finding.code.startswith("text.")]
    if odd or again.identity != identity:
        raise FormatError("A field does not fit the credential.", code="qr.field")
    return claim


def _findings(codes: Iterable[str], key: int | str) -> list[Finding]:
    number = key if isinstance(key, int) else None
    return [Finding(code=code, key=number) for code in codes]


def _plain(value: Value, name: str) -> Cbor:
    if name == "sex":
        return next(number for number, letter in SEXES.items() if letter == value)
    if isinstance(value, date):
        return value.isoformat().replace("-", "")
    return list(value) if isinstance(value, tuple) else value


def _identity(
    values: Mapping[str, object], biometrics: Mapping[int, tuple[Biometric, ...]]
) -> Identity:
    """As the constructor, which would set each of the 34 fields in Python: a tenth of the time."""
    identity = object.__new__(Identity)
    vars(identity).update(values, biometrics=biometrics)
    return identity


def _biometrics(raw: Cbor) -> tuple[tuple[Biometric, ...], bool] | None:
    """The items at a biometric key, and whether a bare map stood where a list belongs."""
    bare = isinstance(raw, dict)
    items = [raw] if bare else raw
    if not isinstance(items, list) or not 0 < len(items) <= MAX_ITEMS:
        return None
    found = tuple(one for item in items if (one := _biometric(item)) is not None)
    return (found, bare) if len(found) == len(items) else None


def _biometric(raw: Cbor) -> Biometric | None:
    if not isinstance(raw, dict) or not raw.keys() <= {0, 1, 2, 3}:
        return None
    data, issuer = raw.get(0), raw.get(3)
    numbers = raw.get(1), raw.get(2)
    if not isinstance(data, bytes) or not isinstance(issuer, str | None):
        return None
    if any(value is not None and integer(value) is None for value in numbers):
        return None
    shown = None if issuer is None else shown_text(issuer, max_chars=200)
    kind, subkind = (integer(value) for value in numbers)
    return Biometric(data=data, format=kind, subformat=subkind, issuer=shown)


def _biometric_map(item: Biometric) -> dict[int | str, Cbor]:
    members: dict[int | str, Cbor | None] = {
        0: item.data,
        1: item.format,
        2: item.subformat,
        3: item.issuer,
    }
    return {key: value for key, value in members.items() if value is not None}
