"""`eid kiosk`: the card agent and kiosk of this machine, its set-up, and an operator's kiosks."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli.inputs import moment, secret
from eid.cli.ports import check_free
from eid.errors import FormatError, ReaderError

if TYPE_CHECKING:
    from eid.app.gate import Gate
    from eid.kiosk.settings import AgentSettings
    from eid.oidc.kiosk_ports import EnrolledKiosk

kiosk = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="The card agent and kiosk of this machine; its set-up; an operator's kiosks.",
)

Operator = Annotated[Path, typer.Option("--config", help="The operator's settings, eid.toml.")]


@kiosk.callback()
def run(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="The machine's settings file, kiosk.toml.")
    ] = None,
) -> int:
    """Run this machine's card agent; with a [kiosk] table, its screens and queue as well.

    It shows pages on loopback and reads a card for a pinned provider.
    """
    if context.invoked_subcommand is not None:
        return 0
    if config is None:
        raise FormatError("Give the settings: eid kiosk --config kiosk.toml.", code="usage")
    return _serve(config)


def _serve(config: Path) -> int:
    from eid.app.listener import listen
    from eid.kiosk.settings import AgentSettings

    settings = AgentSettings.load(config)
    if settings.insecure_virtual_reader:
        typer.echo("eid: warning: virtual readers are allowed: tests only.", err=True)
    host, port = settings.address
    check_free(host, port)
    typer.echo(f"The card agent listens on {settings.origin} (Ctrl-C ends it).", err=True)
    listen("card-agent", (host, port), partial(_load, settings))
    return 0


def _load(settings: AgentSettings) -> Gate:
    from eid.app.gate import Gate
    from eid.kiosk.app import MAX_FORM, create_app
    from eid.kiosk.desk import Desk
    from eid.kiosk.watch import watch

    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    if settings.kiosk is None:
        desk = Desk()
        with contextlib.suppress(ReaderError):  # without pyscard the pages go without its state
            watch(settings, desk.reader_changed)
        return Gate(create_app(settings, desk=desk), max_body=MAX_FORM)
    from eid.app.kiosk import open_kiosk

    program = open_kiosk(settings)
    program.start()
    return Gate(program.app, max_body=MAX_FORM)


@kiosk.command()
def setup(  # noqa: PLR0913 - one option for each thing that a kiosk must be told
    *,
    issuer: Annotated[str, typer.Option(help="The server's address, as its operator gave it.")],
    organisation: Annotated[str, typer.Option(help="Who asks, as people know it.")],
    purpose: Annotated[str, typer.Option(help="What for, in the first language.")],
    folder: Annotated[Path, typer.Option(help="An empty folder for the kiosk's files.")],
    code: Annotated[
        str, typer.Option(help="The invitation; - reads it from standard input.")
    ] = "-",
    listen: Annotated[str, typer.Option(help="Loopback address and port.")] = "127.0.0.1:35970",
    reader: Annotated[str | None, typer.Option(help="A reader by name.")] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="A language, the first one first. May be repeated.")
    ] = None,
    portrait: Annotated[
        bool, typer.Option("--portrait", help="Ask for the portrait, by itself.")
    ] = False,
    insecure_virtual_reader: Annotated[
        bool, typer.Option("--insecure-virtual-reader", help="For tests only.")
    ] = False,
) -> int:
    """Enrol this machine by an invitation and write everything that it needs into one folder."""
    from eid.app.kiosk_setup import LAUNCHER, POLICY, SCREEN_UNIT, UNIT, Wanted, set_up

    wanted = Wanted(
        issuer=issuer.rstrip("/"),
        folder=folder,
        organisation=organisation,
        purpose=purpose,
        listen=listen,
        reader=reader,
        languages=tuple(language or ("vi", "en")),
        portrait=portrait,
        insecure_virtual_reader=insecure_virtual_reader,
    )
    settings = set_up(wanted, secret(code))
    typer.echo(f"Enrolled as {settings.kiosk.id if settings.kiosk else '?'}; written to {folder}:")
    for name in ("kiosk.toml", UNIT, SCREEN_UNIT, POLICY, LAUNCHER):
        typer.echo(f"  {name}")
    typer.echo(f"Run it: eid kiosk --config {folder}/kiosk.toml")
    typer.echo(f"Its screens: {settings.origin}/")
    return 0


@kiosk.command()
def invite(
    config: Operator, name: Annotated[str, typer.Option(help="How you call the kiosk.")]
) -> int:
    """Print an invitation, with which one machine enrols within a day."""
    from eid.app.installation import open_installation
    from eid.app.settings import Settings
    from eid.oidc.kiosks import invite as give_invitation

    with open_installation(Settings.load(config, os.environ)) as installation:
        provider = installation.provider()
        typer.echo(give_invitation(provider, name, by="operator", at=datetime.now(UTC)))
    return 0


@kiosk.command(name="list")
def list_kiosks(
    *,
    config: Operator,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List the enrolled kiosks and how they do."""
    from eid.app.installation import open_installation
    from eid.app.settings import Settings

    with open_installation(Settings.load(config, os.environ)) as installation:
        found = installation.store.kiosks.list()
    if as_json:
        typer.echo(json.dumps([_as_json(item) for item in found], indent=2))
        return 0
    for item in found:
        state = "revoked" if item.revoked_at else "enrolled"
        seen = item.seen_at.isoformat() if item.seen_at else "never seen"
        waiting = item.health.get("waiting", "?")
        reader = item.health.get("reader", "?")
        aside = item.health.get("refused", 0)
        more = f"  refused {aside}" if aside else ""
        doing = f"reader {reader}  waiting {waiting}{more}"
        typer.echo(f"{item.id}  {item.name}  {state}  {seen}  {doing}")
    return 0


