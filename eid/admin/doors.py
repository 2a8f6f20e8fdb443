"""The pages before anybody is known: log-in, an officer's passkey, a person's new password."""

from __future__ import annotations

import json
from collections.abc import Callable

from eid.admin import sessions
from eid.admin.asked import Problem
from eid.admin.pages import LANGUAGE_COOKIE, LANGUAGES, language_of, render
from eid.admin.sessions import Session
from eid.admin.site import Counter
from eid.errors import AccountError, EidError, FormatError, RequestRefused
from eid.keys import JSON
from eid.levels.factors.password import check_policy
from eid.oidc.cookies import set_cookie
from eid.oidc.errors import status_of
from eid.oidc.http import Parameters, Request, Response, see_other

_YEAR = 365 * 24 * 3600


def login_page(counter: Counter, request: Request) -> Response:
    """``GET /login``."""
    return _door(counter, request, "login.html")


def login(counter: Counter, request: Request) -> Response:
    """``POST /login``: the password, then the passkey's page."""

    def act(form: Parameters) -> Response:
        session, options = sessions.give_password(counter, request, form, at=counter.clock())
        return _passkey_page(counter, request, session, options, kind="get")

    return _through(counter, request, "login.html", act)


def login_passkey(counter: Counter, request: Request) -> Response:
    """``POST /login/passkey``: the officer is in, or begins again."""
    at = counter.clock()
    try:
        waiting = _of_kind(counter, request, "counter_passkey")
        form = sessions.own_form(counter, request, waiting, long="response")
        session = sessions.give_passkey(counter, waiting, form, at=at)
    except EidError as error:
        return _door(counter, request, "login.html", error)
    return see_other("/", headers=(sessions.cookie_header(counter.settings, session.cookie),))


def enrol_page(counter: Counter, request: Request) -> Response:
    """``GET /enrol``: where an officer's one-time link leads."""
    return _door(counter, request, "enrol.html")


def enrol(counter: Counter, request: Request) -> Response:
    """``POST /enrol``: code and password, then the passkey's page."""

    def act(form: Parameters) -> Response:
        session, options = sessions.open_link(counter, request, form, at=counter.clock())
        return _passkey_page(counter, request, session, options, kind="create")

    return _through(counter, request, "enrol.html", act)


def enrol_passkey(counter: Counter, request: Request) -> Response:
    """``POST /enrol/passkey``: the passkey is kept, and the link used up."""
    try:
        waiting = _of_kind(counter, request, "counter_passkey")
        form = sessions.own_form(counter, request, waiting, long="response")
        sessions.enrol_passkey(counter, waiting, form, at=counter.clock())
    except EidError as error:
        return _door(counter, request, "enrol.html", error)
    return render(
        "done.html", language_of(request), what="done_enrolled", said="", code="", onward="/login"
    )


def recover_page(counter: Counter, request: Request) -> Response:
    """``GET /recover``: for the person, on a screen at the counter."""
    return _door(counter, request, "recover.html")


def recover(counter: Counter, request: Request) -> Response:
    """``POST /recover``: the code that works once, and the new password."""

    def act(form: Parameters) -> Response:
        code, password = form.get("code") or "", form.get("password") or ""
        check_policy(password)  # a slip must not use up what two officers agreed to
        at = counter.clock()
        # first what can be done again: a failure between the two leaves no session of a thief
        counter.end_everything(counter.recovery.account_of(code, at=at).id, at=at)
        counter.recovery.complete(code, password, at=at)
        language = language_of(request)
        return render(
            "done.html", language, what="done_recovered", said="", code="", onward="/recover"
        )

    return _through(counter, request, "recover.html", act)


def choose_language(counter: Counter, request: Request) -> Response:
    """``GET /language/{language}``: remember it in this browser."""
    language = request.path["language"]
    if language not in LANGUAGES:
        raise FormatError("The request cannot be served.", code="request.not_found")
    secure = counter.settings.secure_cookies
    cookie = set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, secure=secure)
    return see_other("/", headers=(cookie,))


def _door(
    counter: Counter, request: Request, template: str, error: EidError | None = None
) -> Response:
    """The page with a new cookie, which its form is bound to."""
    session, language = sessions.entry(counter, at=counter.clock()), language_of(request)
    problem = Problem.of(error, language, request.correlation) if error else None
    return render(
        template,
        language,
        status=status_of(error) if error else 200,
        headers=(sessions.cookie_header(counter.settings, session.cookie),),
        csrf=session.csrf,
        problem=problem,
    )


def _through(
    counter: Counter, request: Request, template: str, act: Callable[[Parameters], Response]
) -> Response:
    """What the door's form does, or the same door with what went wrong."""
    try:
        at = counter.clock()
        entry = _of_kind(counter, request, "counter_entry")
        form = sessions.own_form(counter, request, entry)
        counter.grants.consume("counter_entry", entry.cookie_hash, at=at)
        return act(form)
    except EidError as error:
        return _door(counter, request, template, error)


def _of_kind(counter: Counter, request: Request, kind: sessions.Kind) -> Session:
    session = sessions.find(counter, request, kind, at=counter.clock())
    if session is None:
        raise RequestRefused("The form is not the counter's own.", code="counter.cross_site")
    return session


def _passkey_page(
    counter: Counter, request: Request, session: Session, options: dict[str, JSON], *, kind: str
) -> Response:
    return render(
        "passkey.html",
        language_of(request),
        headers=(sessions.cookie_header(counter.settings, session.cookie),),
        csrf=session.csrf,
        kind=kind,
        options=json.dumps(options),
        action="/login/passkey" if kind == "get" else "/enrol/passkey",
    )
