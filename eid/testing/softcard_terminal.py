"""Terminal Authentication version 1 from the chip's side (9303-11 §7.1; TR-03110-1 §3.5).

The chip walks a chain of card-verifiable certificates from a trust point of its own, keeps the
rights that all of them grant, and checks the terminal's signature over its challenge and the key
with which the terminal ran Chip Authentication. Its clock is the newest date it was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from eid import tlv
from eid.errors import FormatError
from eid.testing import softcard_certificates
from eid.testing.softcard_apdu import (
    SW_AUTHENTICATION_FAILED,
    SW_CONDITIONS,
    SW_REFERENCE_NOT_FOUND,
    SW_SECURITY_STATUS,
    SW_WRONG_DATA,
    Refused,
)
from eid.testing.softcard_certificates import CVCA, TERMINAL, CvCertificate

CHALLENGE_SIZE: Final = 8
_RIGHTS: Final = 0x3F
_MOST_TRUST_POINTS: Final = 2


@dataclass(frozen=True, slots=True)
class _Vouched:
    """A certificate with the rights that its whole chain leaves it."""

    certificate: CvCertificate
    rights: int


class TrustPoints:
    """The CVCA keys a chip keeps for life, newest first, and its notion of today."""

    def __init__(self, certificate: bytes, *, today: date | None = None) -> None:
        read = softcard_certificates.read(certificate) if certificate else None
        self.points = [] if read is None else [_Vouched(read, read.rights & _RIGHTS)]
        self.today = today or (read.effective if read else date.min)

    @property
    def names(self) -> tuple[bytes, ...]:
        """References that the chip gives to a terminal."""
        return tuple(point.certificate.holder for point in self.points)

    def update(self, certificate: CvCertificate, rights: int) -> None:
        """Take a date into account and, from a link certificate, a new key."""
        self.today = max(self.today, certificate.effective)
        if certificate.role == CVCA:
            self.points.insert(0, _Vouched(certificate, rights))
            del self.points[_MOST_TRUST_POINTS:]


class ChipTerminalAuthentication:
    """One session's Terminal Authentication; ``rights`` are granted by its last step."""

    def __init__(self, trust: TrustPoints, rng: Callable[[int], bytes]) -> None:
        self._trust = trust
        self._rng = rng
        self._issuer: _Vouched | None = None
        self._imported: _Vouched | None = None
        self._terminal: _Vouched | None = None
        self._challenge = b""
        self._done = False
        self.rights = 0

    def select_issuer(self, request: bytes) -> None:
        """MSE:Set DST: choose the key that verifies the next certificate."""
        self._issuer = self._known(_name(request))

    def verify_certificate(self, request: bytes) -> None:
        """PSO:Verify Certificate: check one certificate and import its key."""
        issuer, self._issuer = self._issuer, None
        if issuer is None:
            raise Refused(SW_CONDITIONS)
        try:
            certificate = softcard_certificates.read(request, curve=issuer.certificate.key.curve)
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        self._check(issuer.certificate, certificate)
        rights = issuer.rights & certificate.rights
        if certificate.role != TERMINAL:
            self._trust.update(certificate, rights)
        self._imported = _Vouched(certificate, rights)

    def select_terminal(self, request: bytes) -> None:
        """MSE:Set AT: choose the terminal's key, the last one imported."""
        name = _name(request)
        imported = self._imported
        if imported is None or imported.certificate.holder != name:
            raise Refused(SW_REFERENCE_NOT_FOUND)
        if imported.certificate.role != TERMINAL:
            raise Refused(SW_WRONG_DATA)
        self._terminal = imported

    def challenge(self) -> bytes:
        """GET CHALLENGE: a nonce that the next EXTERNAL AUTHENTICATE uses up."""
        self._challenge = self._rng(CHALLENGE_SIZE)
        return self._challenge

    def authenticate(self, signature: bytes, *, chip: bytes, terminal_key: bytes) -> None:
        """EXTERNAL AUTHENTICATE: check the terminal's signature and grant its rights.

        ``chip`` identifies the chip (its PACE key or document number), ``terminal_key`` is the
        compressed key of the session; empty means that no Chip Authentication was run.
        """
        challenge, self._challenge = self._challenge, b""
        terminal = self._terminal
        if self._done or not terminal_key:
            raise Refused(SW_SECURITY_STATUS)
        if terminal is None or not challenge:
            raise Refused(SW_CONDITIONS)
        key = terminal.certificate.key
        if not key.verify(chip + challenge + terminal_key, signature):
            raise Refused(SW_AUTHENTICATION_FAILED)
        self._done = True
        self.rights = terminal.rights

    def _known(self, name: bytes) -> _Vouched:
        candidates = [*self._trust.points, *([self._imported] if self._imported else [])]
        for candidate in candidates:
            if candidate.certificate.holder == name:
                return candidate
        raise Refused(SW_REFERENCE_NOT_FOUND)

    def _check(self, issuer: CvCertificate, certificate: CvCertificate) -> None:
        """Names, roles, dates and signature; any fault is the same refusal."""
        may_issue = {CVCA: certificate.role != TERMINAL}.get(issuer.role)
        if may_issue is None:
            may_issue = issuer.role != TERMINAL and certificate.role == TERMINAL
        fresh = certificate.role == CVCA or certificate.expires >= self._trust.today
        named = certificate.authority == issuer.holder
        signed = issuer.key.verify(certificate.body, certificate.signature)
        if not (may_issue and fresh and named and signed):
            raise Refused(SW_AUTHENTICATION_FAILED)


def _name(request: bytes) -> bytes:
    try:
        return tlv.only(tlv.parse_all(request), 0x83).value
    except FormatError as e:
        raise Refused(SW_WRONG_DATA) from e
