from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from eid.chip.plan import PLANS
from eid.errors import EidError, Expired, FormatError, RequestRefused, SignatureInvalid
from eid.keys import encode_base64url, sign_jwt
from eid.kiosk.request import accept, shown


def test_a_good_request_becomes_a_value(provider: Any) -> None:
    request = provider.accepted(client_origin="https://shop.example")
    assert request.issuer == provider.issuer
    assert (request.client_name, request.purpose) == ("Ngân hàng Thử", "Đăng nhập")
    assert request.plan == PLANS["kiosk"]
    assert request.challenge == provider.challenge
    assert request.client_origin == "https://shop.example"
    assert request.expires_at == provider.now + timedelta(seconds=60)
    assert request.useful_until == provider.now + timedelta(seconds=120)
    assert provider.challenge.hex() not in repr(request)
    assert provider.accepted().client_origin is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": None}, "jwt.time"),
        ({"iat": None}, "agent.request_format"),
        ({"iat": True}, "jwt.time"),
        ({"client_name": ""}, "agent.request_format"),
        ({"client_name": "\u202e\u200b"}, "agent.request_format"),
        ({"client_name": ["x"]}, "agent.request_format"),
        ({"purpose": None}, "agent.request_format"),
        ({"jti": "short"}, "agent.request_format"),
        ({"jti": "j" * 21 + " "}, "agent.request_format"),
        ({"plan": "full"}, "agent.plan"),
        ({"plan": "kiosk "}, "agent.plan"),
        ({"challenge": encode_base64url(bytes(7))}, "agent.request_format"),
        ({"challenge": encode_base64url(bytes(9))}, "agent.request_format"),
        ({"challenge": "!!"}, "agent.request_format"),
        ({"cookie_hash": encode_base64url(bytes(31))}, "agent.request_format"),
        ({"cookie_hash": None}, "agent.request_format"),
        ({"return_uri": "https://evil.example/"}, "agent.foreign_uri"),
        ({"return_uri": "https://id.example.vn.evil.example/"}, "agent.foreign_uri"),
        ({"return_uri": "http://id.example.vn/"}, "agent.foreign_uri"),
        ({"return_uri": "/interaction/1"}, "agent.foreign_uri"),
        ({"evidence_uri": "https://id.example.vn:444/"}, "agent.foreign_uri"),
        ({"evidence_uri": "http://169.254.169.254/"}, "agent.foreign_uri"),
        ({"client_origin": "https://shop.example/path"}, "agent.request_format"),
        ({"client_origin": "https://shop.example;script-src *"}, "agent.request_format"),
        ({"aud": "shop"}, "jwt.audience"),
        ({"iss": "https://evil.example"}, "jwt.issuer"),
    ],
)
def test_a_request_that_is_wrong_is_refused(
    provider: Any, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises((RequestRefused, FormatError, Expired)) as caught:
        provider.accepted(**changes)
    assert caught.value.code == code


def test_a_request_lives_sixty_seconds_at_most(provider: Any) -> None:
    second = int(provider.now.timestamp())
    with pytest.raises(RequestRefused) as caught:
        provider.accepted(exp=second + 61)
    assert caught.value.code == "agent.request_lifetime"
    with pytest.raises(EidError):
        provider.accepted(iat=second, exp=second)


def test_an_expired_request(provider: Any) -> None:
    token = provider.request()
    with pytest.raises(Expired):
        accept(token, provider.pinned, provider.keys, at=provider.now + timedelta(seconds=91))


def test_another_key_another_type_or_a_long_text(provider: Any) -> None:
    stranger = type(provider)()
    with pytest.raises(SignatureInvalid):
        accept(stranger.request(), provider.pinned, provider.keys, at=provider.now)
    other_type = sign_jwt(provider.claims(), provider.signing, typ="JWT")
    with pytest.raises(RequestRefused):
        accept(other_type, provider.pinned, provider.keys, at=provider.now)
    with pytest.raises(RequestRefused) as caught:
        accept("x" * 8_193, provider.pinned, provider.keys, at=provider.now)
    assert caught.value.code == "agent.request_format"


def test_shown_is_short_and_without_controls() -> None:
    assert shown("a" * 500) == "a" * 119 + "…"
    assert shown("<b>\x1b[31mđỏ\u2066\n") == "<b> [31mđỏ"


@given(st.text(max_size=300))
def test_shown_is_safe_for_any_text(text: str) -> None:
    result = shown(text)
    assert len(result) <= 120
    assert result.isprintable()
