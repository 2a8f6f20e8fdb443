"""`eid qr verify`: credentials, presence codes and codes of others, against what is at hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs, qr_input
from eid.cli.qr_output import CODE_HELP, finding_values, identity_values, print_report
from eid.cli.signed_lists import STATUS_HELP, named_list, source
from eid.errors import EidError, SettingsError

if TYPE_CHECKING:
    from datetime import datetime

    from eid.keys import JSON
    from eid.qr.credential import Credential, StatusCheck
    from eid.qr.foreign import ForeignCode
    from eid.qr.issuers import IssuerKeys

NOT_PROVEN = (
    "that whoever shows the code is its holder: compare the portrait or the card",
    "that the code is a state document: it is its issuer's statement about a chip it has read",
)
NOT_PRESENT = "where the holder's device is: a live relay carries a code from elsewhere in time"
_KEYS_HELP = 'Whom to believe: a file {"issuer": URL, "keys": [JWK …]}. May be repeated.'


def verify(  # noqa: PLR0913 - one parameter per option
    code: Annotated[str, typer.Argument(help=CODE_HELP)],
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
    content, moment = qr_input.content(code), inputs.moment(at)
    kind = kind_of(content)
    text = "" if kind == "vds" else qr_input.decoded(content)
    stale = timedelta(hours=max_stale_hours)
    store = None if trust is None else inputs.trust_store(trust)
    keys = _keys(issuer or [], trust_list, publisher or [], moment, stale, needed=store is None)
    lists = _status(status or [], online, keys, moment, stale)
    policy = CredentialPolicy(
        max_age_s=None if max_age_days is None else int(max_age_days * 86_400),
        require_status=require_status,
    )
    try:
        if question is not None and seen is not None:
            report = _present(text, keys, moment, question, seen)
        elif kind in READERS:
            found = verify_chained(
                content,
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
    print_report(report, as_json=as_json)
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

    fetch = Outbound(max_answer=MAX_TOKEN, total_s=60.0).get
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
        "identity": identity_values(credential.identity),
        "findings": finding_values(credential.findings),
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
