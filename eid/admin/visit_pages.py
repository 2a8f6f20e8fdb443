"""The pages of a visit: read, match, perhaps a second officer, raise or recover."""

from __future__ import annotations

from datetime import datetime

from eid.admin import visits
from eid.admin.asked import Asked, Problem
from eid.admin.counter import Match
from eid.admin.pages import portrait
from eid.admin.site import Counter
from eid.admin.visits import Shown, Visit
from eid.errors import AccountError, EidError
from eid.levels.account import Account
from eid.levels.proofing import eligibility
from eid.levels.rules import Rules
from eid.oidc.http import Parameters, Response, json_response, see_other
from eid.oidc.ports import AuditEvent

AT_THE_COUNTER = "present"
SECOND = "second officer"
OUTCOMES = ("not_the_holder", "left")


def begin(counter: Counter, asked: Asked) -> Response:
    """``POST /visit``."""
    visit = visits.begin(counter, asked.session, at=asked.at)
    return see_other(f"/visit/{visit.id}")


def show(counter: Counter, asked: Asked) -> Response:
    """``GET /visit/{visit_id}``: what its stage asks for."""
    return _page(counter, asked, _own(counter, asked))


def ask_for_card(counter: Counter, asked: Asked) -> Response:
    """``POST /visit/{visit_id}/card``: the form that opens the card program on this machine."""
    visit = _own(counter, asked)
    token = visits.ask_for_card(counter, asked.session, visit, at=asked.at)
    agent = counter.settings.agent_url
    return asked.page(
        "card.html", form_action=agent, agent_url=agent, request=token, here=_here(visit)
    )


def card_return(counter: Counter, asked: Asked) -> Response:
    """``GET /visit/{visit_id}/card/return``: back from the card program."""
    visit = _own(counter, asked)
    handle = asked.request.parameters().get("handle") or ""
    try:
        visits.card_came_back(counter, asked.session, visit, handle, at=asked.at)
    except EidError as error:
        refused = AuditEvent(
            kind="counter.card_refused", at=asked.at, detail={"by": asked.me, "code": error.code}
        )
        counter.grants.record([refused])
        return _page(counter, asked, _own(counter, asked), error)
    return see_other(_here(visit))


def match(counter: Counter, asked: Asked) -> Response:
    """``POST /visit/{visit_id}/match``: the officer's word that this is the holder."""
    visit = _own(counter, asked)
    asked.confirmed("matched")
    visits.shown(counter, visit, at=asked.at)
    matched = AuditEvent(kind="counter.matched", at=asked.at, detail={"by": asked.me})
    visits.move(counter, visit, "matched", at=asked.at, events=(matched,))
    return see_other(_here(visit))


def refuse(counter: Counter, asked: Asked) -> Response:
    """``POST /visit/{visit_id}/refuse``: not the holder, or the person left."""
    visit = _own(counter, asked)
    outcome = asked.chosen("outcome", OUTCOMES)
    detail = {"by": asked.me, "outcome": outcome}
    ended = AuditEvent(kind="counter.ended", at=asked.at, detail=detail)
    visits.finish(counter, visit, at=asked.at, events=(ended,))
    return asked.page("done.html", what="done_ended", said="", code="", onward="/")


def seconds(counter: Counter, asked: Asked) -> Response:
    """``GET /second``: the visits that wait for another officer's eyes."""
    waiting = []
    for visit in visits.waiting(counter, asked.session, at=asked.at):
        officer = counter.accounts.by_id(visit.officer)
        waiting.append({"id": visit.id, "officer": officer.username if officer else ""})
    return asked.page("second.html", visits=waiting, holder=None)


def second(counter: Counter, asked: Asked) -> Response:
    """``GET /second/{visit_id}``: look at the holder, on record."""
    name = asked.request.path["visit_id"]
    visit = visits.load_to_second(counter, asked.session, name, at=asked.at)
    found = visits.shown(counter, visit, at=asked.at)
    known = _known(counter, asked, found, SECOND)
    visits.looked(counter, asked.session, visit, at=asked.at)
    return asked.page(
        "second.html",
        holder=_holder(found, known, at=asked.at),
        here=f"/second/{visit.id}",
        visits=(),
    )


def agree(counter: Counter, asked: Asked) -> Response:
    """``POST /second/{visit_id}/agree``: a second officer's word, once he has looked."""
    name = asked.request.path["visit_id"]
    visit = visits.load_to_second(counter, asked.session, name, at=asked.at)
    visits.check_looked(counter, asked.session, visit, at=asked.at)
    asked.confirmed("matched")
    agreed = AuditEvent(kind="counter.seconded", at=asked.at, detail={"by": asked.me})
    visits.move(counter, visit, "seconded", at=asked.at, second=asked.me, events=(agreed,))
    return asked.page("done.html", what="done_seconded", said="", code="", onward="/second")


