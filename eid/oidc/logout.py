"""Logging out: asked for by a service or by the person, told to every service of the session.

(OIDC RP-Initiated Logout 1.0, OIDC Back-Channel Logout 1.0; rows O-010 to O-012.) Without an ID
token of this very session as a hint the person is asked first, and nobody is sent anywhere that
is not registered. Tokens of the session end with it, unless ``offline_access`` was agreed to.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode

from eid.errors import EidError, OAuthError, Unavailable
from eid.keys import JSON, sign_jwt
from eid.oidc import sign_on
from eid.oidc.answers import checked_form, is_own_page, posting_page
from eid.oidc.client import Client
from eid.oidc.context import context_of
from eid.oidc.cookies import form_token, read_cookie
from eid.oidc.handles import new_handle
from eid.oidc.hints import Hint, hinted
from eid.oidc.http import Parameters, Request, Response, parse_parameters, see_other
from eid.oidc.pages import render
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Notice, Provider
from eid.oidc.settings import origin_of
from eid.oidc.sign_on import Member, SignOn

LIMITS = {"id_token_hint": 1 << 14}
MAX_STATE = 1024
MAX_TRIES = 5
LOGOUT_TYP = "logout+jwt"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_S = 120
_FORM = "logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """A request to log out; ``back`` is an address that was checked, ``state`` included."""

    hint: Hint | None = None
    back: str | None = field(default=None, repr=False)


def respond(provider: Provider, request: Request) -> Response:
    """``GET`` or ``POST /logout``: at once for a service that shows its ID token, else a question."""
    at = provider.clock()
    form = (
        request.form(limits=LIMITS)
        if request.method == "POST"
        else parse_parameters(request.query, limits=LIMITS)
    )
    asked = judge(provider, form)
    crossed = request.method == "POST" and not is_own_page(provider, request)
    if crossed and sign_on.cookie_name(provider) not in request.cookies:
        return _from_here(provider, request, form, asked.back)
    found = sign_on.current(provider, request, at=at)
    if found is None:
        return _left(provider, request, asked.back)
    if asked.hint is None or not _is_this_session(asked.hint, found):
        return _question(provider, request)
    end_session(provider, found, at=at)
    return _left(provider, request, asked.back)


def confirm(provider: Provider, request: Request) -> Response:
    """``POST /logout/confirm``: the person's own yes."""
    at = provider.clock()
    cookie = read_cookie(request, sign_on.cookie_name(provider)) or ""
    checked_form(provider, request, cookie, _FORM)
    found = sign_on.current(provider, request, at=at)
    if found is not None:
        end_session(provider, found, at=at)
    return _left(provider, request, None)


def judge(provider: Provider, form: Parameters) -> LogoutRequest:
    """What was asked; OAuthError for a page if a hint or an address is not in order."""
    if form.repeated or form.overlong:
        raise OAuthError("invalid_request", "A parameter is repeated or too long.")
    hint, client_id = _hint(provider, form), form.get("client_id")
    if hint is not None and client_id not in {None, hint.client_id}:
        raise OAuthError("invalid_request", "The id_token_hint is another service's.")
    address = form.get("post_logout_redirect_uri")
    if address is None:
        return LogoutRequest(hint=hint)
    named = hint.client_id if hint else None
    client = provider.clients.by_id(named) if named else None
    if client is None or address not in client.post_logout_redirect_uris:
        raise OAuthError(
            "invalid_request", "The service did not register the address, or shows no ID token."
        )
    state = form.get("state")
    if state is not None and len(state) <= MAX_STATE:
        query = urlencode({"state": state}, quote_via=quote)
        address = f"{address}{'&' if '?' in address else '?'}{query}"
    return LogoutRequest(hint=hint, back=address)


def end_session(provider: Provider, found: SignOn, *, offline: bool = False, at: datetime) -> None:
    """End the session and its tokens at once, leave a record, and tell the services (§2.4).

    ``offline`` ends tokens too that were to outlive the session.
    """
    joined = _ended(provider, found, offline=offline, at=at)
    if not joined:
        return
    messages: dict[str, Notice] = {}
    for member in joined:
        client = provider.clients.by_id(member.client_id)
        if client is not None and client.backchannel_logout_uri is not None:
            token = logout_token(provider, client, member, found, at=at)
            address = client.backchannel_logout_uri
            messages[client.client_id] = Notice(address=address, token=token)
    taken = provider.notify(messages)
    provider.grants.record(
        [
            AuditEvent(
                kind="logout.told" if client_id in taken else "logout.not_told",
                at=at,
                account=found.account_id,
                client=client_id,
            )
            for client_id in messages
        ]
    )


