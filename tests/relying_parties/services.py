"""The services of ``examples/log_in`` as processes: how each is started, and what it needs."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from .packages import LOG_IN, node_packages, python
from .place import Registered, running

APACHE = "/usr/lib/apache2/modules/mod_auth_openidc.so"


def command(name: str, port: int, folder: Path) -> tuple[Sequence[str | Path], dict[str, str]]:
    """The words that start a service, and what else its environment holds."""
    if name in {"flask", "fastapi", "idpyoidc", "api"}:
        return [python(), LOG_IN / f"{name}_app.py"], {}
    if name == "django":
        manage = [python(), LOG_IN / "django_site" / "manage.py"]
        env = {"DATABASE": str(folder / "service.sqlite3")}
        subprocess.run([*manage, "migrate", "-v0"], env={**os.environ, **env}, check=True)
        address = f"127.0.0.1:{port}"
        return [*manage, "runserver", "--noreload", address], env
    if name in {"node", "passport"}:
        packages = node_packages()
        shutil.copy(LOG_IN / f"{name}_app.mjs", packages)  # where node finds the packages
        return ["node", packages / f"{name}_app.mjs"], {}
    raise LookupError(name)


@contextmanager
def service(name: str, client: Registered, issuer: str, folder: Path) -> Iterator[str]:
    """The service, running; its origin."""
    if name == "apache":
        with apache(client, issuer) as origin:
            yield origin
        return
    words, more = command(name, client.port, folder)
    env = {**client.environment(issuer), **more}
    with running(words, f"{client.origin}/favicon.ico", cwd=folder, env=env):
        yield client.origin


def apache_program(module: Path) -> str:
    """Apache's program, if this module of it is there; skips otherwise."""
    program = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not module.exists():
        pytest.skip(
            "Apache is not installed: sudo apt-get install --no-install-recommends "
            "apache2-bin libapache2-mod-auth-openidc"
        )
    return program


@contextmanager
def apache(client: Registered, issuer: str) -> Iterator[str]:
    """Apache as a child process with its own configuration; nothing of the system's is used."""
    program = apache_program(Path(APACHE))
    with tempfile.TemporaryDirectory(prefix="eid-apache-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # its workers are another user
        shutil.copytree(LOG_IN / "apache" / "pages", folder / "pages")
        env = {
            **client.environment(issuer),
            "RUN": name,
            "PAGES": str(folder / "pages"),
            "LOGIN_CONF": str(LOG_IN / "apache" / "eid.conf"),
            "SESSION_KEY": secrets.token_hex(32),
        }
        words = [program, "-X", "-d", name, "-f", LOG_IN / "apache" / "server.conf"]
        with running(words, f"{client.origin}/favicon.ico", cwd=folder, env=env):
            yield client.origin
