"""Sessions, consents, and who looked: what goes on with the account, and its end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from eid.errors import RequestRefused
from eid.oidc import sign_on
from eid.oidc.account.entry import Visit
from eid.oidc.account.password import is_this_browser
from eid.oidc.claims import FIELDS
from eid.oidc.context import language_of
from eid.oidc.http import Response
from eid.oidc.log_words import SHOWN, words_for
from eid.oidc.logout import end_session
from eid.oidc.own_client import is_own
from eid.oidc.withdrawal import withdraw

SESSIONS, CONSENTS = "/account/sessions", "/account/consents"
MAX_LINES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the person's own log."""

    at: datetime
    words: str
    client: str
    detail: tuple[tuple[str, str], ...]
    place: str


def sessions(visit: Visit) -> Response:
    """``GET /account/sessions``: browsers that are signed on, and what they signed on to."""
    shown = []
    for one in sign_on.of_account(visit.provider, visit.account.id, at=visit.at):
        joined = sign_on.members(visit.provider, one, at=visit.at)
        names = sorted({_name(visit, member.client_id) for member in joined})
        shown.append(
            {
                "id": reference(one.key),
                "since": datetime.fromtimestamp(one.auth_time, UTC),
                "until": one.expires_at,
                "services": names,
                "here": is_this_browser(visit, visit.request, one.key),
            }
        )
    return visit.page("account_sessions.html", sessions=shown)


def end_one(visit: Visit) -> Response:
    """``POST /account/sessions/end``: one of them, or all, and other browsers in these pages."""
    wanted = visit.form().get("session")
    for one in sign_on.of_account(visit.provider, visit.account.id, at=visit.at):
        if wanted in {"all", reference(one.key)}:
            end_session(visit.provider, one, at=visit.at)
    grants, family = visit.provider.grants, sign_on.account_family(visit.account.id)
    if wanted == "all":
        for other in grants.family("account_session", family, at=visit.at):
            if other.key != visit.session.key:
                grants.consume("account_session", other.key, at=visit.at)
    return visit.go(SESSIONS)


def consents(visit: Visit) -> Response:
    """``GET /account/consents``: everything that was agreed to, newest first."""
    labels = {field.name: field for field in FIELDS}
    language = language_of(visit.provider, visit.request)
    shown, withdrawable = [], set()
    for one in visit.own.ledger.of_account(visit.account.id):
        what = [
            (labels[name].english if language == "en" else labels[name].vietnamese)
            for name in one.what
            if name in labels
        ]
        live = one.is_live(visit.at)
        first = live and one.client not in withdrawable
        withdrawable |= {one.client} if live else set()
        shown.append(
            {
                "given": one,
                "service": _name(visit, one.client),
                "what": what,
                "live": live,
                "button": first,
                "own": is_own(one.client),
            }
        )
    return visit.page("account_consents.html", consents=shown)


def withdraw_one(visit: Visit) -> Response:
    """``POST /account/consents/withdraw``: everything that one service was allowed."""
    client_id = visit.form().get("client")
    given = {one.client for one in visit.own.ledger.of_account(visit.account.id)}
    if client_id is None or client_id not in given:
        raise RequestRefused("There is no such consent.", code="consent.unknown")
    if is_own(client_id):  # without what the account is made of there is none
        return visit.go("/account/close")
    withdraw(visit.provider, visit.own, visit.account.id, client_id, at=visit.at)
    return visit.go(CONSENTS)


def log(visit: Visit) -> Response:
    """``GET /account/log``: who looked, who was told what, when; prints well (contracts §8)."""
    language = language_of(visit.provider, visit.request)
    lines = [
        Line(
            at=row.event.at,
            words=words_for(row.event.kind, language),
            client="" if row.event.client is None else _name(visit, row.event.client),
            detail=tuple((n, row.event.detail[n]) for n in SHOWN if row.event.detail.get(n)),
            place=f"{row.node}/{row.seq}",
        )
        for row in visit.own.record.of_account(visit.account.id, limit=MAX_LINES)
    ]
    return visit.page("account_log.html", lines=lines, printed=visit.at)


def reference(key: bytes) -> str:
    """A name for a session on the page: says nothing about its cookie or its row."""
    return hashlib.sha256(b"shown:" + key).hexdigest()[:24]


def _name(visit: Visit, client_id: str) -> str:
    if is_own(client_id):
        return visit.provider.settings.legal_entity
    client = visit.provider.clients.by_id(client_id)
    return client_id if client is None else client.name
