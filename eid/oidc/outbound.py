"""The one door for calls that leave the provider (contracts §7; rows O-012, O-061).

https only (http to loopback where the provider itself is in development), the name resolved once
and the connection pinned to what it resolved to, nothing private unless listed, no redirects,
and caps on size and time.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from eid.errors import FormatError, Unavailable
from eid.keys import JwkSet, parse_json_object
from eid.oidc.provider import Notice

TIMEOUT_S = 3.0
TOTAL_S = 5.0
MAX_ANSWER = 128 * 1024
KEYS_S = 300
KEYS_AGAIN_S = 30
KEYS_FAILED_S = 5
MAX_REMEMBERED = 1024
PARALLEL = 8

_LEADING_TO_IPV4 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")
)

_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215; Python learnt it late

Resolve = Callable[[str, int], list[str]]
Watch = Callable[[str, str], AbstractContextManager[Callable[[int], object]]]
"""``(method, host)``: around one call; what it gives is told the status of the answer."""


def unwatched(_method: str, _host: str) -> AbstractContextManager[Callable[[int], object]]:
    """Nobody looks."""
    return contextlib.nullcontext(_forget)


def _forget(_status: int) -> None:
    return None


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _context() -> ssl.SSLContext:
    """The machine's roots, read by the first call that leaves: a worker may never make one."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """What may be called. ``allowed_hosts`` are names that may have private addresses.

    ``insecure_loopback`` allows http and loopback addresses, for a provider in development.
    ``timeout_s`` is how long the other side may be silent, ``total_s`` how long it may talk.
    ``watch`` sees that a call is made, and to whom; it adds nothing to it.
    """

    allowed_hosts: frozenset[str] = frozenset()
    insecure_loopback: bool = False
    max_answer: int = MAX_ANSWER
    timeout_s: float = TIMEOUT_S
    total_s: float = TOTAL_S
    resolve: Resolve = _resolve
    context: Callable[[], ssl.SSLContext] = field(default=_context, repr=False)
    watch: Watch = unwatched

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
        with self.watch(method, urlsplit(url).hostname or "") as answered:
            status, content = self._exchange(method, url, body, more)
            answered(status)
        return status, content

    def _exchange(
        self, method: str, url: str, body: bytes | None, more: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection = self._connect(url)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json", "User-Agent": "eid", **more}
        limit = _Limit(connection.sock, self.total_s)
        try:
            connection.request(method, target, body=body, headers=headers)
            with connection.getresponse() as answer:
                content = answer.read(self.max_answer + 1)
        except (OSError, http.client.HTTPException) as error:
            raise _failed("does not answer") from error
        finally:
            limit.lift()
            connection.close()
        if limit.reached:  # what came until then may look whole
            raise _failed("takes too long")
        if len(content) > self.max_answer:
            raise _failed("answered too much")
        return answer.status, content

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        try:
            addresses = self.resolve(host, port)
        except (
            OSError,
            UnicodeError,
        ) as error:  # a label of more than 63 characters is the latter
            raise _failed("has no address") from error
        address = next(iter(addresses), None)
        if address is None or not all(self._may(host, found, secure) for found in addresses):
            raise Unavailable("This address may not be called.", code="outbound.forbidden")
        try:
            plain = socket.create_connection((address, port), timeout=self.timeout_s)
            wrapped = self.context().wrap_socket(plain, server_hostname=host) if secure else plain
        except OSError as error:
            raise _failed("does not answer") from error
        connection = http.client.HTTPConnection(host, port, timeout=self.timeout_s)
        connection.sock = wrapped
        return connection

    def _may(self, host: str, address: str, secure: bool) -> bool:  # noqa: FBT001 - one of three facts
        found = ipaddress.ip_address(address.partition("%")[0])
        if self.insecure_loopback and (_mapped(found) or found).is_loopback:
            return True
        if not secure:
            return False
        return host in self.allowed_hosts or all(map(_is_public, (found, *_inside(found))))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Kept = TypeVar("_Kept")


def _mapped(found: _Address) -> ipaddress.IPv4Address | None:
    return found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None


def _inside(found: _Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 address that an IPv6 one leads to, by whatever gateway stands on the way."""
    if not isinstance(found, ipaddress.IPv6Address):
        return ()
    last = ipaddress.IPv4Address(found.packed[-4:])
    if any(found in network for network in _LEADING_TO_IPV4):
        return (last,)
    return () if found.sixtofour is None else (found.sixtofour,)


def _is_public(found: _Address) -> bool:
    if _mapped(found):
        return True  # judged by the address inside
    local = isinstance(found, ipaddress.IPv6Address) and (
        found.is_site_local or found in _LOCAL_NAT64
    )
    return found.is_global and not found.is_multicast and not local


class _Limit:
    """Cuts a connection that has lasted too long, however busy its other side keeps it."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self.reached = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        self.reached = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)  # below TLS: nobody waits

    def lift(self) -> None:
        """The call is over."""
        self._timer.cancel()


class FetchedKeys:
    """Implements :class:`eid.oidc.provider.ClientKeys`: key sets, remembered for five minutes.

    An address is asked again at most every thirty seconds, however often a key is missing, and
    for five seconds not at all after it failed: whoever names its client would keep us waiting.
    """

    def __init__(self, outbound: Outbound, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, JwkSet]] = {}
        self._failed: dict[str, float] = {}

    def __call__(self, jwks_uri: str, _at: datetime, *, fresh: bool) -> JwkSet:
        """The keys; Unavailable if they cannot be had."""
        now = self._clock()
        known = self._known.get(jwks_uri)
        if known is not None and now - known[0] < (KEYS_AGAIN_S if fresh else KEYS_S):
            return known[1]
        failed = self._failed.get(jwks_uri)
        if failed is not None and now - failed < KEYS_FAILED_S:
            raise _failed("did not answer just now")
        try:
            keys = self._fetched(jwks_uri)
        except Unavailable:
            self._remember(self._failed, jwks_uri, self._clock())
            raise
        self._remember(self._known, jwks_uri, (now, keys))
        return keys

    def _fetched(self, jwks_uri: str) -> JwkSet:
        try:
            document = parse_json_object(self._outbound.get(jwks_uri), max_size=MAX_ANSWER)
            return JwkSet.from_jwks(document)
        except FormatError as error:
            raise Unavailable("The client's keys cannot be read.", code="outbound.keys") from error

    def _remember(self, kept: dict[str, _Kept], jwks_uri: str, what: _Kept) -> None:
        with self._lock:
            if len(kept) >= MAX_REMEMBERED:
                kept.clear()
            kept[jwks_uri] = what


class Notifier:
    """Implements :class:`eid.oidc.provider.Notify`: all at once, five seconds in all."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def __call__(self, messages: Mapping[str, Notice]) -> frozenset[str]:
        """Deliver logout tokens (OIDC Back-Channel Logout §2.5); which services took theirs."""
        if not messages:
            return frozenset()
        pool = ThreadPoolExecutor(max_workers=PARALLEL)
        waiting = {
            pool.submit(copy_context().run, self._deliver, notice): name
            for name, notice in messages.items()
        }
        done, _ = wait(waiting, timeout=TOTAL_S)
        pool.shutdown(wait=False, cancel_futures=True)
        return frozenset(waiting[future] for future in done if future.result())

    def _deliver(self, notice: Notice) -> bool:
        try:
            status = self._outbound.post_form(notice.address, {"logout_token": notice.token})
        except Unavailable:
            return False
        return status in {http.client.OK, http.client.NO_CONTENT}


def _failed(what: str) -> Unavailable:
    return Unavailable(f"The other side {what}.", code="outbound.failed")
