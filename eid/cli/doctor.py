"""`eid doctor`: what this machine lacks, one line each with the remedy."""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from eid.cli.card import Given, access_key, connect
from eid.cli.readers import VIRTUAL
from eid.errors import EidError, ReaderError, SettingsError

if TYPE_CHECKING:
    from eid.trust.revocation import Crl

Status = Literal["ok", "warning", "failed"]
EXTRAS = {
    "pcsc": ("smartcard",),
    "levels": ("argon2", "pyotp", "fido2"),
    "oidc": ("falcon", "jinja2", "joserfc"),
    "rp": ("authlib", "requests"),
    "store": ("sqlalchemy", "alembic"),
    "qr": ("qrcode", "PIL"),
    "pkcs11": ("pkcs11",),
    "scan": ("zxingcpp",),
    "server": ("granian", "typer"),
}
_WAIT_S = 30.0
_CLOCK_DOUBT_S = 86_400
_DRIVERS = Path("/usr/lib/pcsc/drivers/serial")
_POLKIT = (
    "allow it with a polkit rule for this user: org.debian.pcsc-lite.access_pcsc and "
    "org.debian.pcsc-lite.access_card"
)
_NO_SERVICE = "apt-get install pcscd and start it, if this machine reads cards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and what to do."""

    name: str
    status: Status
    message: str
    remedy: str = ""


