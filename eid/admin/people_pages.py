"""The pages about people and cases. Each look is on record before anything is shown."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import cast

from eid.admin import own_log, visits
from eid.admin.asked import Asked
from eid.admin.officers import permissions
from eid.admin.own_log import LogLine, own_log_page
from eid.admin.pages import shown
from eid.admin.ports import OpenCase, Request as CaseRequest
from eid.admin.recovery import Outcome
from eid.admin.site import Counter
from eid.admin.visit_pages import recovery_asked
from eid.chip.access import personal_number
from eid.errors import AccountError, EidError, FormatError
from eid.levels.account import LOCK_GROUNDS, Account, LockGround
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import Response, see_other
from eid.oidc.payload import text
from eid.oidc.ports import Grant

REASONS = ("present", "called", "case", "authority")
"""Chosen, not typed: a typed reason would bring personal data into the record."""
REQUESTS: tuple[CaseRequest, ...] = ("subject_request", "lock_request", "unlock_request")
DECISIONS = ("granted", "refused")
OUTCOMES: tuple[Outcome, ...] = ("level_kept", "level_lost")
LOOK_LIFETIME = timedelta(minutes=15)


def home(counter: Counter, asked: Asked) -> Response:
    """``GET /``."""
    waiting = visits.waiting(counter, asked.session, at=asked.at)
    return asked.page(
        "home.html",
        officer=asked.account.username,
        reasons=REASONS,
        seconds=len(waiting),
        cases=len(counter.cases.pending()),
    )


def find(counter: Counter, asked: Asked) -> Response:
    """``POST /find``: by login name or number, which so never stands in an address."""
    who, reason = asked.form.get("who") or "", asked.chosen("reason", REASONS)
    number = _number(who)
    if number is None:
        found = counter.looks.by_username(who, by=asked.me, reason=reason, at=asked.at)
    else:
        found = counter.looks.by_number(number, by=asked.me, reason=reason, at=asked.at)
    if found is None:
        raise AccountError("Nobody was found.", code="counter.nobody")
    name = new_handle(counter.rng, size=16)
    look = Grant(
        kind="counter_look",
        key=key_of(name),
        payload={"account": found.id, "officer": asked.me, "reason": reason},
        expires_at=asked.at + LOOK_LIFETIME,
    )
    counter.grants.put(look)
    return see_other(f"/person/{name}")


def person(counter: Counter, asked: Asked) -> Response:
    """``GET /person/{look}``."""
    found, _ = _look(counter, asked)
    return asked.page(
        "person.html",
        person=found,
        here=_here(asked),
        requests=REQUESTS,
        grounds=_grounds(asked),
    )


def log(counter: Counter, asked: Asked) -> Response:
    """``GET /person/{look}/log``: the person's own log, to print and hand over."""
    found, reason = _look(counter, asked)
    rows = counter.looks.log(found.id, by=asked.me, reason=f"log: {reason}", at=asked.at)
    lines = [
        LogLine(
            at=row.event.at,
            kind=row.event.kind,
            client=row.event.client,
            detail=row.event.detail,
            place=f"{row.node}/{row.seq}",
        )
        for row in rows
    ]
    digest = base64.b64encode(hashlib.sha256(own_log.STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    return Response(
        body=own_log_page(lines, name=shown(found.username)).encode(),
        content_type="text/html; charset=utf-8",
        headers=(("Content-Security-Policy", policy),),
    )


def lock(counter: Counter, asked: Asked) -> Response:
    """``POST /person/{look}/lock``."""
    found, reason = _look(counter, asked)
    ground = cast("LockGround", asked.chosen("ground", _grounds(asked)))
    _not_oneself(asked, found)
    counter.accounts.happen(
        found.id, "locked", by=asked.me, reason=reason, at=asked.at, ground=ground
    )
    return see_other(_here(asked))


def unlock(counter: Counter, asked: Asked) -> Response:
    """``POST /person/{look}/unlock``."""
    found, reason = _look(counter, asked)
    _not_oneself(asked, found)
    counter.accounts.happen(found.id, "unlocked", by=asked.me, reason=reason, at=asked.at)
    return see_other(_here(asked))


def open_case(counter: Counter, asked: Asked) -> Response:
    """``POST /person/{look}/case``."""
    found, _ = _look(counter, asked)
    kind = cast("CaseRequest", asked.chosen("kind", REQUESTS))
    counter.cases.request(kind, found.id, by=asked.me, at=asked.at)
    return see_other("/cases")


def recover(counter: Counter, asked: Asked) -> Response:
    """``POST /person/{look}/recovery``: without a card, so the level will be lost."""
    found, _ = _look(counter, asked)
    if asked.form.get("told") != "yes":
        raise FormatError("The form is not complete.", code="counter.form")
    counter.recovery.ask(asked.officer, found.id, card=None, at=asked.at)
    return recovery_asked(asked)


def cases(counter: Counter, asked: Asked) -> Response:
    """``GET /cases``: the open ones, the one that is due first first."""
    shown_cases = [_case(counter, asked, case) for case in counter.cases.pending()]
    return asked.page("cases.html", cases=shown_cases)


def decide(counter: Counter, asked: Asked) -> Response:
    """``POST /cases/{case_id}/decide``, by another officer than who opened it or is in it."""
    case = _open_case(counter, asked)
    decision = asked.chosen("decision", DECISIONS)
    if case.kind == "recovery":
        raise FormatError("A recovery is agreed to, not decided.", code="counter.form")
    if asked.me in {case.opened_by, case.account, case.other}:
        raise AccountError("A second officer must agree.", code="counter.four_eyes")
    counter.cases.decide(case.id, decision, by=asked.me, at=asked.at)
    return see_other("/cases")


def approve(counter: Counter, asked: Asked) -> Response:
    """``POST /cases/{case_id}/approve``: a second officer's yes, and the person's code."""
    case = _open_case(counter, asked)
    outcome = cast("Outcome", asked.chosen("outcome", OUTCOMES))
    wanted = counter.recovery.waiting(case.id, outcome, at=asked.at)
    approval = counter.recovery.approve(asked.officer, wanted, at=asked.at)
    return asked.page(
        "done.html", what="done_approved", said="", code=approval.handle, onward="/cases"
    )


def _look(counter: Counter, asked: Asked) -> tuple[Account, str]:
    """The account of a look of this very officer, seen again now, on record."""
    name = asked.request.path["look"]
    grant = counter.grants.get("counter_look", key_of(name), at=asked.at)
    if not is_handle(name) or grant is None or grant.payload["officer"] != asked.me:
        raise AccountError("Nobody was found.", code="counter.nobody")
    reason = text(grant.payload, "reason")
    account_id = text(grant.payload, "account")
    found = counter.looks.by_id(account_id, by=asked.me, reason=reason, at=asked.at)
    if found is None:
        raise AccountError("There is no such account.", code="account.unknown")
    return found, reason


def _case(counter: Counter, asked: Asked, case: OpenCase) -> dict[str, object]:
    outcomes = [
        outcome
        for outcome in OUTCOMES
        if case.kind == "recovery" and _is_waiting(counter, case.id, outcome, asked)
    ]
    return {
        "id": case.id,
        "kind": case.kind,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "overdue": case.is_overdue(asked.at),
        "outcomes": outcomes,
    }


def _is_waiting(counter: Counter, case_id: str, outcome: Outcome, asked: Asked) -> bool:
    try:
        counter.recovery.waiting(case_id, outcome, at=asked.at)
    except EidError:
        return False
    return True


def _open_case(counter: Counter, asked: Asked) -> OpenCase:
    case = counter.cases.by_id(asked.request.path["case_id"])
    if case is None:
        raise AccountError("There is no such case.", code="case.unknown")
    return case


def _grounds(asked: Asked) -> tuple[str, ...]:
    """The grounds this officer may lock by: what never ends is for those who may unlock."""
    may = permissions(asked.account.roles)
    return tuple(
        name for name, ground in LOCK_GROUNDS.items() if ground.ends != "never" or "unlock" in may
    )


def _not_oneself(asked: Asked, found: Account) -> None:
    if found.id == asked.me:
        raise AccountError("This takes another officer.", code="counter.four_eyes")


def _number(who: str) -> str | None:
    """The personal number, if that is what was typed."""
    digits = who.replace(" ", "")
    try:
        return personal_number(digits)
    except EidError:
        return None


def _here(asked: Asked) -> str:
    return f"/person/{asked.request.path['look']}"
