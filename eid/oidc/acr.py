"""The level a service asks for, and the ``acr`` it gets (contracts §6; OIDC Core §5.5.1.1).

>>> standing = Standing(level=2, auth_level=2)
>>> wanted = AcrRequest(essential=("urn:eid:level:2",))
>>> answer(wanted, standing, prefix="urn:eid")
'urn:eid:level:2'
>>> is_met(wanted, Standing(level=2, auth_level=1), prefix="urn:eid")
False
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from eid.errors import OAuthError
from eid.keys import JSON
from eid.oidc.payload import Payload, texts

Axis = Literal["level", "auth"]
_HIGHEST = {"level": 2, "auth": 4}
_SUFFIX = re.compile(r":(level|auth):([1-9])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrRequest:
    """What was asked for, in the client's order: ``essential`` must hold, ``voluntary`` may."""

    essential: tuple[str, ...] = ()
    voluntary: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """For the stored interaction."""
        return {"essential": list(self.essential), "voluntary": list(self.voluntary)}

    @classmethod
    def from_json(cls, payload: Payload) -> AcrRequest:
        """From the stored interaction."""
        return cls(essential=texts(payload, "essential"), voluntary=texts(payload, "voluntary"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The two axes, as far as ``acr`` needs them.

    ``min_auth_level`` is the client's floor under ``urn:eid:level:N``; None means N itself.
    """

    level: int
    auth_level: int
    min_auth_level: int | None = None


def supported(prefix: str, *, auth_level: int) -> tuple[str, ...]:
    """The values that this provider can ever return, with ``auth_level`` its highest."""
    levels = tuple(f"{prefix}:level:{n}" for n in (1, 2) if n <= auth_level)
    return levels + tuple(f"{prefix}:auth:{n}" for n in range(1, auth_level + 1))


def parse(value: str, prefix: str) -> tuple[Axis, int] | None:
    """The axis and number of a known value; None for every other text."""
    match = _SUFFIX.fullmatch(value[len(prefix) :]) if value.startswith(prefix) else None
    if match is None:
        return None
    axis: Axis = "level" if match[1] == "level" else "auth"
    number = int(match[2])
    return (axis, number) if number <= _HIGHEST[axis] else None


def holds(value: str, standing: Standing, *, prefix: str) -> bool:
    """Whether the value is true of this login; higher satisfies lower, unknown never holds."""
    known = parse(value, prefix)
    if known is None:
        return False
    axis, number = known
    if axis == "auth":
        return standing.auth_level >= number
    floor = number if standing.min_auth_level is None else standing.min_auth_level
    return standing.level >= number and standing.auth_level >= floor


def is_met(request: AcrRequest, standing: Standing, *, prefix: str) -> bool:
    """Whether the essential part of the request holds."""
    return not request.essential or any(
        holds(value, standing, prefix=prefix) for value in request.essential
    )


def answer(request: AcrRequest, standing: Standing, *, prefix: str) -> str:
    """The ``acr`` to return: literally a requested value that holds, else the auth level's."""
    for value in (*request.essential, *request.voluntary):
        if holds(value, standing, prefix=prefix):
            return value
    return f"{prefix}:auth:{standing.auth_level}"


def unmet() -> OAuthError:
    """The essential acr cannot be reached (OIDC unmet-authentication-requirements 1.0)."""
    return OAuthError(
        "unmet_authentication_requirements", "The level that was asked for cannot be reached."
    )
