"""`eid qr status`: withdraw, suspend or restore a credential, or ask whether it still holds."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import inputs, qr_input
from eid.cli.signed_lists import named_list, source
from eid.errors import EidError, FormatError

_ACTIONS = ("check", "withdraw", "suspend", "restore")


def status(  # noqa: PLR0913 - one parameter per option
    action: Annotated[str, typer.Argument(help="check, withdraw, suspend or restore.")],
    index: Annotated[int, typer.Argument(min=0, help="The credential's place in the list.")],
    *,
    config: Annotated[
        Path | None, typer.Option(help="eid.toml of the issuer; for withdraw, suspend, restore.")
    ] = None,
    status_list: Annotated[
        str | None, typer.Option("--list", help="For check: URI=FILE or URI of the status list.")
    ] = None,
    issuer: Annotated[
        list[Path] | None,
        typer.Option(help='For check: whom to believe, {"issuer": URL, "keys": [JWK …]}.'),
    ] = None,
    max_stale_hours: Annotated[
        float, typer.Option(min=0, max=8760, help="How long the list counts past its own time.")
    ] = 0,
    at: Annotated[str | None, typer.Option(help="Judge as of this ISO 8601 moment.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Change the status of a credential at its issuer, or check it against a signed list.

    Exit code 0 done or still valid, 1 withdrawn, suspended or refused, 2 unusable input.
    """
    if action not in _ACTIONS:
        raise FormatError(f"Known actions are {', '.join(_ACTIONS)}.", code="input.action")
    if action != "check":
        _change(action, index, config)
        report: dict[str, object] = {"index": index, "done": action}
        code = 0
    else:
        report = _check(index, status_list, issuer or [], max_stale_hours, at)
        code = 0 if report["status"] == "valid" else 1
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        typer.echo(", ".join(f"{name} {value}" for name, value in report.items()))
    return code


def _change(action: str, index: int, config: Path | None) -> None:
    from eid.app.qr_lists import register_of
    from eid.app.settings import Settings
    from eid.qr import status as lists

    if config is None:
        raise FormatError("Name the issuer's --config.", code="input.config")
    values = {"withdraw": lists.INVALID, "suspend": lists.SUSPENDED, "restore": lists.VALID}
    register_of(Settings.load(config)).set_status(index, values[action])


def _check(
    index: int, named: str | None, issuer: list[Path], max_stale_hours: float, at: str | None
) -> dict[str, object]:
    from eid.qr.credential import StatusReference
    from eid.qr.issuers import IssuerKeys
    from eid.qr.status import StatusLists, verify_list

    if named is None or not issuer:
        raise FormatError("Name the --list and the --issuer.", code="input.list")
    uri, place = named_list(named)
    keys, moment = IssuerKeys.of(qr_input.issuer_keys(issuer)), inputs.moment(at)
    stale = timedelta(hours=max_stale_hours)
    held = verify_list(source(place)(), keys, uri=uri, at=moment, max_stale=stale)
    report: dict[str, object] = {"index": index, "uri": uri, "as_of": held.issued_at.isoformat()}
    try:
        answer = StatusLists.of([held], max_stale=stale)(
            StatusReference(uri=uri, index=index), issuer=held.issuer, at=moment
        )
    except EidError as e:
        return {**report, "status": "refused", "code": e.code}
    return {**report, "status": "valid", "freshness": answer.freshness}
