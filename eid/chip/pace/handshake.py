"""The five commands of PACE, the reader's half (9303-11 §4.4; TR-03110-2 §3.2)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from eid import tlv
from eid.chip.access import AccessKey
from eid.chip.apdu import (
    EXTENDED,
    SHORT_LE,
    SW_AUTHENTICATION_FAILED,
    SW_BLOCKED,
    SW_WRONG_DATA,
    Command,
    Exchange,
    Response,
    expect,
)
from eid.chip.crypto import (
    KDF_ENC,
    KDF_MAC,
    KDF_PASSWORD,
    MAC_SIZE,
    Suite,
    decrypt,
    encrypt,
    kdf,
    mac,
    unpad,
)
from eid.chip.domains import Domain, KeyPair, Rng
from eid.chip.lds.security_infos import PaceInfo, SecurityInfos
from eid.chip.messaging import SecureMessaging
from eid.chip.pace.protocols import Offer, offer_of, unsupported
from eid.ec import integrated
from eid.errors import AccessDenied, FormatError, ProtocolError

_CHAIN: Final = 0x10
_DYNAMIC_DATA: Final = 0x7C
_CAM_DATA: Final = 0x8A
_PUBLIC_KEY: Final = 0x7F49
_LARGEST_SHORT_KEY: Final = 200
_TRIES: Final = 0x63C0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceSession:
    """What a handshake gives: the session, both last public keys, and CAM's data.

    ``mapping_key`` is the chip's public key of the mapping step and ``chip_data`` the decrypted
    chip authentication data: both empty but for PACE-CAM.
    """

    messaging: SecureMessaging
    chip_key: bytes
    terminal_key: bytes
    domain: Domain
    mapping_key: bytes = b""
    chip_data: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _Handshake:
    """What both sides agree on step by step; its repr hides all secrets."""

    exchange: Exchange = field(repr=False)
    offer: Offer
    domain: Domain
    s: bytes = field(default=b"", repr=False)
    pair: KeyPair | None = field(default=None, repr=False)
    mapping_key: bytes = field(default=b"", repr=False)
    theirs: bytes = field(default=b"", repr=False)
    ks_enc: bytes = field(default=b"", repr=False)
    ks_mac: bytes = field(default=b"", repr=False)

    @property
    def suite(self) -> Suite:
        return self.offer.protocol.suite


def establish(
    exchange: Exchange,
    info: PaceInfo,
    key: AccessKey,
    *,
    infos: SecurityInfos | None = None,
    rng: Rng = secrets.token_bytes,
) -> SecureMessaging:
    """Run PACE and return the session; the next command must already be protected by it.

    AccessDenied: the chip refused the password (``access.wrong_password``), the protocol
    (``pace.unsupported``) or the last step for another reason (``access.refused``), with ``sw``;
    or the password has one try left (``access.last_try``) or none (``access.blocked``), and the
    library did not use it. StatusError: an earlier step was refused. ProtocolError: the chip's
    answers break the rules.
    """
    offer = offer_of(info, infos)
    if offer is None:
        raise unsupported((info.oid,))
    return run(exchange, offer, key, rng=rng).messaging


def run(
    exchange: Exchange, offer: Offer, key: AccessKey, *, rng: Rng = secrets.token_bytes
) -> PaceSession:
    """Run PACE as :func:`establish` does, and return all that later steps need."""
    handshake = _Handshake(exchange, offer, offer.domain)
    _select_protocol(handshake, key)
    _receive_nonce(handshake, key)
    if offer.protocol.mapping == "IM":
        _map_nonce(handshake, rng)
    else:
        _map_generator(handshake, rng)
    ours = _agree(handshake, rng)
    chip_data = _confirm(handshake, ours)
    suite = handshake.suite
    return PaceSession(
        messaging=SecureMessaging(
            suite, handshake.ks_enc, handshake.ks_mac, bytes(suite.block_size)
        ),
        chip_key=handshake.theirs,
        terminal_key=ours,
        domain=offer.domain,
        mapping_key=handshake.mapping_key if offer.protocol.mapping == "CAM" else b"",
        chip_data=chip_data,
    )


def token(
    suite: Suite, ks_mac: bytes, oid: str, public_key: bytes, *, key_tag: int = 0x86
) -> bytes:
    """Return the authentication token over a public key (9303-11 §4.4.3.4, §9.4.4)."""
    content = (tlv.encode(0x06, tlv.encode_oid(oid)), tlv.encode(key_tag, public_key))
    return mac(suite, ks_mac, tlv.encode(_PUBLIC_KEY, *content))


def _select_protocol(handshake: _Handshake, key: AccessKey) -> None:
    """MSE:Set AT with protocol, password and, where it has one, the domain's number."""
    offer = handshake.offer
    number = offer.parameter_id
    data = tlv.encode(0x80, tlv.encode_oid(offer.info.oid)) + tlv.encode(
        0x83, bytes([key.reference])
    )
    if number is not None:
        data += tlv.encode(0x84, tlv.encode_int(number))
    response = handshake.exchange(Command(0x00, 0x22, 0xC1, 0xA4, data))
    if response.sw & 0xFFF0 == _TRIES or response.sw == SW_BLOCKED:
        _guard(response.sw)
    else:
        expect(response, "PACE: MSE:Set AT")


