"""PACE from the chip's side, with every mapping over every domain (9303-11 §4.4).

The chip reads its own EF.CardAccess to know what it offers; it keeps nothing between attempts but
the retry counters of its passwords.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from eid import tlv
from eid.chip import crypto
from eid.ec import integrated
from eid.errors import FormatError
from eid.testing.softcard_apdu import SW_CONDITIONS, SW_WRONG_DATA, Refused
from eid.testing.softcard_domain import Domain
from eid.testing.softcard_messaging import ChipSession
from eid.testing.softcard_offers import Offer, choose
from eid.testing.softcard_passwords import ChipPasswords

_DYNAMIC_DATA: Final = 0x7C
_CHAT: Final = 0x7F4C
_NONCE_SIZE: Final = 16
_LONG_NONCE: Final = 32
_MOST_DRAWS: Final = 4_096
_MINUS_ONE: Final = b"\xff" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSecrets:
    """What PACE needs of the chip beside the request: files, passwords, the key for CAM.

    ``authorities`` are the references of Terminal Authentication's trust points, newest first;
    ``tricks`` names deviations (``quirks``); ``resumed`` is whether the CAN was just shown.
    """

    card_access: bytes
    passwords: ChipPasswords
    rng: Callable[[int], bytes]
    static_keys: Mapping[int | None, int] = field(default_factory=dict, repr=False)
    authorities: tuple[bytes, ...] = ()
    tricks: frozenset[str] = frozenset()
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    tag: int
    run: Callable[[bytes], bytes]


class ChipPace:
    """One attempt at PACE: chosen by MSE:Set AT, then four steps of GENERAL AUTHENTICATE."""

    def __init__(self, chip: ChipSecrets, request: bytes) -> None:
        self._chip = chip
        try:
            objects = {item.tag: item.value for item in tlv.parse_all(request)}
            oid = tlv.decode_oid(objects.get(0x80, b""))
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        self.reference = int.from_bytes(objects.get(0x83, b""), "big")
        self._password, self.status = chip.passwords.select(self.reference)
        self._authorities = chip.authorities if _CHAT in objects else ()
        self._offer = self._chosen(oid, objects.get(0x84))
        self.domain: Domain = self._offer.domain
        self._nonce = b""
        self._map_private = self._private = 0
        self.mine = self.theirs = b""
        self._keys = (b"", b"")
        self._steps = [
            _Step(0, self._give_nonce),
            _Step(0x81, self._map),
            _Step(0x83, self._agree),
            _Step(0x85, self._confirm),
        ]

    @property
    def session(self) -> ChipSession:
        """The secure messaging agreed upon, once the last step is done."""
        return ChipSession(self._offer.suite, *self._keys)

    @property
    def proves_chip(self) -> bool:
        """Whether the mapping was the chip's own, so that it stands for Chip Authentication."""
        return self._offer.mapping == "CAM"

    def step(self, request: bytes, *, last: bool) -> bytes:
        """Answer one GENERAL AUTHENTICATE; ``last`` is whether the chain ends with it."""
        step = self._steps.pop(0)
        if last == bool(self._steps):
            raise Refused(SW_CONDITIONS)
        try:
            objects = tlv.children(tlv.only([tlv.parse(request)], _DYNAMIC_DATA))
            answer = step.run(tlv.only(objects, step.tag).value if step.tag else b"")
        except FormatError as e:
            raise Refused(SW_WRONG_DATA) from e
        return tlv.encode(_DYNAMIC_DATA, answer)

    def _chosen(self, oid: str, parameter: bytes | None) -> Offer:
        if parameter is None and "pace-needs-parameter" in self._chip.tricks:
            raise Refused(SW_WRONG_DATA)
        wanted = None if parameter is None else int.from_bytes(parameter, "big")
        offer = choose(self._chip.card_access, oid, wanted)
        if offer is None:
            raise Refused(SW_WRONG_DATA)
        return offer

    def _give_nonce(self, _: bytes) -> bytes:
        self._chip.passwords.begin(self.reference, resumed=self._chip.resumed)
        suite, integrating = self._offer.suite, self._offer.mapping == "IM"
        size = integrated.nonce_sizes(suite.key_size)[0] if integrating else _NONCE_SIZE
        if "pace-long-nonce" in self._chip.tricks and not integrating:
            size = _LONG_NONCE
        self._nonce = self._chip.rng(size)
        key = crypto.kdf(self._password, crypto.KDF_PASSWORD, suite)
        return tlv.encode(0x80, crypto.encrypt(suite, key, self._nonce))

    def _map(self, theirs: bytes) -> bytes:
        domain, suite = self._offer.domain, self._offer.suite
        if self._offer.mapping == "IM":
            if len(theirs) != suite.key_size:
                raise Refused(SW_WRONG_DATA)
            number = integrated.pseudo_random(
                lambda key, data: crypto.encrypt(suite, key, data),
                self._nonce,
                theirs,
                domain.prime,
            )
            self.domain = domain.mapped_to(number)
            return tlv.encode(0x82, b"")
        self._map_private = domain.draw(self._chip.rng)
        nonce = int.from_bytes(self._nonce, "big")
        self.domain = domain.mapped(nonce, self._map_private, theirs)
        if "pace-off-curve" in self._chip.tricks:
            return tlv.encode(0x82, theirs[:-1] + bytes([theirs[-1] ^ 1]))
        if "pace-infinity" in self._chip.tricks:
            return tlv.encode(0x82, b"\x00")
        return tlv.encode(0x82, domain.public(self._map_private))

    def _agree(self, theirs: bytes) -> bytes:
        suite = self._offer.suite
        self.theirs = self.domain.check(theirs)
        secret = self._secret()
        self.mine = self.domain.public(self._private)
        if self.mine == self.theirs:
            raise Refused(SW_WRONG_DATA)
        if "pace-reflected-key" in self._chip.tricks:
            return tlv.encode(0x84, theirs)
        self._keys = (
            crypto.kdf(secret, crypto.KDF_ENC, suite),
            crypto.kdf(secret, crypto.KDF_MAC, suite),
        )
        return tlv.encode(0x84, self.mine)

    def _secret(self) -> bytes:
        """Draw the ephemeral key and agree; with the trick until the secret begins with 00."""
        wanted = b"\x00" if "leading-zero" in self._chip.tricks else b""
        for _ in range(_MOST_DRAWS):
            self._private = self.domain.draw(self._chip.rng)
            secret = self.domain.agree(self._private, self.theirs)
            if secret.startswith(wanted):
                return secret
        raise Refused(SW_CONDITIONS)

    def _confirm(self, token: bytes) -> bytes:
        if not hmac.compare_digest(token, self._token(self.mine)):
            raise Refused(self._chip.passwords.failed(self.reference))
        self._chip.passwords.succeeded(self.reference)
        answer = tlv.encode(0x86, self._own_token(token))
        for tag, authority in zip((0x87, 0x88), self._authorities, strict=False):
            answer += tlv.encode(tag, authority)
        if self.proves_chip:
            answer += tlv.encode(0x8A, self._chip_authentication_data())
        return answer

    def _own_token(self, theirs: bytes) -> bytes:
        if "pace-reflected-token" in self._chip.tricks:
            return theirs
        token = self._token(self.theirs)
        if "pace-wrong-token" in self._chip.tricks:
            return bytes([token[0] ^ 1]) + token[1:]
        return token

    def _token(self, key: bytes) -> bytes:
        data = tlv.encode(
            0x7F49,
            tlv.encode(0x06, tlv.encode_oid(self._offer.oid)),
            tlv.encode(self.domain.tag, key),
        )
        return crypto.mac(self._offer.suite, self._keys[1], data)

    def _chip_authentication_data(self) -> bytes:
        """Encrypted chip authentication data (9303-11 §4.4.3.5)."""
        suite, key = self._offer.suite, self._keys[0]
        static = self._chip.static_keys.get(self._offer.number)
        if static is None:
            raise Refused(SW_CONDITIONS)
        data = self._offer.domain.blinded(static, self._map_private)
        iv = crypto.sm_iv(suite, key, _MINUS_ONE)
        return crypto.encrypt(suite, key, crypto.pad(data, suite.block_size), iv=iv)
