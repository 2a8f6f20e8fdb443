"""A million accounts: a look-up by keyed hash costs what it costs among a thousand (``make soak``).

Two private PostgreSQL databases, look-ups interleaved. ``SOAK_ACCOUNTS`` sets how many accounts
(default 1,000,000), ``SOAK_LOOKUPS`` how many look-ups (default 10,000). Ends with 1 when the
median among many is above 1.2 times the median among few, or no index is used.
"""

from __future__ import annotations

import importlib.util
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, text

from eid.keys import load_or_create_secret
from eid.levels.account import Account, Profile
from eid.store import AccountKeys, AccountSeal, Store, new_account_id, open_store
from eid.store.schema import accounts, identifiers, person_keys

AT = datetime(2026, 11, 21, tzinfo=UTC)
FEW, BATCH, LIMIT = 1000, 2000, 1.2
ROOT = Path(__file__).resolve().parents[1]


def number(index: int) -> str:
    return f"001190{index:06}" if index < 10**6 else f"002190{index - 10**6:06}"


def main() -> int:
    many = int(os.environ.get("SOAK_ACCOUNTS", "1000000"))
    lookups = int(os.environ.get("SOAK_LOOKUPS", "10000"))
    place = ROOT / "tests/store/postgresql.py"
    spec = importlib.util.spec_from_file_location("postgresql", place)
    if spec is None or spec.loader is None:
        return 2
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.server() as url, tempfile.TemporaryDirectory() as folder:
        if url is None:
            print("no PostgreSQL server can be started here")
            return 2
        large = _store(url, Path(folder), "large", many)
        small = _store(url, Path(folder), "small", FEW)
        try:
            return _compare(large, small, many, lookups)
        finally:
            large.close()
            small.close()


def _compare(large: Store, small: Store, many: int, lookups: int) -> int:
    chance = random.Random(5)
    figures: dict[str, list[float]] = {"large": [], "small": []}
    for _ in range(lookups):
        for name, store, count in (("large", large, many), ("small", small, FEW)):
            wanted = number(chance.randrange(count))
            started = time.perf_counter()
            found = store.accounts.by_number(wanted)
            figures[name].append(time.perf_counter() - started)
            if found is None or found.profile is None or found.profile.personal_number != wanted:
                print(f"{name}: a look-up failed")
                return 1
    medians = {name: statistics.median(values) for name, values in figures.items()}
    ratio = medians["large"] / medians["small"]
    plan = _plan(large)
    good = ratio <= LIMIT and "Index" in plan and "Seq Scan" not in plan
    print(
        f"{'ok  ' if good else 'MISS'} look-up among {many:,} accounts: "
        f"{medians['large'] * 1e3:.2f} ms, among {FEW:,} {medians['small'] * 1e3:.2f} ms, "
        f"ratio {ratio:.2f} (≤ {LIMIT}); {plan}"
    )
    return 0 if good else 1


def _plan(store: Store) -> str:
    query = "EXPLAIN SELECT account FROM identifiers WHERE number_hash = '\\x00' AND until IS NULL"
    with store.database.read() as connection:
        return " ".join(str(row[0]).strip() for row in connection.execute(text(query)).all())


def _store(url: str, folder: Path, name: str, count: int) -> Store:
    """A database of its own with so many accounts, written in bulk."""
    first = open_store(url, folder)
    with first.database.read() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    first.close()
    store = open_store(url.replace("/postgres?", f"/{name}?"), folder)
    keys = AccountKeys(
        lookup=load_or_create_secret(folder, "lookup"),
        pairwise=load_or_create_secret(folder, "pairwise"),
        envelope=load_or_create_secret(folder, "envelope"),
    )
    for batch in _batches(AccountSeal(keys), count):
        with store.database.write() as connection:
            for table, rows in zip((accounts, person_keys, identifiers), batch, strict=True):
                connection.execute(insert(table), rows)
    with store.database.read() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("ANALYZE")
    return store


def _batches(seal: AccountSeal, count: int) -> Iterator[tuple[list[dict[str, object]], ...]]:
    now = int(AT.timestamp())
    for start in range(0, count, BATCH):
        made: tuple[list[dict[str, object]], ...] = ([], [], [])
        for index in range(start, min(start + BATCH, count)):
            who = Account(
                id=new_account_id(),
                username=f"user{index}",
                created_at=AT,
                profile=Profile(
                    name="NGƯỜI THỬ", birth_date="1990-05-17", personal_number=number(index)
                ),
            )
            row, key = seal.new_rows(who, password_hash=None)
            live = {"number_hash": seal.number_hash(number(index)), "account": who.id}
            for rows, value in zip(made, (row, key, {**live, "since": now}), strict=True):
                rows.append(value)
        yield made


if __name__ == "__main__":
    sys.exit(main())
