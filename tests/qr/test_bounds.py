"""Bombs and giants are a typed error, in bounded time and 64 MB, in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KIB_OF_64_MB = 64 << 10
SECONDS = 10
"""Of processor time; each takes milliseconds, the machine may be slow."""


@pytest.fixture(scope="module")
def measured():
    program = [sys.executable, "-m", "tests.qr.bad_inputs"]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=300,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_everything_is_refused_with_a_code(measured):
    assert len(measured) >= 25
    assert [name for name, code, *_ in measured if code is None] == []


def test_each_in_bounded_time(measured):
    assert [name for name, _, seconds, _ in measured if seconds > SECONDS] == []


def test_none_needs_more_than_64_mb(measured):
    assert [name for name, *_, grown in measured if grown > KIB_OF_64_MB] == []
