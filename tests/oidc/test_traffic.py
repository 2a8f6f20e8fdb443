from __future__ import annotations

import falcon
import pytest
from falcon import testing

from eid.oidc.traffic import (
    Metrics,
    RateLimit,
    client_address,
    is_loopback,
    neighbourhood,
    networks,
)
from eid.oidc.wsgi import asking_address, request_of

TRUSTED = networks(("10.0.0.0/8", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "header", "address"),
    [
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, x", "10.0.0.1"),
        ("192.0.2.1", "203.0.113.5", "192.0.2.1"),
        ("unix", "203.0.113.5", "unix"),
    ],
)
def test_only_trusted_proxies_are_believed(peer, header, address):
    assert client_address(peer, header, TRUSTED) == address


def test_a_limit_per_address_and_minute():
    limit = RateLimit(2)
    assert [limit.admits("192.0.2.1", now=0) for _ in range(3)] == [True, True, False]
    assert limit.admits("192.0.2.2", now=0)
    assert limit.admits("192.0.2.1", now=60)
    assert all(limit.admits("127.0.0.1", now=0) for _ in range(9))
    assert all(RateLimit(0).admits("192.0.2.1", now=0) for _ in range(9))
    assert [limit.admits(f"2001:db8::{n}", now=120) for n in (1, 2, 3)] == [True, True, False]
    assert limit.admits("unix", now=0)


def test_counters():
    metrics = Metrics()
    for seconds in (0.001, 0.3, 9.0):
        metrics.count("/token", "POST", 200, seconds)
    text = metrics.render(worker=7)
    counted = 'eid_requests_total{route="/token",method="POST",status="200",worker="7"} 3'
    assert counted in text
    for le, number in (("0.005", 1), ("0.5", 2), ("2.5", 2), ("+Inf", 3)):
        row = f'eid_request_seconds_bucket{{route="/token",worker="7",le="{le}"}} {number}'
        assert row in text
    assert is_loopback("::1")


def test_they_are_for_this_machine_only(world):
    world.authorize()
    browser = world.browser()
    assert browser.get("/metrics").status == 404
    browser.address = "127.0.0.1"
    assert 'route="/authorize"' in browser.get("/metrics").text
    for header in (
        "X_Forwarded_For",
        "Forwarded",
        "Via",
        "X_Real_IP",
        "X-Forwarded-Host",
        "True-Client-IP",
    ):
        assert browser.get("/metrics", **{header: "192.0.2.1"}).status == 404


def test_an_ipv4_address_is_one_also_on_a_socket_for_both_kinds():
    """Listening on [::], every IPv4 peer comes as ::ffff:…: they are not one neighbourhood."""
    trusted = networks(("10.0.0.0/8",))
    assert client_address("::ffff:10.0.0.7", "203.0.113.9", trusted) == "203.0.113.9"
    assert client_address("::ffff:192.0.2.1", "203.0.113.9", trusted) == "192.0.2.1"
    assert client_address("10.0.0.7", "::FFFF:cb00:7109", trusted) == "203.0.113.9"
    assert neighbourhood("::ffff:192.0.2.1") != neighbourhood("::ffff:192.0.2.2")
    assert is_loopback("::ffff:127.0.0.1")
    limit = RateLimit(1)
    assert limit.admits("::ffff:192.0.2.1", now=0.0)
    assert limit.admits("::ffff:192.0.2.2", now=0.0)
    assert not limit.admits("192.0.2.1", now=0.0)


def test_the_address_of_a_request_is_plain(world):
    environ = {"REMOTE_ADDR": "::ffff:192.0.2.1"}
    assert asking_address(environ, ()) == "192.0.2.1"


def test_o053_guesses_from_one_ipv6_network_are_counted_together():
    """Whoever has a /64 has 2^64 addresses to guess from."""

    def counted(address):
        environ = testing.create_environ(remote_addr=address)
        return request_of(falcon.Request(environ), {}, max_body=0, correlation="").address

    assert counted("2001:db8::1") == counted("2001:db8::ffff:2") != counted("2001:db8:0:1::1")
    assert counted("192.0.2.1") != counted("192.0.2.2")
    assert counted("::1") == "::1"
