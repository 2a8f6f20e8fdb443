"""Forms in and pages out: the small HTTP part that card logins and visits share."""

from __future__ import annotations

from urllib.parse import parse_qs

import falcon

from eid.errors import FormatError

MAX_FORM = 16 * 1024
_FORM = "application/x-www-form-urlencoded"


def form_of(req: falcon.Request) -> dict[str, str]:
    """The fields of a URL-encoded form, each once; FormatError ``agent.form`` otherwise."""
    if (req.content_type or "").partition(";")[0].strip().lower() != _FORM:
        raise FormatError("The form is not URL-encoded.", code="agent.form")
    body = req.bounded_stream.read(MAX_FORM + 1)
    if len(body) > MAX_FORM:
        raise FormatError("The form is too long.", code="agent.form")
    try:
        fields = parse_qs(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=8
        )
    except ValueError as e:
        raise FormatError("The form is malformed.", code="agent.form") from e
    if any(len(values) != 1 for values in fields.values()):
        raise FormatError("The form repeats a field.", code="agent.form")
    return {name: values[0] for name, values in fields.items()}


def field_of(req: falcon.Request, name: str) -> str:
    """One field of the form."""
    value = form_of(req).get(name)
    if value is None:
        raise FormatError(f"The form lacks {name}.", code="agent.form")
    return value


def page(resp: falcon.Response, html: str, *, targets: tuple[str, ...] = ()) -> None:
    """Send a page; its forms lead to the agent itself and to ``targets``."""
    resp.content_type = "text/html; charset=utf-8"
    resp.text = html
    harden(resp, targets=targets)


def harden(resp: falcon.Response, *, targets: tuple[str, ...] = ()) -> None:
    """The headers of every answer: nothing from elsewhere, nothing kept, nothing framed.

    Browsers hold the redirect after a form against form-action, so where the answer leads
    belongs into the policy beside the agent itself.
    """
    actions = " ".join(["'self'", *targets])
    resp.set_headers(
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                "base-uri 'none'; frame-ancestors 'none'; "
                f"form-action {actions}"
            ),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
