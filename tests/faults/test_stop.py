"""SIGTERM while requests are under way (row F-009): what was answered is on record, whole."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import requests

from eid.app import Settings, open_installation
from eid.oidc.clients import client_from_metadata

EID = Path(sys.executable).parent / "eid"
THREADS = 12
CALLBACK = "https://portal.example/callback"
CLIENT = client_from_metadata(
    {"client_id": "portal", "client_secret": "s" * 32, "redirect_uris": [CALLBACK]},
    legal_entity="development",
)
ASKED = {
    "response_type": "code",
    "client_id": "portal",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
    "prompt": "none",  # nobody is logged in: each answer has its row of the record
}


def test_f009_what_was_answered_is_on_record(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (tmp_path / "trust" / "csca").mkdir(parents=True)
    config = tmp_path / "eid.toml"
    config.write_text(
        f'issuer = "http://127.0.0.1:{port}"\nlisten = "127.0.0.1:{port}"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\nlog_level = "error"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n',
        encoding="utf-8",
    )
    with open_installation(Settings.load(config)) as installation:
        installation.add_clients([CLIENT], at=datetime.now(UTC))
    address = f"http://127.0.0.1:{port}/authorize?{urlencode(ASKED)}"
    answers, broken = [], []
    command = [str(EID), "serve", "--config", str(config)]
    with subprocess.Popen(
        command, env=dict(os.environ), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not _ready(port):
                assert process.poll() is None
                time.sleep(0.05)
            threads = [
                threading.Thread(target=_ask, args=(address, answers, broken))
                for _ in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            while len(answers) < 3 * THREADS:
                assert process.poll() is None
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(120)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not broken
    refused = answers.count(303)
    assert set(answers) <= {303, 503}  # 503: the database was busy for too long
    assert refused >= THREADS
    with open_installation(Settings.load(config)) as installation:
        assert installation.audit.count("authorize.refused") >= refused
        installation.audit.verify()


def _ask(address, answers, broken):
    """Ask until nobody answers any more; an answer that breaks off is noted."""
    with requests.Session() as session:
        while True:
            try:
                answer = session.get(address, timeout=60, allow_redirects=False)
            except requests.exceptions.ChunkedEncodingError:
                broken.append(1)
                return
            except requests.RequestException:
                return
            answers.append(answer.status_code)


def _ready(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).ok
    except requests.RequestException:
        return False
