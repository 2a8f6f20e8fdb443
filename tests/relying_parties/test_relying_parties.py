"""Client libraries as programs: every endpoint that they speak to, from discovery to revocation.

oauth4webapi and openid-client run in node, with the pinned lock file of this folder; Authlib is a
Python client over HTTP. Skipped with a reason where node or its packages cannot be had.
"""

from __future__ import annotations

import json
import shutil
import subprocess
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

from .conftest import CALLBACK, KEY
from .packages import node_packages
from .place import Person

HERE = Path(__file__).parent


def private_jwk() -> dict[str, str]:
    pem = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = ECKey.import_key(pem).as_dict(private=True)
    return {**jwk, "kid": KEY.kid}


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the pinned packages."""
    return node_packages()


def log_in(issuer: str, url: str) -> str:
    """A person's browser: from the service's address to the address that it is sent back to."""
    return Person(issuer=issuer, username="level2", browser=Browser()).answer_to(url)


def run(packages: Path, script: str, issuer: str, *arguments: str) -> dict[str, object]:
    """Run a relying party to its end; what it says that it got."""
    shutil.copy(HERE / script, packages)
    command = ["node", script, issuer, *arguments]
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
        out, err = process.communicate(log_in(issuer, url) + "\n", timeout=90)
    assert process.returncode == 0, err
    told: dict[str, object] = json.loads(out)
    return told


def test_oauth4webapi(packages: Path, issuer: str) -> None:
    told = run(packages, "basic.mjs", issuer, "plain", "plain-secret", CALLBACK)
    assert told.pop("name")
    assert told == {"acr": "urn:eid:auth:1", "rotated": True, "active": True, "afterwards": False}


def test_openid_client_in_the_profile_fapi2(packages: Path, issuer: str) -> None:
    told = run(packages, "fapi2.mjs", issuer, "fapi", json.dumps(private_jwk()), CALLBACK)
    assert told.pop("name")
    assert told == {"acr": "urn:eid:auth:1", "type": "dpop", "kept": True}


def test_authlib(issuer: str) -> None:
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session(
        "plain",
        "plain-secret",
        scope="openid profile",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    verifier = "v" * 48
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce="n"
    )
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=log_in(issuer, url).replace(
            "http://127.0.0.1:9", "https://rp.example"
        ),
        state=state,
        code_verifier=verifier,
    )
    keys = JwkSet.from_jwks(requests.get(metadata["jwks_uri"], timeout=10).json())
    claims = verify_jwt(
        token["id_token"], keys, typ="JWT", issuer=issuer, audience="plain", at=datetime.now(UTC)
    )
    told = session.get(metadata["userinfo_endpoint"]).json()
    assert told["sub"] == claims["sub"]
    fresh = session.refresh_token(metadata["token_endpoint"])
    assert fresh["refresh_token"] != token["refresh_token"]
    session.close()


def test_authlib_with_a_key(issuer: str) -> None:
    """private_key_jwt: an ECKey object, and the token endpoint as the audience."""
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session(
        "keyed",
        ECKey.import_key(private_jwk()),
        token_endpoint_auth_method="private_key_jwt",
        scope="openid profile",
        redirect_uri=CALLBACK,
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
        authorization_response=log_in(issuer, url).replace(
            "http://127.0.0.1:9", "https://rp.example"
        ),
        state=state,
        code_verifier=verifier,
    )
    assert token["id_token"]
    assert session.refresh_token(metadata["token_endpoint"])["access_token"]
    session.close()
