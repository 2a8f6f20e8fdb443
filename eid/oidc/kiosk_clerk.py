"""A clerk on duty at a kiosk: checked by the provider, stated to the kiosk, kept with each visit.

``POST /kiosk/clerk``. The password travels sealed to the provider's key and is kept nowhere at
the kiosk; the statement is for this kiosk and one shift, and it opens nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from eid.errors import AccountError, FormatError
from eid.keys import decrypt_jwe, parse_json_object, sign_jwt
from eid.oidc.http import Request, Response, json_response
from eid.oidc.kiosks import authenticate
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider

CLERK_TYP: Final = "eid-clerk+jwt"
LOGIN_TYP: Final = "eid-clerk-login+jwe"
SHIFT: Final = timedelta(hours=8)
CLERKS: Final = frozenset({"officer", "supervisor", "reception"})
_MAX_LOGIN: Final = 2 * 1024


def sign_in(provider: Provider, request: Request) -> Response:
    """Check a clerk's own login and role, and state who is on duty."""
    at = provider.clock()
    form = request.form(limits={"login": 2 * _MAX_LOGIN})
    kiosk = authenticate(provider, form, at=at, purpose="clerk").kiosk
    sealed = form.get("login") or ""
    content = decrypt_jwe(sealed, provider.keys.evidence, typ=LOGIN_TYP, max_bytes=_MAX_LOGIN)
    login = parse_json_object(content, max_size=_MAX_LOGIN)
    username, password = login.get("username"), login.get("password")
    if not isinstance(username, str) or not isinstance(password, str):
        raise FormatError("The login is malformed.", code="kiosk.form")
    account = provider.accounts.check_password(username, password, address=kiosk.id, at=at)
    if not CLERKS & account.roles or account.state not in {"registered", "active"}:
        raise AccountError("This account is not a clerk's.", code="login.not_a_clerk")
    detail = {"kiosk": kiosk.id}
    provider.grants.record(
        [AuditEvent(kind="kiosk.clerk", at=at, account=account.id, detail=detail)]
    )
    issued = int(at.timestamp())
    statement = sign_jwt(
        {
            "iss": provider.settings.issuer,
            "aud": kiosk.id,
            "sub": account.id,
            "iat": issued,
            "exp": issued + int(SHIFT.total_seconds()),
        },
        provider.keys.tokens,
        typ=CLERK_TYP,
    )
    return json_response({"statement": statement})
