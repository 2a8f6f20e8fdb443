"""Who asks, how often, and how it went: proxies, limits, counters; of one process.

>>> trusted = networks(("10.0.0.0/8",))
>>> client_address("10.0.0.7", "203.0.113.9, 10.1.1.1", trusted)
'203.0.113.9'
>>> client_address("192.0.2.1", "203.0.113.9", trusted)
'192.0.2.1'
"""

from __future__ import annotations

import ipaddress
import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_HOPS = 16
MAX_ADDRESSES = 20_000
WINDOW_S = 60
BUCKETS_MS = (5, 25, 100, 500, 2500)
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def networks(listed: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks; ValueError for what is neither."""
    return tuple(ipaddress.ip_network(item) for item in listed)


_PROXYS = frozenset(
    {"forwarded", "via", "x-real-ip", "x-original-host", "x-original-url", "true-client-ip"}
    | {"cf-connecting-ip", "x-client-ip", "x-cluster-client-ip"}
)


@lru_cache(maxsize=1024)
def plain(address: str) -> str:
    """The address as its owner has it: a socket for both kinds calls IPv4 ones ``::ffff:…``.

    >>> plain("::ffff:192.0.2.1"), plain("2001:db8::1"), plain("192.0.2.1")
    ('192.0.2.1', '2001:db8::1', '192.0.2.1')
    """
    if ":" not in address or not _is_address(address):
        return address
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    return address if mapped is None else str(mapped)


def client_address(peer: str, forwarded_for: str | None, trusted: Iterable[Network]) -> str:
    """Who really asks: the first from the right that is no proxy of ours (contracts §7).

    Nothing is believed that an untrusted peer says.
    """
    peer, proxies = plain(peer), tuple(trusted)
    if not forwarded_for or not within(peer, proxies):
        return peer
    for hop in reversed(forwarded_for.split(",")[-MAX_HOPS:]):
        named = plain(hop.strip())
        if not _is_address(named):
            return peer
        if not within(named, proxies):
            return named
        peer = named
    return peer


class RateLimit:
    """At most so many requests a minute from one address; loopback is free.

    An IPv6 address counts with its /64. Of one process: a node with four workers lets four times
    as many through. Guessing passwords is counted in the database instead.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._window = -1
        self._seen: dict[str, int] = {}

    def admits(self, address: str, *, now: float) -> bool:
        """Whether one more is welcome. A limit of 0 admits all."""
        if not self._per_minute or is_loopback(address):
            return True
        window, key = int(now) // WINDOW_S, neighbourhood(address)
        with self._lock:
            if window != self._window or len(self._seen) >= MAX_ADDRESSES:
                self._window, self._seen = window, {}
            count = self._seen[key] = self._seen.get(key, 0) + 1
        return count <= self._per_minute


@dataclass(slots=True)
class Metrics:
    """Counters for Prometheus: requests by route and status, and how long they took."""

    requests: dict[tuple[str, str, int], int] = field(default_factory=dict)
    buckets: dict[tuple[str, int], int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One answered request; ``route`` is the pattern, never what was asked for."""
        key = (route, method, status)
        place = bisect_left(BUCKETS_MS, seconds * 1000)
        slot = BUCKETS_MS[place] if place < len(BUCKETS_MS) else 0
        with self.lock:
            self.requests[key] = self.requests.get(key, 0) + 1
            self.buckets[route, slot] = self.buckets.get((route, slot), 0) + 1
            self.seconds[route] = self.seconds.get(route, 0.0) + seconds

    def render(self, *, worker: int) -> str:
        """The text of Prometheus' exposition format, marked with the worker's process id."""
        lines = ["# TYPE eid_requests_total counter"]
        with self.lock:
            for (route, method, status), number in sorted(self.requests.items()):
                labels = f'route="{route}",method="{method}",status="{status}",worker="{worker}"'
                lines.append(f"eid_requests_total{{{labels}}} {number}")
            lines.append("# TYPE eid_request_seconds histogram")
            for route, total in sorted(self.seconds.items()):
                lines += self._histogram(route, total, worker)
        return "\n".join(lines) + "\n"

    def _histogram(self, route: str, total: float, worker: int) -> list[str]:
        lines, counted = [], 0
        labels = f'route="{route}",worker="{worker}"'
        for ms in BUCKETS_MS:
            counted += self.buckets.get((route, ms), 0)
            lines.append(f'eid_request_seconds_bucket{{{labels},le="{ms / 1000}"}} {counted}')
        counted += self.buckets.get((route, 0), 0)
        lines.append(f'eid_request_seconds_bucket{{{labels},le="+Inf"}} {counted}')
        lines.append(f"eid_request_seconds_sum{{{labels}}} {total:.6f}")
        lines.append(f"eid_request_seconds_count{{{labels}}} {counted}")
        return lines


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own."""
    found = plain(address)
    return _is_address(found) and ipaddress.ip_address(found).is_loopback


def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv6 address stands for its /64."""
    address = plain(address)
    if not _is_address(address) or is_loopback(address):
        return address[:64]
    found = ipaddress.ip_address(address)
    if found.version == 4:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_a_proxys(header: str) -> bool:
    """Whether a header's name is one that only proxies add.

    >>> is_a_proxys("X-Forwarded-Host"), is_a_proxys("VIA"), is_a_proxys("Accept")
    (True, True, False)
    """
    return header.lower() in _PROXYS or header.lower().startswith("x-forwarded-")


def within(address: str, proxies: tuple[Network, ...]) -> bool:
    """Whether the address is of one of these networks."""
    address = plain(address)
    return _is_address(address) and any(
        ipaddress.ip_address(address) in network for network in proxies
    )
