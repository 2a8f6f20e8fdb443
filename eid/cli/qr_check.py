"""`eid qr show`, `eid qr verify`, `eid qr scan`."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs, qr_input
from eid.cli.signed_lists import STATUS_HELP, named_list, source
from eid.errors import EidError, FormatError, SettingsError

if TYPE_CHECKING:
    from datetime import datetime

    from eid.chip.match import PrintedCard
    from eid.keys import JSON
    from eid.qr.claim169 import Finding, Identity
    from eid.qr.credential import Credential, StatusCheck
    from eid.qr.foreign import ForeignCode
    from eid.qr.issuers import IssuerKeys

NOT_PROVEN = (
    "that whoever shows the code is its holder: compare the portrait or the card",
    "that the code is a state document: it is its issuer's statement about a chip it has read",
)
NOT_PRESENT = "where the holder's device is: a live relay carries a code from elsewhere in time"
_CODE_HELP = "The text, - for standard input, or a picture or PDF with one code."
_KEYS_HELP = 'Whom to believe: a file {"issuer": URL, "keys": [JWK …]}. May be repeated.'


def scan(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG, WebP or PDF.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Print the content of every QR code in a picture. Nothing is verified.

    Exit code 0 if there is one, 1 if there is none, 2 for an unusable picture.
    """
    from eid.qr.recognise import kind_of

    found = qr_input.codes_in(picture)
    if as_json:
        codes: list[JSON] = [
            {"kind": kind_of(content), "text": _text(content), "hex": content.hex()}
            for content in found
        ]
        typer.echo(json.dumps({"codes": codes}, ensure_ascii=False, indent=2))
    else:
        for content in found:
            typer.echo(f"{kind_of(content)}\t{shown(_text(content) or content.hex())}")
    if not found:
        typer.echo("eid: There is no readable QR code in the picture. (qr.none)", err=True)
    return 0 if found else 1


