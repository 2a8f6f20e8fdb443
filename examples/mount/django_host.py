"""The provider inside a Django project, under ``/id``: this is the project's ``wsgi.py``.

``eid.toml`` beside it says ``issuer = "http://127.0.0.1:5000/id"``; then ``python django_host.py``.
Django's middleware does not see the provider's requests: CSRF, cookies and headers are its own.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings as django_settings
from django.core.servers.basehttp import run
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from eid.app import Settings, create_wsgi


def home(_request: HttpRequest) -> HttpResponse:
    """Whatever your project does."""
    return HttpResponse("The host's own page.")


if not django_settings.configured:  # your project has its settings.py and urls.py
    django_settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])
urlpatterns = [path("", home)]

settings = Settings.load(Path(os.environ.get("EID_CONFIG", "eid.toml")), os.environ)
provider = create_wsgi(settings)
project = get_wsgi_application()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What is below ``/id`` is the provider's, the rest is the project's."""
    place = environ.get("PATH_INFO", "")
    if place != "/id" and not place.startswith("/id/"):
        return project(environ, start_response)
    environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/id"
    environ["PATH_INFO"] = place.removeprefix("/id")
    return provider(environ, start_response)


if __name__ == "__main__":
    run(settings.host, settings.port, application, threading=True)
