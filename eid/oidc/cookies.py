"""One cookie per interaction: tabs never mix, and only the browser that began can go on.

On https the name starts with ``__Host-`` and the cookie is Secure; on a loopback http issuer it
has a plain name (contracts §7).

>>> cookie_name("AAAAAAAAAAAAAAAAAAAAAA", secure=True)
'__Host-eid-C_BSmRCqh-tFRaYp'
>>> set_cookie("eid-x", "v", max_age=600, secure=False)
('Set-Cookie', 'eid-x=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax')
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from eid.keys import encode_base64url
from eid.oidc.handles import key_of
from eid.oidc.http import Request


def cookie_name(interaction_id: str, *, secure: bool) -> str:
    """The name of an interaction's cookie; it does not give the interaction's id away."""
    tag = encode_base64url(key_of("cookie:" + interaction_id)[:12])
    return f"{'__Host-' if secure else ''}eid-{tag}"


def set_cookie(name: str, value: str, *, max_age: int, secure: bool) -> tuple[str, str]:
    """The header that sets the cookie, or removes it with ``max_age`` 0."""
    attributes = f"Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax"
    return "Set-Cookie", f"{name}={value}; {attributes}{'; Secure' if secure else ''}"


def read_cookie(request: Request, name: str) -> str | None:
    """The cookie's value; None if it is absent or, as after cookie tossing, not the only one."""
    values = request.cookies.get(name, ())
    return values[0] if len(values) == 1 else None


def cookies_size(sent: Request | Mapping[str, tuple[str, ...]]) -> int:
    """How many bytes cookies take in a request's header, ``name=value; `` each."""
    cookies = sent.cookies if isinstance(sent, Request) else sent
    return sum(len(name) + len(value) + 3 for name, values in cookies.items() for value in values)


def form_token(cookie: str, interaction_id: str) -> str:
    """What every form of the interaction carries against cross-site requests."""
    message = b"form:" + interaction_id.encode()
    return encode_base64url(hmac.digest(cookie.encode(), message, hashlib.sha256))


def is_form_token(given: str | None, cookie: str, interaction_id: str) -> bool:
    """Whether the form's token is the browser's, compared in constant time."""
    expected = form_token(cookie, interaction_id)
    return hmac.compare_digest((given or "").encode(), expected.encode())
