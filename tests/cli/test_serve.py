import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from eid.cli import main


def write(folder: Path, port: int) -> Path:
    (folder / "trust" / "csca").mkdir(parents=True)
    path = folder / "eid.toml"
    path.write_text(
        f'issuer = "http://127.0.0.1:{port}"\nlisten = "127.0.0.1:{port}"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n',
        encoding="utf-8",
    )
    return path


def assert_slow_bodies_stop_nobody(port: int) -> None:
    """Forty clients send half a form and keep the line open (row O-071)."""
    head = f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 99\r\n\r\na"
    with ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(head.encode())
        time.sleep(0.3)
        provider = f"http://127.0.0.1:{port}"
        assert requests.get(f"{provider}/health/ready", timeout=60).status_code == 200
        assert requests.post(f"{provider}/token", data={"a": "b"}, timeout=60).status_code == 401


def test_it_serves_until_it_is_ended(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    config = write(tmp_path, port)
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "eid"), "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    )
    try:
        while True:
            assert process.poll() is None
            try:
                ready = requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)
            except requests.RequestException:
                time.sleep(0.05)
                continue
            break
        assert ready.status_code == 200
        assert_slow_bodies_stop_nobody(port)
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert (tmp_path / "eid.db").stat().st_size


def test_a_port_that_is_taken(tmp_path: Path, run: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("serve", "--config", write(tmp_path, server.getsockname()[1]))
    assert done.returncode == 2
    assert "Address already in use" in done.stderr


@pytest.mark.parametrize("text", ["", "x", "surprise = 1"])
def test_unusable_settings(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "eid.toml"
    path.write_text(text)
    assert main(["serve", "--config", str(path)]) == 2
    assert "(settings)" in capsys.readouterr().err
