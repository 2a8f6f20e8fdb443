"""`eid qr verifier`: exporting the page, and serving it as a process of its own."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from eid.cli import main
from eid.keys import SigningKey
from eid.qr.issuers import IssuerKey
from eid.qr.status import ListTerms, issue_list, pack_statuses
from eid.qr.trust_list import Edition, issue_trust_list

ISSUER, PUBLISHER = "https://id.example.vn", "https://trust.example.vn"
LIST = "https://id.example.vn/status?n=1"


@pytest.fixture
def files(tmp_path):
    """A publisher's keys, its trust list, a status list and the issuer's keys, as files."""
    issuer, root = SigningKey.generate("credentials"), SigningKey.generate("trust list")
    now = datetime.now(UTC)
    made = {
        "issuer.json": json.dumps({"issuer": ISSUER, "keys": [issuer.public_jwk()]}).encode(),
        "publisher.json": json.dumps({"issuer": PUBLISHER, "keys": [root.public_jwk()]}).encode(),
        "trust": issue_trust_list(
            [IssuerKey.from_jwk(ISSUER, issuer.public_jwk())],
            root,
            edition=Edition(
                publisher=PUBLISHER, version=4, issued_at=now, expires_at=now + timedelta(days=1)
            ),
        ),
        "status": issue_list(
            pack_statuses({}, size=1 << 10),
            ListTerms(uri=LIST, issuer=ISSUER, issued_at=now, expires_at=now + timedelta(days=1)),
            issuer,
        ),
    }
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def options(files):
    return ["--publisher", str(files / "publisher.json"), "--trust-list", str(files / "trust"),
            "--status", str(files / "status"), "--audience", "https://clinic.example.vn"]  # fmt: skip


def run(*arguments):
    return main(["qr", "verifier", *arguments])


def test_export_writes_a_whole_page(files, capsys):
    out = files / "public"
    assert run(*options(files), "--max-stale-hours", "12", "--export", str(out)) == 0
    said = capsys.readouterr().err
    assert "trust list 4, good until" in said
    assert f"status list {LIST}, good until" in said
    config = json.loads((out / "config.json").read_bytes())
    assert config["policy"] == {"max_age_s": None, "max_stale_s": 43_200, "require_status": False}
    assert config["statuses"] == [{"path": "lists/status-0", "uri": LIST}]
    assert config["publishers"][0]["issuer"] == PUBLISHER
    assert config["audience"] == "https://clinic.example.vn"
    for name, source in (("lists/trust-list", "trust"), ("lists/status-0", "status")):
        assert (out / name).read_bytes() == (files / source).read_bytes()
    for name in re.findall(r'"([\w./-]+)": "sha256-', (out / "sw.js").read_text()):
        assert (out / name).is_file()


def test_the_lists_and_the_place_as_json(files, capsys):
    out = files / "public"
    assert run(*options(files), "--export", str(out), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["folder"] == str(out)
    assert {one["path"]: one["code"] for one in report["lists"]} == {
        "lists/trust-list": None,
        "lists/status-0": None,
    }
    (files / "trust").write_bytes(b"nonsense")
    assert run(*options(files), "--export", str(out), "--json") == 0
    found = json.loads(capsys.readouterr().out)["lists"]
    assert (found[0]["path"], found[0]["code"]) == ("lists/trust-list", "qr.cbor")


def test_issuers_can_be_pinned_without_a_trust_list(files):
    out = files / "public"
    keys = str(files / "issuer.json")
    assert (
        run("--issuer", keys, "--max-age-days", "2", "--require-status", "--export", str(out)) == 0
    )
    config = json.loads((out / "config.json").read_bytes())
    assert (config["trust_list"], config["audience"]) == (None, None)
    assert config["policy"] == {"max_age_s": 172_800, "max_stale_s": 0, "require_status": True}
    assert [key["issuer"] for key in config["issuers"]] == [ISSUER]


def test_a_list_that_is_of_no_use_is_said(files, capsys):
    (files / "trust").write_bytes(b"nonsense")
    assert run(*options(files), "--export", str(files / "public")) == 0
    said = capsys.readouterr().err
    assert re.search(r"warning: the list at \S*trust is of no use now \(qr\.cbor\)", said)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "settings.qr_verifier"),
        (["--publisher", "publisher.json"], "settings.qr_verifier"),
        (["--issuer", "issuer.json", "--trust-list", "trust"], "settings.qr_verifier"),
        (["--issuer", "issuer.json", "--audience", "a" * 201], "settings.qr_verifier"),
        (["--issuer", "trust"], "json"),
        (["--issuer", "empty.json"], "qr.issuer_keys"),
        (["--issuer", "text.json"], "qr.issuer_keys"),
        (["--issuer", "missing.json"], "system"),
        (["--issuer", "issuer.json", "--status", "publisher.json"], "qr.cbor"),
        (["--issuer", "issuer.json", "--status", "trust"], "qr.status_uri"),
        (["--issuer", "issuer.json", "--status", "http://id.example/1"], "settings.list"),
        (["--issuer", "issuer.json", "--port", "0"], "usage"),
    ],
)
def test_unusable_options(files, capsys, monkeypatch, arguments, code):
    monkeypatch.chdir(files)
    (files / "empty.json").write_text(json.dumps({"issuer": ISSUER, "keys": []}))
    (files / "text.json").write_text(json.dumps({"issuer": ISSUER, "keys": ["key"]}))
    assert run(*arguments, "--export", "public") == 2
    assert f"({code}" in capsys.readouterr().err
    assert not (files / "public").exists()


def test_a_port_in_use_is_said(files, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run("--issuer", str(files / "issuer.json"), "--port", port) == 2
    assert "(system)" in capsys.readouterr().err


def test_it_serves_on_loopback_until_it_is_ended(files):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "eid.cli",
        "qr",
        "verifier",
        *options(files),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while "verifier page is at" not in (line := process.stderr.readline()):
            assert line, "the command ended"
        url = f"http://127.0.0.1:{port}/"
        answer = patient(url)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        trust = requests.get(f"{url}lists/trust-list", timeout=5)
        assert trust.content == (files / "trust").read_bytes()
        foreign = requests.get(url, headers={"Host": "evil.example"}, timeout=5)
        assert foreign.status_code == 421
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def patient(url):
    """The first answer of a server that has just been started."""
    end = time.monotonic() + 60
    while True:
        try:
            return requests.get(url, timeout=5)
        except requests.RequestException:
            assert time.monotonic() < end
            time.sleep(0.05)