def raise_account(counter: Counter, asked: Asked) -> Response:
    """``POST /visit/{visit_id}/raise``: to level 2; the visit is over when it worked."""
    visit = _own(counter, asked)
    found = _matched(counter, visit, asked)
    known = _known(counter, asked, found, AT_THE_COUNTER)
    representative = _representative(counter, asked)
    try:
        raised = counter.desk.raise_holder(
            Match(
                officer=asked.officer,
                evidence=found.evidence,
                card=found.card,
                representative=representative,
                second=visit.second,
            ),
            known.username if known else asked.form.get("username") or "",
            asked.form.get("password") or "",
            address=asked.request.address,
            at=asked.at,
        )
    except EidError as error:
        return _page(counter, asked, visit, error)
    visits.finish(counter, visit, at=asked.at)
    return asked.page("done.html", what="done_raised", said=raised.username, code="", onward="/")


def recover(counter: Counter, asked: Asked) -> Response:
    """``POST /visit/{visit_id}/recovery``: the matched holder keeps the level."""
    visit = _own(counter, asked)
    found = _matched(counter, visit, asked)
    known = _known(counter, asked, found, AT_THE_COUNTER)
    if known is None:
        raise AccountError("Nobody was found.", code="counter.nobody")
    counter.recovery.ask(asked.officer, known.id, card=found.card, at=asked.at)
    visits.finish(counter, visit, at=asked.at)
    return recovery_asked(asked)


def recovery_asked(asked: Asked) -> Response:
    """What comes next, once a recovery was asked for."""
    said = "done_asked_next"
    return asked.page("asked.html", what="done_asked", said=said, onward="/")


def receive_evidence(counter: Counter, asked_form: Parameters) -> Response:
    """``POST /card/evidence``: from the agent; the answer is the handle to come back with."""
    return json_response({"handle": visits.receive(counter, asked_form, at=counter.clock())})


def _own(counter: Counter, asked: Asked) -> Visit:
    name = asked.request.path["visit_id"]
    return visits.load(counter, asked.session, name, at=asked.at)


def _here(visit: Visit) -> str:
    return f"/visit/{visit.id}"


def _matched(counter: Counter, visit: Visit, asked: Asked) -> Shown:
    if not visit.is_ready(second_officer=counter.settings.second_officer):
        raise AccountError(
            "Level 2 needs the officer's match of the holder.",
            code="account.holder_match_missing",
        )
    return visits.shown(counter, visit, at=asked.at)


def _known(counter: Counter, asked: Asked, found: Shown, reason: str) -> Account | None:
    """The account of the card's person; looking it up is on record."""
    number = found.card.holder.personal_number
    return counter.looks.by_number(number, by=asked.me, reason=reason, at=asked.at)


def _representative(counter: Counter, asked: Asked) -> str | None:
    """The internal id of the account that was named; whether it may act is the desk's question."""
    name = asked.form.get("representative")
    if name is None:
        return None
    account = counter.looks.by_username(name, by=asked.me, reason="representative", at=asked.at)
    if account is None:
        raise AccountError("There is no such representative.", code="account.unknown")
    return account.id


def _page(counter: Counter, asked: Asked, visit: Visit, error: EidError | None = None) -> Response:
    found = None if visit.stage == "begun" else visits.shown(counter, visit, at=asked.at)
    known = _known(counter, asked, found, AT_THE_COUNTER) if found else None
    problem = Problem.of(error, asked.language, asked.request.correlation) if error else None
    return asked.page(
        "visit.html",
        holder=_holder(found, known, at=asked.at),
        stage=visit.stage,
        ready=visit.is_ready(second_officer=counter.settings.second_officer),
        here=_here(visit),
        problem=problem,
        status=400 if error else 200,
    )


def _holder(
    found: Shown | None, known: Account | None, *, at: datetime
) -> dict[str, object] | None:
    """What a page shows of the holder: never the number, which opens the chip."""
    if found is None:
        return None
    card, holder = found.card, found.card.holder
    return {
        "name": holder.name,
        "birth_date": holder.birth_date,
        "sex": holder.sex,
        "expires": card.expires.isoformat() if card.expires else None,
        "source": card.source,
        "known": known,
        "portrait": portrait(card),
        "alone": eligibility(holder.birth_date, rules=Rules.load(), at=at).alone,
    }
