"""The screenless browser must refuse what a real one refuses."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eid.testing.browser import BlockedByPolicy, Browser, Page

Handler = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """A loopback site whose paths are answered by functions; it remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.answers: dict[str, tuple[int, dict[str, str], str]] = {}
        site = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self.rfile.read(length)
                path = self.path.partition("?")[0]
                site.seen.append((self.command, path, dict(self.headers)))
                status, headers, text = site.answers.get(path, (200, {}, "<p>ok</p>"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    pair = (Site(), Site())
    yield pair
    for site in pair:
        site.close()


def form_to(url: str) -> str:
    return (
        f'<form id=go method=post action="{url}"><input name=x value=1><button>Go</button></form>'
    )


def test_cookies_follow_path_and_age(sites: tuple[Site, Site]) -> None:
    site, _ = sites
    site.answers["/set"] = (200, {"Set-Cookie": "k=v; Path=/a; HttpOnly"}, "")
    site.answers["/a/drop"] = (200, {"Set-Cookie": "k=; Path=/a; Max-Age=0"}, "")
    browser = Browser()
    for path in ("/set", "/a/x", "/ab", "/a/drop", "/a"):
        browser.open(site.origin + path)
    assert [headers.get("Cookie") for _, _, headers in site.seen] == [
        None,
        "k=v",
        None,
        "k=v",
        None,
    ]


def test_lax_cookies_do_not_cross_with_a_post(sites: tuple[Site, Site]) -> None:
    site, _ = sites
    site.answers["/set"] = (200, {"Set-Cookie": "k=v; SameSite=Lax"}, "")
    browser = Browser()
    browser.open(site.origin + "/set")
    elsewhere = Page(
        url="http://localhost:1/", status=200, headers={}, text=form_to(site.origin + "/in")
    )
    browser.submit(elsewhere, elsewhere.form())
    browser.follow(elsewhere, site.origin + "/in")
    assert [headers.get("Cookie") for _, _, headers in site.seen] == [None, None, "k=v"]


@pytest.mark.parametrize(
    ("policy", "same", "cross"),
    [
        ("same-origin", True, False),
        ("origin", True, True),
        ("no-referrer", False, False),
        ("strict-origin-when-cross-origin", True, False),
    ],
)
def test_origin_is_sent_as_chromium_does(
    sites: tuple[Site, Site], policy: str, same: bool, cross: bool
) -> None:
    one, two = sites
    for target, sent in ((one, same), (two, cross)):
        one.answers["/"] = (200, {"Referrer-Policy": policy}, form_to(target.origin + "/in"))
        browser = Browser()
        page = browser.open(one.origin + "/")
        browser.submit(page, page.form("go"))
        assert target.seen[-1][2]["Origin"] == (one.origin if sent else "null")


def test_form_action_guards_the_post_and_its_redirects(sites: tuple[Site, Site]) -> None:
    one, two = sites
    policy = {"Content-Security-Policy": "default-src 'none'; form-action 'self'"}
    one.answers["/"] = (200, policy, form_to("/in"))
    one.answers["/bad"] = (200, policy, form_to(two.origin + "/in"))
    browser = Browser()
    page = browser.open(one.origin + "/")
    assert browser.submit(page, page.form()).status == 200
    one.answers["/in"] = (303, {"Location": two.origin + "/out"}, "")
    with pytest.raises(BlockedByPolicy):
        browser.submit(page, page.form())
    page = browser.open(one.origin + "/bad")
    with pytest.raises(BlockedByPolicy):
        browser.submit(page, page.form())
    assert two.seen == []


def test_a_303_becomes_a_get_and_a_307_repeats_the_post(sites: tuple[Site, Site]) -> None:
    one, _ = sites
    page = Page(url=one.origin + "/", status=200, headers={}, text=form_to("/in"))
    for status in (303, 307):
        one.answers["/in"] = (status, {"Location": "/out"}, "")
        Browser().submit(page, page.form())
    assert [(method, path) for method, path, _ in one.seen] == [
        ("POST", "/in"),
        ("GET", "/out"),
        ("POST", "/in"),
        ("POST", "/out"),
    ]


def test_endless_redirects_end(sites: tuple[Site, Site]) -> None:
    one, _ = sites
    one.answers["/"] = (302, {"Location": "/"}, "")
    with pytest.raises(LookupError):
        Browser().open(one.origin + "/")


def test_pages_are_read_as_people_read_them() -> None:
    text = (
        "<form method=get action=q><input name=a value=1><input type=checkbox name=b value=2>"
        "<input type=checkbox name=c value=3 checked><input type=submit value=s></form>"
        '<a href=/one>First one</a><a id=two href=/2>x</a><code id="error-code"> a.b </code>'
        "<code>no id</code>"
    )
    page = Page(url="http://127.0.0.1:1/p/", status=200, headers={}, text=text)
    assert page.form().fields == {"a": "1", "c": "3"}
    assert page.form().types == {"a": "text", "b": "checkbox", "c": "checkbox"}
    assert page.form().action == "http://127.0.0.1:1/p/q"
    assert page.links == {"First one": "http://127.0.0.1:1/one", "two": "http://127.0.0.1:1/2"}
    assert (page.error_code, page.codes) == ("a.b", {"error-code": "a.b"})
    with pytest.raises(LookupError):
        page.form("absent")
