"""Every screen of a program in a real Chromium: usable by everyone, small, and from one place only.

With ``EID_SCREENSHOTS=FOLDER`` (``make screenshots``) the pictures that the documentation shows
are kept there.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from .accessible import serious_issues

DOCS = Path(__file__).resolve().parents[2] / "docs"
MAX_WEIGHT = 100 * 1024


@cache
def _documented() -> frozenset[str]:
    """The pictures that a page of the documentation shows."""
    texts = (page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    return frozenset(
        name for text in texts for name in re.findall(r"screenshots/([\w-]+\.png)", text)
    )


@dataclass
class Screens:
    """One person's page. Requests to other hosts, errors and refusals of the policy are problems."""

    page: Any
    language: str
    prefix: str
    shown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def look(self, name: str, *, language: bool = True, max_weight: int = MAX_WEIGHT) -> None:
        """Hold the screen that is open now to the bar; ``language`` False for a page in both."""
        self.page.wait_for_load_state("load")
        assert serious_issues(self.page) == [], name
        if language:
            said = self.page.evaluate("document.documentElement.lang")
            assert said == self.language, name
        assert len(self.page.content().encode()) < max_weight, name
        wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, name
        self.shown.append(name)
        file = f"{self.prefix}-{name}-{self.language}.png"
        folder = os.environ.get("EID_SCREENSHOTS")
        if folder and file in _documented():
            save(self.page.screenshot(), Path(folder) / file)


def save(png: bytes, path: Path) -> None:
    """A small picture: a palette of 48 colours is enough for these screens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shot = Image.open(io.BytesIO(png)).convert("RGB")
    shot.quantize(48, dither=Image.Dither.NONE).save(path, optimize=True)


@contextmanager
def screens(browser: Any, language: str, prefix: str, *, hosts: set[str]) -> Iterator[Screens]:
    """A new browser of a person who reads ``language``; what went wrong on a page fails at the end."""
    locale = {"vi": "vi-VN", "en": "en-GB"}[language]
    context = browser.new_context(locale=locale, viewport={"width": 720, "height": 640})
    page = context.new_page()
    page.set_default_timeout(30_000)
    walk = Screens(page=page, language=language, prefix=prefix)
    page.on("pageerror", lambda error: walk.problems.append(f"error: {error}"))
    page.on("console", lambda said: _note(walk, said.text))
    context.on("request", lambda request: walk.hosts.add(urlsplit(request.url).hostname or ""))
    yield walk
    context.close()
    assert walk.problems == []
    assert walk.hosts - {""} <= hosts


def _note(walk: Screens, said: str) -> None:
    if "Content Security Policy" in said:
        walk.problems.append(said)


def add_passkey_device(page: Any) -> None:
    """A virtual authenticator that checks its user, as a security key with a fingerprint does."""
    client = page.context.new_cdp_session(page)
    client.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    client.send("WebAuthn.addVirtualAuthenticator", {"options": options})
