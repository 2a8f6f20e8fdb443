"""The provider behind granian beside node-oidc-provider: server CPU per operation, memory, start.

Both serve with one worker; the generator drives them in turns, one request at a time, over
connections that stay open. Figures are CPU time of the answering process. Password hashing is
left out on both sides (``insecure_fast_hash``); what argon2 itself costs stands in a row of its
own. The peer's packages are pinned in ``bench/peers/oidc``; without node it is left out.
"""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import oidc_login as rp
from bench.oidc_process import Server, free_port, running
from bench.report import Row
from eid.app import Settings, open_installation
from eid.cli.development import make_people
from eid.levels.account import Account
from eid.levels.factors.password import check_password, hash_password
from eid.oidc.clients import client_from_metadata

ROOT = Path(__file__).resolve().parent.parent
EID = Path(sys.executable).with_name("eid")
PEER = ROOT / "bench" / "peers" / "oidc"
PLACE = ROOT / ".eid" / "bench" / "oidc"
EMPTY = ROOT / "bench" / "peers" / "empty_app.py"
PERSON = "level2"


@dataclass(slots=True)
class Side:
    """One provider under measurement, and the CPU seconds that each operation took."""

    name: str
    server: Server
    names: rp.Names
    person: rp.Person
    tokens: dict[str, Any] = field(default_factory=dict)
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, what: str, operation: Callable[[Side], None], times: int) -> None:
        """So many repetitions of an operation, as one round."""
        before = self.server.cpu()
        for _ in range(times):
            operation(self)
        self.rounds.setdefault(what, []).append((self.server.cpu() - before) / times * 1000)

    def ms(self, what: str) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds[what])


def login(side: Side) -> None:
    side.tokens = rp.login(side.person, side.names, PERSON)


def refresh(side: Side) -> None:
    side.tokens |= rp.refresh(side.person, side.names, side.tokens["refresh_token"]).json()


def userinfo(side: Side) -> None:
    assert rp.userinfo(side.person, side.names, side.tokens["access_token"]).status == 200


def introspect(side: Side) -> None:
    told = rp.introspect(side.person, side.names, side.tokens["access_token"])
    assert told.json()["active"] is True


def discovery(side: Side) -> None:
    assert side.person.send("GET", rp.DISCOVERY, browser=False).status == 200


def nothing(side: Side) -> None:
    assert side.person.send("GET", "/", browser=False).status == 200


def keys(side: Side) -> None:
    assert side.person.send("GET", side.names.keys, browser=False).status == 200


OPERATIONS: tuple[tuple[str, Callable[[Side], None], int], ...] = (
    ("login", login, 1),
    ("refresh with rotation", refresh, 2),
    ("userinfo", userinfo, 4),
    ("introspection", introspect, 4),
    ("discovery", discovery, 12),
    ("JWKS", keys, 12),
)
BARS = {
    ("login", "SQLite"): 3.0,
    ("login", "PostgreSQL"): 4.5,
    ("refresh with rotation", "PostgreSQL"): 1.5,
    ("userinfo", "PostgreSQL"): 0.5,
    ("introspection", "PostgreSQL"): 0.5,
    ("discovery", "SQLite"): 0.10,
    ("JWKS", "SQLite"): 0.10,
}
PEERS = {"SQLite": ("node, memory", 0.5), "PostgreSQL": ("node, PostgreSQL", 0.4)}


def rows(*, quick: bool) -> Iterator[Row]:
    """Every row."""
    with postgresql() as url, ExitStack() as stack:
        sides = [stack.enter_context(ours("SQLite", ""))]
        if url is not None:
            sides.append(stack.enter_context(ours("PostgreSQL", url)))
        yield from _peers(stack, sides, url)
        server = stack.enter_context(empty_app())
        empty = Side("an empty Falcon app", server, rp.EID, rp.Person(server.port))
        yield from _operations(sides, empty, rounds=4 if quick else 12, times=10 if quick else 25)
    yield from argon2_row()
    yield from start_rows(times=3 if quick else 7)
    yield from memory_rows(logins=1000 if quick else 10_000)


def _peers(stack: ExitStack, sides: list[Side], url: str | None) -> Iterator[Row]:
    if not peer_is_ready():
        yield Row(what="node-oidc-provider", figure=None, note="no node, or npm ci failed")
        return
    sides.append(stack.enter_context(peer("node, memory", "memory")))
    if url is not None:
        sides.append(stack.enter_context(peer("node, PostgreSQL", url)))


def _operations(sides: Sequence[Side], empty: Side, *, rounds: int, times: int) -> Iterator[Row]:
    _warm(sides, empty)
    for _ in range(rounds):
        for what, operation, factor in OPERATIONS:
            for side in sides:
                side.measure(what, operation, times * factor)
        empty.measure("discovery", nothing, times * 12)
    by_name = {side.name: side for side in sides}
    own = [side for side in sides if side.name in PEERS]
    for what, _, _ in OPERATIONS:
        for side in own:
            yield from _figures(what, side, by_name.get(PEERS[side.name][0]))
    for side in own:
        yield Row(
            what=f"discovery, {side.name} / {empty.name}",
            figure=side.ms("discovery") / empty.ms("discovery"),
            unit="x",
            note=f"{empty.name} {empty.ms('discovery'):.2f} ms",
        )


def _warm(sides: Sequence[Side], empty: Side) -> None:
    for side in sides:
        for _ in range(50):
            login(side)
    for _ in range(200):
        nothing(empty)


