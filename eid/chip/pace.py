"""PACE with generic mapping over elliptic curves, the reader's half (9303-11 §4.4; TR-03110-2 §3.2).

Five commands turn a password of low entropy into a strong session. Every point is checked before
it meets a secret, every secret and coordinate has a fixed length, and tokens are compared in
constant time. Whatever goes wrong ends the attempt: nothing is sent again.

>>> from eid.chip.lds.security_infos import parse_security_infos
>>> infos = parse_security_infos(bytes.fromhex("31143012060A04007F0007020204020202010202010D"))
>>> choose_pace(infos).parameter_id
13
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from eid import ec, tlv
from eid.chip.access import AccessKey
from eid.chip.apdu import (
    SHORT_LE,
    SW_AUTHENTICATION_FAILED,
    SW_WRONG_DATA,
    Command,
    Exchange,
    Response,
    expect,
)
from eid.chip.crypto import KDF_ENC, KDF_MAC, KDF_PASSWORD, MAC_SIZE, Suite, decrypt, kdf, mac
from eid.chip.lds.security_infos import PaceInfo, SecurityInfos
from eid.chip.messaging import SecureMessaging
from eid.errors import AccessDenied, FormatError, ProtocolError

Rng = Callable[[int], bytes]

ID_PACE_ECDH_GM: Final = "0.4.0.127.0.7.2.2.4.2"
SUITES: Final[Mapping[str, Suite]] = MappingProxyType(
    {
        f"{ID_PACE_ECDH_GM}.1": Suite.DES3,
        f"{ID_PACE_ECDH_GM}.2": Suite.AES_128,
        f"{ID_PACE_ECDH_GM}.3": Suite.AES_192,
        f"{ID_PACE_ECDH_GM}.4": Suite.AES_256,
    }
)
MAPPING: Final = "GM"
_VERSION: Final = 2
_CHAIN: Final = 0x10
_DYNAMIC_DATA: Final = 0x7C
_CAM_DATA: Final = 0x8A
_PUBLIC_KEY: Final = 0x7F49


@dataclass(slots=True)
class _Handshake:
    """What both sides agree on step by step; its repr hides all secrets."""

    exchange: Exchange = field(repr=False)
    oid: str
    suite: Suite
    curve: ec.Curve
    nonce: int = field(default=0, repr=False)
    generator: ec.Point = field(default=(0, 0), repr=False)
    private: int = field(default=0, repr=False)
    ours: bytes = field(default=b"", repr=False)
    theirs: bytes = field(default=b"", repr=False)
    ks_enc: bytes = field(default=b"", repr=False)
    ks_mac: bytes = field(default=b"", repr=False)


def choose_pace(infos: SecurityInfos) -> PaceInfo:
    """Return the strongest PACEInfo this library can run.

    Order: AES-256, AES-192, AES-128, 3DES; then the larger curve; then the card's own order.
    AccessDenied ``access.no_pace`` when the card offers none, ``pace.unsupported`` (with the
    identifiers in ``offered``) when it offers only others.
    """
    if not infos.pace:
        raise AccessDenied("The chip does not offer PACE.", code="access.no_pace")
    usable = [info for info in infos.pace if _supported(info)]
    if not usable:
        offered = tuple(info.oid for info in infos.pace)
        raise _unsupported(offered)
    return max(usable, key=_strength)


def establish(
    exchange: Exchange, info: PaceInfo, key: AccessKey, *, rng: Rng = secrets.token_bytes
) -> SecureMessaging:
    """Run PACE and return the session; the next command must already be protected by it.

    AccessDenied: the chip refused the password (``access.wrong_password``), the protocol
    (``pace.unsupported``) or the last step for another reason (``access.refused``), with ``sw``.
    StatusError: an earlier step was refused. ProtocolError: the chip's answers break the rules.
    """
    if not _supported(info):
        raise _unsupported((info.oid,))
    handshake = _Handshake(exchange, info.oid, SUITES[info.oid], _curve(info))
    _select_protocol(handshake, info, key)
    _receive_nonce(handshake, key)
    _map_generator(handshake, rng)
    _agree(handshake, rng)
    _confirm(handshake)
    suite = handshake.suite
    return SecureMessaging(suite, handshake.ks_enc, handshake.ks_mac, bytes(suite.block_size))


def token(suite: Suite, ks_mac: bytes, oid: str, public_key: bytes) -> bytes:
    """Return the authentication token over a public key (9303-11 §4.4.3.4, §9.4.5)."""
    content = (tlv.encode(0x06, tlv.encode_oid(oid)), tlv.encode(0x86, public_key))
    return mac(suite, ks_mac, tlv.encode(_PUBLIC_KEY, *content))


def _supported(info: PaceInfo) -> bool:
    number = info.parameter_id
    known = any(curve.parameter_id == number for curve in ec.CURVES.values())
    return info.oid in SUITES and info.version == _VERSION and number is not None and known


def _strength(info: PaceInfo) -> tuple[int, int, int]:
    suite = SUITES[info.oid]
    return suite.key_size, suite.block_size, _curve(info).bits


def _unsupported(offered: tuple[str, ...]) -> AccessDenied:
    return AccessDenied(
        "The chip offers PACE only in variants that are not supported.",
        code="pace.unsupported",
        offered=offered,
    )


def _curve(info: PaceInfo) -> ec.Curve:
    return ec.by_parameter_id(info.parameter_id or 0)


def _select_protocol(handshake: _Handshake, info: PaceInfo, key: AccessKey) -> None:
    """MSE:Set AT with protocol, password and, always, the domain parameters."""
    data = (
        tlv.encode(0x80, tlv.encode_oid(info.oid))
        + tlv.encode(0x83, bytes([key.reference]))
        + tlv.encode(0x84, bytes([info.parameter_id or 0]))
    )
    expect(handshake.exchange(Command(0x00, 0x22, 0xC1, 0xA4, data)), "PACE: MSE:Set AT")


def _receive_nonce(handshake: _Handshake, key: AccessKey) -> None:
    suite = handshake.suite
    response = _authenticate(handshake, b"")
    cryptogram = _answer(expect(response, "PACE: encrypted nonce"), 0x80)
    if len(cryptogram) not in _nonce_sizes(suite):
        raise ProtocolError("The chip's PACE nonce has a wrong length.", code="pace.nonce")
    k_pi = kdf(key.password(), KDF_PASSWORD, suite)
    handshake.nonce = int.from_bytes(decrypt(suite, k_pi, cryptogram), "big")


def _nonce_sizes(suite: Suite) -> tuple[int, ...]:
    """One block of 16 bytes, or the fewest blocks that hold a whole key."""
    return 16, -(-suite.key_size // suite.block_size) * suite.block_size


def _map_generator(handshake: _Handshake, rng: Rng) -> None:
    """Replace the generator by nonce · G + H, where H is agreed by Diffie-Hellman."""
    curve = handshake.curve
    handshake.private = ec.random_scalar(curve, rng)
    ours = ec.encode_point(curve, ec.public_point(curve, handshake.private))
    response = _authenticate(handshake, tlv.encode(0x81, ours))
    theirs = _point(curve, _answer(expect(response, "PACE: mapping"), 0x82), ours)
    handshake.generator = ec.sum_of_products(
        curve, (handshake.nonce, curve.generator), (handshake.private, theirs)
    )


def _agree(handshake: _Handshake, rng: Rng) -> None:
    curve, suite = handshake.curve, handshake.suite
    handshake.private = ec.random_scalar(curve, rng)
    public = ec.multiply(curve, handshake.private, handshake.generator)
    handshake.ours = ec.encode_point(curve, public)
    response = _authenticate(handshake, tlv.encode(0x83, handshake.ours))
    handshake.theirs = _answer(expect(response, "PACE: key agreement"), 0x84)
    theirs = _point(curve, handshake.theirs, handshake.ours)
    secret = ec.ecdh(curve, handshake.private, theirs)
    handshake.ks_enc = kdf(secret, KDF_ENC, suite)
    handshake.ks_mac = kdf(secret, KDF_MAC, suite)


def _confirm(handshake: _Handshake) -> None:
    """Exchange tokens; a mapping of the chip's own (8A) is left alone and proves nothing."""
    ours = _token(handshake, handshake.theirs)
    response = _authenticate(handshake, tlv.encode(0x85, ours), last=True)
    if not response.ok:
        raise _refusal(response.sw)
    theirs = _answer(response.data, 0x86, optional=_CAM_DATA)
    expected = _token(handshake, handshake.ours)
    if len(theirs) != MAC_SIZE or not hmac.compare_digest(theirs, expected):
        raise ProtocolError("The chip did not confirm the PACE session.", code="pace.token")


