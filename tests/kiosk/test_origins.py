import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.kiosk.origins import is_loopback, origin_of


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://id.example.vn", "https://id.example.vn"),
        ("https://ID.example.vn:443/x", "https://id.example.vn"),
        ("https://id.example.vn:8443/x?y=z", "https://id.example.vn:8443"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080/a", "http://[::1]:8080"),
        ("http://127.8.9.1:9/", "http://127.8.9.1:9"),
    ],
)
def test_origin_is_what_browsers_write(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "id.example.vn",
        "//id.example.vn/x",
        "ftp://id.example.vn",
        "javascript:alert(1)",
        "http://id.example.vn/",
        "http://127.0.0.1.example.vn/",
        "http://0.0.0.0/",
        "http://192.168.1.1/",
        "https://user@id.example.vn/",
        "https://id.example.vn@evil.example/",
        "https://id.example.vn/#x",
        "https://id.example.vn\\@evil.example/",
        "https://id.example.vn:99999/",
        "https://id.example.vn:x/",
        "https:///x",
        "https://[::1/",
        "https://id.example.vn/a b",
        "https://id.example.vn/\r\nSet-Cookie:a",
        "https://id.example.vn/'x",
        "https://ví-dụ.vn/",
        "https://id.example.vn/" + "a" * 2_048,
    ],
)
def test_anything_else_is_no_address(uri: str) -> None:
    with pytest.raises(FormatError):
        origin_of(uri)


@given(st.text(max_size=80))
def test_any_text_is_an_origin_or_a_format_error(text: str) -> None:
    try:
        origin = origin_of(text)
    except FormatError:
        return
    assert origin_of(origin) == origin


@pytest.mark.parametrize(
    ("host", "loopback"), [("localhost", True), ("::1", True), ("10.0.0.1", False), ("x", False)]
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
