"""The provider inside a FastAPI (or Starlette) application, under ``/id``.

``eid.toml`` beside it says ``issuer = "http://127.0.0.1:5000/id"``; then ``python fastapi_host.py``.
"""

import os
from pathlib import Path

import uvicorn
from a2wsgi import WSGIMiddleware
from fastapi import FastAPI

from eid.app import Settings, create_wsgi

app = FastAPI()


@app.get("/")
def home() -> str:
    """Whatever your application does."""
    return "The host's own page."


settings = Settings.load(Path(os.environ.get("EID_CONFIG", "eid.toml")), os.environ)
app.mount("/id", WSGIMiddleware(create_wsgi(settings), workers=16))

if __name__ == "__main__":
    uvicorn.run(app, host=settings.host, port=settings.port, proxy_headers=False, access_log=False)
