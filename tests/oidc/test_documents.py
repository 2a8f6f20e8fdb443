"""Documents that are answered before the framework: the same answers, and the same admission."""

from __future__ import annotations

from dataclasses import replace

import pytest
from falcon import testing

from eid.errors import SettingsError
from eid.oidc.documents import Documents
from eid.oidc.endpoint import Traffic
from eid.oidc.provider import ProviderKeys
from eid.oidc.routes import routes
from eid.oidc.traffic import RateLimit, networks
from eid.oidc.web import create_app, guards
from eid.oidc.wsgi import CORRELATION, ROUTE

METADATA = "/.well-known/openid-configuration"
PATHS = (METADATA, "/.well-known/oauth-authorization-server", "/jwks", "/style.css", "/passkey.js")
HANDED_ON = [b"handed on"]


def refuse_all(_environ, _start):
    return HANDED_ON


def documents(provider, application=refuse_all, traffic=None):
    served = routes(provider)
    return Documents(
        application, provider, served, traffic or Traffic(), guards(provider.settings)
    )


def ask(application, path, method="GET", **headers):
    """Status, headers and body of a request that comes from an address of the network."""
    started = []
    environ = testing.create_environ(path=path, method=method, headers=headers, host="id.example")
    environ["REMOTE_ADDR"] = "192.0.2.1"
    body = application(environ, lambda status, given: started.append((status, sorted(given))))
    return *started[0], b"".join(body)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("issuer", ["https://id.example", "http://127.0.0.1:8080"])
def test_the_answers_are_those_of_the_endpoint(world, path, method, issuer):
    settings = replace(world.provider.settings, issuer=issuer)
    provider = replace(world.provider, settings=settings)
    before, behind = documents(provider), create_app(provider)
    tag = dict(ask(behind, path)[1])["etag"]
    for known in (None, tag, f"W/{tag}", f'"x", {tag}', '"x"', "*", ""):
        headers = {} if known is None else {"If-None-Match": known}
        answer = ask(before, path, method, **headers)
        assert answer == ask(behind, path, method, **headers)
        assert answer == ask(before, path, method, **headers)
    assert ("strict-transport-security" in dict(answer[1])) is issuer.startswith("https")


def test_every_static_route_is_asked_for_here(world):
    assert sorted(PATHS) == sorted(route.path for route in routes(world.provider) if route.static)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/jwks"),
        ("OPTIONS", METADATA),
        ("GET", f"{METADATA}?x=1"),
        ("GET", "/jwks/"),
        ("GET", "/userinfo"),
    ],
)
def test_what_is_unusual_is_handed_on(world, method, path):
    environ = testing.create_environ(path=path.partition("?")[0], method=method)
    environ["QUERY_STRING"] = path.partition("?")[2]
    assert documents(world.provider)(environ, None) is HANDED_ON


def test_the_limit_counts_documents_too(world):
    trusted = networks(["192.0.2.0/24"])
    traffic = Traffic(limit=RateLimit(2), trusted_proxies=trusted)
    behind = create_app(world.provider, traffic)
    application = documents(world.provider, behind, traffic)
    asked = [ask(application, "/jwks", X_Forwarded_For="203.0.113.7")[0] for _ in range(3)]
    assert [status[:3] for status in asked] == ["200", "200", "429"]
    assert ask(application, "/jwks", X_Forwarded_For="203.0.113.8")[0].startswith("200")


def test_documents_are_counted_and_named_for_traces(world):
    traffic = Traffic()
    application = documents(world.provider, traffic=traffic)
    ask(application, METADATA)
    tag = dict(ask(application, METADATA)[1])["etag"]
    ask(application, METADATA, If_None_Match=tag)
    assert traffic.metrics.requests == {(METADATA, "GET", 200): 2, (METADATA, "GET", 304): 1}
    environ = testing.create_environ(path=METADATA)
    application(environ, lambda _status, _headers: None)
    assert environ[ROUTE] == METADATA
    assert len(environ[CORRELATION]) == 12


def test_new_keys_are_published_at_once(world):
    application = documents(world.provider)
    first = ask(application, "/jwks")
    object.__setattr__(world.provider, "keys", ProviderKeys.generate())
    second = ask(application, "/jwks")
    assert second[2] != first[2]
    assert dict(second[1])["etag"] != dict(first[1])["etag"]
    assert dict(second[1])["content-length"] == str(len(second[2]))


def test_keys_that_cannot_be_read_are_the_frameworks_to_answer(world):
    class Unreadable:
        @property
        def published(self):
            raise SettingsError("The key cannot be read.", key="data_dir", expected="a key")

    application = documents(world.provider)
    object.__setattr__(world.provider, "keys", Unreadable())
    assert application(testing.create_environ(path="/jwks"), None) is HANDED_ON


@pytest.mark.parametrize("method", ["WEBSOCKET", "TRACE", "GET"])
def test_what_the_framework_refuses_by_itself_is_guarded(world, method):
    status, given, _ = ask(create_app(world.provider), "/nothing", method)
    assert status.startswith("4")
    names = {name for name, _ in given}
    assert names >= {name.lower() for name in guards(world.provider.settings)}
