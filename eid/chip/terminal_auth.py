"""Terminal Authentication version 1: the reader proves its rights to the chip (TR-03110-1 §3.5).

The terminal's certificates and its signing key stand behind :class:`TerminalIdentity`, so that a
SAM or an HSM can hold the key. Chips judge the certificates; nothing is judged here.

>>> parse_trust_points(bytes.fromhex("420E444554455354435643413030303100"))
(b'DETESTCVCA0001',)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from eid import tlv
from eid.chip.apdu import Command, Exchange, expect
from eid.errors import AccessDenied, FormatError, ProtocolError, StatusError

NONCE_SIZE: Final = 8
MAX_CHAIN: Final = 8
_REFERENCE: Final = 0x42
_HOLDER: Final = 0x5F20
_CERTIFICATE: Final = 0x7F21
_BODY: Final = 0x7F4E
_SIGNATURE: Final = 0x5F37
_MAX_REFERENCE: Final = 16
_MAX_CERTIFICATE: Final = 4096


class TerminalIdentity(Protocol):
    """Who the terminal is: certificates, and a key that may live elsewhere."""

    def certificates(self, trust_points: Sequence[bytes]) -> Sequence[bytes]:
        """Return the chain from the first certificate that one of the chip's trust points
        (references such as ``DETESTCVCA00001``, the current one first; none when the chip does
        not say) issued, down to the terminal's own. Empty when there is none for this chip.
        """  # noqa: D205
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign with the terminal's key: as its certificate says, ECDSA as ``r | s``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CvCertificate:
    """What a terminal needs of a card-verifiable certificate: names, and the two parts to send."""

    authority: bytes
    holder: bytes
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def parse_cv_certificate(data: bytes) -> CvCertificate:
    """Read names and parts of a certificate; anything else is a FormatError."""
    if len(data) > _MAX_CERTIFICATE:
        raise FormatError("A CV certificate is too long.", code="cv.size")
    outer = tlv.parse(data)
    parts = outer.children() if outer.tag == _CERTIFICATE else ()
    if [part.tag for part in parts] != [_BODY, _SIGNATURE]:
        raise FormatError("A CV certificate is malformed.", code="cv.form")
    items = parts[0].children()
    authority, holder = (tlv.only(items, tag).value for tag in (_REFERENCE, _HOLDER))
    if not all(0 < len(name) <= _MAX_REFERENCE for name in (authority, holder)):
        raise FormatError("A CV certificate has an impossible name.", code="cv.name")
    return CvCertificate(
        authority=authority, holder=holder, body=parts[0].raw, signature=parts[1].raw
    )


def parse_trust_points(data: bytes) -> tuple[bytes, ...]:
    """Read EF.CVCA: one or two references of the chip's trust points, padded with zeros."""
    body = data.rstrip(b"\x00")
    items = tlv.parse_all(body)
    if not 1 <= len(items) <= 2 or any(item.tag != _REFERENCE for item in items):
        raise FormatError("EF.CVCA is malformed.", code="cv.trust_points")
    if any(not 0 < len(item.value) <= _MAX_REFERENCE for item in items):
        raise FormatError("EF.CVCA is malformed.", code="cv.trust_points")
    return tuple(item.value for item in items)


def authenticate(
    exchange: Exchange,
    identity: TerminalIdentity,
    *,
    trust_points: Sequence[bytes],
    chip_name: bytes,
    terminal_key: bytes,
) -> None:
    """Prove the terminal's rights; what may be read then, the chip decides.

    ``chip_name`` is the compressed key of the chip's last PACE step, or after BAC the document
    number with its check digit; ``terminal_key`` is our compressed key of Chip Authentication,
    which must have run before. AccessDenied: there is no chain for this chip (``terminal.chain``)
    or the chip refused it (``terminal.refused``, with ``sw``).
    """
    chain = tuple(parse_cv_certificate(data) for data in identity.certificates(trust_points))
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise AccessDenied("No certificates for this chip are there.", code="terminal.chain")
    try:
        for certificate in chain:
            _present(exchange, certificate)
        select = Command(0x00, 0x22, 0x81, 0xA4, tlv.encode(0x83, chain[-1].holder))
        expect(exchange(select), "Terminal Authentication: MSE:Set AT")
        nonce = expect(
            exchange(Command(0x00, 0x84, 0x00, 0x00, le=NONCE_SIZE)),
            "Terminal Authentication: GET CHALLENGE",
        )
        if len(nonce) != NONCE_SIZE:
            raise ProtocolError("The chip's challenge has a wrong length.", code="terminal.nonce")
        signature = identity.sign(chip_name + nonce + terminal_key)
        answer = exchange(Command(0x00, 0x82, 0x00, 0x00, signature))
        expect(answer, "Terminal Authentication: EXTERNAL AUTHENTICATE")
    except StatusError as error:
        raise AccessDenied(
            f"The chip refused the terminal ({error.sw:04X}).",
            code="terminal.refused",
            sw=error.sw,
        ) from error


def _present(exchange: Exchange, certificate: CvCertificate) -> None:
    """Name the issuer, then have the chip verify the certificate and take its key."""
    issuer = Command(0x00, 0x22, 0x81, 0xB6, tlv.encode(0x83, certificate.authority))
    expect(exchange(issuer), "Terminal Authentication: MSE:Set DST")
    data = certificate.body + certificate.signature
    verify = Command(0x00, 0x2A, 0x00, 0xBE, data)
    expect(exchange(verify), "Terminal Authentication: Verify Certificate")
