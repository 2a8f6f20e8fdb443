"""A part of the wiring that is made, and whose code is loaded, by its first use.

>>> made = []
>>> words = later(lambda: made.append(1) or "a b")
>>> made
[]
>>> words.split(), words.upper(), made
(['a', 'b'], 'A B', [1])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")


class _Later:
    """Stands for a part until one of its methods is asked for."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._part: object = None

    def __getattr__(self, name: str) -> object:
        if self._part is None:
            self._part = self._make()
        return getattr(self._part, name)


def later(make: Callable[[], T]) -> T:
    """What ``make`` returns, of which only methods are used; threads that race may make two."""
    return cast("T", _Later(make))
