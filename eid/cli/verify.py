"""`eid verify`: evidence or a folder of raw files, judged against a trust folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.chip.evidence import Evidence
    from eid.chip.policy import Policy
    from eid.chip.verdict import Holder, Verdict

EXIT_CODES = {"accepted": 0, "rejected": 1, "unanchored": 3}
_VERDICTS = {
    "accepted": "ACCEPTED: every check that the policy requires has passed.",
    "rejected": "REJECTED: do not rely on this card.",
    "unanchored": "UNANCHORED: signatures are valid, but no anchor of yours vouches for the signer.",
}
_NOT_PROVEN = (
    "that the person who showed the card is its holder (compare the face, or use a second factor)",
    "that the holder agreed: the chip answers without any act of consent",
    "that the card was near: an answer can be relayed over a distance",
)
_COPY = "that the original chip answered: a copy of the files would look the same"
_OLD = "that the chip answered now: give the verifier's own challenge with --challenge"
_ANCHOR = "that a state issued the card: no configured anchor vouches for its signer"


def verify(  # noqa: PLR0913 - one parameter per option
    evidence: Annotated[Path, typer.Argument(help="Evidence file, or folder of raw files.")],
    *,
    trust: Annotated[Path, typer.Option(help="Trust folder: csca/, link/, ds/, crl/.")],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Judge a card from its evidence.

    Exit code 0 accepted, 1 rejected, 3 unanchored, 2 unusable input.
    """
    from eid.chip.verify import judge
    from eid.trust.store import TrustStore

    if not trust.is_dir():
        raise FormatError(f"There is no trust folder {trust}.", code="input.trust")
    nonce = inputs.challenge(challenge) if challenge else None
    number = _number(expect_number)
    store = TrustStore.load(trust)
    for problem in store.problems:
        typer.echo(f"eid: warning: {problem.source}: {problem.message} ({problem.code})", err=True)
    verdict = judge(
        _load(evidence),
        store,
        policy=_policy(policy),
        at=inputs.moment(at),
        challenge=nonce,
        expect_number=number,
    )
    if as_json:
        typer.echo(json.dumps(verdict.to_json(), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(report(verdict)))
    return EXIT_CODES[verdict.verdict]


def report(verdict: Verdict) -> Iterator[str]:
    """The verdict as lines for a person: checks, holder, and what is not proven."""
    yield _VERDICTS[verdict.verdict]
    if verdict.error is not None:
        yield f"  because: {verdict.error.message} ({verdict.error.code})"
    yield ""
    for check in verdict.checks:
        yield f"  {check.status:8} {check.name:20} {check.message} ({check.code})"
    if verdict.holder is not None:
        yield ""
        yield from _holder(verdict.holder)
    yield ""
    yield "Not proven:"
    yield from (f"  - {line}" for line in not_proven(verdict))


def not_proven(verdict: Verdict) -> tuple[str, ...]:
    """What a reader must not conclude from this verdict."""
    passed = {check.name for check in verdict.checks if check.status == "passed"}
    more = []
    if "sod.chain" not in passed:
        more.append(_ANCHOR)
    if "aa.signature" not in passed:
        more.append(_COPY)
    elif "aa.freshness" not in passed:
        more.append(_OLD)
    return (*more, *_NOT_PROVEN)


def _holder(holder: Holder) -> Iterator[str]:
    yield "Holder, as signed on the card:"
    yield f"  name             {_line(holder.name)}"
    yield f"  birth date       {_line(holder.birth_date)}"
    yield f"  sex, nationality {_line(holder.sex)} {_line(holder.nationality)}"
    yield f"  document number  {_line(holder.document_number)}"
    yield f"  personal number  {_line(holder.personal_number)}"


def _line(text: str) -> str:
    return "".join(char for char in text or "-" if char.isprintable())


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


def _load(path: Path) -> Evidence:
    from eid.chip.evidence import MAX_BYTES, Evidence, from_folder

    if path.is_dir():
        return from_folder(path)
    with path.open("rb") as file:
        return Evidence.from_json(file.read(MAX_BYTES + 1))
