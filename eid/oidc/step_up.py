"""Step-up for APIs (RFC 9470): what a resource demands of the login behind a token.

For resource servers that introspect their tokens here.

>>> worth = {"active": True, "acr": "urn:eid:auth:1", "auth_time": 100, "eid_auth_level": 1}
>>> demand = Demand(acr_values=("urn:eid:auth:2",), auth_level=2)
>>> demand.is_met(worth, now=200)
False
>>> demand.challenge()
'Bearer error="insufficient_user_authentication", acr_values="urn:eid:auth:2"'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eid.keys import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The least a resource asks for: a level of authentication, and how old it may be (seconds)."""

    acr_values: tuple[str, ...] = ()
    auth_level: int = 1
    max_age: int | None = None

    def is_met(self, introspected: Mapping[str, JSON], *, now: int) -> bool:
        """Whether an introspection answer shows an active token that meets it."""
        level, since = introspected.get("eid_auth_level"), introspected.get("auth_time")
        if introspected.get("active") is not True:
            return False
        if not isinstance(level, int) or not isinstance(since, int) or level < self.auth_level:
            return False
        return self.max_age is None or now - since <= self.max_age

    def challenge(self, scheme: str = "Bearer") -> str:
        """The ``WWW-Authenticate`` value that sends the client to step up (§3)."""
        wanted = [f'acr_values="{" ".join(self.acr_values)}"'] if self.acr_values else []
        wanted += [f'max_age="{self.max_age}"'] if self.max_age is not None else []
        return ", ".join([f'{scheme} error="insufficient_user_authentication"', *wanted])