def _figures(what: str, side: Side, beside: Side | None) -> Iterator[Row]:
    bar = BARS.get((what, side.name))
    yield Row(
        what=f"{what}, {side.name}", figure=side.ms(what), bar=bar, at_least=False, unit=" ms"
    )
    if beside is None:
        return
    yield Row(
        what=f"{what}, {side.name} / {beside.name}",
        figure=side.ms(what) / beside.ms(what),
        bar=PEERS[side.name][1] if what == "login" else None,
        at_least=False,
        unit="x",
        note=f"peer {beside.ms(what):.2f} ms",
    )


def argon2_row() -> Iterator[Row]:
    """What checking a password costs besides."""
    stored = hash_password("a long enough password")
    before = time.process_time()
    for _ in range(10):
        assert check_password(stored, "a long enough password")
    spent = (time.process_time() - before) / 10 * 1000
    yield Row(what="argon2id, not part of the rows above", figure=spent, unit=" ms")


def start_rows(*, times: int) -> Iterator[Row]:
    """From the command to the first answer, beside an empty Falcon app that imports SQLAlchemy."""
    own, empty = [], []
    with tempfile.TemporaryDirectory(prefix="eid-bench-") as folder:
        port = free_port()
        config = write_settings(Path(folder), port, "")
        for _ in range(times):
            with running([EID, "serve", "--config", config], port, "/health/ready") as server:
                own.append(server.started_s)
            with empty_app() as server:
                empty.append(server.started_s)
    ratio = statistics.median(own) / statistics.median(empty)
    note = f"{statistics.median(own):.2f} s beside {statistics.median(empty):.2f} s"
    yield Row(what="start / empty app", figure=ratio, bar=1.5, at_least=False, unit="x", note=note)


def memory_rows(*, logins: int) -> Iterator[Row]:
    """Memory of the worker beside the empty app's, and whether it grows."""
    with empty_app() as server:
        empty = server.memory_mib()
    with ours("SQLite", "") as side:
        early = 0.0
        for number in range(1, logins + 1):
            login(side)
            if number == max(logins // 10, 300):
                early = side.server.own_mib()
        late, whole = side.server.own_mib(), side.server.memory_mib()
    yield Row(
        what="memory of a worker / empty app",
        figure=whole / empty,
        bar=1.3,
        at_least=False,
        unit="x",
        note=f"{whole:.0f} MiB beside {empty:.0f} MiB",
    )
    yield Row(
        what=f"growth from login {max(logins // 10, 300)} to {logins}",
        figure=late - early,
        bar=2.0,
        at_least=False,
        unit=" MiB",
    )


@contextmanager
def ours(name: str, database: str) -> Iterator[Side]:
    """`eid serve` with one worker over a database: real settings, accounts and a client."""
    with eid_server(database) as server:
        yield Side(name, server, rp.EID, rp.Person(server.port))


@contextmanager
def eid_server(database: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="eid-bench-") as folder:
        port = free_port()
        config = write_settings(Path(folder), port, database)
        with running([EID, "serve", "--config", config], port, "/health/ready") as server:
            yield server


@contextmanager
def empty_app() -> Iterator[Server]:
    port = free_port()
    with running([sys.executable, EMPTY, str(port)], port, "/") as server:
        yield server


@contextmanager
def peer(name: str, store: str) -> Iterator[Side]:
    port = free_port()
    command = ["node", PLACE / "provider.mjs", str(port), store]
    with running(command, port, rp.DISCOVERY) as server:
        yield Side(name, server, rp.NODE, rp.Person(port))


def peer_is_ready() -> bool:
    """Whether node and the pinned packages are here; they are fetched on first use."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    shutil.copytree(PEER, PLACE, dirs_exist_ok=True)
    if (PLACE / "node_modules" / "oidc-provider").exists():
        return True
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    return subprocess.run(command, cwd=PLACE, capture_output=True, check=False).returncode == 0


@contextmanager
def postgresql() -> Iterator[str | None]:
    """A private server, or None where there is none."""
    place = ROOT / "tests" / "store" / "postgresql.py"
    spec = importlib.util.spec_from_file_location("eid_bench_pg", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.server() as url:
        yield url


def write_settings(place: Path, port: int, database: str) -> Path:
    """An installation in an empty folder, with fictional people and one service."""
    config, at = place / "eid.toml", datetime.now(UTC)
    url = database or f"sqlite:///{place}/eid.db"
    config.write_text(
        f'issuer = "http://127.0.0.1:{port}"\nlisten = "127.0.0.1:{port}"\n'
        f'database = "{url}"\ndata_dir = "{place}/data"\ntrust = "{place}/trust"\n'
        '[agent]\nurl = "http://127.0.0.1:8350"\n[password]\ninsecure_fast_hash = true\n'
    )
    with open_installation(Settings.load(config)) as installation:

        def create(account: Account, *, password: str) -> Account:  # noqa: ARG001
            return installation.accounts.create(account, password=rp.PASSWORD)

        make_people(create, place / "trust", at=at)
        client = client_from_metadata(
            {
                "client_id": rp.CLIENT,
                "client_secret": rp.SECRET,
                "client_name": "Bench",
                "redirect_uris": [rp.CALLBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "scope": rp.SCOPE,
            },
            legal_entity=installation.settings.legal_entity,
        )
        installation.add_clients([client], at=at)
    return config
