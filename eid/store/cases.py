"""Cases: what people must decide, and until when (contracts §6; rules of deadlines).

A second claim of a number, a breach to be notified, a person's request about his data, a lock
asked for by a body, a recovery that needs a second officer: each is opened and decided once, with
a row of the record, and knows when it is due.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from sqlalchemy import Row, and_, insert, select, update

from eid.errors import AccountError
from eid.keys import new_name
from eid.levels.deadlines import due
from eid.levels.rules import Rules
from eid.oidc.ports import AuditEvent
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.notices import enter
from eid.store.schema import accounts, cases

CaseKind = Literal[
    "second_enrolment", "breach", "subject_request", "lock_request", "unlock_request", "recovery"
]
RULES: dict[CaseKind, str] = {
    "second_enrolment": "case.second_enrolment",
    "breach": "privacy.breach",
    "subject_request": "privacy.request",
    "lock_request": "lock",
    "unlock_request": "unlock",
    "recovery": "recovery",
}
"""The rule whose hours or working days a kind of case has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: ``account`` it is about, ``other`` who claims against it; open while undecided."""

    id: str
    kind: CaseKind
    account: str | None
    other: str | None
    opened_at: datetime
    opened_by: str
    due_at: datetime | None
    decision: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None

    def is_overdue(self, at: datetime) -> bool:
        """Whether it is open after its time."""
        return self.decision is None and self.due_at is not None and at > self.due_at


class Cases:
    """The book of cases."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        *,
        rules: Rules | None = None,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._audit = audit
        self._rules = rules or Rules.load()
        self._rng = rng

    def open(
        self, kind: CaseKind, *, account: str | None, other: str | None, by: str, at: datetime
    ) -> Case:
        """Open a case, or find the open one of the same kind between the same two."""
        case = Case(
            id=new_name(self._rng, size=9),
            kind=kind,
            account=account,
            other=other,
            opened_at=at,
            opened_by=by,
            due_at=due(RULES[kind], at, rules=self._rules),
        )
        same = and_(
            cases.c.kind == kind,
            cases.c.account == account,
            cases.c.other == other,
            cases.c.decided_at.is_(None),
        )
        with self._database.write() as connection:
            if account is not None:
                lock = select(accounts.c.id).where(accounts.c.id == account).with_for_update()
                connection.execute(lock)
                known = connection.execute(select(cases).where(same).limit(1)).one_or_none()
                if known is not None:
                    return _case(known)
            connection.execute(insert(cases), _row(case))
            if kind == "recovery" and account is not None:
                enter(connection, account, "recovery_begun", at=at)
            self._audit.append(connection, [_event(case, "case.opened", by, at)])
        return case

    def second_enrolment(self, account_id: str, *, claimant: str, by: str, at: datetime) -> str:
        """The id of the case of ``claimant`` against an account; opened if there is none."""
        case = self.open("second_enrolment", account=account_id, other=claimant, by=by, at=at)
        return case.id

    def recovery(self, account_id: str, *, by: str, at: datetime) -> str:
        """The id of the open recovery of an account; opened if there is none."""
        return self.open("recovery", account=account_id, other=None, by=by, at=at).id

    def request(self, kind: CaseKind, account_id: str, *, by: str, at: datetime) -> str:
        """The id of an open case about an account alone; opened if there is none."""
        return self.open(kind, account=account_id, other=None, by=by, at=at).id

    def decide(self, case_id: str, decision: str, *, by: str, at: datetime) -> Case:
        """Decide an open case, once; AccountError ``case.decided`` or ``case.unknown``."""
        this = and_(cases.c.id == case_id, cases.c.decided_at.is_(None))
        values = {"decision": decision, "decided_by": by, "decided_at": int(at.timestamp())}
        with self._database.write() as connection:
            done = connection.execute(update(cases).where(this).values(values)).rowcount
            row = connection.execute(select(cases).where(cases.c.id == case_id)).one_or_none()
            if row is None:
                raise AccountError("There is no such case.", code="case.unknown")
            if done != 1:
                raise AccountError("The case is decided already.", code="case.decided")
            decided = _case(row)
            self._audit.append(connection, [_event(decided, "case.decided", by, at)])
        return decided

    def by_id(self, case_id: str) -> Case | None:
        """The case with this id."""
        with self._database.read() as connection:
            row = connection.execute(select(cases).where(cases.c.id == case_id)).one_or_none()
        return None if row is None else _case(row)

    def pending(self) -> tuple[Case, ...]:
        """Every open case, the one that is due first first."""
        query = select(cases).where(cases.c.decided_at.is_(None))
        with self._database.read() as connection:
            found = map(_case, connection.execute(query))
            last = datetime.max.replace(tzinfo=UTC)
            return tuple(sorted(found, key=lambda case: (case.due_at or last, case.opened_at)))


def _event(case: Case, kind: str, by: str, at: datetime) -> AuditEvent:
    detail = {"case": case.id, "kind": case.kind, "by": by}
    if case.decision:
        detail["decision"] = case.decision
    return AuditEvent(kind=kind, at=at, account=case.account, detail=detail)


def _row(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "kind": case.kind,
        "account": case.account,
        "other": case.other,
        "opened_at": int(case.opened_at.timestamp()),
        "opened_by": case.opened_by,
        "due_at": None if case.due_at is None else int(case.due_at.timestamp()),
    }


def _case(row: Row[*tuple[object, ...]]) -> Case:
    return Case(
        id=row.id,
        kind=cast("CaseKind", row.kind),
        account=row.account,
        other=row.other,
        opened_at=datetime.fromtimestamp(row.opened_at, UTC),
        opened_by=row.opened_by,
        due_at=_time(row.due_at),
        decision=row.decision,
        decided_at=_time(row.decided_at),
        decided_by=row.decided_by,
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
