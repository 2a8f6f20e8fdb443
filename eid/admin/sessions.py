"""Officers at the counter's pages: password, then a passkey that checked its user (contracts §6).

One cookie, new after each step. Its row says how far the browser is: ``entry`` (nobody yet),
``passkey`` (the password was right), ``officer`` (both were). An officer who does nothing for a
quarter of an hour is out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from eid.admin.officers import SESSION_LIFETIME, Officer, officer_of
from eid.admin.site import Counter, CounterSettings
from eid.errors import AccountError, RequestRefused
from eid.keys import JSON, parse_json_object
from eid.levels.account import Account
from eid.oidc.cookies import form_token, is_form_token, read_cookie, set_cookie
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Parameters, Request
from eid.oidc.payload import integer, text
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.sign_on import account_family

ENTRY_LIFETIME = timedelta(minutes=10)
IDLE = timedelta(minutes=15)
LINK_LIFETIME = timedelta(hours=24)
MAX_RESPONSE = 16 * 1024
_TOUCH = timedelta(minutes=1)
Kind = Literal["counter_entry", "counter_passkey", "counter_session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser at the counter: its cookie, the row behind it, and the officer, if known."""

    cookie: str = field(repr=False)
    grant: Grant | None = field(default=None, repr=False)
    officer: Officer | None = None

    @property
    def csrf(self) -> str:
        """What every form carries."""
        return form_token(self.cookie, "counter")

    @property
    def cookie_hash(self) -> bytes:
        """What a card request is bound to."""
        return key_of(self.cookie)


def cookie_name(settings: CounterSettings) -> str:
    """The name of the counter's cookie."""
    return "__Host-eid-counter" if settings.secure_cookies else "eid-counter"


def cookie_header(settings: CounterSettings, cookie: str) -> tuple[str, str]:
    """Sets the cookie, or removes it when it is empty; the row behind it decides how long."""
    lifetime = int(SESSION_LIFETIME.total_seconds()) if cookie else 0
    return set_cookie(
        cookie_name(settings), cookie, max_age=lifetime, secure=settings.secure_cookies
    )


def link(counter: Counter, account: Account, *, by: str, at: datetime) -> str:
    """A one-time link by which an officer enrols a passkey; the code never reaches a server log.

    AccountError ``login.not_an_officer``.
    """
    officer_of(account, until=at)
    code = new_handle(counter.rng)
    detail = {"by": by}
    made = AuditEvent(kind="officer.link_made", at=at, account=account.id, detail=detail)
    counter.grants.put(
        Grant(
            kind="counter_link",
            key=key_of(code),
            payload={"account": account.id},
            expires_at=at + LINK_LIFETIME,
        ),
        events=[made],
    )
    return f"{counter.settings.url}/enrol#{code}"


def entry(counter: Counter, *, at: datetime) -> Session:
    """A browser that nobody is known of yet."""
    return _begin(counter, "counter_entry", {}, at + ENTRY_LIFETIME)


def find(counter: Counter, request: Request, kind: Kind, *, at: datetime) -> Session | None:
    """The browser's session of this kind, if its cookie is there once and the row lives."""
    cookie = read_cookie(request, cookie_name(counter.settings)) or ""
    grant = counter.grants.get(kind, key_of(cookie), at=at) if is_handle(cookie) else None
    return None if grant is None else Session(cookie=cookie, grant=grant)


def resume(counter: Counter, request: Request, *, at: datetime) -> Session:
    """The officer who is logged in here; AccountError ``login.expired`` when nobody is."""
    session = find(counter, request, "counter_session", at=at)
    if session is None or session.grant is None:
        raise _expired()
    payload = session.grant.payload
    seen = datetime.fromtimestamp(integer(payload, "seen"), UTC)
    account = counter.accounts.by_id(text(payload, "account"))
    if at - seen > IDLE or account is None:
        raise _expired()
    if at - seen > _TOUCH:
        _touch(counter, session.grant, at)
    officer = officer_of(account, until=session.grant.expires_at)
    return Session(cookie=session.cookie, grant=session.grant, officer=officer)


def own_form(
    counter: Counter, request: Request, session: Session, *, long: str = ""
) -> Parameters:
    """The form, if it stood on the counter's own page; RequestRefused otherwise."""
    if request.fetch_site is not None:
        same = request.fetch_site == "same-origin"
    else:
        same = request.origin == counter.settings.url
    form = request.form(limits={long: MAX_RESPONSE} if long else {})
    if not same or not is_form_token(form.get("csrf"), session.cookie, "counter"):
        raise RequestRefused("The form is not the counter's own.", code="counter.cross_site")
    return form


