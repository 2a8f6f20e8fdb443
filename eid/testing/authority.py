"""A country's test issuer: signing authority, document signer, revocation list (9303-12).

The authority's key is on brainpoolP512r1 with **explicit** curve parameters, as Vietnam writes
it; the document signer's on brainpoolP384r1. Every authority is made anew: no key ships.

>>> from datetime import UTC, datetime
>>> at = datetime(2026, 11, 20, tzinfo=UTC)
>>> authority = DocumentAuthority.create(at=at)
>>> authority.sign_sod({1: bytes(32)})[:1].hex(), authority.crl(at=at)[:1].hex()
('77', '30')
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, TypedDict

from eid import ec, tlv
from eid.testing import certificates, der, sod
from eid.testing.certificates import Issuer, Key, SigningKey, Validity
from eid.testing.sod import BY_THE_RULES, SignedForm

_DAY = timedelta(days=1)
_YEAR = 365 * _DAY
_ORGANISATION = "Fictional Document Authority"
_DOCUMENT_TYPES = ("ID",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAuthority:
    """One country signing authority with its current document signer."""

    country: str
    csca_key: SigningKey = field(repr=False)
    csca_der: bytes = field(repr=False)
    ds_key: SigningKey = field(repr=False)
    ds_der: bytes = field(repr=False)
    ds_serial: int
    ds_validity: Validity
    csca_name: bytes = field(repr=False)
    document_types: tuple[str, ...] = _DOCUMENT_TYPES

    @classmethod
    def create(  # noqa: PLR0913 - options by keyword
        cls,
        *,
        country: str = "VN",
        at: datetime,
        rng: Callable[[int], bytes] = secrets.token_bytes,
        csca_key: SigningKey | None = None,
        ds_key: SigningKey | None = None,
        ds_serial: int | None = None,
        document_types: tuple[str, ...] = _DOCUMENT_TYPES,
    ) -> Self:
        """Make an authority valid for 14 years and a signer that signs at ``at``.

        Keys and the serial number that are not given are made anew. ``document_types`` are the
        MRZ document codes that the signer may sign: ``ID``, ``P``.
        """
        key = csca_key or _new_key("brainpoolP512r1", rng, explicit=True)
        subject = certificates.name(country, _ORGANISATION, f"Test CSCA {country}")
        csca_der = _issue_anchor(Issuer(name=subject, key=key), subject, key, at, rng)
        issuer = Issuer(name=subject, key=key)
        signer = _issue_signer(country, issuer, at, rng, document_types, ds_key, ds_serial)
        return cls(
            country=country,
            csca_key=key,
            csca_der=csca_der,
            csca_name=subject,
            document_types=document_types,
            **signer,
        )

    def new_signer(
        self, *, at: datetime, rng: Callable[[int], bytes] = secrets.token_bytes
    ) -> Self:
        """Return the same authority with another document signer."""
        issuer = Issuer(name=self.csca_name, key=self.csca_key)
        signer = _issue_signer(self.country, issuer, at, rng, self.document_types)
        return replace(self, **signer)

    def roll_over(
        self, *, at: datetime, rng: Callable[[int], bytes] = secrets.token_bytes
    ) -> tuple[Self, bytes]:
        """Return the authority with a new key and signer, and the link certificate to it.

        The link is the new key under the same name, signed by the old key (9303-12 §7.1.1).
        """
        successor = self.create(
            country=self.country, at=at, rng=rng, document_types=self.document_types
        )
        old = Issuer(name=self.csca_name, key=self.csca_key)
        link = _issue_anchor(old, successor.csca_name, successor.csca_key, at, rng)
        return successor, link

    def signs_at(self, at: datetime) -> bool:
        """Whether the document signer may sign at this time."""
        return self.ds_validity.not_before <= at <= self.ds_validity.signs_until

    def sign_sod(
        self,
        hashes: Mapping[int, bytes],
        *,
        signing_time: datetime | None = None,
        lds: str = "0107",
        form: SignedForm = BY_THE_RULES,
    ) -> bytes:
        """EF.SOD over SHA-256 digests by data-group number, signed by the document signer.

        Vietnam's cards carry no signing time; give one to write the attribute.
        """
        content = sod.lds_security_object(hashes, lds=lds)
        kind, signer = sod.LDS_SECURITY_OBJECT, self._signer(form)
        return tlv.encode(0x77, sod.signed_data(content, signer, kind, signing_time, form))

    def sign_card_security(self, security_infos: bytes) -> bytes:
        """EF.CardSecurity: the chip's SecurityInfos, signed (9303-11 §9.2.11)."""
        signer = self._signer(BY_THE_RULES)
        return sod.signed_data(security_infos, signer, sod.CARD_SECURITY_OBJECT)

    def _signer(self, form: SignedForm) -> sod.Signer:
        name = self.csca_name
        if form.printable_issuer:
            name = certificates.printable_name(name)
        return sod.Signer(
            key=self.ds_key,
            certificate=self.ds_der,
            issuer_and_serial=der.sequence(name, der.integer(self.ds_serial)),
            further=(self.csca_der,) if form.with_anchor else (),
        )

    def crl(
        self,
        *,
        revoked: Collection[int] = (),
        at: datetime,
        lifetime: timedelta = 90 * _DAY,
        number: int = 1,
    ) -> bytes:
        """DER of a revocation list issued at ``at``; ``revoked`` holds serial numbers."""
        return certificates.revocation_list(
            Issuer(name=self.csca_name, key=self.csca_key),
            number=number,
            this_update=at,
            next_update=at + lifetime,
            revoked=revoked,
        )

    def trust_folder(self, path: Path, *, crl: bytes = b"", link: bytes = b"") -> Path:
        """Write a trust folder with this anchor, a revocation list and a link if given."""
        for part in ("csca", "link", "ds", "crl"):
            (path / part).mkdir(parents=True, exist_ok=True)
        (path / "csca" / "test-csca.der").write_bytes(self.csca_der)
        if crl:
            (path / "crl" / "test-csca.crl").write_bytes(crl)
        if link:
            (path / "link" / "test-link.der").write_bytes(link)
        return path


