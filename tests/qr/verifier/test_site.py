from wsgiref.util import setup_testing_defaults

import pytest

from eid.errors import Unavailable
from eid.qr.verifier import site
from eid.qr.verifier.site import TYPES, content_policy, create_site, export_site, page_files


def broken():
    raise Unavailable("The line is broken.")


def missing():
    raise FileNotFoundError


LISTS = {"lists/trust-list": lambda: b"trust", "lists/broken": broken, "lists/missing": missing}


def ask(path, **environ):
    said = []
    environ = {"PATH_INFO": path, **environ}
    setup_testing_defaults(environ)
    served = create_site(b'{"version":1}', LISTS)
    body = b"".join(served(environ, lambda status, headers: said.append((status, dict(headers)))))
    [(status, headers)] = said
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Security-Policy"] == content_policy()
    assert headers["X-Content-Type-Options"] == "nosniff"
    return int(status[:3]), headers.get("Content-Type"), body


def test_every_file_of_the_page_is_served_with_its_type():
    for path, content in page_files().items():
        status, kind, body = ask(f"/{path}")
        assert (status, body) == (200, content)
        assert kind in {*TYPES.values(), "text/plain; charset=utf-8"}
    assert ask("/") == ask("/index.html")
    assert ask("/vendor/zxing-wasm/reader/zxing_reader.wasm")[1] == "application/wasm"


def test_settings_and_lists():
    assert ask("/config.json") == (200, "application/json", b'{"version":1}')
    assert ask("/lists/trust-list") == (200, "application/octet-stream", b"trust")
    assert ask("/lists/broken")[0] == ask("/lists/missing")[0] == 503


@pytest.mark.parametrize("path", ["/../site.py", "//etc/passwd", "/core", "/core/", "/settings.py",
                                  "/lists/", "/%2e%2e/site.py"])  # fmt: skip
def test_nothing_else_is_served(path):
    assert ask(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS"])
def test_it_only_gives(method):
    assert ask("/", REQUEST_METHOD=method)[0] == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:8710", 200), ("[::1]:1", 200), ("evil.example", 421),
     ("127.0.0.1.evil.example", 421), ("127.0.0.1:8710@evil.example", 421), ("", 421)],
)  # fmt: skip
def test_no_foreign_name_points_here(host, status):
    assert ask("/", HTTP_HOST=host)[0] == status


def test_the_policy_allows_no_other_host_and_no_inline_code():
    policy = dict(part.strip().partition(" ")[::2] for part in content_policy().split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert {value for words in policy.values() for value in words.split()} <= {
        "'none'", "'self'", "'wasm-unsafe-eval'", "blob:", "'script'", "eid"}  # fmt: skip


def test_export(tmp_path):
    lists = {"lists/trust-list": LISTS["lists/trust-list"]}
    size = export_site(tmp_path / "public", b"{}", lists)
    written = [path for path in (tmp_path / "public").rglob("*") if path.is_file()]
    assert size == sum(path.stat().st_size for path in written)
    assert len(written) == len(page_files()) + 2
    with pytest.raises(Unavailable):
        export_site(tmp_path / "other", b"{}", LISTS)


def test_a_page_without_policy_is_not_served(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "PAGE", tmp_path)
    (tmp_path / "index.html").write_text("<!doctype html>")
    with pytest.raises(RuntimeError, match="no content policy"):
        content_policy()
