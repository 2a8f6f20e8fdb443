"""A service that logs people in with eID, by idpyoidc (with Flask for the pages).

``pip install flask idpyoidc``, ``eid serve --dev`` in another terminal, then
``python idpyoidc_app.py`` and open http://127.0.0.1:3000/.
"""

import os
import secrets
from urllib.parse import parse_qs, urlsplit

from cryptojwt.key_jar import init_key_jar
from flask import Flask, abort, redirect, request, session
from idpyoidc.client.exception import OidcServiceError
from idpyoidc.client.rp_handler import RPHandler
from idpyoidc.exception import OidcMsgError
from werkzeug.wrappers import Response

ISSUER = os.environ.get("OIDC_ISSUER", "http://127.0.0.1:8480")
PORT = int(os.environ.get("PORT", "3000"))
ORIGIN = f"http://127.0.0.1:{PORT}"
LEVEL_2 = "urn:eid:level:2"

app = Flask(__name__)
app.secret_key = os.environ.get("SESSION_KEY") or secrets.token_hex(32)
handler = RPHandler(
    base_url=ORIGIN,
    keyjar=init_key_jar(key_defs=[{"type": "EC", "crv": "P-256", "use": ["sig"]}]),  # no file
    client_configs={
        "eid": {
            "issuer": ISSUER,
            "provider_info": {"issuer": ISSUER},
            "client_id": os.environ.get("OIDC_CLIENT_ID", "dev"),
            "client_secret": os.environ.get("OIDC_CLIENT_SECRET", "development-secret"),
            "client_type": "oidc",
            "redirect_uris": [f"{ORIGIN}/callback"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "services": {
                "discovery": {
                    "class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"
                },
                "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
                "accesstoken": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
                "userinfo": {"class": "idpyoidc.client.oidc.userinfo.UserInfo"},
            },
            "add_ons": {
                "pkce": {
                    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
                }
            },
        }
    },
)


def log_in(acr: str | None = None) -> Response:
    """Send the browser to the provider; with *acr* nothing less will do."""
    wanted = {"id_token": {"acr": {"essential": True, "value": acr}}}
    url = handler.begin("eid", req_args={"claims": wanted} if acr else {})
    session.update(asked=acr, state=parse_qs(urlsplit(url).query)["state"][0])
    return redirect(url)


@app.get("/callback")
def callback() -> Response:
    asked, state = session.pop("asked", None), session.pop("state", None)
    if state is None or request.args.get("state") != state:  # begun by this browser
        abort(403, "This browser has not begun this login.")
    try:
        login = handler.finalize(ISSUER, request.args.to_dict())
    except (OidcMsgError, OidcServiceError, KeyError, ValueError):
        abort(403, "The provider's answer does not hold.")
    if "error" in login:
        abort(403, login["error"])
    claims = login["id_token"]
    if asked is not None and claims["acr"] != asked:
        abort(403, "The login was not at the level that this page needs.")
    session.clear()
    session.update(sub=claims["sub"], acr=claims["acr"], name=login["userinfo"].get("name"))
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
