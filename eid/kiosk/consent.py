"""The record of a person's agreement: a value, made by an explicit act (house: no read without it).

>>> from datetime import UTC, datetime
>>> record = ConsentRecord(
...     issuer="https://id.example.vn", client_name="Bank", purpose="Log in", plan="kiosk",
...     files=("EF.DG1",), text_version="1", act="checkbox", request_id="j" * 16,
...     at=datetime(2026, 11, 21, tzinfo=UTC),
... )
>>> record.line()
'consent issuer=https://id.example.vn plan=kiosk files=EF.DG1 text=1 act=checkbox at=2026-11-21T00:00:00+00:00'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from eid.keys import JSON
from eid.kiosk.request import CardRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """Who asked, what would be read and why, in which words, and what the person did."""

    issuer: str
    client_name: str
    purpose: str
    plan: str
    files: tuple[str, ...]
    text_version: str
    act: str
    request_id: str
    at: datetime

    def line(self) -> str:
        """The log line: nothing in it names the person, or is chosen by the client."""
        return (
            f"consent issuer={self.issuer} plan={self.plan} files={','.join(self.files)} "
            f"text={self.text_version} act={self.act} at={self.at.isoformat()}"
        )

    def to_json(self) -> dict[str, JSON]:
        """The record as a visit carries it (`eid.levels.visit`)."""
        return {
            "issuer": self.issuer,
            "client": self.client_name,
            "purpose": self.purpose,
            "files": list(self.files),
            "text_version": self.text_version,
            "act": self.act,
            "at": int(self.at.timestamp()),
        }


def consent_to(request: CardRequest, *, text_version: str, at: datetime) -> ConsentRecord:
    """The record of the box "I agree", ticked by hand under the texts of this version.

    A box, since a scanner that types the number ends with Enter and would press a button.
    """
    return ConsentRecord(
        issuer=request.issuer,
        client_name=request.client_name,
        purpose=request.purpose,
        plan=request.plan.name,
        files=tuple(request.plan.files),
        text_version=text_version,
        act="checkbox",
        request_id=request.jti,
        at=at,
    )
