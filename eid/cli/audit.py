"""`eid audit`: the record checked, exported, and asked whom a time concerned."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from eid.cli import inputs
from eid.errors import FormatError

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
audit = typer.Typer(
    help="The record: verify, export, prove, check, affected, reassess.", no_args_is_help=True
)
MAX_HEADS = 16 * 1024 * 1024
MAX_PROOFS, MAX_KEYS = 16 * 1024 * 1024, 64 * 1024


@audit.command()
def verify(
    *,
    config: _Config,
    heads: Annotated[
        Path | None, typer.Option(help="Heads kept outside, one a line, as `export` wrote them.")
    ] = None,
) -> int:
    """Read the whole record again; exit code 1 names the row that was changed."""
    from eid import app

    kept = _lines(heads) if heads else ()
    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        summary = installation.audit.verify(heads=kept)
    typer.echo(json.dumps({"rows": summary.rows, "heads": summary.heads}))
    return 0


@audit.command()
def export(
    *,
    config: _Config,
    rows: Annotated[bool, typer.Option("--rows", help="The rows themselves, as JSON.")] = False,
) -> int:
    """Sign the end of the chain and print every head, for a witness outside; or all rows."""
    from eid import app
    from eid.store.audit_reading import export_rows

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        if rows:
            for line in export_rows(installation.store.database):
                typer.echo(line.decode())
            return 0
        installation.audit.sign_head(datetime.now(UTC))
        for head in installation.audit.heads():
            typer.echo(head)
    return 0


@audit.command()
def prove(
    *,
    config: _Config,
    node: Annotated[str, typer.Option(help="The node, as `eid account history` names it.")],
    seq: Annotated[int, typer.Option(help="The row's number.")],
) -> int:
    """Print a proof that one row is in the record, without the other rows."""
    from eid import app
    from eid.store import audit_reading

    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        proof = audit_reading.prove(
            installation.store.database, installation.audit, node, seq, at=datetime.now(UTC)
        )
    typer.echo(json.dumps(proof.to_json(), ensure_ascii=False, indent=2))
    return 0


@audit.command()
def key(*, config: _Config) -> int:
    """Print the public key of the record's heads, as a JWK set: give it to whoever checks."""
    from eid import app
    from eid.keys import load_or_create_signing_key

    settings = app.Settings.load(config, os.environ)
    public = load_or_create_signing_key(settings.data_dir, "audit").public_jwk()
    typer.echo(json.dumps({"keys": [public]}))
    return 0


@audit.command()
def check(
    *,
    file: Annotated[Path, typer.Argument(help="A page of one's own log, or `account access`.")],
    keys: Annotated[Path, typer.Option(help="The public key, as `eid audit key` prints it.")],
) -> int:
    """Check the proofs of a person's own log, without the database; exit code 1 if one is wrong."""
    from eid.keys import JwkSet, parse_json_object
    from eid.store.own_proofs import check_proofs

    trusted = JwkSet.from_jwks(parse_json_object(_read(keys, MAX_KEYS)))
    proofs = check_proofs(
        parse_json_object(_document(_read(file, MAX_PROOFS)), max_size=MAX_PROOFS), trusted
    )
    for proof in proofs:
        at = datetime.fromtimestamp(int(str(proof.row["at"])), UTC).isoformat()
        typer.echo(f"ok {proof.row['node']}/{proof.row['seq']} {at} {proof.row['kind']}")
    typer.echo(f"{len(proofs)} rows are in the record as they were written.")
    return 0


@audit.command()
def affected(
    *,
    config: _Config,
    start: Annotated[str, typer.Option("--from", help="The first moment, ISO 8601.")],
    end: Annotated[str, typer.Option("--to", help="The moment after the last, ISO 8601.")],
) -> int:
    """List the accounts that a window of time concerned: whom a breach must be told to."""
    from eid import app
    from eid.store import audit_reading

    first, last = inputs.moment(start), inputs.moment(end)
    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        found = audit_reading.affected(installation.store.database, first, last)
    for one in found:
        document = {"account": one.account, "rows": one.rows, "clients": list(one.clients)}
        typer.echo(json.dumps(document))
    return 0


@audit.command()
def reassess(
    *,
    config: _Config,
    start: Annotated[str, typer.Option("--from", help="The first moment, ISO 8601.")],
    end: Annotated[str, typer.Option("--to", help="The moment after the last, ISO 8601.")],
) -> int:
    """Judge what services were told again, by the rules of its day; exit code 1 if one differs."""
    from eid import app
    from eid.levels.past import PastAssertion, reassess
    from eid.levels.rules import Rules
    from eid.store import audit_reading

    first, last, rules = inputs.moment(start), inputs.moment(end), Rules.load()
    count = differing = 0
    with app.open_installation(app.Settings.load(config, os.environ)) as installation:
        for one in audit_reading.told(installation.store.database, first, last):
            result, count = reassess(PastAssertion.from_text(one.grounds), rules), count + 1
            if result.differs:
                differing += 1
                document = {
                    "row": one.place,
                    "account": one.account,
                    "client": one.client,
                    "differs": list(result.differs),
                }
                typer.echo(json.dumps(document))
    typer.echo(f"{count} assertions, {differing} said more than the rules of their day give.")
    return 1 if differing else 0


def _lines(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        text = file.read(MAX_HEADS).decode("ascii", "replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _document(content: bytes) -> bytes:
    """The proofs that a page carries, or the file itself."""
    from eid.admin.own_log import DATA

    mark = f'href="{DATA}'.encode()
    if mark not in content:
        return content
    try:
        return base64.b64decode(content.partition(mark)[2].partition(b'"')[0], validate=True)
    except ValueError as error:
        raise FormatError("The page carries no proofs.", code="audit.proof") from error