def _token(handshake: _Handshake, public_key: bytes) -> bytes:
    return token(handshake.suite, handshake.ks_mac, handshake.oid, public_key)


def _refusal(sw: int) -> AccessDenied:
    if sw in (SW_AUTHENTICATION_FAILED, SW_WRONG_DATA) or sw & 0xFFF0 == 0x63C0:
        return AccessDenied(
            "The chip did not accept the number, CAN or MRZ.", code="access.wrong_password", sw=sw
        )
    return AccessDenied(
        f"The chip broke off PACE at its last step ({sw:04X}).", code="access.refused", sw=sw
    )


def _authenticate(handshake: _Handshake, data: bytes, *, last: bool = False) -> Response:
    cla = 0x00 if last else _CHAIN
    body = tlv.encode(_DYNAMIC_DATA, data)
    return handshake.exchange(Command(cla, 0x86, 0x00, 0x00, body, SHORT_LE))


def _answer(data: bytes, tag: int, *, optional: int | None = None) -> bytes:
    """Return the one data object of an answer; other, repeated or trailing ones are refused."""
    try:
        outer = tlv.parse(data)
        items = outer.children()
    except FormatError as error:
        raise ProtocolError("An answer of PACE is malformed.", code="pace.answer") from error
    tags = tuple(item.tag for item in items)
    if outer.tag != _DYNAMIC_DATA or tags not in {(tag,), (tag, optional)}:
        raise ProtocolError("An answer of PACE has other parts than it must.", code="pace.answer")
    return items[0].value


def _point(curve: ec.Curve, data: bytes, ours: bytes) -> ec.Point:
    """Read the chip's public key; our own sent back to us is refused."""
    try:
        point = ec.decode_point(curve, data)
    except FormatError as error:
        raise ProtocolError("The chip's PACE key is not a point.", code="pace.point") from error
    if hmac.compare_digest(data, ours):
        raise ProtocolError("The chip sent our own PACE key back.", code="pace.reflection")
    return point
