"""How codes are said on the terminal and as JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

import typer

from eid.cli import qr_input

if TYPE_CHECKING:
    from eid.keys import JSON
    from eid.qr.claim169 import Finding, Identity
    from eid.qr.presence import Asked

CODE_HELP = "The text, - for standard input, or a picture or PDF with one code."


def identity_values(identity: Identity) -> dict[str, JSON]:
    """What a credential says; of a portrait only its size."""
    known = {one.name: getattr(identity, one.name) for one in fields(identity)}
    values: dict[str, JSON] = {
        name: qr_input.plain(value)
        for name, value in known.items()
        if value is not None and name != "biometrics"
    }
    if identity.portrait is not None:
        values["portrait_bytes"] = len(identity.portrait)
    return values


def question_words(asked: Asked) -> dict[str, str]:
    """Who asks for a presence code, and where and why if the question says so."""
    words = {"audience": asked.audience, "place": asked.place, "purpose": asked.purpose}
    return {kind: word for kind, word in words.items() if word}


def finding_values(findings: tuple[Finding, ...]) -> list[JSON]:
    """What was odd about it."""
    return [{"code": one.code, "key": one.key} for one in findings]


def print_report(report: dict[str, JSON], *, as_json: bool) -> None:
    """The report as JSON or as lines."""
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
