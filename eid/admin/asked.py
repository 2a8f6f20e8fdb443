"""A request at the counter as a handler sees it: whose it is, what he may do, in which language."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from eid.admin.officers import Officer, permissions
from eid.admin.pages import Language, error_words, render
from eid.admin.sessions import Session
from eid.errors import AccountError, EidError, FormatError
from eid.levels.account import Account
from eid.oidc.http import Parameters, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as a page shows it: its words and code, nothing of its message or facts."""

    words: str
    code: str
    correlation: str

    @classmethod
    def of(cls, error: EidError, language: Language, correlation: str) -> Problem:
        """The error in the officer's language."""
        return cls(words=error_words(error, language), code=error.code, correlation=correlation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an officer asks for, after his session, his role and the form's origin were checked."""

    request: Request = field(repr=False)
    session: Session = field(repr=False)
    officer: Officer
    account: Account
    language: Language
    at: datetime
    form: Parameters = field(default_factory=Parameters, repr=False)

    @property
    def me(self) -> str:
        """The officer's internal id, for the record."""
        return self.officer.account_id

    def page(
        self, template: str, *, form_action: str = "", status: int = 200, **values: object
    ) -> Response:
        """A page of this officer."""
        return render(
            template,
            self.language,
            status=status,
            form_action=form_action,
            also={
                "csrf": self.session.csrf,
                "session": True,
                "may": permissions(self.account.roles),
                "problem": None,
                **values,
            },
        )

    def chosen(self, name: str, among: tuple[str, ...]) -> str:
        """A form's value, which must be one of these."""
        value = self.form.get(name)
        if value not in among:
            raise FormatError("The form is not complete.", code="counter.form")
        return value

    def confirmed(self, name: str) -> None:
        """AccountError ``account.holder_match_missing`` unless the box was ticked."""
        if self.form.get(name) != "yes":
            raise AccountError(
                "Level 2 needs the officer's match of the holder.",
                code="account.holder_match_missing",
            )
