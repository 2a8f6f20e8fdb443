"""The one door for calls that leave the provider (contracts §7; rows O-012, O-061).

https only (http to loopback where the provider itself is in development), the name resolved once
and the connection pinned to what it resolved to, nothing private unless listed, no redirects,
and caps on size and time.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

from eid.errors import FormatError, Unavailable
from eid.keys import JwkSet, parse_json_object

TIMEOUT_S = 3.0
TOTAL_S = 5.0
MAX_ANSWER = 128 * 1024
KEYS_S = 300
KEYS_AGAIN_S = 30
MAX_REMEMBERED = 1024
PARALLEL = 8

Resolve = Callable[[str, int], list[str]]


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """What may be called. ``allowed_hosts`` are names that may have private addresses.

    ``insecure_loopback`` allows http and loopback addresses, for a provider in development.
    """

    allowed_hosts: frozenset[str] = frozenset()
    insecure_loopback: bool = False
    max_answer: int = MAX_ANSWER
    timeout_s: float = TIMEOUT_S
    resolve: Resolve = _resolve
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    def get(self, url: str) -> bytes:
        """The body of a 200 answer; Unavailable for everything else."""
        status, body = self._call("GET", url)
        if status != http.client.OK:
            raise _failed("answered with another status")
        return body

    def post_form(self, url: str, form: Mapping[str, str]) -> int:
        """Post a form; the status of the answer, whose body nobody reads."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._call("POST", url, urlencode(form).encode(), kind)[0]

    def post_json(self, url: str, document: bytes, *, credential: str = "") -> bytes:
        """Post JSON, under a bearer token; the body of a 200 answer, Unavailable for all else."""
        headers = {"Content-Type": "application/json", "Accept": "*/*"}
        if credential:
            headers["Authorization"] = f"Bearer {credential}"
        status, body = self._call("POST", url, document, headers)
        if status != http.client.OK:
            raise _failed("answered with another status")
        return body

    def _call(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, bytes]:
        connection = self._connect(url)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json", "User-Agent": "eid", **more}
        try:
            connection.request(method, target, body=body, headers=headers)
            with connection.getresponse() as answer:
                content = answer.read(self.max_answer + 1)
        except (OSError, http.client.HTTPException) as error:
            raise _failed("does not answer") from error
        finally:
            connection.close()
        if len(content) > self.max_answer:
            raise _failed("answered too much")
        return answer.status, content

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        try:
            addresses = self.resolve(host, port)
        except OSError as error:
            raise _failed("has no address") from error
        address = next(iter(addresses), None)
        if address is None or not all(self._may(host, found, secure) for found in addresses):
            raise Unavailable("This address may not be called.", code="outbound.forbidden")
        try:
            plain = socket.create_connection((address, port), timeout=self.timeout_s)
            wrapped = self.context.wrap_socket(plain, server_hostname=host) if secure else plain
        except OSError as error:
            raise _failed("does not answer") from error
        connection = http.client.HTTPConnection(host, port, timeout=self.timeout_s)
        connection.sock = wrapped
        return connection

    def _may(self, host: str, address: str, secure: bool) -> bool:  # noqa: FBT001 - one of three facts
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        found = mapped or found
        if found.is_loopback and self.insecure_loopback:
            return True
        if not secure:
            return False
        return (found.is_global and not found.is_multicast) or host in self.allowed_hosts


class FetchedKeys:
    """Implements :class:`eid.oidc.provider.ClientKeys`: key sets, remembered for five minutes.

    An address is asked again at most every thirty seconds, however often a key is missing.
    """

    def __init__(self, outbound: Outbound, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, JwkSet]] = {}

    def __call__(self, jwks_uri: str, _at: datetime, *, fresh: bool) -> JwkSet:
        """The keys; Unavailable if they cannot be had."""
        now = self._clock()
        known = self._known.get(jwks_uri)
        if known is not None and now - known[0] < (KEYS_AGAIN_S if fresh else KEYS_S):
            return known[1]
        try:
            document = parse_json_object(self._outbound.get(jwks_uri), max_size=MAX_ANSWER)
            keys = JwkSet.from_jwks(document)
        except FormatError as error:
            raise Unavailable("The client's keys cannot be read.", code="outbound.keys") from error
        with self._lock:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[jwks_uri] = (now, keys)
        return keys


class Notifier:
    """Implements :class:`eid.oidc.provider.Notify`: all at once, five seconds in all."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def __call__(self, messages: Mapping[str, str]) -> frozenset[str]:
        """Deliver logout tokens (OIDC Back-Channel Logout §2.5); which were taken."""
        if not messages:
            return frozenset()
        pool = ThreadPoolExecutor(max_workers=PARALLEL)
        waiting = {pool.submit(self._deliver, *item): item[0] for item in messages.items()}
        done, _ = wait(waiting, timeout=TOTAL_S)
        pool.shutdown(wait=False, cancel_futures=True)
        return frozenset(waiting[future] for future in done if future.result())

    def _deliver(self, address: str, token: str) -> bool:
        try:
            status = self._outbound.post_form(address, {"logout_token": token})
        except Unavailable:
            return False
        return status in {http.client.OK, http.client.NO_CONTENT}


def _failed(what: str) -> Unavailable:
    return Unavailable(f"The other side {what}.", code="outbound.failed")
