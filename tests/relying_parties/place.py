"""One development provider, relying parties as processes of their own, and a person's browser."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests

from eid.testing.browser import Browser, Page

PATIENCE_S = 90
MAX_PAGES = 12
REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]*)"')
LEVEL_2 = "urn:eid:level:2"
AUTH_1 = "urn:eid:auth:1"
SECRET = "a secret for the tests, long enough"


def free_port() -> int:
    """A port that nobody else takes meanwhile.

    It lies below the range from which the system gives ports away, and is marked as ours, until
    this process ends, by the name of a socket in the kernel.
    """
    for _ in range(200):
        port = random.SystemRandom().randrange(11_000, 32_000)
        mark = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe:
            try:
                mark.bind(f"\0eid-tests-port-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                mark.close()
                continue
        mark.detach()  # open for as long as the process lives
        return port
    raise LookupError("no free port")


@contextmanager
def running(
    command: Sequence[str | Path],
    ready: str,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    patience_s: float = PATIENCE_S,
) -> Iterator[None]:
    """A process, from its first answer to ``ready`` to its end; what it said is shown if it fails."""
    log = cwd / f"{free_port()}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env={**unset(os.environ), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + patience_s
        while not answers(ready):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.1)
        yield
    finally:
        end(process)


def unset(environ: Mapping[str, str]) -> dict[str, str]:
    """Without settings of an installation, which development refuses."""
    return {name: value for name, value in environ.items() if not name.startswith("EID_")}


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5, allow_redirects=False).status_code < 500
    except requests.RequestException:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A client of the provider, and where its service listens."""

    client_id: str
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, issuer: str) -> dict[str, str]:
        return {
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT_ID": self.client_id,
            "OIDC_CLIENT_SECRET": SECRET,
            "PORT": str(self.port),
        }


def metadata(client: Registered, **members: object) -> dict[str, object]:
    """What is registered for it, as RFC 7591 has it."""
    wanted: dict[str, object] = {
        "client_id": client.client_id,
        "client_secret": SECRET,
        "redirect_uris": [f"{client.origin}/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile",
        **members,
    }
    return {name: value for name, value in wanted.items() if value is not None}


@contextmanager
def development_provider(folder: Path, clients: list[dict[str, object]]) -> Iterator[str]:
    """``eid serve --dev`` with these clients; its issuer."""
    file = folder / "clients.json"
    file.write_text(json.dumps(clients), encoding="utf-8")
    issuer = f"http://127.0.0.1:{free_port()}"
    program = Path(sys.executable).parent / "eid"
    port = issuer.rpartition(":")[2]
    command = [program, "serve", "--dev", "--port", port, "--clients", file]
    with running(command, f"{issuer}/health/ready", cwd=folder):
        yield issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A fictional person with a browser of their own."""

    issuer: str
    username: str
    browser: Browser

    def go(self, url: str) -> Page:
        """Open an address and log in where the provider asks for it."""
        return self.through(self.browser.open(url))

    def through(self, page: Page) -> Page:
        """Fill in every page of the provider, until the browser is somewhere else."""
        for _ in range(MAX_PAGES):
            following = self._next(page)
            if following is None:
                return page
            page = following
        raise LookupError(page.text)

    def _next(self, page: Page) -> Page | None:
        forms = {form.id: form for form in page.forms}
        refresh = REFRESH.search(page.text)
        if "login" in forms:
            values = {"username": self.username, "password": "development"}
            return self.browser.submit(page, forms["login"], **values)
        if "consent" in forms:
            return self.browser.submit(page, forms["consent"])
        if "card-link" in page.links:
            return self.browser.follow(page, page.links["card-link"])
        if "card" in forms:
            return self.browser.submit(page, forms["card"])
        if "choose" in forms:
            [number] = re.findall(rf'value="(\d+)">{self.username}:', page.text)
            return self.browser.submit(page, forms["choose"], number=number)
        if refresh is not None:  # Apache's way to step up
            return self.browser.follow(page, unescape(refresh[1]))
        return None

    def answer_to(self, request: str) -> str:
        """The address that a service's request ends at, with its code, not yet opened."""
        page = self.browser.open(request)
        values = {"username": self.username, "password": "development"}
        page = self.browser.submit(page, page.form("login"), **values)
        form = page.form("consent")
        answer = requests.post(
            form.action,
            data=form.fields,
            headers=self.browser._headers("POST", form.action, page),
            allow_redirects=False,
            timeout=PATIENCE_S,
        )
        return answer.headers["Location"]

    def asked_at(self, url: str) -> str:
        """The request to the provider that a service's page leads to, not yet sent."""
        for _ in range(6):
            answer = requests.get(
                url,
                headers=self.browser._headers("GET", url, None),
                allow_redirects=False,
                timeout=PATIENCE_S,
            )
            self.browser._store(url, answer)
            url = urljoin(url, answer.headers["Location"])
            if url.startswith(f"{self.issuer}/authorize"):
                return url
        raise LookupError(url)


def without_level(url: str) -> str:
    """The request as a person changes it who has no card: nothing asks for a level any more."""
    parts = urlsplit(url)
    kept = [
        pair for pair in parse_qsl(parts.query) if pair[0] not in {"claims", "acr_values", "acr"}
    ]
    assert len(kept) < len(parse_qsl(parts.query)), "the service did not ask for a level"
    return parts._replace(query=urlencode(kept)).geturl()
