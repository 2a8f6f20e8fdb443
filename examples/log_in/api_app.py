"""An API that looks at the level behind a token, by introspection (RFC 7662, RFC 9470), with Flask.

``pip install flask requests``, ``eid serve --dev --clients api.json`` in another terminal, then
``python api_app.py``. A service that is registered with ``eid_resources`` for this API asks for a
token with ``resource=http://127.0.0.1:3001/``.
"""

import os
import time

import requests
from flask import Flask, Response, request

ISSUER = os.environ.get("OIDC_ISSUER", "http://127.0.0.1:8480")
PORT = int(os.environ.get("PORT", "3001"))
AUDIENCE = f"http://127.0.0.1:{PORT}/"
CREDENTIALS = (
    os.environ.get("OIDC_CLIENT_ID", "api"),
    os.environ.get("OIDC_CLIENT_SECRET", "development-secret"),
)
MAX_AGE_S = 900

app = Flask(__name__)


def challenge(error: str, more: str = "") -> Response:
    """401, in the words that a client understands."""
    return Response(status=401, headers={"WWW-Authenticate": f'Bearer error="{error}"{more}'})


@app.get("/records")
def records() -> Response | dict[str, str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    answer = requests.post(
        f"{ISSUER}/introspect", data={"token": token}, auth=CREDENTIALS, timeout=10
    )
    answer.raise_for_status()
    worth = answer.json()
    if worth.get("active") is not True or worth["aud"] != AUDIENCE or "cnf" in worth:
        return challenge("invalid_token")  # with cnf it is bound to a key: see RFC 9449
    enough = worth["eid_level"] >= 2 and worth["eid_auth_level"] >= 2
    if not enough or time.time() - worth["auth_time"] > MAX_AGE_S:
        step_up = f', acr_values="urn:eid:level:2", max_age="{MAX_AGE_S}"'
        return challenge("insufficient_user_authentication", step_up)
    return {"sub": worth["sub"], "records": "for level 2 only"}


if __name__ == "__main__":
    app.run(port=PORT)
