"""A person and his data: what there is, and its end (contracts §8, rows D-003 and D-004).

Erasure destroys the person's key, and with it every sealed value in the database and in each
backup whose key file lost the key too. What the law keeps (the record, the consents as receipts)
stays and names an internal id only.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from eid.errors import AccountError
from eid.keys import JSON
from eid.levels.account import Account, move
from eid.levels.consent import Consent
from eid.oidc.ports import AuditEvent
from eid.store.accounts import Accounts
from eid.store.audit import Audit
from eid.store.consents import Consents
from eid.store.database import Database
from eid.store.own_proofs import bundle, prove_account
from eid.store.schema import (
    accounts,
    cases,
    factors,
    identifiers,
    notices,
    openings,
    person_keys,
)

KEPT = ("retention.usage", "privacy.consent_log")
"""The rules under which something stays after an erasure."""


class Subjects:
    """Access and erasure."""

    def __init__(
        self, database: Database, book: Accounts, consents: Consents, audit: Audit
    ) -> None:
        self._database = database
        self._accounts = book
        self._consents = consents
        self._audit = audit

    def access(self, account_id: str, *, by: str, at: datetime) -> dict[str, JSON]:
        """Everything about one person, machine-readable; the look itself goes on record.

        AccountError ``account.unknown``. No secret and no key is in it.
        """
        account = self._accounts.look_at(account_id, by=by, reason="subject access", at=at)
        if account is None:
            raise AccountError("There is no such account.", code="account.unknown")
        return {
            "account": _account(account),
            "profile": dict(asdict(account.profile)) if account.profile else None,
            "numbers": [
                {"since": _iso(one.since), "until": _iso(one.until)}
                for one in self._accounts.numbers.of_account(account_id)
            ],
            "factors": self._factors(account_id),
            "consents": [_consent(one) for one in self._consents.of_account(account_id)],
            "cases": self._cases(account_id),
            "log": [
                {
                    "at": row.event.at.isoformat(),
                    "kind": row.event.kind,
                    "client": row.event.client,
                    "detail": dict(row.event.detail),
                    "row": f"{row.node}/{row.seq}",
                }
                for row in self._audit.of_account(account_id, limit=100_000)
            ],
            "proofs": bundle(prove_account(self._database, self._audit, account_id, at=at)),
        }

    def _factors(self, account_id: str) -> list[JSON]:
        query = select(factors).where(factors.c.account == account_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(factors.c.created_at)).all()
        return [
            {
                "method": row.method,
                "created_at": row.created_at,
                "removed_at": row.removed_at,
                "suspended_at": row.suspended_at,
            }
            for row in rows
        ]

    def _cases(self, account_id: str) -> list[JSON]:
        """The cases about the person; who else is in them is not his to know."""
        query = select(cases).where(cases.c.account == account_id).order_by(cases.c.opened_at)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            {
                "kind": row.kind,
                "opened_at": row.opened_at,
                "decided_at": row.decided_at,
                "decision": row.decision,
            }
            for row in rows
        ]

    def erase(self, account_id: str, *, by: str, reason: str, at: datetime) -> Account:
        """Close the account and destroy the person's data and key; the account that is left.

        AccountError ``account.unknown``. Erasing twice changes nothing. Key files of backups are
        erased by :func:`eid.store.backup.erase_from_keys`.
        """
        account = self._accounts.by_id(account_id)
        if account is None:
            raise AccountError("There is no such account.", code="account.unknown")
        closed = account if account.state == "closed" else move(account, "closed", at=at)
        left = replace(
            closed, profile=None, roles=frozenset(), representative=None, username=_nobody(account)
        )
        erased = AuditEvent(
            kind="account.erased",
            at=at,
            account=account_id,
            detail={"by": by, "reason": reason, "kept": " ".join(KEPT)},
        )
        left = self._accounts.update(
            left, at=at, events=[erased], then=lambda connection: _destroy(connection, left)
        )
        self._database.forget_deleted()
        return left


def _destroy(connection: Connection, account: Account) -> None:
    for table in (person_keys, openings, identifiers, factors, notices):
        connection.execute(delete(table).where(table.c.account == account.id))
    cleared = {"username": account.username, "password": None, "profile": None}
    connection.execute(update(accounts).where(accounts.c.id == account.id).values(cleared))


def _consent(one: Consent) -> JSON:
    return {
        "client": one.client,
        "what": list(one.what),
        "purpose": one.purpose,
        "channel": one.channel,
        "text_version": one.text_version,
        "act": one.act,
        "given_at": _iso(one.given_at),
        "until": _iso(one.until),
        "withdrawn_at": _iso(one.withdrawn_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _nobody(account: Account) -> str:
    return f"erased-{account.id}".lower()[:64]


def _account(account: Account) -> dict[str, JSON]:
    return {
        "id": account.id,
        "username": account.username,
        "state": account.state,
        "level": account.level,
        "source": account.source,
        "holder_match": account.holder_match,
        "created_at": account.created_at.isoformat(),
        "proofed_at": account.proofed_at.isoformat() if account.proofed_at else None,
    }
