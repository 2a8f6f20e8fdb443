"""Spring Security as a relying party; it takes a minute to build, so ``make relying-parties`` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Place
from .packages import LOG_IN, STATE
from .place import running
from .test_services import all_of_it

PATIENCE_S = 900


@pytest.mark.skipif(os.environ.get("RELYING_PARTIES") != "all", reason="make relying-parties")
def test_spring_security(place: Place, tmp_path: Path) -> None:
    client = place.clients["spring"]
    words = ["java", "-XX:TieredStopAtLevel=1", "-jar", build()]
    env = client.environment(place.issuer)
    with running(
        words, f"{client.origin}/favicon.ico", cwd=tmp_path, env=env, patience_s=PATIENCE_S
    ):
        all_of_it(place, client.origin)


def build() -> Path:
    if shutil.which("java") is None or shutil.which("mvn") is None:
        pytest.skip("java or mvn is not installed")
    folder = STATE / "spring"
    shutil.copytree(LOG_IN / "spring", folder, dirs_exist_ok=True)
    command = ["mvn", "-q", "-B", "package"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if done.returncode and "Could not transfer" in done.stdout:
        pytest.skip("the packages of Spring cannot be had here")
    assert done.returncode == 0, done.stdout
    return folder / "target" / "log-in.jar"
