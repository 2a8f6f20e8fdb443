"""Chip Authentication version 1: the chip proves its key by the session it can follow into.

(9303-11 §6.2; TR-03110-1 §3.4.) Static key agreement with a key of DG14 replaces the session's
keys. Nothing is proven by status 9000: the next protected answer is the proof, and it convinces
only whoever drew the ephemeral key. :func:`authenticate` is for a terminal that believes itself.

Verifier-driven, the verifier draws that key: :func:`begin` gives a request and a secret session,
the terminal sends both commands on by :func:`relay`, and :func:`finish` judges the one answer.

>>> from eid.chip.lds.dg14 import parse_dg14
>>> choose(parse_dg14(bytes.fromhex("6E1131 0F300D060804007F0007020202020101"))) is None
True
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eid import tlv
from eid.chip.apdu import (
    SW_UNKNOWN_INS,
    SW_WRONG_LENGTH,
    SW_WRONG_P1P2,
    Command,
    Exchange,
    Response,
    expect,
)
from eid.chip.crypto import KDF_ENC, KDF_MAC, Suite, kdf
from eid.chip.domains import Domain, Family, Rng, from_algorithm
from eid.chip.lds.security_infos import (
    ID_CA,
    ID_PK,
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKey,
    SecurityInfos,
)
from eid.chip.messaging import SecureMessaging
from eid.errors import CardError, FormatError, NotGenuine, ProtocolError
from eid.trust.public_keys import bit_string

VERSION: Final = 1
PROOF: Final = Command(0x00, 0xB0, 0x9D, 0x00, le=8)
"""What the verifier has the chip answer: the first bytes of EF.SOD, which every chip holds."""

_FAMILIES: Final[dict[str, Family]] = {"1": "DH", "2": "ECDH"}
_SUITES: Final = {
    "1": Suite.DES3,
    "2": Suite.AES_128,
    "3": Suite.AES_192,
    "4": Suite.AES_256,
}
_LABELS: Final = {suite.label: suite for suite in Suite}
_DYNAMIC_DATA: Final = 0x7C
_MAX_PARTS: Final = 8192
_CHAIN: Final = 0x10
_PARTS: Final = (223, 32)  # what a chip takes that refuses its key in one command


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipKey:
    """A key of DG14 with the strongest protocol that fits it.

    ``inferred``: DG14 names no protocol, so that of the oldest chips is taken, with 3DES.
    """

    oid: str
    suite: Suite
    domain: Domain
    public: bytes
    key_id: int | None
    spki: bytes
    inferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipRequest:
    """What the terminal relays for a verifier: no secret is in it."""

    oid: str
    key_id: int | None
    public: bytes
    command: bytes

    def to_bytes(self) -> bytes:
        """Write it for the way to the terminal."""
        reference = b"" if self.key_id is None else tlv.encode_int(self.key_id)
        parts = (tlv.encode_oid(self.oid), reference, self.public, self.command)
        return tlv.encode(0x30, *(tlv.encode(0x80 + i, part) for i, part in enumerate(parts)))

    @staticmethod
    def from_bytes(data: bytes) -> ChipRequest:
        """Read what :meth:`to_bytes` wrote; anything else is a FormatError."""
        oid, reference, public, command = _parts(data, 4)
        return ChipRequest(
            oid=tlv.decode_oid(oid),
            key_id=tlv.decode_int(reference) if reference else None,
            public=public,
            command=command,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierSession:
    """The verifier's secret half, for one answer; ``key_digest`` is of the chip's key."""

    request: ChipRequest
    key_digest: bytes
    suite: Suite
    ks_enc: bytes = field(repr=False)
    ks_mac: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """Write it, to be sealed: whoever reads this can forge the answer."""
        parts = (
            self.request.to_bytes(),
            self.key_digest,
            self.suite.label.encode("ascii"),
            self.ks_enc,
            self.ks_mac,
        )
        return tlv.encode(0x30, *(tlv.encode(0x80 + i, part) for i, part in enumerate(parts)))

    @staticmethod
    def from_bytes(data: bytes) -> VerifierSession:
        """Read what :meth:`to_bytes` wrote; anything else is a FormatError."""
        request, key_digest, label, ks_enc, ks_mac = _parts(data, 5)
        suite = _LABELS.get(label.decode("ascii", "replace"))
        if suite is None or {len(ks_enc), len(ks_mac)} != {suite.key_size}:
            raise _malformed()
        return VerifierSession(
            request=ChipRequest.from_bytes(request),
            key_digest=key_digest,
            suite=suite,
            ks_enc=ks_enc,
            ks_mac=ks_mac,
        )


def choose(dg14: SecurityInfos, *, allow_3des: bool = True) -> ChipKey | None:
    """Return the chip's strongest usable key, or None where DG14 offers none.

    Order: AES-256, AES-192, AES-128, 3DES; then the stronger curve or group; then DG14's order.
    A protocol and a key belong together by family and key reference; a reference may be missing
    only where there is one key of that family. A key that cannot be read is passed over.
    """
    usable = [key for entry in dg14.ca_public_keys for key in _protocols(entry, dg14)]
    if not allow_3des:
        usable = [key for key in usable if key.suite is not Suite.DES3]
    return max(usable, key=_rank, default=None)


def authenticate(
    exchange: Exchange, key: ChipKey, *, rng: Rng = secrets.token_bytes
) -> tuple[SecureMessaging, bytes]:
    """Agree with the chip's key; return the new session and our ephemeral public key.

    All commands after it must travel by the new session. StatusError: the chip refused, and the
    old session goes on. Nothing is proven before the new session's first answer.
    """
    pair = key.domain.draw(rng)
    send(exchange, key.oid, key.key_id, pair.public)
    return _session(key.suite, pair.agree(key.public)), pair.public


def send(exchange: Exchange, oid: str, key_id: int | None, public: bytes) -> None:
    """Give the chip an ephemeral public key: MSE:Set KAT for 3DES, else two commands.

    A chip that does not know MSE:Set KAT gets the two commands for 3DES too. One that refuses the
    key's length (6700) gets the key again in parts, by command chaining. StatusError: it refused.
    """
    reference = b"" if key_id is None else tlv.encode(0x84, tlv.encode_int(key_id))
    if oid.endswith(".1"):
        data = tlv.encode(0x91, public) + reference
        response = exchange(Command(0x00, 0x22, 0x41, 0xA6, data))
        if response.sw not in (SW_WRONG_P1P2, SW_UNKNOWN_INS):
            expect(response, "Chip Authentication: MSE:Set KAT")
            return
    choose = Command(0x00, 0x22, 0x41, 0xA4, tlv.encode(0x80, tlv.encode_oid(oid)) + reference)
    body = tlv.encode(_DYNAMIC_DATA, tlv.encode(0x80, public))
    smaller = [part for part in _PARTS if part < len(body)]
    expect(exchange(choose), "Chip Authentication: MSE:Set AT")
    response = _agree(exchange, body, len(body))
    while response.sw == SW_WRONG_LENGTH and smaller:
        expect(exchange(choose), "Chip Authentication: MSE:Set AT")
        response = _agree(exchange, body, smaller.pop(0))
    answer = expect(response, "Chip Authentication: agreement")
    if answer[:1] not in (b"", b"\x7c"):
        raise ProtocolError("The chip's answer is malformed.", code="chip_auth.answer")


def _agree(exchange: Exchange, body: bytes, size: int) -> Response:
    """Send GENERAL AUTHENTICATE in parts of this size; the first refusal or the last answer."""
    while len(body) > size:
        response = exchange(Command(_CHAIN, 0x86, 0x00, 0x00, body[:size]))
        if not response.ok:
            return response
        body = body[size:]
    return exchange(Command(0x00, 0x86, 0x00, 0x00, body, 256))


def begin(
    dg14: SecurityInfos, *, rng: Rng = secrets.token_bytes
) -> tuple[ChipRequest, VerifierSession] | None:
    """Draw the verifier's key for the chip of this DG14; None where it offers no usable key.

    DG14 need not be verified yet: :func:`finish` proves possession of the key whose digest is in
    the session, and the judge holds that against the signed DG14.
    """
    key = choose(dg14)
    if key is None:
        return None
    pair = key.domain.draw(rng)
    secret = pair.agree(key.public)
    ks_enc, ks_mac = kdf(secret, KDF_ENC, key.suite), kdf(secret, KDF_MAC, key.suite)
    command = _session(key.suite, secret).protect(PROOF).encode()
    request = ChipRequest(oid=key.oid, key_id=key.key_id, public=pair.public, command=command)
    session = VerifierSession(
        request=request,
        key_digest=hashlib.sha256(key.spki).digest(),
        suite=key.suite,
        ks_enc=ks_enc,
        ks_mac=ks_mac,
    )
    return request, session


def relay(exchange: Exchange, transmit: Callable[[bytes], bytes], request: ChipRequest) -> bytes:
    """Have the chip follow the verifier's key, and return its answer to the verifier's command.

    It is the terminal's last step: the chip has left the terminal's own session by then.
    """
    send(exchange, request.oid, request.key_id, request.public)
    return transmit(request.command)


def finish(session: VerifierSession, answer: bytes) -> None:
    """Judge the relayed answer: its MAC, its protected status and its content; NotGenuine."""
    secure = SecureMessaging(
        session.suite, session.ks_enc, session.ks_mac, bytes(session.suite.block_size)
    )
    secure.protect(PROOF)
    try:
        response = secure.open(Response.parse(answer))
    except CardError as error:
        raise _unproven() from error
    finally:
        secure.wipe()
    if not response.ok or len(response.data) != PROOF.le:
        raise _unproven()


def transcript(oid: str, public: bytes) -> bytes:
    """Write what a terminal keeps of its own session: protocol and public key; it proves nothing."""
    return tlv.encode(0x30, tlv.encode(0x80, tlv.encode_oid(oid)), tlv.encode(0x81, public))


def mapping_transcript(mapping_key: bytes, chip_data: bytes) -> bytes:
    """Write what a terminal keeps of PACE-CAM; whoever ran the session can write any other."""
    return tlv.encode(0x30, tlv.encode(0x82, mapping_key), tlv.encode(0x83, chip_data))


def refusal(oid: str, sw: int) -> bytes:
    """Write that the chip refused the protocol, and with which status word; it proves nothing."""
    status = sw.to_bytes(2, "big")
    return tlv.encode(0x30, tlv.encode(0x80, tlv.encode_oid(oid)), tlv.encode(0x84, status))


def tells_refusal(data: bytes) -> bool:
    """Whether a transcript is what :func:`refusal` writes."""
    try:
        outer = tlv.parse(data)
        return outer.tag == 0x30 and [item.tag for item in outer.children()] == [0x80, 0x84]
    except FormatError:
        return False


def relayed(request: ChipRequest, answer: bytes) -> bytes:
    """Write a request with the chip's answer to it."""
    return tlv.encode(0x30, tlv.encode(0x80, request.to_bytes()), tlv.encode(0x81, answer))


