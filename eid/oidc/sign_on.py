"""Single sign-on: a browser that logged in before need not do so again, at level 1 at most.

A session is a row found by the SHA-256 of its cookie, in a family with the person's other ones.
Its own family, which it names, joins what happened in it: a ``member`` row for each service, with the tokens' family and what was agreed to. ``sid`` is each
service's own, so that nobody can join people across services by it (contracts §6, §7).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from eid.keys import JSON, encode_base64url
from eid.levels.account import Account
from eid.oidc.acr import AcrRequest, Standing, is_met
from eid.oidc.authorization import AuthorizationRequest
from eid.oidc.claims import released
from eid.oidc.client import Client
from eid.oidc.cookies import read_cookie, set_cookie
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Request
from eid.oidc.payload import integer, optional_text, text, texts
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider

SESSION_AUTH_LEVEL = 1
MAX_MEMBERS = 256
OFFLINE, CHECKED = "offline_access", "verified_claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOn:
    """A live session of the browser that holds its cookie."""

    key: bytes = field(repr=False)
    family: str = field(repr=False)
    account_id: str
    auth_time: int
    amr: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A service that was logged in to within a session, and what was agreed to there."""

    client_id: str
    account_id: str
    tokens: str = field(repr=False)
    names: frozenset[str] = frozenset()
    offline: bool = False


def current(provider: Provider, request: Request, *, at: datetime) -> SignOn | None:
    """The browser's session, if it has one that lives."""
    cookie = read_cookie(request, cookie_name(provider))
    if cookie is None or not is_handle(cookie):
        return None
    grant = provider.grants.get("session", key_of(cookie), at=at)
    return None if grant is None else _session(grant)


def of_account(provider: Provider, account_id: str, *, at: datetime) -> tuple[SignOn, ...]:
    """Every live session of a person, on any device, oldest first."""
    rows = provider.grants.family("session", account_family(account_id), at=at)
    return tuple(sorted(map(_session, rows), key=lambda one: (one.auth_time, one.key)))


def _session(grant: Grant) -> SignOn:
    return SignOn(
        key=grant.key,
        family=optional_text(grant.payload, "family") or grant.family or "",
        account_id=text(grant.payload, "account"),
        auth_time=integer(grant.payload, "auth_time"),
        amr=texts(grant.payload, "amr"),
        expires_at=grant.expires_at,
    )


def suffices(
    provider: Provider,
    request: AuthorizationRequest,
    client: Client,
    found: SignOn,
    *,
    at: datetime,
) -> Account | None:
    """The session's account, if a session may answer this request at all."""
    if _asks_anew(request, found, at=at):
        return None
    account = provider.accounts.by_id(found.account_id)
    if account is None or account.state in {"locked", "closed"}:
        return None
    wanted = request.claims.subject
    if wanted is not None and provider.accounts.subject(account.id, client.sector) != wanted:
        return None
    stands = Standing(
        level=account.level if account.state == "active" else 0,
        auth_level=SESSION_AUTH_LEVEL,
        min_auth_level=floor_of(client),
    )
    prefix = provider.settings.acr_prefix
    if not is_met(request.acr, stands, prefix=prefix):
        return None
    if "none" in request.prompt:
        return account  # a wish is never an error
    wished = AcrRequest(essential=request.acr.voluntary)
    best = replace(stands, auth_level=provider.settings.best_auth_level)
    helps = is_met(wished, best, prefix=prefix) and not is_met(wished, stands, prefix=prefix)
    return None if helps else account


def floor_of(client: Client) -> int | None:
    """What a session is held against: no client's floor makes it worth level 2 (contracts §6)."""
    floor = client.min_auth_level
    return floor if floor is not None and floor > SESSION_AUTH_LEVEL else None


def _asks_anew(request: AuthorizationRequest, found: SignOn, *, at: datetime) -> bool:
    """Whether the person has to log in, whatever the session is worth (Core §3.1.2.1)."""
    if request.max_age == 0 or {"login", "select_account"} & set(request.prompt):
        return True  # the two are the same, also within the second
    return request.max_age is not None and int(at.timestamp()) - found.auth_time > request.max_age


def started(
    provider: Provider,
    account_id: str,
    *,
    auth_time: int,
    amr: tuple[str, ...],
    before: SignOn | None,
    at: datetime,
) -> tuple[str, SignOn, Grant]:
    """A new session after a login: its cookie, itself, and its row.

    The same person's session before it goes on under the new cookie (row O-042): its family stays.
    """
    cookie = new_handle(provider.rng)
    same = before is not None and before.account_id == account_id
    session = SignOn(
        key=key_of(cookie),
        family=before.family if same and before else new_handle(provider.rng, size=16),
        account_id=account_id,
        auth_time=auth_time,
        amr=amr,
        expires_at=at + timedelta(seconds=provider.settings.session_s),
    )
    payload: dict[str, JSON] = {
        "account": account_id,
        "auth_time": auth_time,
        "amr": list(amr),
        "family": session.family,
    }
    row = Grant(
        kind="session",
        key=session.key,
        payload=payload,
        family=account_family(account_id),
        expires_at=session.expires_at,
    )
    return cookie, session, row


