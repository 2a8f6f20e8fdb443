"""A FastAPI service that logs people in with eID, by Authlib.

``pip install fastapi uvicorn authlib httpx itsdangerous``, ``eid serve --dev`` in another
terminal, then ``python fastapi_app.py`` and open http://127.0.0.1:3000/.
"""

import json
import os
import secrets

import uvicorn
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc.errors import JoseError
from starlette.middleware.sessions import SessionMiddleware

ISSUER = os.environ.get("OIDC_ISSUER", "http://127.0.0.1:8480")
PORT = int(os.environ.get("PORT", "3000"))
LEVEL_2 = "urn:eid:level:2"

app = FastAPI()
app.add_middleware(
    SessionMiddleware, secret_key=os.environ.get("SESSION_KEY") or secrets.token_hex(32)
)
oauth = OAuth()
oauth.register(
    "eid",
    client_id=os.environ.get("OIDC_CLIENT_ID", "dev"),
    client_secret=os.environ.get("OIDC_CLIENT_SECRET", "development-secret"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
)


async def log_in(request: Request, acr: str | None = None) -> Response:
    """Send the browser to the provider; with *acr* nothing less will do."""
    request.session["asked"] = acr
    wanted = {"id_token": {"acr": {"essential": True, "value": acr}}}
    extra = {"claims": json.dumps(wanted)} if acr else {}
    callback = f"http://127.0.0.1:{PORT}/callback"
    return await oauth.eid.authorize_redirect(request, callback, **extra)


@app.get("/callback")
async def callback(request: Request) -> Response:
    asked = request.session.pop("asked", None)
    try:
        token = await oauth.eid.authorize_access_token(request)
    except (AuthlibBaseError, JoseError) as error:
        raise HTTPException(403, getattr(error, "error", "refused")) from error
    claims = token["userinfo"]  # Authlib's name for the claims of the verified ID token
    if asked is not None and claims["acr"] != asked:
        raise HTTPException(403, "The login was not at the level that this page needs.")
    told = await oauth.eid.userinfo(token=token)
    if told["sub"] != claims["sub"]:
        raise HTTPException(403, "Userinfo is about somebody else.")
    request.session.clear()
    request.session.update(sub=claims["sub"], acr=claims["acr"], name=told.get("name"))
    return RedirectResponse("/records" if asked == LEVEL_2 else "/", status_code=303)


@app.get("/")
async def home(request: Request) -> Response:
    if "sub" not in request.session:
        return await log_in(request)
    return JSONResponse({name: request.session[name] for name in ("sub", "acr", "name")})


@app.get("/records")
async def records(request: Request) -> Response:
    if request.session.get("acr") != LEVEL_2:
        return await log_in(request, LEVEL_2)
    return JSONResponse({"acr": request.session["acr"], "records": "for level 2 only"})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