@kiosk.command()
def revoke(
    config: Operator, kiosk_id: Annotated[str, typer.Argument(help="As in eid kiosk list.")]
) -> int:
    """End a kiosk's rights, for good: what it brings from now on is refused."""
    from eid.app.installation import open_installation
    from eid.app.settings import Settings
    from eid.oidc.ports import AuditEvent

    at = datetime.now(UTC)
    event = AuditEvent(kind="kiosk.revoked", at=at, detail={"kiosk": kiosk_id})
    with open_installation(Settings.load(config, os.environ)) as installation:
        done = installation.store.kiosks.revoke(kiosk_id, at=at, events=[event])
    if not done:
        raise FormatError("There is no such kiosk with rights left.", code="kiosk.unknown")
    typer.echo("Revoked.")
    return 0


@kiosk.command()
def visits(
    config: Operator,
    since: Annotated[str, typer.Option(help="Received from this moment on, ISO 8601.")],
    most: Annotated[int, typer.Option(help="At most so many.")] = 100,
) -> int:
    """Print visits as JSON lines: how each identity was established, and no name."""
    from eid.app.installation import open_installation
    from eid.app.settings import Settings
    from eid.oidc.kiosk_visits import answer_json

    with open_installation(Settings.load(config, os.environ)) as installation:
        found = installation.store.kiosks.visits(since=moment(since), most=most)
    for visit in found:
        typer.echo(json.dumps(answer_json(visit)))
    return 0


@kiosk.command()
def aside(
    *,
    config: Annotated[Path, typer.Option(help="The machine's settings file, kiosk.toml.")],
    offer: Annotated[
        list[str] | None, typer.Option(help="Offer this visit again. May be repeated.")
    ] = None,
    offer_all: Annotated[
        bool, typer.Option("--offer-all", help="Offer all of them again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List this kiosk's visits that its server refused, and why; offer them again.

    The kiosk may run meanwhile: it delivers what is offered with its next delivery.
    """
    from eid.kiosk.settings import AgentSettings
    from eid.store.queue import OfflineQueue

    own = AgentSettings.load(config).kiosk
    if own is None:
        raise FormatError("This machine is no enrolled kiosk.", code="usage")
    queue = OfflineQueue.open(own.data_dir / "visits.db", {})  # nothing is put, so nothing sealed
    try:
        refused = queue.aside()
        for visit_id in [one.id for one in refused] if offer_all else offer or ():
            if not queue.offer_again(visit_id):
                raise FormatError("No such visit was set aside.", code="queue.unknown")
            typer.echo(f"{visit_id} is offered again.", err=as_json)
        left = queue.aside()
    finally:
        queue.close()
    if as_json:
        typer.echo(json.dumps([{"id": one.id, "code": one.code} for one in left], indent=2))
    else:
        for one in left:
            typer.echo(f"{one.id}  {one.code}")
    return 0


def _as_json(item: EnrolledKiosk) -> dict[str, object]:
    return {
        "id": item.id,
        "name": item.name,
        "enrolled_at": item.enrolled_at.isoformat(),
        "revoked_at": item.revoked_at.isoformat() if item.revoked_at else None,
        "seen_at": item.seen_at.isoformat() if item.seen_at else None,
        "counter": item.head.counter,
        "health": dict(item.health),
    }
