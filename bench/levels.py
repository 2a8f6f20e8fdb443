"""The bars of levels, accounts and the record; CPU time of this process, best of a few rounds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Row
from eid.levels.account import Account, Profile, move
from eid.levels.assess import assess
from eid.levels.assurance import Factor
from eid.levels.rules import Rules
from eid.oidc.ports import AuditEvent
from eid.store import Store, new_account_id, open_store

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def rows(*, quick: bool) -> Iterator[Row]:
    yield _assess(quick=quick)
    with tempfile.TemporaryDirectory(prefix="eid-bench-") as folder:
        place = Path(folder)
        url = f"sqlite:///{place / 'eid.db'}"
        store = open_store(url, place, insecure_fast_hash=True)
        try:
            yield _create(store, 200 if quick else 1000)
            yield _verify(store, 20_000 if quick else 200_000)
        finally:
            store.close()


def _assess(*, quick: bool) -> Row:
    person = Account(
        id="a1",
        username="thu",
        created_at=NOW,
        state="active",
        level=2,
        holder_match="officer",
        source="chip_local",
        profile=_profile(1),
    )
    factors = [Factor.of("password", NOW), Factor.of("card", NOW)]
    rules = Rules.load()

    def once() -> None:
        assess(card=None, factors=factors, account=person, consent=True, rules=rules, at=NOW)

    figure = _best(once, 2000 if quick else 20_000, 5) * 1e6
    return Row(what="assess: CPU", figure=figure, bar=20, at_least=False, unit=" µs")


def _create(store: Store, count: int) -> Row:
    """An account, its proof at the counter and the audit rows, hashing of a password excluded."""
    numbers = iter(range(1, 10**9))

    def once() -> None:
        number = next(numbers)
        account = Account(id=new_account_id(), username=f"user{number}", created_at=NOW)
        added = AuditEvent(kind="account.added", at=NOW, account=account.id)
        account = store.accounts.create(account, events=[added])
        proofed = replace(
            move(account, "proofed_at_counter", at=NOW, holder_match="officer"),
            profile=_profile(number),
        )
        event = AuditEvent(
            kind="account.proofed_at_counter",
            at=NOW,
            account=account.id,
            commitment=number.to_bytes(32),
            opening=bytes(64),
        )
        store.accounts.update(proofed, at=NOW, events=[event])

    figure = _best(once, count // 4, 4) * 1e3
    note = "SQLite, synchronous=FULL; two transactions"
    what = "create account + proof + audit rows: CPU"
    return Row(what=what, figure=figure, bar=3, at_least=False, unit=" ms", note=note)


def _verify(store: Store, count: int) -> Row:
    for start in range(0, count, 500):
        store.audit.record(
            [
                AuditEvent(
                    kind="code.issued",
                    at=NOW,
                    account=f"account-{start}",
                    client="bank",
                    interaction="Zm9vYmFyYmF6",
                    detail={"acr": "urn:eid:level:2"},
                )
            ]
            * 500
        )
    total = sum(store.audit.verify().rows.values())
    best = _best(store.audit.verify, 1, 3)
    note = f"{total:,} rows, SQLite; links, tree and heads"
    what = "audit verify: rows per CPU second"
    return Row(what=what, figure=total / best, bar=100_000, unit="/s", note=note)


def _best(work: Callable[[], object], count: int, rounds: int) -> float:
    """CPU seconds of one call, in the best round."""
    figures = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(count):
            work()
        figures.append((time.process_time() - started) / count)
    return min(figures)


def _profile(number: int) -> Profile:
    return Profile(
        name="NGƯỜI THỬ",
        birth_date="1990-05-17",
        personal_number=f"001190{number:06}",
        address="1 Phố Thử, Hà Nội",
    )
