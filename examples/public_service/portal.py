"""A portal: a list of procedures, each behind the login that it needs, and no form twice.

An assertion is for one procedure: it is dropped when the procedure is sent. What one agency hands
on is the child's data and a reference, never an assertion: the other agency asks the person
itself, and opens what was handed on only to the same personal number.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import falcon

from eid.errors import EidError
from eid.keys import JSON
from eid.oidc.upstream import Login, PendingLogin, RelyingParty

from ..kit.pages import Site, app, form_of, new_session, session_of, shown
from .procedures import Procedure

MAX_SESSIONS = 1000
FRESH = 0
USABLE_S = 15 * 60


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Visitor:
    """What the portal keeps for one browser: a login under way, logins by procedure, drafts."""

    pending: PendingLogin | None = None
    procedure: str = ""
    sending: bool = False
    logins: dict[str, Login] = field(default_factory=dict, repr=False)
    drafts: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    receipts: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class HandedOn:
    """The agencies' bus: what was handed on, by reference, for one personal number."""

    waiting: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict, repr=False)

    def put(self, number: str, data: dict[str, str]) -> str:
        """Hand on, and get the reference to go on with."""
        reference = secrets.token_urlsafe(16)
        self.waiting[reference] = number, data
        while len(self.waiting) > MAX_SESSIONS:
            self.waiting.pop(next(iter(self.waiting)))
        return reference

    def take(self, reference: str, number: str) -> dict[str, str]:
        """What was handed on for this person, or nothing."""
        owner, data = self.waiting.get(reference, ("", {}))
        return data if owner and hmac.compare_digest(owner.encode(), number.encode()) else {}


