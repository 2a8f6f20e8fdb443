"""`eid trust`: the anchors, links, signers and lists that this installation relies on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.errors import FormatError, SettingsError

if TYPE_CHECKING:
    from eid.trust.certificates import Certificate
    from eid.trust.importing import Plan
    from eid.trust.manifest import Manifest
    from eid.trust.store import TrustStore

REFUSED = 1
_MIN_PREFIX = 8
_MAX_PIN = 1 << 20

trust = typer.Typer(help="Anchors, links, signers and revocation lists.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--trust", help="Trust folder: csca/, link/, ds/, crl/.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]
At = Annotated[str | None, typer.Option(help="As of this ISO 8601 moment.")]


@trust.command("import")
def import_(  # noqa: PLR0913 - one parameter per option
    sources: Annotated[
        list[Path], typer.Argument(help="Certificates, CRLs, PEM, master lists, LDIF, folders.")
    ],
    *,
    folder: Folder,
    signer: Annotated[
        list[Path] | None,
        typer.Option(help="Pin under which a master list is believed: its signer, or its root."),
    ] = None,
    max_age_days: Annotated[int, typer.Option(help="Refuse older master lists.")] = 365,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    at: At = None,
    as_json: Json = False,
) -> int:
    """Take files into the trust folder, all in one step.

    Exit code 0 all taken, 1 something was refused (the rest was taken), 2 unusable input.
    """
    from eid.trust.importing import Terms, carry_out, plan_import
    from eid.trust.manifest import only_writer

    terms = Terms(
        pins=tuple(one for path in signer or () for one in _pins(path)),
        at=inputs.moment(at),
        max_age=timedelta(days=max_age_days),
    )
    files = [file for source in sources for file in _files(source)]
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise FormatError(f"There is no trust folder {folder}.", code="input.trust")
    with only_writer(folder):
        plan = plan_import(folder, files, terms)
        if not dry_run and (plan.additions or dict(plan.lists)):
            carry_out(folder, plan)
    _tell_plan(plan, as_json=as_json, dry_run=dry_run)
    return REFUSED if plan.problems else 0


@trust.command("list")
def list_(*, folder: Folder, as_json: Json = False) -> int:
    """List everything that counts, with where it came from."""
    from eid.trust.manifest import read_manifest

    store, manifest = inputs.trust_store(folder), read_manifest(folder)
    rows = [_row(path, one, manifest) for path, one in store.sources()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for row in rows:
        typer.echo(
            f"{row['kind']:5} {row['not_after'][:10]} {row['fingerprint'][:16]} {row['subject']}"
        )
    return 0


@trust.command()
def show(
    fingerprint: Annotated[str, typer.Argument(help="The first digits of a SHA-256.")],
    *,
    folder: Folder,
    as_json: Json = False,
) -> int:
    """Show one certificate and its provenance."""
    from eid.trust.manifest import read_manifest

    path, certificate = _one(inputs.trust_store(folder), fingerprint)
    row = _row(path, certificate, read_manifest(folder))
    if as_json:
        typer.echo(json.dumps(row, ensure_ascii=False, indent=2))
    else:
        for key, value in row.items():
            typer.echo(f"{key:15} {value}")
    return 0


@trust.command()
def remove(
    fingerprints: Annotated[list[str], typer.Argument(help="The first digits of a SHA-256.")],
    *,
    folder: Folder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> int:
    """Take certificates out of the trust folder."""
    from eid.trust.importing import remove as take_out
    from eid.trust.manifest import only_writer

    with only_writer(inputs.existing(folder)):
        store = inputs.trust_store(folder)
        chosen = [_one(store, fingerprint) for fingerprint in fingerprints]
        if not dry_run:
            take_out(folder, {path for path, _ in chosen})
    for path, certificate in chosen:
        typer.echo(f"- {path} {certificate.subject.text}")
    return 0


@trust.command()
def check(*, folder: Folder, at: At = None, as_json: Json = False) -> int:
    """Say what runs out, has run out, or cannot be used. Exit code 1 if anything is bad."""
    from eid.trust.manifest import read_manifest
    from eid.trust.store import TrustStore
    from eid.trust.upkeep import check_store

    store = TrustStore.load(inputs.existing(folder))
    found = check_store(store, read_manifest(folder), at=inputs.moment(at))
    if as_json:
        rows = [{"grade": f.grade, "code": f.code, "about": f.about} for f in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for one in found:
            typer.echo(f"{one.grade:5} {one.about}: {one.message} ({one.code})")
        typer.echo(f"{store!r}, {len(found)} findings.")
    return REFUSED if any(one.grade == "bad" for one in found) else 0


@trust.command()
def candidates(
    sources: Annotated[
        list[Path], typer.Argument(help="Signers, EF.SOD files, evidence, or folders of them.")
    ],
    *,
    as_json: Json = False,
) -> int:
    """Recover the keys of authorities that are not published from the signers they issued.

    A candidate is never trusted: confirm its fingerprint with the authority, then pin the
    authority's certificate. Exit code 1 if nothing was found.
    """
    from eid.cli.signers import signers_in
    from eid.trust.candidates import find_candidates

    files = [file for source in sources for file in _files(source)]
    found = find_candidates(one for file in files for one in signers_in(file))
    if as_json:
        document = {
            "candidates": [
                {
                    "issuer": _line(one.issuer),
                    "curve": one.curve,
                    "fingerprint": one.fingerprint,
                    "point": one.point.hex(),
                    "signers": one.signers,
                    "key_id_confirmed": one.key_id_confirmed,
                    "first": one.first.isoformat(),
                    "last": one.last.isoformat(),
                }
                for one in found.found
            ],
            "unresolved": [
                {"issuer": _line(one.issuer), "signers": one.signers, "code": one.code}
                for one in found.unresolved
            ],
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return 0 if found.found else REFUSED
    for one in found.found:
        confirmed = "confirmed by" if one.key_id_confirmed else "NOT confirmed by"
        typer.echo(
            f"{_line(one.issuer)}\n  {one.curve}, SHA-256 of the point {one.fingerprint}\n"
            f"  agreed by {one.signers} signers ({one.first:%Y-%m-%d} to {one.last:%Y-%m-%d}), "
            f"{confirmed} the key identifier"
        )
    for left in found.unresolved:
        typer.echo(f"{_line(left.issuer)}: {left.signers} signers gave nothing ({left.code})")
    typer.echo("Never trusted by itself: confirm the fingerprint with the authority.")
    return 0 if found.found else REFUSED


def _files(source: Path) -> list[Path]:
    """The file itself, or the plain files of a folder in order of name."""
    if not source.is_dir():
        return [source]
    return sorted(path for path in source.iterdir() if path.is_file() and path.name[0] != ".")


def _pins(path: Path) -> list[Certificate]:
    from eid.trust.certificates import parse_certificate
    from eid.trust.folder import unwrap

    with path.open("rb") as file:
        return [parse_certificate(der) for der in unwrap(file.read(_MAX_PIN))]


def _tell_plan(plan: Plan, *, as_json: bool, dry_run: bool) -> None:
    for problem in plan.problems:
        typer.echo(f"eid: refused: {problem.source}: {problem.message} ({problem.code})", err=True)
    if as_json:
        document = {
            "dry_run": dry_run,
            "added": [
                {"path": one.entry.path, "title": one.title, "sha256": one.entry.sha256}
                for one in plan.additions
            ],
            "superseded": list(plan.superseded),
            "already_there": plan.present,
            "refused": [{"source": p.source, "code": p.code} for p in plan.problems],
            "orphans": list(plan.orphans),
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for one in plan.additions:
        typer.echo(f"+ {one.entry.path.partition('/')[0]:4} {one.title}")
    for path in plan.superseded:
        typer.echo(f"- {path} (superseded)")
    for title in plan.orphans:
        typer.echo(f"? link without its issuer: {title}")
    verb = "would be added" if dry_run else "added"
    typer.echo(
        f"{len(plan.additions)} {verb}, {plan.present} were there already, "
        f"{len(plan.problems)} refused."
    )


def _row(path: str, certificate: Certificate, manifest: Manifest | None) -> dict[str, str]:
    from eid.trust.manifest import Entry

    entry = (manifest.entries if manifest else {}).get(path) or Entry(path=path, sha256="")
    return {
        "kind": path.partition("/")[0],
        "path": path,
        "country": certificate.subject.country,
        "subject": _line(certificate.subject.text),
        "issuer": _line(certificate.issuer.text),
        "serial": f"{certificate.serial:x}",
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "fingerprint": certificate.fingerprint,
        "source": _line(entry.source),
        "source_sha256": entry.source_sha256,
        "signed_by": entry.signed_by,
        "imported_at": entry.imported_at,
        "findings": ", ".join(certificate.findings),
    }


def _one(store: TrustStore, prefix: str) -> tuple[str, Certificate]:
    wanted = prefix.replace(":", "").lower()
    found = [(path, one) for path, one in store.sources() if one.fingerprint.startswith(wanted)]
    if len(wanted) < _MIN_PREFIX or len(found) != 1:
        raise SettingsError(
            "The fingerprint names no one certificate.",
            code="input.fingerprint",
            key=prefix,
            expected="8 or more digits of a SHA-256 in the store",
        )
    return found[0]


def _line(text: str) -> str:
    return "".join(char for char in text if char.isprintable())