def check_relayed(session: VerifierSession, data: bytes) -> None:
    """Judge what :func:`relayed` wrote: our own request and a right answer, or NotGenuine."""
    try:
        request, answer = _parts(data, 2)
    except FormatError as error:
        raise _unproven() from error
    if not hmac.compare_digest(request, session.request.to_bytes()):
        raise NotGenuine(
            "The chip answered another verifier's request.", code="chip_auth.other_request"
        )
    finish(session, answer)


def _session(suite: Suite, secret: bytes) -> SecureMessaging:
    ks_enc, ks_mac = kdf(secret, KDF_ENC, suite), kdf(secret, KDF_MAC, suite)
    return SecureMessaging(suite, ks_enc, ks_mac, bytes(suite.block_size))


def _protocols(entry: ChipAuthenticationPublicKey, dg14: SecurityInfos) -> list[ChipKey]:
    """The protocols that fit a key; the inferred one where its family has none at all."""
    branch = entry.oid.removeprefix(ID_PK)
    try:
        domain, public = _public(entry)
    except FormatError:
        return []
    if domain.family != _FAMILIES.get(branch):
        return []
    alone = sum(key.oid == entry.oid for key in dg14.ca_public_keys) == 1
    named = [info for info in dg14.chip_authentication if info.oid.startswith(f"{ID_CA}{branch}.")]
    fitting = [info.oid for info in named if info.version == VERSION and _fits(info, entry, alone)]
    oids = fitting if named else [f"{ID_CA}{branch}.1"]
    return [
        ChipKey(
            oid=oid,
            suite=_SUITES[oid.rpartition(".")[2]],
            domain=domain,
            public=public,
            key_id=entry.key_id,
            spki=entry.spki,
            inferred=not named,
        )
        for oid in oids
        if oid.rpartition(".")[2] in _SUITES
    ]