@dataclass(slots=True)
class Portal:
    """One agency's portal; ``other`` is where the next agency's is."""

    name: str
    party: RelyingParty
    procedures: Mapping[str, Procedure]
    bus: HandedOn
    other: str = ""
    clock: Callable[[], datetime] = _now
    site: Site = field(default_factory=lambda: Site(Path(__file__).parent))
    visitors: dict[str, Visitor] = field(default_factory=dict, repr=False)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/``: what can be done here, and what it takes."""
        self._page(req, resp, "home.html", procedures=self.procedures.values())

    def on_get_procedure(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """``/p/{name}``: its form, once a login of its level is there."""
        procedure, visitor = self._procedure(name), self._visitor(req, resp)
        reference = req.get_param("ref", default="")[:64]
        if reference:
            visitor.drafts[name] = {"ref": reference}
        login = self._login_for(visitor, name)
        if login is None:
            self._log_in(req, resp, visitor, procedure)
            return
        self._page(req, resp, "form.html", **self._form(visitor, procedure, login))

    def on_post_procedure(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """``/p/{name}``: send it, after fresh factors where the procedure asks for them."""
        procedure, visitor = self._procedure(name), self._visitor(req, resp)
        login = self._login_for(visitor, name)
        if login is None:
            raise falcon.HTTPSeeOther(f"/p/{name}")
        form = form_of(req)
        draft = visitor.drafts.setdefault(name, {})
        draft.update({key: shown(form.get(key, "")) for key in procedure.typed})
        if not all(draft[key] for key in procedure.typed):
            values = self._form(visitor, procedure, login)
            self._page(req, resp, "form.html", **values, problem="portal.incomplete", status=400)
            return
        if procedure.send_acr is not None:
            self._log_in(req, resp, visitor, procedure, sending=True)
            return
        self._send(visitor, procedure, login)

    def on_get_callback(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``/callback``: finish this browser's login, once."""
        visitor = self._visitor(req, resp)
        pending, visitor.pending = visitor.pending, None
        if pending is None:
            self._trouble(req, resp, "portal.no_login")
            return
        procedure = self._procedure(visitor.procedure)
        answer = f"{self.party.settings.redirect_uri}?{req.query_string}"
        try:
            login = self.party.complete(answer, pending, at=self.clock())
        except EidError as error:
            self._trouble(req, resp, error.code, procedure)
            return
        self._renew(req, resp)
        before = visitor.logins.get(procedure.name)
        if not visitor.sending:
            visitor.logins[procedure.name] = login
            raise falcon.HTTPSeeOther(f"/p/{procedure.name}")
        if before is None or before.claims["sub"] != login.claims["sub"]:
            visitor.logins.pop(procedure.name, None)
            self._trouble(req, resp, "portal.other_person", procedure)
            return
        self._send(visitor, procedure, login)

    def on_get_done(self, req: falcon.Request, resp: falcon.Response, receipt: str) -> None:
        """``/done/{receipt}``: what was sent, and where to go on."""
        results = self._visitor(req, resp).receipts.get(receipt)
        if results is None:
            raise falcon.HTTPNotFound
        *made, onward = results
        self._page(req, resp, "done.html", receipt=receipt, results=made, onward=onward)

    def _login_for(self, visitor: Visitor, name: str) -> Login | None:
        """This browser's login for the procedure, while it is young enough to be used."""
        login = visitor.logins.get(name)
        if (
            login is not None
            and self.clock().timestamp() > int(str(login.claims["iat"])) + USABLE_S
        ):
            del visitor.logins[name]
            return None
        return login

    def _log_in(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visitor: Visitor,
        procedure: Procedure,
        *,
        sending: bool = False,
    ) -> None:
        """Ask the provider for this procedure's level; for sending, with factors shown now."""
        acr = procedure.send_acr if sending else procedure.acr
        try:
            url, visitor.pending = self.party.begin(
                acr=acr,
                scope=procedure.scope,
                max_age=FRESH if sending else None,
                at=self.clock() if sending else None,
            )
        except EidError as error:
            self._trouble(req, resp, error.code, procedure)
            return
        visitor.procedure, visitor.sending = procedure.name, sending
        raise falcon.HTTPSeeOther(url)

    def _form(self, visitor: Visitor, procedure: Procedure, login: Login) -> dict[str, Any]:
        known = {name: _text(login.userinfo.get(name)) for name in procedure.known}
        draft = visitor.drafts.get(procedure.name, {})
        handed = self.bus.take(draft.get("ref", ""), known.get("personal_number", ""))
        if "personal_number" in known:  # its tail opens the chip: no screen shows it
            known["personal_number"] = known["personal_number"][:6] + "······"
        return {
            "procedure": procedure,
            "known": known,
            "draft": {name: draft.get(name) or handed.get(name, "") for name in procedure.typed},
            "claims": login.claims,
        }

    def _send(self, visitor: Visitor, procedure: Procedure, login: Login) -> None:
        """File it. The assertion was for this one transaction, and is dropped with the draft."""
        draft = visitor.drafts.pop(procedure.name, {})
        visitor.logins.pop(procedure.name, None)
        onward = ""
        if procedure.then is not None:
            number = _text(login.userinfo.get("personal_number"))
            reference = self.bus.put(number, {name: draft[name] for name in procedure.typed})
            onward = f"{self.other}/p/{procedure.then}?ref={reference}"
        receipt = secrets.token_urlsafe(16)
        visitor.receipts[receipt] = (*procedure.results, onward)
        raise falcon.HTTPSeeOther(f"/done/{receipt}")

    def _trouble(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        code: str,
        procedure: Procedure | None = None,
    ) -> None:
        """A calm page that says what to do; what was typed is kept."""
        again = f"/p/{procedure.name}" if procedure else "/"
        self._page(req, resp, "trouble.html", code=code, again=again, status=400)

    def _page(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        template: str,
        *,
        status: int = 200,
        problem: str = "",
        **values: object,
    ) -> None:
        resp.status = status
        said = problem or str(values.get("code", ""))
        words = self.site.say(req, said) if said else ""
        self.site.page(
            req, resp, template, portal=self.name, problem=problem, words=words, **values
        )

    def _procedure(self, name: str) -> Procedure:
        if name not in self.procedures:
            raise falcon.HTTPNotFound
        return self.procedures[name]

    def _renew(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Somebody logged in: whoever knew this browser's name before knows it no more."""
        old, name = session_of(req, resp, self.cookie), new_session(resp, self.cookie)
        self.visitors[name] = self.visitors.pop(old)

    @property
    def cookie(self) -> str:
        """The name of this portal's cookie: ports of one host share their cookies."""
        return f"session-{self.party.settings.client_id}"

    def _visitor(self, req: falcon.Request, resp: falcon.Response) -> Visitor:
        name = session_of(req, resp, self.cookie)
        while len(self.visitors) >= MAX_SESSIONS and name not in self.visitors:
            self.visitors.pop(next(iter(self.visitors)))
        return self.visitors.setdefault(name, Visitor())


def create_app(portal: Portal, *, origin: str) -> falcon.App[falcon.Request, falcon.Response]:
    """The portal as a WSGI application."""
    made = app(origin, {"/": portal}, leads_to=(portal.party.settings.issuer,))
    made.add_route("/p/{name}", portal, suffix="procedure")
    made.add_route("/callback", portal, suffix="callback")
    made.add_route("/done/{receipt}", portal, suffix="done")
    return made


def _text(claim: JSON) -> str:
    """A claim as text: an address by its formatted member."""
    value = claim.get("formatted") if isinstance(claim, dict) else claim
    return shown(value) if isinstance(value, str) else ""
