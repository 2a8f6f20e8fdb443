"""What README and docs/ say must be so: links, settings, commands and targets."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from eid.app.settings import Settings
from eid.chip.policy import load_policy
from eid.cli.program import program
from eid.kiosk.settings import AgentSettings
from eid.oidc.clients import read_clients
from eid.trust.deny import parse_deny_list

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def blocks(page: Path, language: str) -> Iterator[tuple[str, str]]:
    """The mark before each fenced block of a language (or "") and its content."""
    fenced = rf"(?:<!-- [a-z]+: ([^>]*) -->\n)?^```{language}\n(.*?)^```$"
    for match in re.finditer(fenced, page.read_text(), re.DOTALL | re.MULTILINE):
        yield match[1] or "", match[2]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]*(?:#[^)]*)?)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_settings_files_load(page: Path, tmp_path: Path) -> None:
    loaders = {
        "eid.toml": Settings.load,
        "kiosk.toml": AgentSettings.load,
        "policy.toml": load_policy,
        "deny.toml": lambda path: parse_deny_list(path.read_bytes(), "deny.toml"),
    }
    for mark, text in blocks(page, "toml"):
        file = tmp_path / mark
        file.write_text(text)
        assert loaders[mark](file)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_clients_can_be_registered(page: Path, tmp_path: Path) -> None:
    for mark, text in blocks(page, "json"):
        assert mark == "service.json"
        file = tmp_path / mark
        file.write_text(text)
        assert read_clients(file, legal_entity="Example")


def commands(page: Path) -> Iterator[list[str]]:
    for _, text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            for part in re.split(r"\||&&|;", line):
                words = shlex.split(part, comments=True)
                if words:
                    yield words


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_and_options_exist(page: Path) -> None:
    for words in commands(page):
        if words[0] in {"eid", ".venv/bin/eid"}:
            check_command(words[1:])


def check_command(words: list[str]) -> None:
    command = typer.main.get_command(program())
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("--"):
        name = rest.pop(0)
        assert name in command.commands, words
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    if "--" in rest:  # eid simulate runs another command
        at = rest.index("--")
        rest, inner = rest[:at], rest[at + 1 :]
        assert inner[0] == "eid"
        check_command(inner[1:])
    for word in rest:
        assert not word.startswith("--") or word.partition("=")[0] in known, words


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands(page):
        if "make" in words:
            wanted = [word for word in words[words.index("make") + 1 :] if "=" not in word]
            assert set(wanted) <= targets, words


def test_every_page_is_on_the_map() -> None:
    index = (ROOT / "docs/index.md").read_text() + (ROOT / "docs/decisions/README.md").read_text()
    for page in ROOT.glob("docs/**/*.md"):
        if page.name not in {"index.md", "README.md"}:
            assert page.stem in index, page.name


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text().strip().splitlines()
    assert script[-1].endswith("exec make test")
    assert ["make", "test"] in list(commands(ROOT / "README.md"))
