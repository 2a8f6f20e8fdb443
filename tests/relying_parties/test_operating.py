"""The operator's page, followed command by command, and its proxy with TLS in front."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eid.testing.browser import Browser

from .packages import ROOT
from .place import PATIENCE_S, free_port, running
from .services import apache_program

PAGE = (ROOT / "docs/operating-the-provider.md").read_text()
BLOCKS = dict(
    re.findall(r"<!-- \w+: ([^>]*) -->\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
)
MODULES = (
    "mpm_event",
    "authz_core",
    "authn_core",
    "ssl",
    "proxy",
    "proxy_http",
    "headers",
    "reqtimeout",
)
PASSWORD = "a long enough password"


def shell(block: str, folder: Path, env: dict[str, str], *, stdin: str = "") -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", block],
        cwd=folder,
        env={**os.environ, **env, "PATH": path},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], str]:
    """The folder after the page's first commands; what only this machine needs is environment."""
    folder = tmp_path_factory.mktemp("operated")
    (folder / "eid.toml").write_text(BLOCKS["eid.toml"])
    (folder / "eid.toml").chmod(0o600)
    (folder / "clients.json").write_text(BLOCKS["service.json"])
    env = {"EID_LISTEN": f"127.0.0.1:{free_port()}"}
    said = shell(BLOCKS["set up"], folder, env, stdin=f"{PASSWORD}\n")
    return folder, env, said


def serve(folder: Path, env: dict[str, str]) -> object:
    program = Path(sys.executable).parent / "eid"
    ready = f"http://{env['EID_LISTEN']}/health/ready"
    return running([program, "serve", "--config", "eid.toml"], ready, cwd=folder, env=env)


def test_the_page_command_by_command(set_up: tuple[Path, dict[str, str], str]) -> None:
    folder, env, said = set_up
    assert "client_secret" in said
    shell(BLOCKS["back up"], folder, env)
    assert (folder / "eid.backup.keys").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.environ.get("RELYING_PARTIES") != "all", reason="make relying-parties")
def test_the_other_commands_of_the_page(set_up: tuple[Path, dict[str, str], str]) -> None:
    """They are slow, and tests/cli has each of them."""
    folder, env, _ = set_up
    listed, secret = shell(BLOCKS["services"], folder, env).splitlines()
    assert json.loads(listed)["client_id"] == "portal"
    assert len(secret) == 43
    assert "tokens" in shell(BLOCKS["keys"], folder, env)


def test_watching_and_the_proxy(set_up: tuple[Path, dict[str, str], str]) -> None:
    """One start of the server for both: over plain loopback, and by https through Apache."""
    folder, env, _ = set_up
    name, port = "localhost", free_port()
    issuer = f"https://{name}:{port}"
    env = {**env, "EID_ISSUER": issuer}
    with serve(folder, env), proxy(folder, name, port, env["EID_LISTEN"]) as authority:
        if shutil.which("curl") is not None:
            watch = BLOCKS["watch"].replace("127.0.0.1:8080", env["EID_LISTEN"])
            assert "eid_requests_total" in shell(watch, folder, env)
        behind_the_proxy(issuer, authority)


def behind_the_proxy(issuer: str, authority: Path) -> None:
    def get(path: str, **headers: str) -> requests.Response:
        return requests.get(
            f"{issuer}{path}",
            headers=headers,
            verify=authority,
            allow_redirects=False,
            timeout=PATIENCE_S,
        )

    told = get("/.well-known/openid-configuration", **{"X-Forwarded-Host": "evil.example"})
    assert told.json()["token_endpoint"] == f"{issuer}/token"
    assert told.headers["Strict-Transport-Security"]
    assert get("/metrics").status_code == 404
    begun = get(f"/authorize?{ASKED}")
    assert f'action="{issuer}/interaction/' in begun.text
    cookie = begun.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
    try:
        logs_in(issuer)
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]


ASKED = (
    "client_id=portal&response_type=code&scope=openid&state=s"
    "&redirect_uri=https%3A%2F%2Fportal.example.vn%2Fcallback"
    f"&code_challenge_method=S256&code_challenge={'A' * 43}"
)


def logs_in(issuer: str) -> None:
    """The officer's password and the consent, over https; the code goes to the service."""
    browser = Browser()
    page = browser.open(f"{issuer}/authorize?{ASKED}")
    page = browser.submit(page, page.form("login"), username="officer1", password=PASSWORD)
    form = page.form("consent")
    answer = requests.post(
        form.action,
        data=form.fields,
        headers=browser._headers("POST", form.action, page),
        allow_redirects=False,
        timeout=PATIENCE_S,
    )
    assert answer.headers["Location"].startswith("https://portal.example.vn/callback?code=")


@contextmanager
def proxy(folder: Path, name: str, port: int, listen: str) -> Iterator[Path]:
    """Apache with the page's configuration; the certificate to trust."""
    program = apache_program(Path("/usr/lib/apache2/modules/mod_ssl.so"))
    authority, key = certificate(folder, name)
    with tempfile.TemporaryDirectory(prefix="eid-apache-") as run:
        main = Path(run) / "server.conf"
        modules = "".join(
            f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so\n" for one in MODULES
        )
        main.write_text(
            f"Listen 127.0.0.1:{port}\nServerName {name}\nDefaultRuntimeDir {run}\n"
            f"PidFile {run}/pid\nErrorLog {run}/error.log\nUser www-data\nGroup www-data\n"
            f"{modules}Include {ROOT}/examples/operate/proxy.conf\n"
        )
        env = {"PORT": str(port), "NAME": name, "LISTEN": listen}
        env |= {"CERTIFICATE": str(authority), "KEY": str(key)}
        os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
        try:
            starting = running(
                [program, "-X", "-d", run, "-f", main],
                f"https://{name}:{port}/health/live",
                cwd=Path(run),
                env=env,
            )
            with starting:
                del os.environ["REQUESTS_CA_BUNDLE"]
                yield authority
        finally:
            os.environ.pop("REQUESTS_CA_BUNDLE", None)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that only this test trusts, and its key."""
    key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "tls.pem", folder / "tls.key"
    pem.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pem, secret


def test_the_unit_of_systemd(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    text = (ROOT / "examples/operate/eid.service").read_text()
    unit = tmp_path / "eid.service"
    unit.write_text(
        text.replace("/srv/eid/venv/bin/eid", sys.executable).replace("User=eid", "User=root")
    )
    command = [program, "verify", "--man=no", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "eid.service" in done.stderr) == (0, False), done.stderr
