"""A kiosk killed while it records and while it delivers: ``make soak`` in small."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_visit_is_lost_or_doubled_by_kills() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak_kiosk", "--visits", "40", "--kills", "6"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 visits delivered" in done.stdout
    assert "Traceback" not in done.stderr