def _fits(info: ChipAuthenticationInfo, entry: ChipAuthenticationPublicKey, alone: bool) -> bool:  # noqa: FBT001
    return info.key_id == entry.key_id or (alone and None in (info.key_id, entry.key_id))


def _public(entry: ChipAuthenticationPublicKey) -> tuple[Domain, bytes]:
    """Read domain and key; a degenerate key, or one outside its domain, is a FormatError."""
    algorithm, bits = tlv.parse(entry.spki, ber=True).children(ber=True)[:2]
    domain = from_algorithm(algorithm)
    octets = bit_string(bits)
    if domain.family == "DH":
        number = tlv.parse(octets).integer()
        octets = number.to_bytes(domain.size, "big") if 0 < number < 1 << 8 * domain.size else b""
    domain.pair(2).agree(octets)
    return domain, octets


def _rank(key: ChipKey) -> tuple[int, int, int]:
    return key.suite.key_size, key.suite.block_size, key.domain.strength


def _parts(data: bytes, count: int) -> tuple[bytes, ...]:
    if len(data) > _MAX_PARTS:
        raise _malformed()
    outer = tlv.parse(data)
    items = outer.children() if outer.tag == 0x30 else ()
    if [item.tag for item in items] != [0x80 + i for i in range(count)]:
        raise _malformed()
    return tuple(item.value for item in items)


def _malformed() -> FormatError:
    return FormatError("The chip authentication message is malformed.", code="chip_auth.message")


def _unproven() -> NotGenuine:
    return NotGenuine("The chip did not prove that it holds its key.", code="chip_auth.unproven")
