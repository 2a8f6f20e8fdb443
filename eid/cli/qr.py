"""`eid qr …`: issue codes, look at them, verify them, find them in pictures, withdraw them."""

from __future__ import annotations

import typer

from eid.cli.qr_check import verify
from eid.cli.qr_issue import issue
from eid.cli.qr_presence import answer, ask
from eid.cli.qr_show import scan, show
from eid.cli.qr_status import status
from eid.cli.qr_verifier import verifier

qr = typer.Typer(
    help="QR codes: issue, show, verify, scan, status, presence, and the verifier page.",
    no_args_is_help=True,
)
qr.command("issue")(issue)
qr.command("show")(show)
qr.command("verify")(verify)
qr.command("scan")(scan)
qr.command("status")(status)
qr.command("ask")(ask)
qr.command("answer")(answer)
qr.command("verifier")(verifier)
