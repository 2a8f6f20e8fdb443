"""Every request that asks the database, as a table: how to get there, and the request itself.

A builder takes the world and gives the request, to be sent as often as wanted; with it comes, in
some rows, what must hold whatever happened to that request.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import sqlalchemy

from eid.admin.counter import officer_login
from eid.keys import (
    SigningKey,
    canonical_json,
    decode_base64url,
    encrypt_jwe,
    parse_json_object,
    sign_jwt,
)
from eid.kiosk.identity import Identity
from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.levels.factors.otp import totp_code
from eid.levels.visit import RECORD_TYP, VISIT_TYP, VisitRecord
from eid.oidc import kiosk_clerk, kiosks
from eid.oidc.account import session as own_sessions
from eid.oidc.cookies import form_token
from eid.oidc.handles import key_of, new_handle
from eid.oidc.ports import AuditEvent
from eid.store.schema import accounts
from eid.testing.people import PEOPLE
from tests.oidc.conftest import GOODBYE, PASSWORD, SECRET, basic
from tests.store.authenticator import Authenticator

ONE = "/interaction/{interaction_id}"
REMOVE = "/account/methods/{factor_id}/remove"
AGAIN = "/account/methods/{factor_id}/again"
NEW = "a new long password"
KEEP = {"client_id": "keeper", "scope": "openid profile"}


@dataclass(frozen=True, kw_only=True)
class Act:
    """A request, and what holds before it, after it, and after half of it."""

    send: Callable[[], Any]
    holds: Callable[[], bool] = lambda: True


# -- how to get there ---------------------------------------------------------------------------


def person(h, *, level: int = 0) -> Account:
    """Somebody new."""
    name = f"p{secrets.token_hex(6)}"
    made = Account(
        id=f"account-{name}",
        username=name,
        created_at=h.now,
        state="active" if level else "registered",
        level=level,
    )
    event = AuditEvent(kind="account.added", at=h.now, account=made.id)
    return h.store.accounts.create(made, password=PASSWORD, events=[event])


def inside(h, account: Account, *methods: str):
    """A browser in My account that has just shown these factors, and what its forms carry."""
    shown = tuple(Factor.of(method, h.now) for method in methods or ("password",))
    cookie, row = own_sessions.started(
        h.provider, account.id, factors=shown, auth_level=len(shown), at=h.now
    )
    h.store.grants.put(row)
    browser = h.browser()
    browser.cookies[own_sessions.cookie_name(h.provider)] = cookie
    return browser, form_token(cookie, own_sessions.FORM)


def thu(h) -> Account:
    return h.people["thu"]


def pressed(path: str, **form: str) -> Callable[[Any], Act]:
    """A button of My account, of somebody new."""

    def build(h) -> Act:
        browser, csrf = inside(h, person(h))
        return Act(send=lambda: browser.post(path, {"csrf": csrf} | form))

    return build


def seen(path: str) -> Callable[[Any], Act]:
    """A page of My account."""

    def build(h) -> Act:
        browser, _ = inside(h, thu(h), "password", "card")
        return Act(send=lambda: browser.get(path))

    return build


def shown(path: str) -> Callable[[Any], Act]:
    """A page of a login that was stored."""

    def build(h) -> Act:
        browser = h.browser()
        here = h.begin(browser, **LONG)
        return Act(send=lambda: browser.get(f"{here}{path}"))

    return build


def after_password(h, **changed: str):
    browser = h.browser()
    here = h.begin(browser, **changed)
    h.password(browser, here, **({"who": changed["who"]} if "who" in changed else {}))
    return browser, here


def level_2() -> dict[str, str]:
    wanted = {"acr": {"essential": True, "values": ["urn:eid:auth:2"]}}
    return {"claims": json.dumps({"id_token": wanted})}


def at_second(h, account: Account):
    """A login at level 2 whose password was right."""
    browser = h.browser()
    here = h.begin(browser, **level_2())
    h.password(browser, here, account.username)
    return browser, here


# -- the login ------------------------------------------------------------------------------------


LONG = {"state": "s" * 1000}  # for a cookie: any other login is stored by its first step


def authorize(h) -> Act:
    return Act(send=lambda: h.authorize(**LONG))


def authorize_by_form(h) -> Act:
    return Act(send=lambda: h.browser().post("/authorize", h.parameters(**LONG)))


def password(h) -> Act:
    browser = h.browser()
    here = h.begin(browser)
    csrf = browser.get(here).field("csrf")
    form = {"csrf": csrf, "username": "thu", "password": PASSWORD}
    return _told_twice(h, lambda: browser.post(f"{here}/password", form))


def wrong_password(h) -> Act:
    browser = h.browser()
    here = h.begin(browser)
    csrf = browser.get(here).field("csrf")
    form = {"csrf": csrf, "username": "thu", "password": "not the right one"}
    return _told_twice(h, lambda: browser.post(f"{here}/password", form))


def _told_twice(h, send) -> Act:
    """The account's record and the login's are one: neither says what the other does not."""

    def apart() -> tuple[int, int]:
        kinds = Counter(h.events())
        right = kinds["login.password_checked"] - kinds["login.password"]
        return right, kinds["login.refused"] - kinds["login.password_refused"]

    before = apart()
    return Act(send=send, holds=lambda: apart() == before)


def consent_page(h) -> Act:
    browser, here = after_password(h)
    return Act(send=lambda: browser.get(f"{here}/consent"))


def consent(h) -> Act:
    browser, here = after_password(h)
    csrf = browser.get(f"{here}/consent").field("csrf")
    return Act(send=lambda: browser.post(f"{here}/consent", {"csrf": csrf, "remember": "1"}))


def cancel(h) -> Act:
    browser = h.browser()
    here = h.begin(browser)
    csrf = browser.get(f"{here}/cancel").field("csrf")
    return Act(send=lambda: browser.post(f"{here}/cancel", {"csrf": csrf}))


def silently(h) -> Act:
    browser = h.browser()
    h.code(browser)
    return Act(send=lambda: h.authorize(browser, prompt="none"))


def evidence(h) -> Act:
    browser = h.browser()
    asked = h.card_request(browser, h.begin(browser))
    read = h.evidence("thu", _octets(asked["challenge"]))
    return Act(send=lambda: h.deliver(asked, read))


def card_return(h) -> Act:
    browser = h.browser()
    here = h.begin(browser)
    handle = h.read(h.card_request(browser, here))
    return Act(send=lambda: browser.get(f"{here}/card/return?handle={handle}"))


def pin(h) -> Act:
    browser, csrf, here = _at_pin(h)
    return Act(send=lambda: browser.post(f"{here}/pin", {"csrf": csrf, "pin": "739164"}))


def pin_page(h) -> Act:
    browser, _, here = _at_pin(h)
    return Act(send=lambda: browser.get(f"{here}/pin"))


def _at_pin(h):
    if not any(one.method == "pin" for one in h.store.factors.enrolled(thu(h).id)):
        h.store.factors.enrol_pin(thu(h), "739164", at=h.now)
    browser = h.browser()
    here = h.begin(browser, **level_2())
    h.card(browser, here)
    return browser, browser.get(f"{here}/pin").field("csrf"), here


def totp_page(h) -> Act:
    browser, here, _, _ = _at_totp(h)
    return Act(send=lambda: browser.get(f"{here}/totp"))


def totp(h) -> Act:
    browser, here, csrf, secret = _at_totp(h)
    form = {"csrf": csrf, "code": totp_code(secret, h.now)}
    return Act(send=lambda: browser.post(f"{here}/totp", form))


def _at_totp(h):
    account = person(h)
    h.people[account.username] = account
    secret = h.totp(account.username)
    browser, here = at_second(h, account)
    return browser, here, browser.get(f"{here}/totp").field("csrf"), secret


def code_page(h) -> Act:
    browser, here, _, _ = _at_code(h)
    return Act(send=lambda: browser.get(f"{here}/code"))


def code_sent(h) -> Act:
    browser, here, csrf, channel = _at_code(h)
    form = {"csrf": csrf, "channel": channel}
    return Act(send=lambda: browser.post(f"{here}/code/send", form))


def code_to_channel(h) -> Act:
    browser, here, csrf, channel = _at_code(h)
    browser.post(f"{here}/code/send", {"csrf": csrf, "channel": channel})
    form = {"csrf": csrf, "code": h.sent()[-1]}
    return Act(send=lambda: browser.post(f"{here}/code", form))


def _at_code(h):
    account = person(h)
    h.people[account.username] = account
    channel = h.channel(account.username)
    browser, here = at_second(h, account)
    return browser, here, browser.get(f"{here}/code").field("csrf"), channel


def passkey(h) -> Act:
    account = person(h)
    h.people[account.username] = account
    device = h.passkey(account.username)
    browser, here = at_second(h, account)
    page = browser.get(f"{here}/passkey")
    form = _answered(page, lambda options: device.get(options, h.provider.settings.issuer))
    return Act(send=lambda: browser.post(f"{here}/passkey", form))


def _answered(page, answer) -> dict[str, str]:
    options = re.search(r'data-options="([^"]*)"', page.text)[1]
    response = answer(parse_json_object(html.unescape(options).encode()))
    return {
        "csrf": page.field("csrf"),
        "handle": page.field("handle"),
        "response": json.dumps(response),
    }


# -- signing up, entering, recovering -------------------------------------------------------------


def sign_up(h) -> Act:
    return Act(send=lambda: h.browser().post("/sign-up", {"x": "1"}))


def name_page(h) -> Act:
    browser, here, _ = _at_name(h)
    return Act(send=lambda: browser.get(f"{here}/name"))


def name(h) -> Act:
    browser, here, form = _at_name(h)
    return Act(send=lambda: browser.post(f"{here}/name", form))


def sign_up_code(h) -> Act:
    browser, here, form = _at_name(h)
    browser.post(f"{here}/name", form)
    csrf = browser.get(f"{here}/code").field("csrf")
    given = {"csrf": csrf, "code": h.sent()[-1]}
    return Act(send=lambda: browser.post(f"{here}/code", given))


def _at_name(h):
    """A sign-up with the card of somebody who has no account, or no more."""
    known = h.store.accounts.by_number(PEOPLE["mau"].number)
    if known is not None:
        h.store.subjects.erase(known.id, by="test", reason="test", at=h.now)
    browser = h.browser()
    here = browser.post("/sign-up", {"x": "1"}).path
    h.card(browser, here, "mau")
    form = {
        "csrf": browser.get(f"{here}/name").field("csrf"),
        "username": f"m{secrets.token_hex(6)}",
        "password": NEW,
        "again": NEW,
        "kind": "email",
        "address": "mau@mail.example",
    }
    return browser, here, form


def enter(h) -> Act:
    account, browser = person(h), h.browser()
    here = browser.get("/account").path
    h.password(browser, here, account.username)
    return Act(send=lambda: browser.get(f"{here}/enter"))


def recovered(h) -> Act:
    account = person(h)
    tokens, browser = _signed_on(h, account), h.browser()
    form = {"handle": _recovery(h, account), "password": NEW, "again": NEW}
    before = _password(h, account)
    return Act(
        send=lambda: browser.post("/recover", form),
        holds=lambda: _password(h, account) == before or not tokens.live(),
    )


def _recovery(h, account) -> str:
    """The handle that two officers agreed to."""
    officers = [_officer(h, name) for name in ("canbo1", "canbo2")]
    asked = h.desk.ask(officers[0], account.id, card=None, at=h.now)
    return h.desk.approve(officers[1], asked, at=h.now).handle


def _officer(h, name):
    if h.store.accounts.by_username(name) is None:
        roles = frozenset({"officer", "reception"})
        account = Account(id=f"account-{name}", username=name, created_at=h.now, roles=roles)
        event = AuditEvent(kind="account.added", at=h.now, account=account.id)
        h.store.accounts.create(account, password=PASSWORD, events=[event])
    return officer_login(h.store.accounts, name, PASSWORD, address="192.0.2.9", at=h.now)


def _password(h, account) -> bytes:
    """What is stored of it."""
    with h.store.database.read() as connection:
        query = sqlalchemy.select(accounts.c.password).where(accounts.c.id == account.id)
        return bytes(connection.execute(query).scalar_one())


# -- My account -----------------------------------------------------------------------------------


def confirm_app(h) -> Act:
    account = person(h)
    browser, csrf = inside(h, account)
    _, secret = h.store.factors.enrol_totp(account.id, at=h.now)
    form = {"csrf": csrf, "code": totp_code(secret, h.now)}
    return Act(send=lambda: browser.post("/account/methods/app/confirm", form))


def confirm_channel(h) -> Act:
    browser, csrf = inside(h, person(h))
    form = {"csrf": csrf, "kind": "email", "address": "a@mail.example"}
    browser.post("/account/methods/channel", form)
    given = {"csrf": csrf, "code": h.sent()[-1]}
    return Act(send=lambda: browser.post("/account/methods/channel/confirm", given))


def add_passkey(h) -> Act:
    browser, _ = inside(h, person(h))
    page = browser.get("/account/methods/passkey")
    device = Authenticator()
    form = _answered(page, lambda options: device.create(options, h.provider.settings.issuer))
    return Act(send=lambda: browser.post("/account/methods/passkey", form))


def remove_page(h) -> Act:
    browser, _, path = _at_remove(h)
    return Act(send=lambda: browser.get(path))


def remove(h) -> Act:
    browser, csrf, path = _at_remove(h)
    return Act(send=lambda: browser.post(path, {"csrf": csrf, "sure": "1"}))


def _at_remove(h):
    account = person(h)
    h.people[account.username] = account
    h.totp(account.username)
    browser, csrf = inside(h, account, "password", "totp")
    [factor] = h.store.factors.enrolled(account.id)
    return browser, csrf, REMOVE.format(factor_id=factor.id)


def again_page(h) -> Act:
    browser, _, path, _ = _at_again(h)
    return Act(send=lambda: browser.get(path))


def again(h) -> Act:
    browser, csrf, path, secret = _at_again(h)
    form = {"csrf": csrf, "code": totp_code(secret, h.now)}
    return Act(send=lambda: browser.post(path, form))


def _at_again(h):
    """A factor that a recovery suspended."""
    account = person(h)
    h.people[account.username] = account
    secret = h.totp(account.username)
    [factor] = h.store.factors.enrolled(account.id)
    form = {"handle": _recovery(h, account), "password": NEW, "again": NEW}
    h.browser().post("/recover", form)
    h.wait(60)
    browser, csrf = inside(h, account)
    return browser, csrf, AGAIN.format(factor_id=factor.id), secret


def set_pin(h) -> Act:
    account = person(h)
    h.store.factors.enrol_pin(account, "739164", at=h.now)
    browser, csrf = inside(h, account)
    form = {"csrf": csrf, "pin": "846275", "again": "846275"}
    return Act(
        send=lambda: browser.post("/account/methods/pin", form),
        holds=lambda: len(h.store.factors.enrolled(account.id)) == 1,
    )


def change_password(h) -> Act:
    account = person(h)
    tokens = _signed_on(h, account)
    browser, csrf = inside(h, account)
    form = {"csrf": csrf, "password": NEW, "again": NEW}
    before = _password(h, account)
    return Act(
        send=lambda: browser.post("/account/password", form),
        holds=lambda: _password(h, account) == before or not tokens.live(),
    )


def end_one(h) -> Act:
    account = person(h)
    tokens = _signed_on(h, account)
    browser, csrf = inside(h, account)
    form = {"csrf": csrf, "session": "all"}
    return Act(
        send=lambda: browser.post("/account/sessions/end", form), holds=tokens.with_the_session
    )


def withdraw(h) -> Act:
    account = person(h)
    tokens = _signed_on(h, account)
    browser, csrf = inside(h, account)
    form = {"csrf": csrf, "client": "keeper"}

    def holds() -> bool:
        answer = browser.get("/account/consents")
        return answer.text.count("/account/consents/withdraw") > 0 or not tokens.live()

    return Act(send=lambda: browser.post("/account/consents/withdraw", form), holds=holds)


def close(h) -> Act:
    account = person(h)
    tokens = _signed_on(h, account)
    browser, csrf = inside(h, account)
    return Act(
        send=lambda: browser.post("/account/close", {"csrf": csrf, "sure": "1"}),
        holds=lambda: (
            h.store.accounts.by_id(account.id).state != "closed"
            or not (tokens.live() or tokens.signed_on())
        ),
    )


# -- tokens ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a service got from a browser that stays signed on."""

    world: Any
    browser: Any
    access: str
    refresh: str
    id_token: str

    def live(self) -> bool:
        """Whether the access token still opens anything."""
        return self.world.userinfo(self.access).status == 200

    def signed_on(self) -> bool:
        """Whether the browser's session lives."""
        cookie = self.browser.cookies.get("__Host-eid-session", "")
        key = key_of(cookie)
        return self.world.store.grants.get("session", key, at=self.world.now) is not None

    def with_the_session(self) -> bool:
        """That the tokens live no longer than the session."""
        return self.signed_on() or not self.live()


