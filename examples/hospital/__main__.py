"""``python -m examples.hospital``: a hospital's reception on loopback, with fictional patients.

``python -m examples.hospital rush --seed 1`` plays the morning rush and prints its table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from ..kit.pages import end_on_sigterm, server
from .insurance import Breaker, FakePortal
from .kiosk import create_kiosk
from .reception import Reception, create_app
from .rush import Morning, table
from .trial import Trial, printed_code, trial_book


def serve(arguments: argparse.Namespace) -> None:
    """Serve the reception until Ctrl-C; a real hospital gives it its own reader and portal."""
    trial = Trial(datetime.now(UTC))
    portal = Breaker(FakePortal(fault=arguments.portal))
    with tempfile.TemporaryDirectory(prefix="hospital-") as folder:
        checkin = trial.checkin(trial_book(Path(folder)), portal)
        reception = Reception(checkin, trial.put_down, clerk="Lê Tiếp Đón")
        origin = f"http://127.0.0.1:{arguments.port}"
        listen = f"127.0.0.1:{arguments.port + 1}"
        kiosk = create_kiosk(checkin, listen=listen, folder=Path(folder), put_down=trial.put_down)
        with (
            server("127.0.0.1", arguments.port, create_app(reception, origin=origin)) as running,
            server("127.0.0.1", arguments.port + 1, kiosk) as beside,
        ):
            threading.Thread(target=beside.serve_forever, daemon=True).start()
            print(f"reception {origin}/")
            print(f"kiosk     http://{listen}/")
            for person in trial.people.values():
                print(f"  {person.number}  {printed_code(person)}")
            sys.stdout.flush()
            running.serve_forever()


def main() -> None:
    """One command or the other."""
    parser = argparse.ArgumentParser(prog="examples.hospital", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8490)
    parser.add_argument(
        "--portal",
        default="",
        choices=("", "slow", "down", "no_data", "two_answers"),
        help="make the insurance portal misbehave",
    )
    rush = parser.add_subparsers(dest="command").add_parser("rush", help="play the morning rush")
    rush.add_argument("--seed", type=int, default=1)
    rush.add_argument("--patients", type=int, default=300)
    rush.add_argument("--minutes", type=int, default=60)
    arguments = parser.parse_args()
    if arguments.command == "rush":
        morning = Morning(
            seed=arguments.seed, patients=arguments.patients, minutes=arguments.minutes
        )
        print(table(morning))
        return
    end_on_sigterm()
    try:
        serve(arguments)
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
