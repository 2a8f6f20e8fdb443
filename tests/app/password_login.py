"""A provider and a login by password in a process of its own; prints what was loaded for them."""

import base64
import hashlib
import html
import io
import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from eid.app import Settings
from eid.app.serving import create_wsgi

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
CALLBACK = "https://portal.example/callback"


class Browser:
    def __init__(self, app):
        self.app, self.cookies = app, {}

    def ask(self, method, target, form=None):
        path, _, query = target.partition("?")
        body = urlencode(form or {}).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_COOKIE": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
            "HTTP_SEC_FETCH_SITE": "same-origin",
            "HTTP_ACCEPT_LANGUAGE": "vi-VN,vi;q=0.9,en;q=0.8",
            "CONTENT_LENGTH": str(len(body)) if form else "",
            "CONTENT_TYPE": "application/x-www-form-urlencoded" if form else "",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        told = {}

        def start(status, headers, _error=None):
            told.update(status=int(status[:3]), headers=headers)

        answer = b"".join(self.app(environ, start)).decode()
        for name, value in told["headers"]:
            if name.lower() == "set-cookie":
                key, _, content = value.partition(";")[0].partition("=")
                self.cookies[key] = content
        location = {n.lower(): value for n, value in told["headers"]}.get("location", "")
        assert told["status"] < 400, (target, told["status"], answer)
        return answer, urlsplit(location)._replace(scheme="", netloc="").geturl() or location

    def page(self, target):
        """A page's hidden fields, as a person would send them."""
        return self.fields(self.ask("GET", target)[0])

    @staticmethod
    def fields(text):
        fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', text))
        return {name: html.unescape(value) for name, value in fields.items()}


def login(browser):
    """From the service's request to its tokens."""
    asked = {
        "client_id": "portal",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
        "state": "s" * 16,
    }
    first, _ = browser.ask("GET", f"/authorize?{urlencode(asked)}")
    here = re.search(r'action="[^"]*(/interaction/[^/"]+)/password"', first)[1]
    form = {**browser.fields(first), "username": "an", "password": "a long enough password"}
    _, onward = browser.ask("POST", f"{here}/password", form)
    _, back = browser.ask("POST", onward, browser.page(onward))
    spent = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "redirect_uri": CALLBACK,
        "client_id": "portal",
        "code_verifier": VERIFIER,
    }
    answer, _ = browser.ask("POST", "/token", spent)
    return json.loads(answer)


def main():
    browser = Browser(create_wsgi(Settings.load(Path(sys.argv[1]))))
    assert json.loads(browser.ask("GET", "/health/live")[0]) == {"status": "live"}
    started = sorted(sys.modules)
    tokens = login(browser)
    assert tokens["id_token"]
    sys.stdout.write(json.dumps({"started": started, "logged_in": sorted(sys.modules)}))


if __name__ == "__main__":
    main()