def _signed_on(h, account: Account | None = None, **wanted: str) -> Tokens:
    browser = h.browser()
    asked = wanted or KEEP
    here = h.begin(browser, **asked)
    h.password(browser, here, account.username if account else "thu")
    code = h.agree(browser, here).query["code"]
    body = h.redeem(code, auth=asked["client_id"]).json()
    return Tokens(
        world=h,
        browser=browser,
        access=body["access_token"],
        refresh=body.get("refresh_token", ""),
        id_token=body["id_token"],
    )


def redeem(h) -> Act:
    made = h.code(**KEEP)
    return Act(send=lambda: h.redeem(made, auth="keeper"))


def refresh(h) -> Act:
    tokens = _signed_on(h)
    return Act(send=lambda: h.refresh(tokens.refresh))


def userinfo(h) -> Act:
    tokens = _signed_on(h)
    return Act(send=lambda: h.userinfo(tokens.access))


def userinfo_by_form(h) -> Act:
    tokens = _signed_on(h)
    head = {"Authorization": f"Bearer {tokens.access}"}
    return Act(send=lambda: h.browser().send("POST", "/userinfo", headers=head))


def introspect(h) -> Act:
    tokens = _signed_on(h, client_id="portal")
    head = {"Authorization": basic("portal", SECRET)}
    return Act(send=lambda: h.call("/introspect", {"token": tokens.access}, **head))


