"""Client libraries as programs: every endpoint that they speak to, from discovery to revocation.

oauth4webapi and openid-client run in node, with the pinned lock file of this folder; Authlib is a
Python client over HTTP. Skipped with a reason where node or its packages cannot be had.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from eid.keys import JwkSet, verify_jwt
from eid.testing.browser import Browser

from .conftest import KEY
from .packages import node_packages
from .place import AUTH_1, LEVEL_2, PATIENCE_S, Person, without_level

HERE = Path(__file__).parent


def private_jwk() -> dict[str, str]:
    pem = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = ECKey.import_key(pem).as_dict(private=True)
    return {**jwk, "kid": KEY.kid}


KEYED = private_jwk()


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the pinned packages."""
    return node_packages()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Who logs in, and whether the demand for a level survives the way through the browser."""

    issuer: str
    username: str = "level2"
    honest: bool = True

    def __call__(self, url: str) -> str:
        """From the service's request to the address that the browser is sent back to."""
        person = Person(issuer=self.issuer, username=self.username, browser=Browser())
        return person.go(url if self.honest else without_level(url)).url


def run(packages: Path, script: str, walk: Walk, *arguments: str) -> tuple[int, str, str]:
    """Run a relying party to its end; its exit code and what it says."""
    shutil.copy(HERE / script, packages)
    command = ["node", script, walk.issuer, *arguments]
    with subprocess.Popen(
        command,
        cwd=packages,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        if not url:
            pytest.fail(process.stderr.read())
        out, err = process.communicate(walk(url) + "\n", timeout=PATIENCE_S)
    return process.returncode, out, err


def words(script: str, callback: str) -> list[str]:
    """What each program is told of itself."""
    known = {"basic.mjs": ["plain", "plain-secret"], "fapi2.mjs": ["fapi", json.dumps(KEYED)]}
    return [*known[script], callback]


SCRIPTS = pytest.mark.parametrize("script", ["basic.mjs", "fapi2.mjs"])
ALL = {
    "basic.mjs": {"rotated": True, "active": True, "afterwards": False},
    "fapi2.mjs": {"type": "dpop", "kept": True},
}


@SCRIPTS
def test_every_endpoint_at_level_2(
    packages: Path, issuer: str, callback: str, script: str
) -> None:
    """oauth4webapi with a secret; openid-client in the profile fapi2."""
    code, out, err = run(packages, script, Walk(issuer=issuer), *words(script, callback), LEVEL_2)
    assert code == 0, err
    told = json.loads(out)
    assert told.pop("name")
    assert told == {"acr": LEVEL_2, **ALL[script]}


@SCRIPTS
def test_a_level_that_cannot_be_reached(
    packages: Path, issuer: str, callback: str, script: str
) -> None:
    walk = Walk(issuer=issuer, username="level0")
    code, _, err = run(packages, script, walk, *words(script, callback), LEVEL_2)
    assert code != 0
    assert "unmet_authentication_requirements" in err


def test_a_level_that_was_dropped_on_the_way(packages: Path, issuer: str, callback: str) -> None:
    """A pushed request cannot be changed; this one goes through the browser."""
    walk = Walk(issuer=issuer, honest=False)
    code, _, err = run(packages, "basic.mjs", walk, *words("basic.mjs", callback), LEVEL_2)
    assert code != 0
    assert f"the level is {AUTH_1}" in err


def test_authlib(issuer: str, callback: str) -> None:
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session(
        "plain",
        "plain-secret",
        scope="openid profile",
        redirect_uri=callback,
        code_challenge_method="S256",
    )
    verifier = "v" * 48
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"],
        code_verifier=verifier,
        nonce="n",
        claims=json.dumps({"id_token": {"acr": {"essential": True, "value": LEVEL_2}}}),
    )
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=Walk(issuer=issuer)(url).replace("http:", "https:"),
        state=state,
        code_verifier=verifier,
    )
    keys = JwkSet.from_jwks(requests.get(metadata["jwks_uri"], timeout=10).json())
    claims = verify_jwt(
        token["id_token"], keys, typ="JWT", issuer=issuer, audience="plain", at=datetime.now(UTC)
    )
    assert claims["acr"] == LEVEL_2
    told = session.get(metadata["userinfo_endpoint"]).json()
    assert told["sub"] == claims["sub"]
    fresh = session.refresh_token(metadata["token_endpoint"])
    assert fresh["refresh_token"] != token["refresh_token"]
    session.close()


def test_authlib_with_a_key(issuer: str, callback: str) -> None:
    """private_key_jwt: an ECKey object, and the token endpoint as the audience."""
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session(
        "keyed",
        ECKey.import_key(KEYED),
        token_endpoint_auth_method="private_key_jwt",
        scope="openid profile",
        redirect_uri=callback,
        code_challenge_method="S256",
    )
    session.register_client_auth_method(
        PrivateKeyJWT(metadata["token_endpoint"], headers={"kid": KEY.kid}, alg="ES256")
    )
    verifier = "v" * 48
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce="n"
    )
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=Walk(issuer=issuer)(url).replace("http:", "https:"),
        state=state,
        code_verifier=verifier,
    )
    assert token["id_token"]
    assert session.refresh_token(metadata["token_endpoint"])["access_token"]
    session.close()