def _guard(sw: int) -> None:
    """Stop before a password's last try: a wrong one would block it (TR-03110-2 §3.3)."""
    tries = sw & 0xF if sw != SW_BLOCKED else 0
    if tries == 0:
        raise AccessDenied("The password is blocked.", code="access.blocked", sw=sw, tries=0)
    if tries == 1:
        message = "One try is left; it was not used, since a wrong one blocks the password."
        raise AccessDenied(message, code="access.last_try", sw=sw, tries=1)


def _receive_nonce(handshake: _Handshake, key: AccessKey) -> None:
    suite = handshake.suite
    response = _authenticate(handshake, b"")
    cryptogram = _answer(expect(response, "PACE: encrypted nonce"), 0x80)
    if len(cryptogram) not in _nonce_sizes(handshake):
        raise ProtocolError("The chip's PACE nonce has a wrong length.", code="pace.nonce")
    k_pi = kdf(key.password(), KDF_PASSWORD, suite)
    handshake.s = decrypt(suite, k_pi, cryptogram)


def _nonce_sizes(handshake: _Handshake) -> tuple[int, ...]:
    """Integrated mapping fixes the size; else one block of 16 bytes, or as many as hold a key."""
    suite = handshake.suite
    if handshake.offer.protocol.mapping == "IM":
        return (integrated.nonce_sizes(suite.key_size)[0],)
    return 16, -(-suite.key_size // suite.block_size) * suite.block_size


def _map_generator(handshake: _Handshake, rng: Rng) -> None:
    """Replace the generator by nonce · G + H, where H is agreed by Diffie-Hellman."""
    pair = handshake.domain.draw(rng)
    response = _authenticate(handshake, tlv.encode(0x81, pair.public))
    theirs = _answer(expect(response, "PACE: mapping"), 0x82)
    _refuse_reflection(pair.public, theirs)
    handshake.mapping_key = theirs
    try:
        handshake.domain = pair.map(int.from_bytes(handshake.s, "big"), theirs)
    except FormatError as error:
        raise _bad_key() from error


def _map_nonce(handshake: _Handshake, rng: Rng) -> None:
    """Replace the generator by the image of both sides' nonces."""
    suite = handshake.suite
    t = rng(integrated.nonce_sizes(suite.key_size)[1])
    response = _authenticate(handshake, tlv.encode(0x81, t))
    if _answer(expect(response, "PACE: mapping"), 0x82, may_be_absent=True):
        raise ProtocolError("The chip's mapping data must be empty.", code="pace.answer")
    try:
        handshake.domain = handshake.domain.map_number(
            lambda key, data: encrypt(suite, key, data), handshake.s, t
        )
    except FormatError as error:
        raise ProtocolError("The nonces map to no generator.", code="pace.nonce") from error


def _agree(handshake: _Handshake, rng: Rng) -> bytes:
    suite = handshake.suite
    pair = handshake.domain.draw(rng)
    response = _authenticate(handshake, tlv.encode(0x83, pair.public))
    handshake.theirs = _answer(expect(response, "PACE: key agreement"), 0x84)
    _refuse_reflection(pair.public, handshake.theirs)
    try:
        secret = pair.agree(handshake.theirs)
    except FormatError as error:
        raise _bad_key() from error
    handshake.ks_enc = kdf(secret, KDF_ENC, suite)
    handshake.ks_mac = kdf(secret, KDF_MAC, suite)
    return pair.public


def _confirm(handshake: _Handshake, ours: bytes) -> bytes:
    """Exchange tokens; return CAM's data. An 8A beside another mapping proves nothing."""
    response = _authenticate(
        handshake, tlv.encode(0x85, _token(handshake, handshake.theirs)), last=True
    )
    if not response.ok:
        raise _refusal(response.sw)
    items = _items(response.data)
    tags = tuple(item.tag for item in items)
    cam = handshake.offer.protocol.mapping == "CAM"
    if tags != (0x86, _CAM_DATA) and (cam or tags != (0x86,)):
        raise _other_parts()
    theirs, expected = items[0].value, _token(handshake, ours)
    if len(theirs) != MAC_SIZE or not hmac.compare_digest(theirs, expected):
        raise ProtocolError("The chip did not confirm the PACE session.", code="pace.token")
    return _chip_data(handshake, items[1].value) if cam else b""


def _chip_data(handshake: _Handshake, cryptogram: bytes) -> bytes:
    """Decrypt CAM's data: the IV is the encryption of -1 (9303-11 §4.4.3.5.2)."""
    suite = handshake.suite
    iv = encrypt(suite, handshake.ks_enc, b"\xff" * suite.block_size)
    try:
        return unpad(decrypt(suite, handshake.ks_enc, cryptogram, iv=iv))
    except FormatError as error:
        raise ProtocolError("The chip's CAM data are malformed.", code="pace.cam") from error


def _token(handshake: _Handshake, public_key: bytes) -> bytes:
    return token(
        handshake.suite,
        handshake.ks_mac,
        handshake.offer.info.oid,
        public_key,
        key_tag=handshake.domain.key_tag,
    )


def _refusal(sw: int) -> AccessDenied:
    if sw in (SW_AUTHENTICATION_FAILED, SW_WRONG_DATA) or sw & 0xFFF0 == _TRIES:
        counted = sw & 0xFFF0 == _TRIES
        facts = {"tries": sw & 0xF} if counted else {}
        left = f"; tries left: {sw & 0xF}" if counted else ""
        return AccessDenied(
            f"The chip did not accept the number, CAN, MRZ or PIN{left}.",
            code="access.wrong_password",
            sw=sw,
            **facts,
        )
    return AccessDenied(
        f"The chip broke off PACE at its last step ({sw:04X}).", code="access.refused", sw=sw
    )


def _authenticate(handshake: _Handshake, data: bytes, *, last: bool = False) -> Response:
    cla = 0x00 if last else _CHAIN
    body = tlv.encode(_DYNAMIC_DATA, data)
    le = EXTENDED if handshake.domain.size > _LARGEST_SHORT_KEY and data else SHORT_LE
    return handshake.exchange(Command(cla, 0x86, 0x00, 0x00, body, le))


def _answer(data: bytes, tag: int, *, may_be_absent: bool = False) -> bytes:
    """Return the one data object of an answer; other, repeated or trailing ones are refused."""
    items = _items(data)
    if may_be_absent and not items:
        return b""
    if tuple(item.tag for item in items) != (tag,):
        raise _other_parts()
    return items[0].value


def _items(data: bytes) -> tuple[tlv.Tlv, ...]:
    try:
        outer = tlv.parse(data)
        items = outer.children()
    except FormatError as error:
        raise ProtocolError("An answer of PACE is malformed.", code="pace.answer") from error
    if outer.tag != _DYNAMIC_DATA:
        raise _other_parts()
    return items


def _other_parts() -> ProtocolError:
    return ProtocolError("An answer of PACE has other parts than it must.", code="pace.answer")


def _refuse_reflection(ours: bytes, theirs: bytes) -> None:
    if hmac.compare_digest(theirs, ours):
        raise ProtocolError("The chip sent our own PACE key back.", code="pace.reflection")


def _bad_key() -> ProtocolError:
    return ProtocolError("The chip's PACE key is not in its group.", code="pace.point")