def revoke(h) -> Act:
    tokens = _signed_on(h, client_id="portal")
    head = {"Authorization": basic("portal", SECRET)}
    return Act(send=lambda: h.call("/revoke", {"token": tokens.access}, **head))


def push(h) -> Act:
    return Act(send=h.push)


def _log_out(h) -> tuple[Tokens, dict[str, str]]:
    tokens = _signed_on(h, client_id="portal")
    return tokens, {
        "id_token_hint": tokens.id_token,
        "post_logout_redirect_uri": GOODBYE,
        "state": "s",
    }


def log_out(h) -> Act:
    tokens, asked = _log_out(h)
    return Act(
        send=lambda: tokens.browser.get(f"/logout?{urlencode(asked)}"),
        holds=tokens.with_the_session,
    )


def log_out_by_form(h) -> Act:
    tokens, asked = _log_out(h)
    return Act(send=lambda: tokens.browser.post("/logout", asked), holds=tokens.with_the_session)


def log_out_confirmed(h) -> Act:
    tokens, _ = _log_out(h)
    csrf = tokens.browser.get("/logout").field("csrf")
    return Act(
        send=lambda: tokens.browser.post("/logout/confirm", {"csrf": csrf}),
        holds=tokens.with_the_session,
    )


# -- kiosks ---------------------------------------------------------------------------------------