def member_row(
    provider: Provider, session: SignOn, request: AuthorizationRequest, tokens: str
) -> Grant:
    """The row that says that a service was logged in to."""
    payload: dict[str, JSON] = {
        "client": request.client_id,
        "account": session.account_id,
        "tokens": tokens,
        "names": sorted(agreed_names(request)),
        "offline": OFFLINE in request.scopes,
    }
    return Grant(
        kind="member",
        key=key_of(new_handle(provider.rng)),
        payload=payload,
        family=session.family,
        expires_at=session.expires_at,
    )


def members(provider: Provider, session: SignOn, *, at: datetime) -> tuple[Member, ...]:
    """The services of a session, the last of many."""
    found = provider.grants.family("member", session.family, at=at)[-MAX_MEMBERS:]
    return tuple(
        Member(
            client_id=text(grant.payload, "client"),
            account_id=text(grant.payload, "account"),
            tokens=text(grant.payload, "tokens"),
            names=frozenset(texts(grant.payload, "names")),
            offline=grant.payload.get("offline") is True,
        )
        for grant in found
    )


def drop_members(
    provider: Provider, session: SignOn, client_id: str, *, at: datetime
) -> list[str]:
    """Take a service out of a session; the families of the tokens that it had there."""
    found = provider.grants.family("member", session.family, at=at)
    named = [grant for grant in found if text(grant.payload, "client") == client_id]
    for grant in named:
        provider.grants.consume("member", grant.key, at=at)
    return [text(grant.payload, "tokens") for grant in named]


def agreed_names(request: AuthorizationRequest) -> frozenset[str]:
    """What a yes to this request releases: its fields, and what is more than fields."""
    fields = {field.name for field in released(request.scopes, request.claims.names)}
    return frozenset(fields) | extras(request)


def extras(request: AuthorizationRequest) -> frozenset[str]:
    """What is agreed to beside the fields: access after logging out, and how claims were checked."""
    claims = request.claims
    checked = claims.verified_id_token or claims.verified_userinfo
    lasting = {OFFLINE} & set(request.scopes)
    return frozenset(lasting | ({CHECKED} if checked else set()))


def remembered_row(
    provider: Provider, account_id: str, request: AuthorizationRequest, *, at: datetime
) -> Grant:
    """The row of a yes that the person wanted to be remembered."""
    return Grant(
        kind="consent",
        key=key_of(new_handle(provider.rng)),
        payload={"names": sorted(agreed_names(request))},
        family=consent_family(account_id, request.client_id),
        expires_at=at + timedelta(seconds=provider.settings.consent_s),
    )


def is_agreed(
    provider: Provider,
    account_id: str,
    request: AuthorizationRequest,
    session: SignOn | None,
    *,
    at: datetime,
) -> bool:
    """Whether this session, or the person for longer, has agreed to all of this before.

    A higher level than a session's is asked for each time (Decree 69 art. 19(4)).
    """
    if "consent" in request.prompt:
        return False
    names = agreed_names(request)
    if session is not None and session.account_id == account_id:
        for member in members(provider, session, at=at):
            if member.client_id == request.client_id and names <= member.names:
                return True
    family = consent_family(account_id, request.client_id)
    kept = provider.grants.family("consent", family, at=at)
    return any(names <= frozenset(texts(grant.payload, "names")) for grant in kept)


def silent_row(
    provider: Provider, account_id: str, client_id: str, tokens: str, *, at: datetime
) -> Grant:
    """What leads from a remembered yes to the tokens that were issued by it without a page."""
    settings = provider.settings
    lasts = timedelta(seconds=max(settings.refresh_s, settings.access_s))
    return Grant(
        kind="silent",
        key=key_of(tokens),
        payload={"tokens": tokens},
        family=consent_family(account_id, client_id),
        expires_at=at + lasts,
    )


def account_family(account_id: str) -> str:
    """What joins the sessions of one person."""
    return encode_base64url(hashlib.sha256(f"sessions:{account_id}".encode()).digest())


def consent_family(account_id: str, client_id: str) -> str:
    """What joins the remembered consents of one person for one service."""
    digest = hashlib.sha256(f"consent:{account_id}:{client_id}".encode()).digest()
    return encode_base64url(digest)


def sid_of(family: str, client_id: str) -> str:
    """The session id that one service knows."""
    return encode_base64url(hashlib.sha256(f"sid:{family}:{client_id}".encode()).digest()[:16])


def cookie_name(provider: Provider) -> str:
    """The name of the session's cookie."""
    return "__Host-eid-session" if provider.settings.secure_cookies else "eid-session"


def cookie_header(provider: Provider, cookie: str) -> tuple[str, str]:
    """The header that gives the browser its session."""
    return set_cookie(
        cookie_name(provider),
        cookie,
        max_age=provider.settings.session_s,
        secure=provider.settings.secure_cookies,
    )


def no_cookie_header(provider: Provider) -> tuple[str, str]:
    """The header that takes it away."""
    return set_cookie(
        cookie_name(provider), "", max_age=0, secure=provider.settings.secure_cookies
    )
