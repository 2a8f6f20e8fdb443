"""The provider inside a Flask application, under ``/id``.

``eid.toml`` beside it says ``issuer = "http://127.0.0.1:5000/id"``; then ``python flask_host.py``.
"""

import os
from pathlib import Path

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import run_simple

from eid.app import Settings, create_wsgi

app = Flask(__name__)


@app.get("/")
def home() -> str:
    """Whatever your application does."""
    return "The host's own page."


settings = Settings.load(Path(os.environ.get("EID_CONFIG", "eid.toml")), os.environ)
application = DispatcherMiddleware(app, {"/id": create_wsgi(settings)})

if __name__ == "__main__":
    run_simple(settings.host, settings.port, application, threaded=True)