def _kiosk(h) -> Identity:
    """The world's kiosk, enrolled when it is first wanted."""
    if not hasattr(h, "kiosk"):
        key = SigningKey.generate("kiosk")
        answer = h.call("/kiosk/enrol", _enrolment(h, key))
        assert answer.status == 200, answer.text
        h.kiosk = Identity(
            id=answer.json()["kiosk"],
            issuer=h.provider.settings.issuer,
            key=key,
            server_jwk=answer.json()["server_jwk"],
        )
    return h.kiosk


def _enrolment(h, key) -> dict[str, str]:
    code = kiosks.invite(h.provider, "Sảnh", by="test", at=h.now)
    claims = {
        "aud": h.provider.settings.issuer,
        "code": hashlib.sha256(code.encode()).hexdigest(),
        "iat": int(h.now.timestamp()),
        "jti": secrets.token_urlsafe(16),
        "jwk": key.public_jwk(),
    }
    return {"code": code, "statement": sign_jwt(claims, key, typ=kiosks.ENROL_TYP)}


def enrol(h) -> Act:
    form = _enrolment(h, SigningKey.generate("kiosk"))
    return Act(send=lambda: h.call("/kiosk/enrol", form))


def _call(h, path: str, purpose: str = "", form: dict[str, str] | None = None, **more: Any):
    """A call of the kiosk's, under a name of its own."""
    kiosk, issued = _kiosk(h), int(h.now.timestamp())
    claims = {
        "iss": kiosk.id,
        "aud": kiosk.issuer,
        "iat": issued,
        "exp": issued + 60,
        "jti": new_handle(secrets.token_bytes, size=16),
        "purpose": purpose or path,
        **more,
    }
    token = sign_jwt(claims, kiosk.key, typ=kiosks.KIOSK_TYP)
    return h.call(f"/kiosk/{path}", {"id": kiosk.id, "kiosk": token, **(form or {})})