def show(
    code: Annotated[str, typer.Argument(help=_CODE_HELP)],
    *,
    at: Annotated[str | None, typer.Option(help="Judge dates as of this moment.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Show what a code claims, without verifying it.

    Exit code 0 if it is understood, 2 if not.
    """
    from eid.qr.recognise import kind_of

    text = qr_input.code(code)
    kind = kind_of(text.encode())
    if kind == "printed":
        report = _printed(text, inputs.moment(at))
    elif kind == "claim169":
        report = _claimed(text)
    else:
        raise FormatError(f"Nothing can be shown of a code of kind {kind}.", code="qr.kind")
    _print({"verified": False, "kind": kind, **report}, as_json=as_json)
    return 0


def verify(  # noqa: PLR0913 - one parameter per option
    code: Annotated[str, typer.Argument(help=_CODE_HELP)],
    *,
    issuer: Annotated[list[Path] | None, typer.Option(help=_KEYS_HELP)] = None,
    trust_list: Annotated[
        str | None, typer.Option(help="Signed trust list: file or https address.")
    ] = None,
    publisher: Annotated[
        list[Path] | None, typer.Option(help="Who signs the trust list; a file like --issuer.")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(help="For codes of other issuers: a trust folder with their authorities."),
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option(help=f"{STATUS_HELP} May be repeated.")
    ] = None,
    online: Annotated[
        Path | None,
        typer.Option(
            help="Fetch the status list that a credential names; keep it in this folder."
        ),
    ] = None,
    max_stale_hours: Annotated[
        float, typer.Option(min=0, max=8760, help="How long lists count past their own time.")
    ] = 0,
    max_age_days: Annotated[
        float | None, typer.Option(min=0, max=36500, help="Refuse credentials older than this.")
    ] = None,
    require_status: Annotated[
        bool, typer.Option("--require-status", help="Refuse where no status list can be asked.")
    ] = False,
    question: Annotated[
        str | None, typer.Option(help="Check a presence code against this question of yours.")
    ] = None,
    seen: Annotated[
        Path | None, typer.Option(help="With --question: your file of used codes, kept for you.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Judge as of this ISO 8601 moment.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Verify a credential against keys and lists that you have; no network unless you name one.

    Exit code 0 accepted, 1 rejected, 2 unusable input.
    """
    from eid.qr.chains import verify_chained
    from eid.qr.credential import CredentialPolicy, verify_credential
    from eid.qr.read_foreign import READERS
    from eid.qr.recognise import kind_of
    from eid.trust.store import TrustStore

    if (question is None) != (seen is None):
        raise SettingsError("--question and --seen go together.", code="settings.qr_verify")
    text, moment = qr_input.code(code), inputs.moment(at)
    stale = timedelta(hours=max_stale_hours)
    store = None if trust is None else inputs.trust_store(trust)
    keys = _keys(issuer or [], trust_list, publisher or [], moment, stale, needed=store is None)
    lists = _status(status or [], online, keys, moment, stale)
    policy = CredentialPolicy(
        max_age_s=None if max_age_days is None else int(max_age_days * 86_400),
        require_status=require_status,
    )
    try:
        kind = kind_of(text.encode())
        if question is not None and seen is not None:
            report = _present(text, keys, moment, question, seen)
        elif kind in READERS:
            found = verify_chained(
                text.encode(),
                kind=kind,
                keys=keys,
                store=store or TrustStore.of(),
                at=moment,
                max_age_s=policy.max_age_s,
            )
            report = _foreign(found)
        else:
            credential = verify_credential(text, keys, at=moment, policy=policy, status=lists)
            report = _accepted(credential)
    except EidError as e:
        report = {"verdict": "rejected", "code": e.code, "message": e.message}
    _print(report, as_json=as_json)
    return 0 if report["verdict"] == "accepted" else 1


def _keys(
    issuer: list[Path],
    trust_list: str | None,
    publisher: list[Path],
    at: datetime,
    stale: timedelta,
    *,
    needed: bool,
) -> IssuerKeys:
    from eid.qr.issuers import IssuerKeys
    from eid.qr.trust_list import verify_trust_list

    if bool(publisher) != (trust_list is not None):
        raise SettingsError("--trust-list and --publisher go together.", code="settings.qr_verify")
    keys = list(qr_input.issuer_keys(issuer))
    if trust_list is not None:
        pinned = IssuerKeys.of(qr_input.issuer_keys(publisher))
        keys += verify_trust_list(source(trust_list)(), pinned, at=at, max_stale=stale).keys.keys
    if not keys and needed:
        raise SettingsError(
            "Nobody is trusted: name --issuer, --trust, or --trust-list with --publisher.",
            code="settings.qr_verify",
        )
    return IssuerKeys.of(keys)


def _status(
    named: list[str], online: Path | None, keys: IssuerKeys, at: datetime, stale: timedelta
) -> StatusCheck | None:
    from eid.qr.status import StatusLists, verify_list

    if online is not None:
        if named:
            raise SettingsError(
                "--status and --online exclude each other.", code="settings.qr_verify"
            )
        return _fetching(online, keys, stale)
    held = []
    for one in named:
        uri, place = named_list(one)
        held.append(verify_list(source(place)(), keys, uri=uri, at=at, max_stale=stale))
    return StatusLists.of(held, max_stale=stale) if held else None


def _fetching(folder: Path, keys: IssuerKeys, stale: timedelta) -> StatusCheck:
    from eid.oidc.outbound import Outbound
    from eid.qr.cache import CachedStatus, ListCache
    from eid.qr.status import MAX_TOKEN

    fetch = Outbound(max_answer=MAX_TOKEN).get
    return CachedStatus(lists=ListCache(folder, fetch), keys=keys, max_stale=stale)


def _present(
    text: str, keys: IssuerKeys, at: datetime, question: str, seen: Path
) -> dict[str, JSON]:
    from eid.qr.presence import verify_presence
    from eid.qr.question import read_question
    from eid.qr.seen import SeenOnDisk

    asked = read_question(qr_input.code(question))
    presence = verify_presence(text, keys, asked, at=at, seen=SeenOnDisk(seen))
    return {
        "verdict": "accepted",
        "kind": "presence",
        "issuer": presence.issuer,
        "audience": asked.audience,
        "place": asked.place or None,
        "purpose": asked.purpose or None,
        "subject": presence.subject.hex(),
        "issued_at": presence.issued_at.isoformat(),
        "expires_at": presence.expires_at.isoformat(),
        "chip_proof": presence.chip is not None,
        "not_proven": [NOT_PRESENT],
    }


def _accepted(credential: Credential) -> dict[str, JSON]:
    answer = credential.status_answer
    return {
        "verdict": "accepted",
        "issuer": credential.issuer,
        "issued_at": qr_input.plain(credential.issued_at),
        "expires_at": qr_input.plain(credential.expires_at),
        "binding": credential.binding,
        "status": None
        if answer is None
        else {"freshness": answer.freshness, "as_of": answer.as_of.isoformat()},
        "identity": _identity(credential.identity),
        "findings": _findings(credential.findings),
        "not_proven": list(NOT_PROVEN),
    }


def _foreign(code: ForeignCode) -> dict[str, JSON]:
    return {
        "verdict": "accepted",
        "kind": code.kind,
        "issuer": code.issuer,
        "issued_at": qr_input.plain(code.issued_at),
        "expires_at": qr_input.plain(code.expires_at),
        "binding": "bearer",
        "content": qr_input.plain(dict(code.content)),
        "not_proven": [NOT_PROVEN[0]],
    }


def _claimed(text: str) -> dict[str, JSON]:
    from eid.qr import cwt
    from eid.qr.credential import read_unverified

    read = read_unverified(text)
    return {
        "issuer": read.claims.issuer,
        "issued_at": qr_input.plain(cwt.instant(read.claims.issued_at)),
        "expires_at": qr_input.plain(cwt.instant(read.claims.expires_at)),
        "status": None
        if read.status is None
        else {"uri": read.status.uri, "index": read.status.index},
        "signature_bytes": read.signature_size,
        "identity": _identity(read.identity),
        "findings": _findings(read.findings),
    }


def _printed(text: str, at: datetime) -> dict[str, JSON]:
    from eid.qr.printed import parse_printed

    card: PrintedCard = parse_printed(text, at=at)
    known = {one.name: qr_input.plain(getattr(card, one.name)) for one in fields(card)}
    return {"card": known, "consistent": card.consistent}


def _identity(identity: Identity) -> dict[str, JSON]:
    known = {one.name: getattr(identity, one.name) for one in fields(identity)}
    values: dict[str, JSON] = {
        name: qr_input.plain(value)
        for name, value in known.items()
        if value is not None and name != "biometrics"
    }
    if identity.portrait is not None:
        values["portrait_bytes"] = len(identity.portrait)
    return values


def _findings(findings: tuple[Finding, ...]) -> list[JSON]:
    return [{"code": one.code, "key": one.key} for one in findings]


def _print(report: dict[str, JSON], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for line in _lines(report, ""):
        typer.echo(line)


def _lines(value: JSON, indent: str) -> list[str]:
    if isinstance(value, dict):
        return [
            line
            for name, one in value.items()
            for line in (
                [f"{indent}{name}:", *_lines(one, indent + "  ")]
                if isinstance(one, dict | list) and one
                else [f"{indent}{name}: {_word(one)}"]
            )
        ]
    return [f"{indent}- {_word(one)}" for one in value] if isinstance(value, list) else []


def _word(value: JSON) -> str:
    if value is None or value in ([], {}, ""):
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_word(one)}" for name, one in value.items())
    return shown(str(value))


def shown(text: str) -> str:
    """*text* for a terminal: what a stranger wrote cannot steer it."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
