"""`eid account`: the people who log in, and the officers at the counter."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.admin.own_log import LogLine, own_log_page
from eid.cli import inputs
from eid.cli.files import write_private
from eid.errors import AccountError, FormatError, SettingsError

if TYPE_CHECKING:
    from eid.app import Installation, Settings
    from eid.app.installation import ManualProof
    from eid.levels.account import Account, Event, LockGround
    from eid.store import AuditRow

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
_Username = Annotated[str, typer.Option(help="Login name.")]
_By = Annotated[str, typer.Option(help="Who does it, for the record.")]
_Reason = Annotated[str, typer.Option(help="Why, for the record; no personal data.")]
account = typer.Typer(
    help="Accounts: add, show, lock, unlock, close; their history and cases.", no_args_is_help=True
)


@account.command()
def add(  # noqa: PLR0913 - one parameter per option
    *,
    config: _Config,
    username: _Username,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from one line of stdin.")
    ] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(help="A role: officer, supervisor, reception. May be repeated."),
    ] = None,
    level: Annotated[int, typer.Option(help="0, or a level that an officer proofed.")] = 0,
    proofed_by: Annotated[str, typer.Option(help="The officer who proofed the person.")] = "",
    reason: Annotated[str, typer.Option(help="How the person was proofed, for the record.")] = "",
    insecure_unproofed: Annotated[
        bool,
        typer.Option(
            "--insecure-unproofed", help="Give a fictional person a level; loopback issuers only."
        ),
    ] = False,
) -> int:
    """Add an account.

    A level needs the officer who proofed the person, and a reason.
    """
    from eid import app
    from eid.admin.officers import ROLES

    settings = app.Settings.load(config, os.environ)
    roles = frozenset(role or ())
    if roles - set(ROLES):
        raise FormatError(f"There is no such role; known: {', '.join(ROLES)}.", code="input.role")
    if insecure_unproofed:
        proofed_by, reason = _unproofed(settings, proofed_by, reason)
    proof = _proof(level, proofed_by, reason)
    with app.open_installation(settings) as installation:
        created = installation.add_account(
            username=username,
            password=_password(from_stdin=password_stdin),
            roles=roles,
            proof=proof,
            at=datetime.now(UTC),
        )
    typer.echo(created.id)
    return 0


@account.command()
def show(*, config: _Config, username: _Username) -> int:
    """Show state and level, no personal data."""
    with opened(config, username) as (_installation, found):
        document = {
            "id": found.id,
            "username": found.username,
            "state": found.state,
            "level": found.level,
            "holder_match": found.holder_match,
            "source": found.source,
            "roles": sorted(found.roles),
            "lock_ground": found.lock_ground,
            "representative": found.representative,
        }
    typer.echo(json.dumps(document, indent=2))
    return 0


@account.command("officer-link")
def officer_link(*, config: _Config, username: _Username, by: _By) -> int:
    """Print a link, good once and for a day, by which an officer enrols a passkey."""
    from eid.admin.sessions import link
    from eid.app.counter import counter_of

    with opened(config, username) as (installation, found):
        typer.echo(link(counter_of(installation), found, by=by, at=datetime.now(UTC)))
    return 0


@account.command()
def lock(
    *,
    config: _Config,
    username: _Username,
    by: _By,
    reason: _Reason,
    ground: Annotated[
        str, typer.Option(help="Why, by the law: own_request, card_withdrawn, death …")
    ] = "own_request",
) -> int:
    """Lock an account: nobody can log in with it."""
    from eid.levels.account import LOCK_GROUNDS

    known = next((one for one in LOCK_GROUNDS if one == ground), None)
    if known is None:
        raise FormatError(
            f"There is no such ground; known: {', '.join(LOCK_GROUNDS)}.", code="input.ground"
        )
    return happen(config, username, "locked", by=by, reason=reason, ground=known)


@account.command()
def unlock(*, config: _Config, username: _Username, by: _By, reason: _Reason) -> int:
    """Unlock an account; one locked for good stays locked."""
    return happen(config, username, "unlocked", by=by, reason=reason)


@account.command()
def close(*, config: _Config, username: _Username, by: _By, reason: _Reason) -> int:
    """Close an account for good; its record stays, `erase` removes the person."""
    return happen(config, username, "closed", by=by, reason=reason)


@account.command()
def history(
    *,
    config: _Config,
    username: _Username,
    page: Annotated[
        Path | None, typer.Option(help="Write the person's own log as a page to print, instead.")
    ] = None,
) -> int:
    """Print what the record says of an account, newest first, one JSON object a line.

    A page has a proof for each of its newest 500 lines; `eid audit check` checks them.
    """
    with opened(config, username) as (installation, found):
        rows = installation.audit.of_account(found.id, limit=10_000)
        if page is not None:
            write_private(page, _log_page(installation, found, rows))
            return 0
    for row in rows:
        document = {
            "at": row.event.at.isoformat(),
            "kind": row.event.kind,
            "client": row.event.client,
            "detail": dict(row.event.detail),
            "node": row.node,
            "seq": row.seq,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
    return 0


@account.command()
def access(*, config: _Config, username: _Username, by: _By) -> int:
    """Print everything about one person as JSON, for that person; the look goes on record."""
    with opened(config, username) as (installation, found):
        document = installation.store.subjects.access(found.id, by=by, at=datetime.now(UTC))
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    return 0


@account.command()
def erase(
    *,
    config: _Config,
    username: _Username,
    by: _By,
    reason: _Reason,
    backup_keys: Annotated[
        list[Path] | None,
        typer.Option(help="A key file of backups to erase the person from. May be repeated."),
    ] = None,
) -> int:
    """Close the account and destroy the person's data and key; the record stays."""
    from eid.store.backup import erase_from_keys

    with opened(config, username) as (installation, found):
        now = datetime.now(UTC)
        installation.store.subjects.erase(found.id, by=by, reason=reason, at=now)
        for keys in backup_keys or ():
            erase_from_keys(keys, found.id)
    typer.echo(f"Erased; what the law keeps names {found.id} only.")
    return 0