def from_kiosk(path: str, **more: Any) -> Callable[[Any], Act]:
    def build(h) -> Act:
        _kiosk(h)
        return Act(send=lambda: _call(h, path, **more))

    return build


def clerk(h) -> Act:
    _officer(h, "canbo1")
    login = canonical_json({"username": "canbo1", "password": PASSWORD})
    sealed = encrypt_jwe(login, _kiosk(h).server_jwk, typ=kiosk_clerk.LOGIN_TYP)
    return Act(send=lambda: _call(h, "clerk", form={"login": sealed}))


def gone(h) -> Act:
    kiosk, browser = _kiosk(h), h.browser()
    here = h.begin(browser)
    asked = h.card_request(browser, here)
    read = h.evidence("thu", _octets(asked["challenge"]))
    signed = {
        "kiosk": kiosk.statement(read, asked["jti"], at=h.now),
        "kiosk_id": kiosk.id,
    }
    form = {"jti": asked["jti"], "evidence": h.seal(asked, read, **signed)}
    handle = h.call("/card/evidence", form).json()["handle"]
    browser.get(f"{here}/card/return?handle={handle}")
    return Act(send=lambda: _call(h, "gone", card_request=asked["jti"]))


def visit(h) -> Act:
    kiosk = _kiosk(h)
    given = _call(h, "challenge").json()
    read = h.evidence("thu", _octets(given["challenge"]))
    salt = secrets.token_bytes(16)
    record = VisitRecord(
        id=new_handle(secrets.token_bytes, size=16),
        kiosk=kiosk.id,
        at=h.now,
        established="chip",
        freshness="verifier",
        mode="self",
        purpose="Check-in",
        salt=salt,
        commitment=read.commitment(salt),
        challenge_id=given["id"],
    )
    content = {
        "record": sign_jwt(record.to_json(), kiosk.key, typ=RECORD_TYP),
        "evidence": parse_json_object(read.to_json()),
    }
    sealed = encrypt_jwe(canonical_json(content), kiosk.server_jwk, typ=VISIT_TYP)
    return Act(send=lambda: _call(h, "visits", "visit", {"visit": sealed}))