class _Signer(TypedDict):
    ds_key: SigningKey
    ds_der: bytes
    ds_serial: int
    ds_validity: Validity


def _issue_anchor(
    issuer: Issuer, subject: bytes, key: SigningKey, at: datetime, rng: Callable[[int], bytes]
) -> bytes:
    """A certificate of an authority's key, by itself or, as a link, by its predecessor."""
    validity = Validity(
        not_before=at - _YEAR, not_after=at + 14 * _YEAR, signs_until=at + 4 * _YEAR
    )
    return certificates.certificate(
        issuer,
        serial=_new_serial(rng),
        subject=subject,
        validity=validity,
        key=key,
        extensions=certificates.authority_extensions(key, issuer.key, validity),
    )


def _issue_signer(  # noqa: PLR0913, PLR0917 - what a certificate is made of
    country: str,
    issuer: Issuer,
    at: datetime,
    rng: Callable[[int], bytes],
    types: tuple[str, ...],
    key: SigningKey | None = None,
    serial: int | None = None,
) -> _Signer:
    key = key or _new_key("brainpoolP384r1", rng)
    serial = _new_serial(rng) if serial is None else serial
    validity = Validity(
        not_before=at - 30 * _DAY, not_after=at + 11 * _YEAR, signs_until=at + 60 * _DAY
    )
    signer_der = certificates.certificate(
        issuer,
        serial=serial,
        subject=certificates.name(country, _ORGANISATION, f"Test DS {serial & 0xFFFF:05d}"),
        validity=validity,
        key=key,
        extensions=certificates.signer_extensions(key, issuer.key, validity, types),
    )
    return _Signer(ds_key=key, ds_der=signer_der, ds_serial=serial, ds_validity=validity)


def _new_key(curve_name: str, rng: Callable[[int], bytes], *, explicit: bool = False) -> Key:
    curve = ec.by_name(curve_name)
    return Key(curve=curve, scalar=ec.random_scalar(curve, rng), explicit=explicit)


def _new_serial(rng: Callable[[int], bytes]) -> int:
    return int.from_bytes(rng(16), "big") >> 1 | 1 << 120
