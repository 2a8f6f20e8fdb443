"""Templates and the one style sheet of the card agent's screens."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from eid.kiosk.screens import Problem as Problem
from eid.kiosk.sessions import Waiting
from eid.kiosk.texts import Texts


class Pages:
    """Renders the screens in all languages at once, the first language first."""

    def __init__(self, texts: tuple[Texts, ...]) -> None:
        self.texts = texts
        self.style = files(__name__).joinpath("style.css").read_text("utf-8")
        self.script = files(__name__).joinpath("live.js").read_text("utf-8")
        self._templates = Environment(
            loader=PackageLoader("eid.kiosk", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    def consent(self, waiting: Waiting, problem: Problem | None = None) -> str:
        """Who asks, what will be read and why; with the problem of the last try, if any."""
        return self._render("consent", waiting=waiting, request=waiting.request, problem=problem)

    def error(self, problem: Problem) -> str:
        """A problem that ends the request."""
        return self._render("error", problem=problem)

    def declined(self) -> str:
        """The person did not agree."""
        return self._render("declined")

    def _render(self, name: str, **values: object) -> str:
        return self._templates.get_template(f"{name}.html.jinja").render(
            texts=self.texts, **values
        )