def _octets(text) -> bytes:
    return decode_base64url(str(text))


ENDPOINTS: dict[str, Callable[[Any], Act]] = {
    "GET /authorize": authorize,
    "GET /authorize, silently": silently,
    "POST /authorize": authorize_by_form,
    f"GET {ONE}": shown(""),
    f"POST {ONE}/password": password,
    f"POST {ONE}/password, a wrong one": wrong_password,
    f"GET {ONE}/card": shown("/card"),
    f"GET {ONE}/card/return": card_return,
    "POST /card/evidence": evidence,
    f"GET {ONE}/consent": consent_page,
    f"POST {ONE}/consent": consent,
    f"GET {ONE}/cancel": shown("/cancel"),
    f"POST {ONE}/cancel": cancel,
    f"GET {ONE}/totp": totp_page,
    f"POST {ONE}/totp": totp,
    f"GET {ONE}/pin": pin_page,
    f"POST {ONE}/pin": pin,
    f"GET {ONE}/code": code_page,
    f"POST {ONE}/code": code_to_channel,
    f"POST {ONE}/code, signing up": sign_up_code,
    f"POST {ONE}/code/send": code_sent,
    f"GET {ONE}/passkey": shown("/passkey"),
    f"POST {ONE}/passkey": passkey,
    f"GET {ONE}/name": name_page,
    f"POST {ONE}/name": name,
    f"GET {ONE}/enter": enter,
    "POST /sign-up": sign_up,
    "POST /recover": recovered,
    "POST /token": redeem,
    "POST /token, refresh": refresh,
    "POST /par": push,
    "POST /revoke": revoke,
    "POST /introspect": introspect,
    "GET /userinfo": userinfo,
    "POST /userinfo": userinfo_by_form,
    "GET /logout": log_out,
    "POST /logout": log_out_by_form,
    "POST /logout/confirm": log_out_confirmed,
    "POST /kiosk/enrol": enrol,
    "POST /kiosk/day": from_kiosk("day"),
    "POST /kiosk/challenge": from_kiosk("challenge"),
    "POST /kiosk/clerk": clerk,
    "POST /kiosk/health": from_kiosk("health", report={"reader": "ready"}),
    "POST /kiosk/gone": gone,
    "POST /kiosk/visits": visit,
    **{
        f"GET {path}": seen(path)
        for path in (
            "/account",
            "/account/methods",
            "/account/methods/pin",
            "/account/methods/app",
            "/account/methods/channel",
            "/account/methods/passkey",
            "/account/password",
            "/account/sessions",
            "/account/consents",
            "/account/log",
            "/account/level",
            "/account/data",
            "/account/close",
        )
    },
    f"GET {REMOVE}": remove_page,
    f"POST {REMOVE}": remove,
    f"GET {AGAIN}": again_page,
    f"POST {AGAIN}": again,
    "POST /account/leave": pressed("/account/leave"),
    "POST /account/methods/pin": set_pin,
    "POST /account/methods/app": pressed("/account/methods/app"),
    "POST /account/methods/app/confirm": confirm_app,
    "POST /account/methods/channel": pressed(
        "/account/methods/channel", kind="email", address="a@mail.example"
    ),
    "POST /account/methods/channel/confirm": confirm_channel,
    "POST /account/methods/passkey": add_passkey,
    "POST /account/password": change_password,
    "POST /account/sessions/end": end_one,
    "POST /account/consents/withdraw": withdraw,
    "POST /account/data": pressed("/account/data"),
    "POST /account/close": close,
}
"""By method and path, with a word where one path has two ways."""

IDLE = (
    "GET /sign-up",
    "GET /recover",
    "GET /health/live",
    "HEAD /health/live",
    "GET /health/ready",
    "HEAD /health/ready",
)
"""What asks the database nothing: pages that are the same for all, and health, by the operator's
own question."""
