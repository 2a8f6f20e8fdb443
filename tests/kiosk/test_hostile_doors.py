"""Who may speak to the card agent: other origins, other hosts, replays, other people's forms."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st


def code(page: Any) -> str:
    found = re.search(r'id="error-code">([^<]+)<', page.text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://evil.example",
        "http://127.0.0.1:35970",
        "http://127.0.0.1",
        "{issuer}/",
        "{issuer}.evil.example",
        "HTTP{rest}",
    ],
)
def test_only_the_issuers_own_page_may_ask(desk: Any, origin: str) -> None:
    issuer = desk.provider.issuer
    sent = origin.replace("{issuer}", issuer).replace("{rest}", issuer.removeprefix("http"))
    page = desk.begin(Origin=sent)
    assert (page.status_code, code(page)) == (403, "agent.origin")
    assert not desk.provider.fetched


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:35970",
        "localhost:35970",
        "127.0.0.1",
        "127.0.0.1:35971",
        "127.0.0.1:35970.",
        "127.0.0.1.:35970",
        "[::1]:35970",
        "127.0.0.1:35970@evil.example",
        "0x7f.1:35970",
    ],
)
@pytest.mark.parametrize("path", ["/card", "/card/x/agree", "/style.css", "/nothing"])
def test_dns_rebinding_finds_no_door(desk: Any, host: str, path: str) -> None:
    for method in ("GET", "POST"):
        page = desk.client.simulate_request(
            method, path, headers={"Host": host, "Origin": desk.provider.issuer}
        )
        assert (page.status_code, code(page)) == (403, "agent.host")


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "{issuer}"])
@pytest.mark.parametrize("step", ["agree", "decline"])
def test_only_the_agents_own_page_may_agree(desk: Any, origin: str, step: str) -> None:
    path, form = desk.form(desk.begin())
    sent = origin.replace("{issuer}", desk.provider.issuer)
    page = desk.post(path.replace("agree", step), form, Origin=sent)
    assert (page.status_code, code(page)) == (403, "agent.origin")
    assert not desk.waited
    assert desk.post(path, form).status_code == 303


def test_a_request_is_good_once(desk: Any) -> None:
    token = desk.provider.request(at=desk.provider.now)
    assert desk.begin(token).status_code == 200
    page = desk.begin(token)
    assert (page.status_code, code(page)) == (403, "agent.replayed")


def test_an_old_request_opens_nothing(desk: Any) -> None:
    token = desk.provider.request(at=desk.provider.now - timedelta(minutes=5))
    page = desk.begin(token)
    assert page.status_code == 403
    assert code(page).startswith("jwt.")


def test_a_strangers_signature_asks_for_the_keys_again_but_not_without_end(desk: Any) -> None:
    stranger = type(desk.provider)(issuer=desk.provider.issuer)
    for _ in range(5):
        page = desk.begin(stranger.request(at=desk.provider.now))
        assert page.status_code == 403
        assert code(page).startswith("jws.")
    assert desk.provider.fetched <= 2


def test_rotated_keys_are_found(desk: Any) -> None:
    desk.begin()
    desk.agent._keys._clock = lambda: 1e12
    desk.provider.signing = type(desk.provider.signing).generate("tokens")
    token = desk.provider.request(at=desk.provider.now, jti="k" * 22)
    assert desk.begin(token).status_code == 200


def test_somebody_elses_form_is_not_mine(desk: Any) -> None:
    first, form = desk.form(desk.begin())
    second, _ = desk.form(desk.begin(desk.provider.request(at=desk.provider.now, jti="k" * 22)))
    assert first != second
    page = desk.post(second, form)
    assert (page.status_code, code(page)) == (403, "agent.form_used")


def test_evidence_goes_to_the_pinned_origin_only(desk: Any) -> None:
    token = desk.provider.request(
        at=desk.provider.now, evidence_uri="http://127.0.0.1:1/card/evidence"
    )
    page = desk.begin(token)
    assert (page.status_code, code(page)) == (403, "agent.foreign_uri")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400), path=st.sampled_from(["/card", "/card/x/agree"]))
def test_any_bytes_are_refused_calmly(desk: Any, body: bytes, path: str) -> None:
    for prefix in (b"", b"request=", b"agree=yes&form_token=x&number="):
        page = desk.client.simulate_post(
            path,
            body=prefix + body,
            headers={
                "Host": desk.host,
                "Origin": desk.provider.issuer if path == "/card" else f"http://{desk.host}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        assert page.status_code in {400, 403}
        assert code(page) != "error"
    assert not desk.waited
