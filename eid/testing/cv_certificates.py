"""A small test issuer of card-verifiable certificates, for Terminal Authentication.

A country's CVCA vouches for a document verifier (DV), which vouches for an inspection system (IS);
rights shrink on the way (TR-03110-3 appendix C, 9303-12 §7.2).

>>> from datetime import date
>>> authority = TerminalAuthority.create(today=date(2026, 11, 20))
>>> [read(der).holder for der in authority.chain]
[b'VNTESTDV00001', b'VNTESTIS00001']
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from eid import ec, tlv
from eid.testing.certificates import Key
from eid.testing.softcard_certificates import (
    CVCA,
    DV,
    READ_DG3,
    READ_DG4,
    ROLE,
    TA_ECDSA,
    TERMINAL,
    read,
)
from eid.testing.softcard_domain import of_curve

__all__ = [
    "CVCA",
    "DV",
    "INSPECTION_SYSTEM",
    "READ_DG3",
    "READ_DG4",
    "TERMINAL",
    "TerminalAuthority",
    "certificate",
    "read",
    "sign",
]

INSPECTION_SYSTEM: Final = "0.4.0.127.0.7.3.1.2.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalAuthority:
    """A test CVCA with one document verifier and one inspection system.

    ``trust_point`` is the CVCA's own certificate, which goes into chips; ``chain`` is what the
    terminal presents; ``terminal_key`` signs for it (:meth:`sign`).
    """

    trust_point: bytes
    chain: tuple[bytes, ...]
    terminal_key: Key

    @classmethod
    def create(
        cls,
        *,
        today: date,
        rights: int = READ_DG3 | READ_DG4,
        curve: str = "brainpoolP256r1",
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> Self:
        """Make keys and certificates valid from ``today``; ``rights`` are the terminal's."""
        domain = of_curve(curve)
        root, verifier, terminal = (
            Key(curve=ec.by_name(curve), scalar=domain.draw(rng)) for _ in range(3)
        )
        everything = READ_DG3 | READ_DG4
        names = b"VNTESTCVCA00001", b"VNTESTDV00001", b"VNTESTIS00001"
        until = today + timedelta(days=365)
        return cls(
            trust_point=certificate(
                root, names[0], root, names[0], CVCA | everything, (today, until)
            ),
            chain=(
                certificate(root, names[0], verifier, names[1], DV | everything, (today, until)),
                certificate(verifier, names[1], terminal, names[2], rights, (today, until)),
            ),
            terminal_key=terminal,
        )

    def certificates(self, trust_points: Sequence[bytes]) -> Sequence[bytes]:
        """The chain for a chip with these trust points, empty for another country's chip."""
        own = read(self.trust_point).holder
        return self.chain if not trust_points or own in trust_points else ()

    def sign(self, message: bytes) -> bytes:
        """Sign for the terminal, as a SAM behind the reader's port would."""
        return sign(self.terminal_key, message)


def certificate(
    issuer: Key, authority: bytes, key: Key, holder: bytes, rights: int, valid: tuple[date, date]
) -> bytes:
    """Issue a certificate with ECDSA and SHA-256; a CVCA's carries its curve's parameters."""
    body = tlv.encode(
        0x7F4E,
        tlv.encode(0x5F29, b"\x00"),
        tlv.encode(0x42, authority),
        _public_key(key, full=rights & ROLE == CVCA),
        tlv.encode(0x5F20, holder),
        tlv.encode(
            0x7F4C,
            tlv.encode(0x06, tlv.encode_oid(INSPECTION_SYSTEM)),
            tlv.encode(0x53, bytes([rights])),
        ),
        tlv.encode(0x5F25, _day(valid[0])),
        tlv.encode(0x5F24, _day(valid[1])),
    )
    return tlv.encode(0x7F21, body, tlv.encode(0x5F37, sign(issuer, body)))


def sign(key: Key, message: bytes) -> bytes:
    """Plain ECDSA signature with SHA-256."""
    size = (key.curve.n.bit_length() + 7) // 8
    pair = decode_dss_signature(key.private.sign(message, pyca_ec.ECDSA(hashes.SHA256())))
    return b"".join(part.to_bytes(size, "big") for part in pair)


def _public_key(key: Key, *, full: bool) -> bytes:
    curve, size = key.curve, key.curve.size
    point = tlv.encode(0x86, key.point)
    oid = tlv.encode(0x06, tlv.encode_oid(f"{TA_ECDSA}.3"))
    if not full:
        return tlv.encode(0x7F49, oid, point)
    return tlv.encode(
        0x7F49,
        oid,
        tlv.encode(0x81, curve.p.to_bytes(size, "big")),
        tlv.encode(0x82, curve.a.to_bytes(size, "big")),
        tlv.encode(0x83, curve.b.to_bytes(size, "big")),
        tlv.encode(0x84, ec.encode_point(curve, curve.generator)),
        tlv.encode(0x85, curve.n.to_bytes(size, "big")),
        point,
        tlv.encode(0x87, curve.h.to_bytes(1, "big")),
    )


def _day(day: date) -> bytes:
    return bytes(int(digit) for digit in day.strftime("%y%m%d"))
