"""A Flask service that logs people in with eID, by Authlib.

``pip install flask authlib requests``, ``eid serve --dev`` in another terminal, then
``python flask_app.py`` and open http://127.0.0.1:3000/. The defaults fit the provider that
``eid serve --dev`` starts.
"""

import json
import os
import secrets

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, abort, redirect, session
from joserfc.errors import JoseError
from werkzeug.wrappers import Response

ISSUER = os.environ.get("OIDC_ISSUER", "http://127.0.0.1:8480")
PORT = int(os.environ.get("PORT", "3000"))
LEVEL_2 = "urn:eid:level:2"

app = Flask(__name__)
app.secret_key = os.environ.get("SESSION_KEY") or secrets.token_hex(32)
oauth = OAuth(app)
oauth.register(
    "eid",
    client_id=os.environ.get("OIDC_CLIENT_ID", "dev"),
    client_secret=os.environ.get("OIDC_CLIENT_SECRET", "development-secret"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
)


def log_in(acr: str | None = None) -> Response:
    """Send the browser to the provider; with *acr* nothing less will do."""
    session["asked"] = acr
    wanted = {"id_token": {"acr": {"essential": True, "value": acr}}}
    extra = {"claims": json.dumps(wanted)} if acr else {}
    return oauth.eid.authorize_redirect(f"http://127.0.0.1:{PORT}/callback", **extra)


@app.get("/callback")
def callback() -> Response:
    asked = session.pop("asked", None)
    try:
        token = oauth.eid.authorize_access_token()
    except (AuthlibBaseError, JoseError) as error:
        abort(403, getattr(error, "error", "refused"))
    claims = token["userinfo"]  # Authlib's name for the claims of the verified ID token
    if asked is not None and claims["acr"] != asked:
        abort(403, "The login was not at the level that this page needs.")
    told = oauth.eid.userinfo(token=token)
    if told["sub"] != claims["sub"]:
        abort(403, "Userinfo is about somebody else.")
    session.clear()
    session.update(sub=claims["sub"], acr=claims["acr"], name=told.get("name"))
    return redirect("/records" if asked == LEVEL_2 else "/")


@app.get("/")
def home() -> Response | dict[str, str]:
    if "sub" not in session:
        return log_in()
    return {"sub": session["sub"], "acr": session["acr"], "name": session["name"]}


@app.get("/records")
def records() -> Response | dict[str, str]:
    if session.get("acr") != LEVEL_2:
        return log_in(LEVEL_2)
    return {"acr": session["acr"], "records": "for level 2 only"}


if __name__ == "__main__":
    app.run(port=PORT)