def doctor(  # noqa: PLR0913 - one parameter per option
    *,
    config: Annotated[
        Path | None, typer.Option(help="Also check this settings file, eid.toml.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    card: Annotated[
        bool,
        typer.Option(help="Describe the kind of card on the reader, without personal data."),
    ] = False,
    number: Annotated[
        str | None, typer.Option(help="With --card: the number on it; - reads it from stdin.")
    ] = None,
    can: Annotated[
        str | None, typer.Option(help="With --card: its CAN; - reads it from stdin.")
    ] = None,
    document_number: Annotated[
        str | None, typer.Option(help="With --card: of the MRZ, with --birth and --expiry.")
    ] = None,
    birth: Annotated[str | None, typer.Option(help="YYMMDD or YYYY-MM-DD.")] = None,
    expiry: Annotated[str | None, typer.Option(help="YYMMDD or YYYY-MM-DD.")] = None,
    reader: Annotated[str | None, typer.Option(help="With --card: name of the reader.")] = None,
) -> int:
    """Check this machine, with remedies.

    Exit code 0 when it is usable, 1 when something must be mended. With --card a card profile is
    printed instead: a file that holds nothing about the person and can be shared.
    """
    if card:
        zone = (document_number, birth, expiry)
        return _describe_card(Given(number=number, can=can, document=zone), reader)
    findings = [*_python(), *_extras(), *_reader_service(), *_drivers(_DRIVERS), *_sandbox()]
    if config is not None:
        findings += _settings(config)
    if as_json:
        document = {"findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            typer.echo(_line(finding))
    return 1 if any(finding.status == "failed" for finding in findings) else 0


def _describe_card(given: Given, reader: str | None) -> int:
    from eid.chip.read.survey import survey

    key = access_key(given)
    with closing(connect(reader, _WAIT_S)) as transport:
        profile = survey(transport, key)
    typer.echo(profile.to_json().decode("ascii"), nl=False)
    return 0


def _line(finding: Finding) -> str:
    remedy = f" Remedy: {finding.remedy}." if finding.remedy else ""
    return f"{finding.status:8} {finding.name:14} {finding.message}{remedy}"


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Finding(
        name="python",
        status="ok" if good else "failed",
        message=f"Python {version}.",
        remedy="" if good else "install Python 3.11 or later",
    )


def _extras() -> Iterator[Finding]:
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        yield Finding(
            name=f"extra {extra}",
            status="warning" if missing else "ok",
            message=f"Without {', '.join(missing)}." if missing else "Installed.",
            remedy=f"pip install 'eid[{extra}]', if this machine needs it" if missing else "",
        )


def _reader_service() -> Iterator[Finding]:
    if find_spec("smartcard") is None:
        return
    from eid.chip import pcsc

    try:
        names = pcsc.list_readers()
    except ReaderError as error:
        yield service_finding(error)
        return
    yield Finding(name="pcscd", status="ok", message="The service answers.")
    yield from reader_findings(names)


def service_finding(error: ReaderError) -> Finding:
    """Why the service does not serve: refused by polkit, or simply not there."""
    denied = error.code == "reader.refused"
    return Finding(
        name="pcscd",
        status="failed" if denied else "warning",
        message=f"{error.message} ({error.code})",
        remedy=_POLKIT if denied else _NO_SERVICE,
    )


def reader_findings(names: Sequence[str]) -> Iterator[Finding]:
    """What the list of readers means for a machine that reads real cards."""
    real = [name for name in names if not name.startswith(VIRTUAL)]
    virtual = len(names) - len(real)
    yield Finding(
        name="readers",
        status="ok" if real else "warning",
        message=", ".join(real) + "." if real else "No card reader is connected.",
        remedy="" if real else "plug in a contactless reader (CCID)",
    )
    if virtual:
        yield Finding(
            name="virtual reader",
            status="warning",
            message="A virtual reader is there: anyone who reaches it can insert a card.",
            remedy="remove vsmartcard-vpcd from every machine that reads real cards",
        )


def _drivers(folder: Path) -> Iterator[Finding]:
    installed = folder.is_dir() and any(folder.glob("libifdvpcd*"))
    yield Finding(
        name="vpcd driver",
        status="warning" if installed else "ok",
        message=(
            "The virtual reader driver is installed system-wide; it listens on every interface."
            if installed
            else "The virtual reader driver is not installed system-wide."
        ),
        remedy="apt-get purge vsmartcard-vpcd" if installed else "",
    )


def _sandbox() -> Iterator[Finding]:
    from eid.testing.virtual_reader import unavailable_reason

    reason = unavailable_reason()
    yield Finding(
        name="test box",
        status="warning" if reason else "ok",
        message=reason or "A private virtual reader can be started (user namespaces).",
        remedy="only eid simulate, the demo and the tests need it" if reason else "",
    )


def _settings(path: Path) -> Iterator[Finding]:
    from eid.app.settings import Settings

    try:
        settings = Settings.load(path, os.environ)
    except SettingsError as error:
        yield Finding(
            name="settings",
            status="failed",
            message=f"{error.message} ({error.code})",
            remedy=f"mend {path}",
        )
        return
    yield Finding(name="settings", status="ok", message=f"{path} is usable.")
    yield from _permissions(path, settings.data_dir)
    if settings.acr_prefix == "urn:eid" and not settings.development:
        yield Finding(
            name="acr prefix",
            status="warning",
            message="urn:eid is not registered and belongs to nobody.",
            remedy="set acr_prefix to a URN or https address of your own",
        )
    yield from _trust(settings.trust)


def clock_finding(crls: Sequence[Crl], now: datetime) -> Finding:
    """Whether this machine's clock lags behind what the authorities have signed."""
    latest = max((crl.this_update for crl in crls), default=now)
    behind = (latest - now).total_seconds() > _CLOCK_DOUBT_S
    return Finding(
        name="clock",
        status="failed" if behind else "ok",
        message=(
            f"It is {now:%Y-%m-%d} here, but a revocation list is of {latest:%Y-%m-%d}."
            if behind
            else f"It is {now:%Y-%m-%d %H:%M} UTC here."
        ),
        remedy="set the clock (timedatectl set-ntp true)" if behind else "",
    )


def _permissions(config: Path, data_dir: Path) -> Iterator[Finding]:
    loose = [str(path) for path in (config,) if _mode(path) & stat.S_IWOTH]
    if data_dir.is_dir():
        private = (data_dir, *sorted((data_dir / "keys").glob("*")))
        loose += [str(path) for path in private if _mode(path) & 0o077]
    yield Finding(
        name="permissions",
        status="failed" if loose else "ok",
        message=f"Others may use {', '.join(loose)}." if loose else "Keys are the owner's alone.",
        remedy="chmod go-rwx the keys and their folder, o-w the settings" if loose else "",
    )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _trust(folder: Path) -> Iterator[Finding]:
    from eid.trust.store import TrustStore

    try:
        store = TrustStore.load(folder)
    except EidError as error:
        problems = [f"{error.message} ({error.code})"]
    else:
        problems = [f"{item.source}: {item.message} ({item.code})" for item in store.problems]
        yield clock_finding(store.crls, datetime.now(UTC))
    yield Finding(
        name="trust folder",
        status="warning" if problems else "ok",
        message=" ".join(problems) or f"{folder} is usable.",
        remedy=f"mend the files in {folder}" if problems else "",
    )
