"""A consent as a value: what, for whom, why, by which explicit act, until when (contracts §8).

>>> ACTS
('pressed_agree', 'signed_on_paper', 'said_to_officer')
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from eid.errors import FormatError

Channel = Literal["web", "agent", "kiosk", "counter", "paper", "telephone"]
Act = Literal["pressed_agree", "signed_on_paper", "said_to_officer"]
ACTS: tuple[Act, ...] = get_args(Act)
"""What counts as an explicit act. Silence, a ticked box and going on do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One consent. ``what`` names scopes or data, never values; ``client`` is for whom.

    ``text_version`` names the text that was shown. FormatError for an act that is none, for
    nothing asked, no purpose, or an end that is not after the beginning.
    """

    id: str
    account: str
    client: str
    what: tuple[str, ...]
    purpose: str
    channel: Channel
    text_version: str
    act: Act
    given_at: datetime
    until: datetime
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.act not in ACTS or self.channel not in get_args(Channel):
            raise FormatError("A consent needs an explicit act.", code="consent.act")
        if not (self.what and self.purpose and self.text_version and self.client):
            raise FormatError("A consent says what, for whom and why.", code="consent.content")
        if self.until <= self.given_at:
            raise FormatError("A consent has an end.", code="consent.until")

    def is_live(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        ended = self.withdrawn_at is not None and self.withdrawn_at <= at
        return self.given_at <= at < self.until and not ended
