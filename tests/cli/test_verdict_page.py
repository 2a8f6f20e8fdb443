"""The verdict page: readable, self-contained, in two languages, and silent about what opens chips."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from eid.chip.evidence import Evidence
from eid.chip.verdict import CHECK_NAMES, Holder, Verdict
from eid.chip.verify import judge
from eid.cli import main
from eid.cli.verdict_page import portrait_of, verdict_page
from eid.cli.verdict_words import CHECKS, FIELDS, HEADLINES, NOT_PROVEN, NOT_PROVEN_VI, STATUSES
from eid.testing.faults import tampered_dg1
from eid.trust.store import TrustStore

AT = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Outline(HTMLParser):
    """Collects tags with attributes, and complains about anything left open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.fixture
def judged(case: Any) -> tuple[Verdict, Evidence]:
    evidence = Evidence.from_json(case.evidence.read_bytes())
    verdict = judge(evidence, TrustStore.load(case.trust), at=datetime.now(UTC))
    return verdict, evidence


def test_the_words_cover_everything() -> None:
    assert tuple(CHECKS) == CHECK_NAMES
    assert set(STATUSES) == {"passed", "failed", "absent", "unknown"}
    assert set(HEADLINES) == {"accepted", "rejected", "unanchored"}
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Holder)}
    assert len(NOT_PROVEN) == len(NOT_PROVEN_VI)


def test_an_accepted_card(judged: tuple[Verdict, Evidence], case: Any) -> None:
    verdict, evidence = judged
    page = verdict_page(verdict, at=AT, policy="bank", evidence=evidence, rng=bytes)
    outline(page)
    number = case.person.number
    assert case.person.name in page
    assert f"{number[:6]}••••••" in page
    assert number[-6:] not in page
    assert number not in page
    assert HEADLINES["accepted"][0] in page
    assert HEADLINES["accepted"][1] in page
    assert evidence.commitment(bytes(16)).hex() in page
    assert evidence.digest().hex() not in page
    assert verdict.anchor in page
    assert verdict.signer in page
    for check in verdict.checks:
        assert f"{check.name}: {check.code}" in page
    for sentence in (*NOT_PROVEN, *NOT_PROVEN_VI):
        assert sentence in page


def test_nothing_is_fetched_and_no_script_runs(judged: tuple[Verdict, Evidence]) -> None:
    verdict, evidence = judged
    picture = portrait_of(verdict, evidence)
    page = verdict_page(verdict, at=AT, policy="bank", evidence=evidence, portrait=picture)
    for tag, attributes in outline(page).tags:
        assert tag not in ("script", "link", "iframe", "form", "a")
        for name, value in attributes.items():
            assert name not in ("href", "srcset")
            assert not name.startswith("on")
            assert name != "src" or (value or "").startswith("data:image/jpeg;base64,")
    assert "default-src 'none'" in page


def test_the_portrait_is_shown_only_when_asked_for(judged: tuple[Verdict, Evidence]) -> None:
    verdict, evidence = judged
    assert "<img" not in verdict_page(verdict, at=AT, policy="bank", evidence=evidence)
    picture = portrait_of(verdict, evidence)
    assert picture.startswith("data:image/jpeg;base64,/9j/")
    assert "<img" in verdict_page(verdict, at=AT, policy="bank", portrait=picture)


def test_no_portrait_of_a_card_that_was_not_accepted(
    judged: tuple[Verdict, Evidence],
) -> None:
    _, evidence = judged
    verdict = judge(evidence, TrustStore.of(), at=datetime.now(UTC))
    assert verdict.verdict == "unanchored"
    assert portrait_of(verdict, evidence) == ""
    page = verdict_page(verdict, at=AT, policy="identify")
    assert "chain.unanchored" in page
    assert "commitment" not in page


def test_a_rejected_card_shows_no_holder(case: Any) -> None:
    evidence = case.read(tampered_dg1(case.image))
    verdict = judge(evidence, TrustStore.load(case.trust), at=datetime.now(UTC))
    page = verdict_page(verdict, at=AT, policy="identify", evidence=evidence)
    outline(page)
    assert 'id="holder"' not in page
    assert '<code id="reason">dg.hash</code>' in page


def test_text_of_a_card_is_only_text() -> None:
    """C-062: markup and directions in a name stay letters on the page."""
    holder = Holder(
        name='<script>alert(1)</script>"\u202e',
        birth_date="1990-03-02",
        sex="",
        nationality="VNM",
        document_number="12",
        personal_number="",
    )
    page = verdict_page(Verdict(verdict="accepted", checks=(), holder=holder), at=AT, policy="x")
    outline(page)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_the_command_writes_a_private_file(
    case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.html"
    base = ["verify", str(case.evidence), "--trust", str(case.trust), "--html", str(path)]
    assert main(base) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert "<img" not in path.read_text("utf-8")
    assert main([*base, "--html-portrait", "--json"]) == 0
    assert "<img" in path.read_text("utf-8")
    assert capsys.readouterr().err == ""
