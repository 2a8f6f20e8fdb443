"""As much of RFC 6455 as one desk and one phone need: binary messages, no extensions."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket

from eid.errors import CardRemoved, DeadlineExceeded

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEAD = 8192
_MAX_MESSAGE = 65_538
_BINARY, _CLOSE, _PING, _PONG = 2, 8, 9, 10


class WebSocket:
    """One connection after its handshake; the client masks what it sends, as it must."""

    def __init__(self, connection: socket.socket, *, client: bool) -> None:
        self._connection, self._client = connection, client

    def send(self, message: bytes, kind: int = _BINARY) -> None:
        """Send one whole message."""
        size = len(message)
        short = size if size < 126 else 126 if size < 1 << 16 else 127
        width = {126: 2, 127: 8}.get(short, 0)
        head = bytes([0x80 | kind, short | (0x80 if self._client else 0)])
        head += size.to_bytes(width, "big") if width else b""
        if self._client:
            mask = secrets.token_bytes(4)
            head, message = head + mask, _masked(message, mask)
        try:
            self._connection.sendall(head + message)
        except OSError as error:
            raise CardRemoved("The phone is gone.") from error

    def receive(self) -> bytes:
        """Receive one binary message; a ping is answered, anything else ends the connection."""
        while True:
            first, second = self._exactly(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
            if not first & 0x80 or bool(second & 0x80) is self._client or size > _MAX_MESSAGE:
                raise CardRemoved("The phone breaks the protocol.")
            mask = self._exactly(4) if second & 0x80 else b""
            message = self._exactly(size)
            message = _masked(message, mask) if mask else message
            kind = first & 0x0F
            if kind == _BINARY:
                return message
            if kind == _PING:
                self.send(message, _PONG)
            elif kind != _PONG:
                raise CardRemoved("The phone has closed the connection.")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._connection.recv(count - len(parts))
            except TimeoutError as error:
                raise DeadlineExceeded("The phone did not answer in time.") from error
            except OSError as error:
                raise CardRemoved("The phone is gone.") from error
            if not part:
                raise CardRemoved("The phone is gone.")
            parts += part
        return bytes(parts)


def accept(connection: socket.socket, path: str) -> WebSocket | None:
    """Answer a client's handshake on this path; None for any other request."""
    head = _head(connection)
    lines = head.split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    key = fields.get("sec-websocket-key", "")
    asked = lines[0].split(" ")
    if asked[:1] != ["GET"] or len(asked) != 3 or not key:
        connection.close()
        return None
    if not secrets.compare_digest(asked[1].encode(), path.encode()):
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        connection.close()
        return None
    proof = _proof(key)
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )
    return WebSocket(connection, client=False)


def connect(host: str, port: int, path: str) -> WebSocket:
    """Open a WebSocket as a phone's application does."""
    connection = socket.create_connection((host, port), timeout=10)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = _head(connection)
    if " 101 " not in head.split("\r\n")[0] or _proof(key).decode() not in head:
        raise CardRemoved("The desk does not take this phone.")
    connection.settimeout(None)
    return WebSocket(connection, client=True)


def _head(connection: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = connection.recv(1)
        if not octet or len(head) > _MAX_HEAD:
            raise CardRemoved("The other side is no WebSocket.")
        head += octet
    return head.decode("latin-1")


def _proof(key: str) -> bytes:
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest)


def _masked(message: bytes, mask: bytes) -> bytes:
    whole = mask * (len(message) // 4 + 1)
    return bytes(a ^ b for a, b in zip(message, whole, strict=False))
