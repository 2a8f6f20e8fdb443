"""One template per kind of screen, in one language at a time; texts are looked up, never written.

>>> from eid.kiosk.texts import load_texts
>>> pages = ScreenPages(load_texts(), Terms(organisation="Clinic", purpose="Check-in"))
>>> sorted(pages.languages)
['en', 'vi']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from eid.chip.plan import Plan
from eid.kiosk.consent import ConsentRecord
from eid.kiosk.desk import Live
from eid.kiosk.request import shown
from eid.kiosk.screens import TROUBLES, Session
from eid.kiosk.texts import Texts
from eid.kiosk.visits import CARD_PLAN, PORTRAIT_PLAN

_TEMPLATES = {
    "present": "reading",
    "done": "end",
    "recorded": "end",
    "noted": "end",
    "declined": "plain",
    "help": "plain",
    **dict.fromkeys(TROUBLES, "trouble"),
}
_REFRESH_S = {"welcome": 15, "present": 2, "reading": 2, "unplugged": 3, "service_down": 3}
_REFRESH_FORM_S = 65  # after the idle time: a reload would take away what is being typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who asks at this kiosk, and for what: the same in every consent record.

    ``purposes`` has the purpose in other languages; ``portrait`` whether it is asked for.
    """

    organisation: str
    purpose: str
    issuer: str = ""
    purposes: Mapping[str, str] = field(default_factory=dict)
    portrait: bool = False
    clerks: bool = False


class ScreenPages:
    """Renders the screen of a session."""

    def __init__(self, texts: tuple[Texts, ...], terms: Terms) -> None:
        self.languages = {text.language: text for text in texts}
        self.terms = terms
        self._first = texts[0]
        self._templates = Environment(
            loader=PackageLoader("eid.kiosk", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._templates.filters["shown"] = shown

    def text(self, language: str | None) -> Texts:
        """The texts of a language, or those of the first."""
        return self.languages.get(language or "", self._first)

    def render(
        self, session: Session, live: Live, *, form_token: str, language: str | None
    ) -> str:
        """The page of the session's screen."""
        text = self.text(language)
        trouble = TROUBLES.get(session.screen)
        name = _TEMPLATES.get(session.screen, session.screen)
        return self._templates.get_template(f"screens/{name}.html.jinja").render(
            text=text,
            words=text.kiosk,
            languages=tuple(self.languages.values()),
            session=session,
            live=live,
            form_token=form_token,
            terms={
                "organisation": shown(self.terms.organisation),
                "purpose": shown(self._purpose(text)),
                "issuer": self.terms.issuer,
                "clerks": self.terms.clerks,
            },
            reads=text.reads(CARD_PLAN.files),
            version=self.version(language),
            again=trouble is not None and trouble.again is not None,
            refresh=_REFRESH_S.get(session.screen, _REFRESH_FORM_S),
        )

    def version(self, language: str | None) -> str:
        """Names the words that the person saw."""
        text = self.text(language)
        return f"{text.language}/{text.version}"

    def consent(self, language: str | None, *, at: datetime) -> ConsentRecord:
        """The record of the box "I agree", ticked under the words of this language."""
        return self._record(CARD_PLAN, CARD_PLAN.files, "checkbox", language, at)

    def portrait_consent(self, language: str | None, *, at: datetime) -> ConsentRecord:
        """The record of the button "yes, read the portrait"."""
        extra = tuple(name for name in PORTRAIT_PLAN.files if name not in CARD_PLAN.files)
        return self._record(PORTRAIT_PLAN, extra, "button", language, at)

    def _purpose(self, text: Texts) -> str:
        return self.terms.purposes.get(text.language, self.terms.purpose)

    def _record(
        self, plan: Plan, names: tuple[str, ...], act: str, language: str | None, at: datetime
    ) -> ConsentRecord:
        return ConsentRecord(
            issuer=self.terms.issuer,
            client_name=shown(self.terms.organisation),
            purpose=shown(self._purpose(self.text(language))),
            plan=plan.name,
            files=names,
            text_version=self.version(language),
            act=act,
            request_id="",
            at=at,
        )
