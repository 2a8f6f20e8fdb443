"""An API behind the services: it sees the level of the login by introspection, and asks for more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from .conftest import Place
from .place import LEVEL_2, PATIENCE_S
from .services import service

VERIFIER = "v" * 48


def token(place: Place, callback: str, **asked: str) -> str:
    """An access token of the person at level 2, for what is asked."""
    session = OAuth2Session(
        "caller",
        "development-secret",
        scope="openid",
        redirect_uri=callback,
        code_challenge_method="S256",
    )
    url, state = session.create_authorization_url(
        f"{place.issuer}/authorize", code_verifier=VERIFIER, nonce="n", **asked
    )
    back = place.person("level2").go(url).url
    answer = session.fetch_token(
        f"{place.issuer}/token",
        authorization_response=back.replace("http:", "https:"),
        state=state,
        code_verifier=VERIFIER,
    )
    session.close()
    return str(answer["access_token"])


def test_an_api_asks_for_the_level_that_it_needs(
    place: Place, callback: str, tmp_path: Path
) -> None:
    essential = json.dumps({"id_token": {"acr": {"essential": True, "value": LEVEL_2}}})
    with service("api", place.clients["api"], place.issuer, tmp_path) as origin:

        def call(authorization: str) -> tuple[int, str]:
            answer = requests.get(
                f"{origin}/records", headers={"Authorization": authorization}, timeout=PATIENCE_S
            )
            return answer.status_code, answer.headers.get("WWW-Authenticate", "")

        low = token(place, callback, resource=f"{origin}/")
        status, challenge = call(f"Bearer {low}")
        assert status == 401
        assert 'error="insufficient_user_authentication"' in challenge
        assert f'acr_values="{LEVEL_2}"' in challenge
        high = token(place, callback, resource=f"{origin}/", claims=essential)
        assert call(f"Bearer {high}") == (200, "")
        other = token(place, callback, claims=essential)
        for wrong in (other, "A" * 43, "é", "a b"):
            assert call(f"Bearer {wrong}") == (401, 'Bearer error="invalid_token"'), wrong
        for none in ("Basic eDp5", "Bearer "):
            assert call(none) == (401, "Bearer"), none
