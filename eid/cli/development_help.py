"""What `eid serve --dev` says to the developer of a service: where things are, and why it refused.

In an installation a reason goes to the operator only (`eid client doctor`); here the developer is
the operator, so it is written to the terminal at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from eid.oidc.refusals import explained

if TYPE_CHECKING:
    import falcon

    from eid.oidc.ports import AuditEvent

_REFERENCE = re.compile(rb'(?:"correlation_id":"|id="correlation-id">)([A-Za-z0-9_-]{12})')
_FIELD = re.compile(rb'name="([a-z_]+)" value="([^"]*)"')
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>eid serve --dev</title>
<h1>A provider for the tests of your service</h1>
<p>Issuer <code>{issuer}</code>, metadata <a href="{metadata}">{metadata}</a>.</p>
<p>People <code>level0</code>, <code>level1</code>, <code>level2</code>, password
<code>{password}</code>. Client <code>{client}</code>, secret <code>{secret}</code>, back to
<code>{callback}</code>; your own with <code>--clients FILE</code>.</p>
<p>Why a request was refused stands in the terminal.</p></html>"""


def _posted(page: bytes | None) -> list[tuple[bytes, bytes]]:
    """What a form that sends itself off carries (response_mode form_post)."""
    return _FIELD.findall(page or b"")


@dataclass(frozen=True, slots=True)
class Refusals:
    """Middleware that tells the reason of each refusal, by its reference."""

    find: Callable[[str], AuditEvent | None]
    say: Callable[[str], None]

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Speak if the answer is a refusal, or carries one back to the service."""
        for line in self._reason(resp):
            self.say(f"{req.method} {req.path}: {line}")

    def _reason(self, resp: falcon.Response) -> Iterator[str]:
        told = dict(parse_qsl(urlsplit(resp.get_header("Location") or "").query))
        if b'id="form-post"' in (resp.data or b""):
            told = {name.decode(): unescape(value.decode()) for name, value in _posted(resp.data)}
        if "error" in told:
            yield f"sent back {told['error']}: {told.get('error_description', '')}"
        found = _REFERENCE.search(resp.data or b"") if resp.status_code >= 400 else None
        if found is None:
            return
        event = self.find(found[1].decode())
        if event is not None:
            yield f"refused [{found[1].decode()}]"
            yield from explained(event)


@dataclass(frozen=True, slots=True)
class StartPage:
    """``GET /`` of the issuer: what a developer looks for first."""

    values: dict[str, str]

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show it."""
        resp.content_type = "text/html; charset=utf-8"
        resp.text = _PAGE.format(**{name: escape(value) for name, value in self.values.items()})
