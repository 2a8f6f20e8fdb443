"""Rooms that a worker enters late or never: loaded by the first request that needs them.

A provider starts sooner and holds less: most workers meet no kiosk, and many no card. A function is
named by its place under :mod:`eid.oidc`; a test finds each that the tables of paths name.

>>> late("logout.respond").find().__module__
'eid.oidc.logout'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from eid.oidc.http import Response


@dataclass(frozen=True, slots=True)
class Late:
    """A function that answers requests, and whose module is loaded when it is called."""

    module: str
    name: str

    def find(self) -> Callable[..., Response]:
        """The function itself."""
        found: Callable[..., Response] = getattr(import_module(self.module), self.name)
        return found

    def __call__(self, *given: object) -> Response:
        """Its answer."""
        return self.find()(*given)


def late(place: str) -> Late:
    """``room.function`` under :mod:`eid.oidc`."""
    room, _, name = place.rpartition(".")
    return Late(f"eid.oidc.{room}", name)
