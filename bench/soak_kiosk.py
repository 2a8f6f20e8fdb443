"""Offline visits under the axe: ``python -m bench.soak_kiosk --visits 1000 --kills 50``.

A kiosk in a process of its own records visits while the line is down, then delivers them to a
real provider over HTTP; at random moments of both it is killed with SIGKILL and started anew. At the
end every visit must have arrived, in order, none twice and none missing; else the run ends with 1.

Each visit carries its own answer of the chip's key to its own challenge of the chain. The card is
not read anew for each (that is other tests' business): its files are read once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import secrets
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

from bench.soak_kiosk_work import work
from eid.chip.access import can_from_number, personal_number
from eid.chip.plan import PLANS
from eid.chip.read import read
from eid.testing.people import PEOPLE

if TYPE_CHECKING:
    from tests.kiosk.field import Field

_LONGEST_S = 1_800.0


def _kill_and_restart(
    start: Callable[[], ForkServerProcess],
    progress: Callable[[], int],
    marks: list[int],
    rng: random.Random,
) -> int:
    """Kill whenever a mark is passed, and a random moment later; how often that was."""
    killed, deadline = 0, time.monotonic() + _LONGEST_S
    child = start()
    while child.exitcode != 0:
        if time.monotonic() > deadline:
            child.kill()
            raise SystemExit("soak: the run does not come to its end")
        if child.exitcode not in {None, 0, -signal.SIGKILL}:
            raise SystemExit(f"soak: the kiosk ended with {child.exitcode}")
        if marks and progress() >= marks[0]:
            marks.pop(0)
            time.sleep(rng.random() * 0.03)
            child.kill()
            child.join()
            killed += child.exitcode == -signal.SIGKILL
            child = start()
        time.sleep(0.002)
    return killed


def run(folder: Path, *, visits: int, kills: int, seed: int) -> int:
    """The whole run; 0 if nothing is missing and nothing is doubled."""
    from tests.kiosk.field import in_the_field  # noqa: PLC0415 - children go without

    rng = random.Random(seed)
    with in_the_field(folder) as field:
        field.kiosk.queue.close()
        _prepare(field)
        half = kills // 2
        log = folder / "accepted"

        def accepted() -> int:
            return log.read_bytes().count(b"\n") if log.exists() else 0

        def arrived() -> int:
            kiosk = field.installation.store.kiosks.list()[0]
            return kiosk.head.counter

        began = time.process_time()
        killed = 0
        for task, progress, count in (
            ("record", accepted, half),
            ("deliver", arrived, kills - half),
        ):
            start = _starter(folder, task, visits)
            marks = sorted(rng.sample(range(1, visits), count))
            killed += _kill_and_restart(start, progress, marks, rng)
        seen = log.read_text().split()
        return _judge(field, seen, visits=visits, killed=killed, cpu=time.process_time() - began)


def _judge(field: Field, seen: list[str], *, visits: int, killed: int, cpu: float) -> int:
    arrived = field.received()
    ids = Counter(visit.record.id for visit in arrived)
    counters = sorted(visit.record.counter for visit in arrived)
    faults = {
        "accepted but missing": len(set(seen) - set(ids)),
        "twice": sum(count - 1 for count in ids.values()),
        "places not 1…n": counters != list(range(1, visits + 1)),
        "not next in the chain": sum(visit.place != "next" for visit in arrived),
        "not accepted by the provider": sum(visit.verdict != "accepted" for visit in arrived),
        "in another order than received": [v.record.counter for v in arrived] != counters,
    }
    print(
        f"{len(arrived)} visits delivered, {killed} times killed "
        f"(provider {cpu:.1f} s CPU); "
        + "; ".join(f"{name}: {int(count)}" for name, count in faults.items())
    )
    return 1 if any(faults.values()) or len(arrived) != visits else 0


def _prepare(field: Field) -> None:
    number = personal_number(PEOPLE["thu"].number)
    evidence = read(
        field.card(), can_from_number(number), plan=PLANS["kiosk"], challenge=bytes(8),
        at=field.clock.server(),
    )  # fmt: skip
    (field.folder / "evidence.json").write_bytes(evidence.to_json())
    (field.folder / "chip.der").write_bytes(field.image.aa_private_key)


def _starter(folder: Path, task: str, visits: int) -> Callable[[], ForkServerProcess]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.soak_kiosk_work"])

    def start() -> ForkServerProcess:
        child = context.Process(target=work, args=(folder, task, visits))
        child.start()
        return child

    return start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="eid-soak-") as folder:
        return run(Path(folder), visits=given.visits, kills=given.kills, seed=seed)


if __name__ == "__main__":
    raise SystemExit(main())
