"""Lines of the log: one JSON object each, whatever is in them (row O-075)."""

import json
import logging
import subprocess
import sys

import pytest

from eid.app.logs import MAX_MESSAGE, JsonLines


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[31m", "\u202e", "\x00", "\ud800", "x" * 5000])
def test_a_line_stays_one_line(text):
    record = logging.LogRecord("eid.oidc", logging.INFO, "", 1, "refused: %s", (text,), None)
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"refused: {text}"[:MAX_MESSAGE]


def test_of_an_exception_only_its_type():
    fault = ValueError("a secret")
    raised = (ValueError, fault, None)
    record = logging.LogRecord("eid", logging.ERROR, "", 1, "fault", (), raised)
    line = JsonLines().format(record)
    assert json.loads(line)["exception"] == "ValueError"
    assert "secret" not in line


def test_ours_speak_and_libraries_only_warn():
    code = (
        "import logging; from eid.app.logs import log_lines; log_lines('info');"
        "logging.getLogger('eid.oidc').info('ours'); logging.getLogger('lib').info('theirs');"
        "logging.getLogger('lib').warning('wrong')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["ours", "wrong"]


def test_the_counter_s_process_logs_as_the_provider_does(tmp_path):
    (tmp_path / "trust" / "csca").mkdir(parents=True)
    (tmp_path / "eid.toml").write_text(
        'issuer = "http://127.0.0.1:8400"\nlisten = "127.0.0.1:8400"\n'
        'database = "sqlite:///eid.db"\ndata_dir = "data"\ntrust = "trust"\n'
        '[agent]\nurl = "http://127.0.0.1:35970"\n[password]\ninsecure_fast_hash = true\n'
        '[counter]\nurl = "http://127.0.0.1:8401"\nlisten = "127.0.0.1:8401"\n'
    )
    code = (
        "import logging, sys; from pathlib import Path; from eid.app import Settings;"
        "from eid.app.counter import _load; _load(Settings.load(Path(sys.argv[1])));"
        "logging.getLogger('eid.oidc').error('fault: x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "eid.toml"],
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = [json.loads(line) for line in done.stderr.splitlines()]
    assert line["message"] == "fault: x"