def give_password(
    counter: Counter, request: Request, form: Parameters, *, at: datetime
) -> tuple[Session, dict[str, JSON]]:
    """The password was right: a new cookie, and what the browser asks the passkey for.

    AccountError ``login.refused``, ``login.not_an_officer``, ``counter.no_passkey``.
    """
    account = _officer_account(counter, request, form, at)
    if not any(one.method == "passkey" for one in counter.passkeys.enrolled(account.id)):
        raise AccountError("This officer has no passkey yet.", code="counter.no_passkey")
    return _ceremony(counter, account, None, at)


def give_passkey(counter: Counter, session: Session, form: Parameters, *, at: datetime) -> Session:
    """The passkey answered and had checked its user: the officer is here, with a new cookie."""
    account, handle, _ = _waiting(counter, session, enrol=False, at=at)
    party = counter.settings.party
    whose, factor = counter.passkeys.check_passkey(handle, party, _response(form), at=at)
    if whose != account.id or not factor.user_verified:
        raise RequestRefused("The passkey did not check its user.", code="counter.unverified")
    officer_of(account, until=at)
    here = AuditEvent(kind="officer.logged_in", at=at, account=account.id)
    payload: dict[str, JSON] = {"account": account.id, "seen": int(at.timestamp())}
    until = at + SESSION_LIFETIME
    return _begin(counter, "counter_session", payload, until, whose=account, events=(here,))


def open_link(
    counter: Counter, request: Request, form: Parameters, *, at: datetime
) -> tuple[Session, dict[str, JSON]]:
    """Code and password are right: a new cookie, and what the browser makes the passkey from."""
    account = _officer_account(counter, request, form, at)
    code = form.get("code") or ""
    grant = counter.grants.get("counter_link", key_of(code), at=at)
    if grant is None or grant.payload.get("account") != account.id:
        raise _link_over()
    return _ceremony(counter, account, code, at)


def enrol_passkey(counter: Counter, session: Session, form: Parameters, *, at: datetime) -> None:
    """Enrol the officer's passkey; the link is used up by it."""
    _, handle, code = _waiting(counter, session, enrol=True, at=at)
    response = _response(form)
    if counter.grants.consume("counter_link", key_of(code), at=at) is None:
        raise _link_over()
    counter.passkeys.enrol_passkey(handle, counter.settings.party, response, at=at)


def leave(counter: Counter, session: Session, *, at: datetime) -> None:
    """End the session."""
    gone = AuditEvent(
        kind="officer.logged_out",
        at=at,
        account=session.officer.account_id if session.officer else None,
    )
    counter.grants.consume("counter_session", session.cookie_hash, at=at, events=[gone])


def _officer_account(
    counter: Counter, request: Request, form: Parameters, at: datetime
) -> Account:
    account = counter.accounts.check_password(
        form.get("username") or "", form.get("password") or "", address=request.address, at=at
    )
    officer_of(account, until=at)
    return account


def _ceremony(
    counter: Counter, account: Account, code: str | None, at: datetime
) -> tuple[Session, dict[str, JSON]]:
    handle, options = counter.passkeys.begin_passkey(
        account.id,
        counter.settings.party,
        username=account.username,
        enrol=code is not None,
        at=at,
    )
    payload: dict[str, JSON] = {"account": account.id, "handle": handle, "code": code}
    until = at + ENTRY_LIFETIME
    return _begin(counter, "counter_passkey", payload, until, whose=account), options


def _waiting(
    counter: Counter, session: Session, *, enrol: bool, at: datetime
) -> tuple[Account, str, str]:
    """Use the waiting ceremony up: its account, its handle, and the link's code."""
    grant = counter.grants.consume("counter_passkey", session.cookie_hash, at=at)
    account = counter.accounts.by_id(text(grant.payload, "account")) if grant else None
    if grant is None or account is None or (grant.payload["code"] is not None) is not enrol:
        raise _expired()
    return account, text(grant.payload, "handle"), str(grant.payload["code"] or "")


def _begin(
    counter: Counter,
    kind: Kind,
    payload: dict[str, JSON],
    until: datetime,
    *,
    whose: Account | None = None,
    events: tuple[AuditEvent, ...] = (),
) -> Session:
    """A browser's next cookie and row; an officer's end with his other sessions (a new password)."""
    cookie = new_handle(counter.rng)
    family = None if whose is None else account_family(whose.id)
    grant = Grant(kind=kind, key=key_of(cookie), payload=payload, expires_at=until, family=family)
    counter.grants.put(grant, events=events)
    return Session(cookie=cookie, grant=grant)


def _touch(counter: Counter, grant: Grant, at: datetime) -> None:
    moved = replace(grant, payload={**grant.payload, "seen": int(at.timestamp())})
    counter.grants.replace(moved, version=grant.version, at=at)


def _response(form: Parameters) -> dict[str, JSON]:
    return parse_json_object((form.get("response") or "").encode(), max_size=MAX_RESPONSE)


def _expired() -> AccountError:
    return AccountError("The officer's session is over.", code="login.expired")


def _link_over() -> RequestRefused:
    return RequestRefused("The link was used, is too old, or is not yours.", code="counter.link")
