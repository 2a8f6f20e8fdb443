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
