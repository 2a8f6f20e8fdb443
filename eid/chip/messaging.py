"""Secure messaging: commands wrapped, answers checked and unwrapped (9303-11 §9.8).

It does no I/O. The send sequence counter rises before every command and every answer; every
answer must carry its status (DO'99') and a right MAC, with its data objects in the one allowed
order. Anything else ends the session: the keys are wiped and nothing of the answer is returned.

>>> session = SecureMessaging(Suite.AES_128, bytes(16), bytes(16), bytes(16))
>>> session.protect(Command(0x00, 0xB0, 0x9D, 0x00, le=256)).data.hex()
'9701008e08a3f89451f5c9a79b'
>>> session
<SecureMessaging AES-128, open>
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn

from eid import tlv
from eid.chip.apdu import SHORT_LE, SW_WARNING, Command, Response
from eid.chip.crypto import (
    MAC_SIZE,
    Suite,
    decrypt,
    encrypt,
    pad,
    sm_iv_maker,
    sm_mac,
    sm_mac_maker,
    unpad,
)
from eid.errors import EidError, FormatError, SecureMessagingError

_DATA: Final = 0x87
_DATA_ODD: Final = 0x85
_LE: Final = 0x97
_STATUS: Final = 0x99
_MAC: Final = 0x8E
_PADDED: Final = b"\x01"
_ORDERS: Final = ((_STATUS, _MAC), (_DATA, _STATUS, _MAC), (_DATA_ODD, _STATUS, _MAC))


class SecureMessaging:
    """One session's keys and counter; :meth:`protect` and :meth:`open` strictly in turn."""

    __slots__ = ("_awaiting", "_ks_enc", "_ks_mac", "_make_iv", "_make_mac", "_ssc", "suite")

    def __init__(self, suite: Suite, ks_enc: bytes, ks_mac: bytes, ssc: bytes) -> None:
        if len(ks_enc) != suite.key_size or len(ks_mac) != suite.key_size:
            raise ValueError("session keys do not fit the cipher")
        if len(ssc) != suite.block_size:
            raise ValueError("the send sequence counter has one cipher block")
        self.suite = suite
        self._ks_enc = bytearray(ks_enc)
        self._ks_mac = bytearray(ks_mac)
        self._make_iv = sm_iv_maker(suite, ks_enc)
        self._make_mac = sm_mac_maker(suite, ks_mac)
        self._ssc = int.from_bytes(ssc, "big")
        self._awaiting = False

    @property
    def is_open(self) -> bool:
        """Whether the session still has its keys."""
        return bool(self._ks_mac)

    def room(self, *, extended: bool) -> int:
        """Return how many plain bytes fit in the largest answer of short or extended form."""
        answer = (1 << 16) if extended else SHORT_LE
        overhead = 4 + (4 if extended else 3) + (2 + MAC_SIZE)  # DO'99', head of DO'87', DO'8E'
        blocks = (answer - overhead) // self.suite.block_size
        return blocks * self.suite.block_size - 1

    def protect(self, command: Command) -> Command:
        """Wrap a command; its answer goes through :meth:`open` before the next command."""
        if self._awaiting:
            self._fail("A command was sent before the last one was answered.")
        ssc = self._next_ssc()
        head = bytes([command.cla | 0x0C, command.ins, command.p1, command.p2])
        body = b""
        if command.data:
            padded = pad(command.data, self.suite.block_size)
            cryptogram = encrypt(self.suite, bytes(self._ks_enc), padded, iv=self._iv(ssc))
            odd = command.ins & 1
            body = tlv.encode(_DATA_ODD if odd else _DATA, b"" if odd else _PADDED, cryptogram)
        if command.le is not None:
            body += tlv.encode(_LE, _encode_le(command.le))
        covered = pad(head, self.suite.block_size) + body
        if not body:
            covered = head
        mac = self._mac(ssc, covered)
        self._awaiting = True
        data = body + tlv.encode(_MAC, mac)
        most = SHORT_LE if len(data) <= 255 and (command.le or 0) <= SHORT_LE else 1 << 16
        return Command(head[0], head[1], head[2], head[3], data, most)

    def open(self, response: Response) -> Response:
        """Check and unwrap an answer; SecureMessagingError ends the session."""
        if not self._awaiting:
            self._fail("An answer came without a command.")
        ssc = self._next_ssc()
        try:
            items = tlv.parse_all(response.data)
        except FormatError as error:
            self._fail("A protected answer is malformed.", error)
        if tuple(item.tag for item in items) not in _ORDERS:
            self._fail("An answer is not protected as it must be.")
        covered = response.data[: -len(items[-1].raw)]
        expected = self._mac(ssc, covered)
        if not hmac.compare_digest(expected, items[-1].value):
            self._fail("A protected answer is not authentic.")
        status = items[-2].value
        if status != response.sw.to_bytes(2, "big"):
            self._fail("A protected answer contradicts its own status.")
        self._awaiting = False
        end = response.sw == SW_WARNING
        data = self._decrypt(items[0], ssc, end=end) if len(items) == 3 else b""
        return Response(data, response.sw)

    def wipe(self) -> None:
        """Overwrite the keys; the session cannot be used again."""
        for key in (self._ks_enc, self._ks_mac):
            key[:] = bytes(len(key))
            key.clear()
        self._make_iv = self._make_mac = None
        self._ssc = 0

    def _mac(self, ssc: bytes, covered: bytes) -> bytes:
        if self._make_mac is not None:
            return self._make_mac(ssc, covered)
        return sm_mac(self.suite, bytes(self._ks_mac), ssc, covered)

    def _iv(self, ssc: bytes) -> bytes:
        return self._make_iv(ssc) if self._make_iv else bytes(self.suite.block_size)

    def _decrypt(self, item: tlv.Tlv, ssc: bytes, *, end: bool) -> bytes:
        """Decrypt what is authentic; at a file's ``end`` some chips leave the padding out."""
        cryptogram = item.value
        if item.tag == _DATA:
            if cryptogram[:1] != _PADDED:
                self._fail("A protected answer is padded in an unknown way.")
            cryptogram = cryptogram[1:]
        if not cryptogram:
            self._fail("A protected answer has an empty cryptogram.")
        try:
            plain = decrypt(self.suite, bytes(self._ks_enc), cryptogram, iv=self._iv(ssc))
            return plain if end and not _padded(plain) else unpad(plain)
        except FormatError as error:
            self._fail("A protected answer is malformed.", error)

    def _next_ssc(self) -> bytes:
        if not self.is_open:
            raise SecureMessagingError("The secure session has ended.")
        size = self.suite.block_size
        self._ssc += 1
        if self._ssc >= 1 << (8 * size):
            self._fail("The secure session's counter has run out.")
        return self._ssc.to_bytes(size, "big")

    def _fail(self, message: str, cause: EidError | None = None) -> NoReturn:
        self.wipe()
        raise SecureMessagingError(message) from cause

    def _describe(self) -> str:
        state = "open" if self.is_open else "ended"
        return f"<SecureMessaging {self.suite.label}, {state}>"

    def _refuse_copy(self, *_: object) -> NoReturn:
        raise TypeError("a secure session cannot be pickled or copied")

    __repr__ = _describe
    __reduce_ex__ = _refuse_copy


def _padded(plain: bytes) -> bool:
    return plain.rstrip(b"\x00").endswith(b"\x80")


def _encode_le(le: int) -> bytes:
    if le <= SHORT_LE:
        return bytes([le % SHORT_LE])
    return (le % (1 << 16)).to_bytes(2, "big")
