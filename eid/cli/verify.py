"""`eid verify`: evidence or a folder of raw files, judged against a trust folder."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.cli.verdict_text import report
from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.chip.evidence import Evidence
    from eid.chip.policy import Policy
    from eid.chip.verdict import Verdict

EXIT_CODES = {"accepted": 0, "rejected": 1, "unanchored": 3}
_REQUIRE = {"aa": {"aa.signature"}, "ca": set[str](), "crl": {"sod.revocation"}}
_STATE = 3


def verify(  # noqa: PLR0913 - one parameter per option
    evidence: Annotated[
        Path | None, typer.Argument(help="Evidence file, or folder of raw files.")
    ] = None,
    *,
    trust: Annotated[
        Path | None, typer.Option(help="Trust folder: csca/, link/, ds/, crl/.")
    ] = None,
    challenge: Annotated[
        str | None, typer.Option(help="The challenge that you gave, 16 hexadecimal digits.")
    ] = None,
    expect_number: Annotated[
        str | None, typer.Option(help="Whose card it must be; - reads it from stdin.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Judge as of this ISO 8601 moment.")] = None,
    policy: Annotated[
        str, typer.Option(help="identify, bank, level2, or a TOML file.")
    ] = "identify",
    require: Annotated[
        str, typer.Option(help="Require more: aa, ca, crl, joined by commas.")
    ] = "",
    issuing_state: Annotated[
        str | None, typer.Option(help="Serve documents of this state only, such as VNM.")
    ] = None,
    insecure_allow_sha1: Annotated[
        bool, typer.Option("--insecure-allow-sha1", help="Take SHA-1 on old documents.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write one self-contained page here.")
    ] = None,
    html_portrait: Annotated[
        bool, typer.Option("--html-portrait", help="Show the portrait on that page.")
    ] = False,
    cases: Annotated[
        Path | None, typer.Option(help="Judge every case folder in here instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Judge a card from its evidence.

    Exit code 0 accepted, 1 rejected, 3 unanchored, 2 unusable input.
    """
    if cases is not None:
        return _cases(cases)
    from eid.chip.verify import judge

    demanded = _demand(_policy(policy), require, issuing_state, allow_sha1=insecure_allow_sha1)
    nonce = inputs.challenge(challenge) if challenge else None
    number = _number(expect_number)
    store = inputs.trust_store(trust)
    moment = inputs.moment(at)
    if at is not None:  # a moment that was given is no clock that could be wrong
        demanded = dataclasses.replace(demanded, max_clock_doubt_s=None)
    read = _load(evidence)
    verdict = judge(read, store, policy=demanded, at=moment, challenge=nonce, expect_number=number)
    if as_json:
        typer.echo(json.dumps(verdict.to_json(), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(report(verdict)))
    if html is not None:
        _write_page(html, verdict, read, at=moment, policy=demanded, portrait=html_portrait)
    return EXIT_CODES[verdict.verdict]


def _cases(folder: Path) -> int:
    from eid.cli.cases import judge_cases

    unjudged = False
    for line in judge_cases(folder):
        typer.echo(json.dumps(line, ensure_ascii=False))
        unjudged |= "error" in line
    return 2 if unjudged else 0


def _demand(policy: Policy, require: str, state: str | None, *, allow_sha1: bool) -> Policy:
    """The policy with what the options add to it; options never take anything away."""
    words = [word.strip() for word in require.split(",") if word.strip()]
    if not set(words) <= set(_REQUIRE):
        raise FormatError("What may be required is aa, ca and crl.", code="input.require")
    if state is not None and not (len(state) == _STATE and state.isascii() and state.isupper()):
        raise FormatError("A state is three capital letters, as VNM.", code="input.issuing_state")
    return dataclasses.replace(
        policy,
        required=policy.required.union(*(_REQUIRE[word] for word in words)),
        require_chip_keys=policy.require_chip_keys or "ca" in words,
        issuing_state=state or policy.issuing_state,
        insecure_allow_sha1=policy.insecure_allow_sha1 or allow_sha1,
    )


def _write_page(
    path: Path,
    verdict: Verdict,
    evidence: Evidence,
    *,
    at: datetime,
    policy: Policy,
    portrait: bool,
) -> None:
    from eid.cli.files import write_private
    from eid.cli.verdict_page import portrait_of, verdict_page

    picture = portrait_of(verdict, evidence) if portrait else ""
    page = verdict_page(verdict, at=at, policy=policy.name, evidence=evidence, portrait=picture)
    write_private(path, page.encode("utf-8"))


def _policy(name: str) -> Policy:
    from eid.chip.policy import POLICIES, load_policy

    if name in POLICIES:
        return POLICIES[name]
    if name.endswith(".toml"):
        return load_policy(Path(name))
    raise FormatError(
        f"There is no such policy; known: {', '.join(POLICIES)}.", code="input.policy"
    )


def _number(text: str | None) -> str | None:
    from eid.chip.access import personal_number

    return None if text is None else personal_number(inputs.secret(text))


def _load(path: Path | None) -> Evidence:
    from eid.chip.evidence import MAX_BYTES, Evidence, from_folder

    if path is None:
        raise FormatError("Name the evidence to judge.", code="input.evidence")
    if path.is_dir():
        return from_folder(path)
    with path.open("rb") as file:
        return Evidence.from_json(file.read(MAX_BYTES + 1))