def _ended(
    provider: Provider, found: SignOn, *, offline: bool, at: datetime
) -> tuple[Member, ...]:
    """End the session with all that was issued in it; its services, which have to be told.

    What a silent login issues at this very moment moves the session's version on, and is seen.
    """
    ended = AuditEvent(kind="session.ended", at=at, account=found.account_id)
    for _ in range(MAX_TRIES):
        live = provider.grants.get("session", found.key, at=at)
        if live is None:
            return ()
        joined = sign_on.members(provider, found, at=at)
        tokens = [member.tokens for member in joined if offline or not member.offline]
        families, seen = (found.family, *tokens), live.version
        if provider.grants.end(
            "session", found.key, *families, version=seen, at=at, events=[ended]
        ):
            return joined
    raise Unavailable("The session is in use; try again.")


def end_everything(provider: Provider, account_id: str, *, at: datetime) -> None:
    """End what a person has anywhere: sessions with all their tokens, own pages, logins under way.

    Refresh tokens whose session is over already end with the account's version, which every
    change of what protects it moves on.
    """
    end_sessions(provider, account_id, at=at)
    provider.grants.revoke_family(sign_on.account_family(account_id), at=at)


def end_sessions(provider: Provider, account_id: str, *, at: datetime) -> None:
    """End every session of a person with all its tokens, and nothing else of his."""
    for session in sign_on.of_account(provider, account_id, at=at):
        end_session(provider, session, offline=True, at=at)


def logout_token(
    provider: Provider, client: Client, member: Member, found: SignOn, *, at: datetime
) -> str:
    """A logout token for one service (OIDC Back-Channel Logout §2.4): its own sub and sid."""
    issued = int(at.timestamp())
    claims: dict[str, JSON] = {
        "iss": provider.settings.issuer,
        "aud": client.client_id,
        "iat": issued,
        "exp": issued + TOKEN_S,
        "jti": new_handle(provider.rng, size=16),
        "events": {LOGOUT_EVENT: {}},
        "sub": provider.accounts.subject(member.account_id, client.sector),
        "sid": sign_on.sid_of(found.family, client.client_id),
    }
    return sign_jwt(claims, provider.keys.token_key(client.id_token_alg), typ=LOGOUT_TYP)


def _hint(provider: Provider, form: Parameters) -> Hint | None:
    token = form.get("id_token_hint")
    if token is None:
        return None
    try:
        return hinted(provider, token)
    except EidError as error:
        raise OAuthError("invalid_request", "The id_token_hint is not one of ours.") from error


def _is_this_session(hint: Hint, found: SignOn) -> bool:
    expected = sign_on.sid_of(found.family, hint.client_id)
    return hint.sid is not None and hmac.compare_digest(hint.sid.encode(), expected.encode())


def _from_here(
    provider: Provider, request: Request, form: Parameters, back: str | None
) -> Response:
    """The same form on a page of ours: another site's brings no Lax cookie, and ours does.

    No redirect, which would put the ID token of the hint into an address.
    """
    leads = () if back is None else (origin_of(back),)
    here = provider.settings.url("/logout")
    return posting_page(provider, request, here, form.values, leads=leads, logout=True)


def _question(provider: Provider, request: Request) -> Response:
    cookie = read_cookie(request, sign_on.cookie_name(provider)) or ""
    context = context_of(provider, request)
    return render("logout.html", context, csrf=form_token(cookie, _FORM))


def _left(provider: Provider, request: Request, back: str | None) -> Response:
    """Where the browser goes afterwards, without its cookie."""
    gone = (sign_on.no_cookie_header(provider),)
    if back is not None:
        return see_other(back, headers=gone)
    page = render("logged_out.html", context_of(provider, request))
    return Response(
        status=page.status,
        body=page.body,
        content_type=page.content_type,
        headers=page.headers + gone,
    )
