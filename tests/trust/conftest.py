"""A small authority whose certificates can be given any fault, for the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from eid import ec
from eid.testing import certificates, der
from eid.testing.certificates import Issuer, Key, Validity
from eid.trust.certificates import Certificate, parse_certificate

AT = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
CURVE = ec.by_name("secp256r1")
CA_USAGE = certificates.extension("2.5.29.15", der.bits(b"\x06", unused=1), critical=True)
CA_CONSTRAINTS = certificates.extension(
    "2.5.29.19", der.sequence(der.boolean(value=True), der.integer(0)), critical=True
)
DS_USAGE = certificates.extension("2.5.29.15", der.bits(b"\x80", unused=7), critical=True)


def key_id(key: Key) -> bytes:
    return certificates.extension("2.5.29.14", der.octets(key.identifier))


def issuer_id(key: Key) -> bytes:
    return certificates.extension("2.5.29.35", der.sequence(der.implicit(0, key.identifier)))


@dataclass
class Party:
    """A name with a key, and the certificates it can issue."""

    label: str
    country: str = "VN"
    scalar: int = 0
    key: Key = field(init=False)

    def __post_init__(self):
        scalar = self.scalar or int.from_bytes(self.label.encode(), "big") + 77
        self.key = Key(curve=CURVE, scalar=scalar)

    @property
    def name(self) -> bytes:
        return certificates.name(self.country, "Test", self.label)

    def issue(
        self,
        subject: Party,
        *,
        extensions: tuple[bytes, ...] | None = None,
        serial: int = 5,
        start: datetime = AT - YEAR,
        end: datetime = AT + 10 * YEAR,
        authority: bool = False,
        digest: str = "sha256",
    ) -> bytes:
        basic = (CA_CONSTRAINTS, CA_USAGE) if authority else (DS_USAGE,)
        return certificates.certificate(
            Issuer(name=self.name, key=self.key, digest=digest),
            serial=serial,
            subject=subject.name,
            validity=Validity(not_before=start, not_after=end, signs_until=end),
            key=subject.key,
            extensions=(*basic, key_id(subject.key), issuer_id(self.key))
            if extensions is None
            else extensions,
        )

    def own(self, **more) -> bytes:
        return self.issue(self, authority=True, **more)

    def crl(
        self, *revoked: int, start: datetime = AT - YEAR / 12, end: datetime = AT + YEAR
    ) -> bytes:
        return certificates.revocation_list(
            Issuer(name=self.name, key=self.key, digest="sha256"),
            number=1,
            this_update=start,
            next_update=end,
            revoked=revoked,
        )


@pytest.fixture(scope="session")
def party():
    return Party


@pytest.fixture(scope="session")
def now() -> datetime:
    return AT


@pytest.fixture(scope="session")
def signer() -> Certificate:
    return parse_certificate(Party("CSCA").issue(Party("DS")))
