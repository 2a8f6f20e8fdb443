"""Everything in this folder goes through a real pcscd, and leaves the reader empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eid.testing.virtual_reader import VirtualReader

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.pcsc)


@pytest.fixture
def reader(virtual_reader: VirtualReader) -> Iterator[VirtualReader]:
    """The virtual reader with both slots empty before and after the test."""
    yield virtual_reader
    for slot in (0, 1):
        virtual_reader.remove(slot=slot)