@account.command()
def cases(
    *,
    config: _Config,
    decide: Annotated[str, typer.Option(help="The id of the case to decide.")] = "",
    decision: Annotated[str, typer.Option(help="What was decided, one word.")] = "",
    by: Annotated[str, typer.Option(help="The officer who decides, or opens.")] = "",
    start: Annotated[
        str, typer.Option("--open", help="Open a case: breach, subject_request, lock_request …")
    ] = "",
    username: Annotated[str, typer.Option(help="Whose account the new case is about.")] = "",
) -> int:
    """List the open cases, the first due first; or decide one, or open one that has a deadline."""
    from eid import app

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        book, now = installation.accounts.cases, datetime.now(UTC)
        if start:
            _open_case(installation, start, username, by=by, at=now)
        if decide:
            if not (decision and by):
                raise FormatError("A decision needs --decision and --by.", code="input.decision")
            book.decide(decide, decision, by=by, at=now)
        for case in book.pending():
            document = {
                "id": case.id,
                "kind": case.kind,
                "account": case.account,
                "other": case.other,
                "due_at": case.due_at.isoformat() if case.due_at else None,
                "overdue": case.is_overdue(now),
            }
            typer.echo(json.dumps(document))
    return 0


def _log_page(installation: Installation, found: Account, rows: Sequence[AuditRow]) -> bytes:
    from eid.store.own_proofs import bundle, prove_account

    lines = [
        LogLine(
            at=row.event.at,
            kind=row.event.kind,
            client=row.event.client,
            detail=row.event.detail,
            place=f"{row.node}/{row.seq}",
        )
        for row in rows
    ]
    database, now = installation.store.database, datetime.now(UTC)
    proofs = prove_account(database, installation.audit, found.id, at=now)
    document = json.dumps({"proofs": bundle(proofs)}, ensure_ascii=False).encode()
    return own_log_page(lines, name=found.username, proofs=document).encode()


def _open_case(
    installation: Installation, kind: str, username: str, *, by: str, at: datetime
) -> None:
    from eid.store.cases import RULES as KINDS

    known = next((one for one in KINDS if one == kind), None)
    if known is None or not by:
        raise FormatError(
            f"A case needs --by and a kind: {', '.join(KINDS)}.", code="input.case_kind"
        )
    found = installation.accounts.by_username(username) if username else None
    if username and found is None:
        raise AccountError("There is no such account.", code="account.unknown")
    about = found.id if found else None
    installation.accounts.cases.open(known, account=about, other=None, by=by, at=at)


@contextmanager
def opened(config: Path, username: str) -> Iterator[tuple[Installation, Account]]:
    """The installation, and the account of this name in it; AccountError ``account.unknown``."""
    from eid import app

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        found = installation.accounts.by_username(username)
        if found is None:
            raise AccountError("There is no such account.", code="account.unknown")
        yield installation, found


def happen(
    config: Path,
    username: str,
    event: Event,
    *,
    by: str,
    reason: str,
    ground: LockGround = "own_request",
) -> int:
    """Let an event happen to an account, and say where it stands then."""
    inputs.required(by, reason)
    with opened(config, username) as (installation, found):
        moved = installation.accounts.happen(
            found.id, event, by=by, reason=reason, at=datetime.now(UTC), ground=ground
        )
    typer.echo(f"{moved.username}: {moved.state}, level {moved.level}")
    return 0


def _proof(level: int, proofed_by: str, reason: str) -> ManualProof | None:
    from eid.app.installation import ManualProof

    if level == 0 and not proofed_by and not reason:
        return None
    if level == 1:
        return ManualProof(level=1, officer=proofed_by, reason=reason)
    if level == 2:
        return ManualProof(level=2, officer=proofed_by, reason=reason)
    raise FormatError("A proofed level is 1 or 2.", code="input.level")


def _unproofed(settings: Settings, proofed_by: str, reason: str) -> tuple[str, str]:
    if not settings.development:
        raise SettingsError(
            "Unproofed levels are for loopback issuers with fictional people.",
            key="issuer",
            expected="an http issuer on loopback",
        )
    return proofed_by or "nobody", reason or "insecure-unproofed"


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return inputs.line()
    if not sys.stdin.isatty():
        raise FormatError("Give the password by --password-stdin.", code="input.password")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise FormatError("The two passwords differ.", code="input.password")
    return password
