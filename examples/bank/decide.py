"""A bank lets a transfer go only if the customer's own card answers this transfer's challenge.

``decide.py new TRANSFER`` prints a challenge to give to the branch. ``decide.py judge TRANSFER
EVIDENCE --trust DIR`` reads the customer's number from standard input and answers yes (0) or
no (1). A challenge is good for one judgement within two minutes.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eid.chip.evidence import Evidence
from eid.chip.verify import BANK, verify
from eid.errors import EidError
from eid.trust.store import TrustStore

LIFETIME = timedelta(minutes=2)
MAX_EVIDENCE = 256 * 1024


def new_challenge(pending: Path, transfer: str) -> bytes:
    """Eight random bytes, remembered for this transfer."""
    pending.mkdir(mode=0o700, exist_ok=True)
    challenge = secrets.token_bytes(8)
    (pending / transfer).write_bytes(challenge)
    return challenge


def take_challenge(pending: Path, transfer: str, *, at: datetime) -> bytes | None:
    """The challenge of this transfer, once: taking the file away is the atomic step."""
    file, taken = pending / transfer, pending / f"{transfer}.{secrets.token_hex(8)}"
    try:
        file.rename(taken)
    except FileNotFoundError:
        return None
    made = datetime.fromtimestamp(taken.stat().st_mtime, UTC)
    challenge = taken.read_bytes()
    taken.unlink()
    return challenge if at - made <= LIFETIME else None


def refusal(
    evidence: Path, trust: TrustStore, *, challenge: bytes | None, number: str, at: datetime
) -> str | None:
    """Why the transfer must not go, as a stable code; None when it may."""
    if challenge is None:
        return "no_open_challenge"
    with evidence.open("rb") as file:
        document = file.read(MAX_EVIDENCE + 1)
    try:
        verify(
            Evidence.from_json(document),
            trust,
            policy=BANK,
            at=at,
            challenge=challenge,
            expect_number=number,
        )
    except EidError as error:
        return error.code
    return None


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("new", "judge"))
    parser.add_argument("transfer", type=lambda text: Path(text).name)
    parser.add_argument("evidence", nargs="?", type=Path)
    parser.add_argument("--trust", type=Path)
    parser.add_argument("--pending", type=Path, default=Path("pending"))
    given = parser.parse_args(arguments)
    if given.command == "new":
        print(new_challenge(given.pending, given.transfer).hex())
        return 0
    if given.evidence is None or given.trust is None:
        parser.error("judge needs EVIDENCE and --trust")
    at = datetime.now(UTC)
    code = refusal(
        given.evidence,
        TrustStore.load(given.trust),
        challenge=take_challenge(given.pending, given.transfer, at=at),
        number=sys.stdin.readline().strip(),
        at=at,
    )
    print(f"no: {code}" if code else "yes: the customer's own card answered just now")
    print("not proven: that the customer stands there; compare the face, or ask for a password")
    return 1 if code else 0


if __name__ == "__main__":
    raise SystemExit(main())
