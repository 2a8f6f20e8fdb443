"""The small values: payloads, parameters, settings, words, forms, PKCE."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest
from hypothesis import given, strategies as st

from eid.errors import (
    AccountError,
    EidError,
    FormatError,
    HashMismatch,
    InsufficientEvidence,
    OAuthError,
    SettingsError,
    Unavailable,
)
from eid.oidc import payload, pkce
from eid.oidc.errors import json_error, status_of, words_of
from eid.oidc.http import parse_parameters
from eid.oidc.pages import PageContext, Problem, render
from eid.oidc.settings import ProviderSettings, origin_of

SETTINGS = {
    "issuer": "https://id.example",
    "agent_url": "http://127.0.0.1:8350",
    "legal_entity": "Example Ltd",
    "role": "own_services",
}


@pytest.mark.parametrize("read", ["text", "texts", "integer", "members", "octets"])
@pytest.mark.parametrize("value", [None, 1.5, [1], [None], True, {"a": 1}, "+"])
def test_a_row_that_is_not_ours(read, value):
    if (read, type(value)) in {("text", str), ("members", dict)}:
        assert getattr(payload, read)({"x": value}, "x") == value
        return
    with pytest.raises(FormatError):
        getattr(payload, read)({"x": value}, "x")


def test_absent_members():
    assert payload.texts({}, "x") == ()
    assert payload.optional_text({}, "x") is None
    assert payload.optional_text({"x": "y"}, "x") == "y"


@given(st.text(max_size=200))
def test_any_text_is_parameters_or_a_format_error(text):
    try:
        parsed = parse_parameters(text)
    except FormatError:
        return
    for name in parsed.repeated | parsed.overlong:
        assert parsed.get(name) is None


def test_limits_per_name():
    parsed = parse_parameters("a=xxx&b=xxx&c=", limits={"a": 2})
    assert (parsed.get("a"), parsed.get("b"), parsed.get("c")) == (None, "xxx", None)
    assert parsed.overlong == {"a"}


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "http://id.example"},
        {"issuer": "https://id.example/"},
        {"issuer": "https://id.example?x"},
        {"issuer": "https://id.example#x"},
        {"issuer": "https://me@id.example"},
        {"card_request_s": 61},
        {"challenge_s": 121},
    ],
)
def test_settings_that_are_refused(changed):
    with pytest.raises(SettingsError):
        ProviderSettings(**(SETTINGS | changed))


@pytest.mark.parametrize(
    "issuer", ["https://id.example/op", "http://localhost:1", "http://[::1]:1"]
)
def test_settings_that_are_accepted(issuer):
    assert ProviderSettings(**(SETTINGS | {"issuer": issuer})).url("/x") == issuer + "/x"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ID.example:443/x?y", "https://id.example"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
        ("https://id.example:8443", "https://id.example:8443"),
    ],
)
def test_origins(url, origin):
    assert origin_of(url) == origin


def test_every_error_has_words_in_two_languages():
    data = resources.files("eid.oidc").joinpath("pages", "errors.toml").read_text("utf-8")
    rows = tomllib.loads(data)
    assert all(row.keys() == {"vi", "en"} and all(row.values()) for row in rows.values())
    kinds = [EidError]
    while kinds:
        kind = kinds.pop()
        kinds.extend(kind.__subclasses__())
        assert words_of("no.such.code", kind.default_code).vietnamese
    assert words_of("x", "hash_mismatch") == words_of("hash_mismatch")
    assert words_of("x") == words_of("error")


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (OAuthError("invalid_grant", "No."), 400, "invalid_grant"),
        (FormatError("No.", code="json.syntax"), 400, "invalid_request"),
        (HashMismatch("No.", code="dg.hash"), 403, "dg.hash"),
        (AccountError("No.", code="login.throttled"), 429, "login.throttled"),
        (InsufficientEvidence("No.", missing=("x",)), 403, "insufficient_evidence"),
        (Unavailable("No."), 503, "temporarily_unavailable"),
        (SettingsError("secret path", file="/x"), 500, "server_error"),
        (EidError("secret"), 500, "server_error"),
    ],
)
def test_statuses_and_wire_names(error, status, name):
    assert status_of(error) == status
    answer = json_error(error, correlation="c0rr")
    assert answer.status == status
    assert f'"error":"{name}"'.encode() in answer.body
    assert b"secret" not in answer.body
    assert ("Retry-After" in dict(answer.headers)) is (status in {429, 503})


def test_the_error_page_shows_nothing_but_code_and_words():
    problem = Problem.of(HashMismatch("EF.DG1 <x>", code="dg.hash"), "c0rr")
    page = render(
        "error.html",
        PageContext(base="https://id.example", form_action=()),
        error=problem,
        again=None,
        leave=None,
    )
    assert b"EF.DG1" not in page.body
    assert b'<code id="error-code">dg.hash</code>' in page.body


@pytest.mark.parametrize("verifier", [None, "", "a" * 42, "a" * 129, "é" * 43, "a" * 42 + "\n"])
def test_verifiers_that_never_match(verifier):
    assert not pkce.matches(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


def test_the_default_clock_is_aware(world):
    from_field = type(world.provider).__dataclass_fields__["clock"].default
    assert from_field().utcoffset().total_seconds() == 0
