import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eid.cli.signed_lists import MAX_SIZE, named_list, source
from eid.errors import FormatError, SettingsError, Unavailable
from eid.keys import SigningKey
from eid.qr import cbor, cose
from eid.qr.signers import SoftwareSigner
from eid.qr.status import ListTerms, issue_list, pack_statuses


@pytest.fixture
def served():
    """An address, and what it answers next: (status, headers, body)."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, headers, body = answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_read_anew_each_time(tmp_path):
    path = tmp_path / "list"
    get = source(str(path))
    with pytest.raises(FileNotFoundError):
        get()
    for content in (b"first", b"second"):
        path.write_bytes(content)
        assert get() == content
    path.write_bytes(bytes(MAX_SIZE + 1))
    with pytest.raises(FormatError):
        get()


def test_an_address_is_asked_once_a_minute(served):
    url, answers, asked = served
    get = source(f"{url}/status/1?a=b")
    answers.append((503, {}, b""))
    with pytest.raises(Unavailable):
        get()
    answers.append((200, {}, b"list"))
    assert get() == get() == b"list"
    assert asked == ["/status/1?a=b"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "/other"}, b""),
        (404, {}, b"x"),
    ],
)
def test_other_answers_are_no_lists(served, answer):
    url, answers, asked = served
    answers.append(answer)
    with pytest.raises(Unavailable):
        source(f"{url}/list")()
    assert asked == ["/list"]


def test_an_endless_list_is_cut(served):
    url, answers, _ = served
    answers.append((200, {}, bytes(MAX_SIZE + 1)))
    with pytest.raises(Unavailable):
        source(f"{url}/list")()


def test_nobody_there():
    with pytest.raises(Unavailable):
        source("http://127.0.0.1:1/list")()


@pytest.mark.parametrize(
    "place",
    ["http://id.example/list", "ftp://id.example/list", "https://user:secret@id.example/",
     "https:///list", "https://id.example/#part", "http://127.0.0.1.evil.example/"],
)  # fmt: skip
def test_other_addresses_are_refused(place):
    with pytest.raises(SettingsError) as refusal:
        source(place)
    assert "secret" not in str(refusal.value)


def test_https_means_https(served):
    url, _, asked = served
    with pytest.raises(Unavailable):
        source(f"{url.replace('http:', 'https:')}/list")()
    assert asked == []


URI = "https://id.example.vn/status?n=1"


@pytest.fixture
def signed(tmp_path, monkeypatch):
    """A status list for `URI` in the working folder, under an awkward name too."""
    monkeypatch.chdir(tmp_path)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    terms = ListTerms(uri=URI, issuer="https://id.example.vn", issued_at=now, expires_at=now)
    data = issue_list(pack_statuses({}, size=64), terms, SigningKey.generate("lists"))
    for name in ("status.cwt", "a=b.cwt"):
        (tmp_path / name).write_bytes(data)


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    ("named", "uri", "place"),
    [
        ("status.cwt", URI, "status.cwt"),
        ("a=b.cwt", URI, "a=b.cwt"),
        (f"{URI}=status.cwt", URI, "status.cwt"),
        (f"{URI}=a=b.cwt", URI, "a=b.cwt"),
        (URI, URI, URI),
        ("https://id.example/status/1", "https://id.example/status/1", "https://id.example/status/1"),
        ("https://id.example/1=status.cwt", "https://id.example/1", "status.cwt"),
        ("https://id.example/1=missing.cwt", "https://id.example/1", "missing.cwt"),
    ],
)  # fmt: skip
def test_a_status_list_is_named_by_file_address_or_both(named, uri, place):
    assert named_list(named) == (uri, place)


def test_a_file_that_does_not_say_what_it_is_for(tmp_path):
    signer = SoftwareSigner.of(Ed25519PrivateKey.generate())
    (tmp_path / "list").write_bytes(cose.sign(cbor.encode({1: "https://id.example"}), signer))
    with pytest.raises(FormatError) as refusal:
        named_list(str(tmp_path / "list"))
    assert refusal.value.code == "qr.status_uri"
    with pytest.raises(FileNotFoundError):
        named_list(str(tmp_path / "missing"))
