"""Throw mutated bytes at parsers for a bounded time: ``python -m tests.fuzz [ROOM …]``.

A target takes bytes and may raise `FormatError` and nothing else (house §8). A room is a module of
this folder with ``TARGETS``, a table of name → (function, seeds). The seed of the random numbers is
printed with every finding, so that it can be repeated: ``FUZZ_SEED=…``.
"""

import argparse
import importlib
import os
import random
import sys
import time
import traceback
from pathlib import Path

from eid.errors import EidError

ROOMS = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x18, 0x1B, 0x5F, 0x9F, 0xBF, 0xC0, 0xFB)


def mutated(chosen: random.Random, seed: bytes) -> bytes:
    """*seed* with a few bytes changed, removed, repeated or put in."""
    data = bytearray(seed)
    for _ in range(chosen.randint(1, 6)):
        at = chosen.randrange(len(data) + 1)
        match chosen.randrange(6):
            case 0:
                data[at : at + 1] = bytes([chosen.choice(INTERESTING)])
            case 1:
                data[at : at + 1] = chosen.randbytes(1)
            case 2:
                del data[at : at + chosen.randint(1, 8)]
            case 3:
                data[at:at] = chosen.randbytes(chosen.randint(1, 8))
            case 4:
                data[at:at] = data[at : at + chosen.randint(1, 32)]
            case _:
                del data[at:]
    return bytes(data)


def fuzz(name: str, target, seeds: list[bytes], *, seconds: float, seed: int) -> int:
    """Run one target; gives the number of inputs that it could not bear."""
    chosen = random.Random(f"{name}:{seed}")
    found, tried, slowest, ends = 0, 0, 0.0, time.monotonic() + seconds
    while time.monotonic() < ends and not found:
        data = mutated(chosen, chosen.choice(seeds))
        began = time.thread_time()
        try:
            target(data)
        except EidError:
            pass
        except Exception:
            found += 1
            print(f"{name}: FUZZ_SEED={seed} input {data.hex()}\n{traceback.format_exc()}")
        tried += 1
        slowest = max(slowest, time.thread_time() - began)
    print(f"{name:32} {tried:8} inputs, slowest {1e3 * slowest:.1f} ms, {found} findings")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=", ".join(ROOMS))
    options = parser.parse_args()
    seconds = float(os.environ.get("FUZZ_SECONDS", "20"))
    seed = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(1 << 32)))
    found = 0
    for room in options.rooms or ROOMS:
        for name, (target, seeds) in importlib.import_module(f"tests.fuzz.{room}").TARGETS.items():
            found += fuzz(f"{room}.{name}", target, seeds, seconds=seconds, seed=seed)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
