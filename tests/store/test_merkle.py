"""The tree against RFC 9162's own recursive definition, for every size up to a few blocks."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, strategies as st

from eid.store.merkle import (
    BLOCK,
    MAX_SIZE,
    inclusion_path,
    node_hash,
    peaks_of_blocks,
    push,
    root,
    root_from_path,
    split,
)


def leaf(index):
    return hashlib.sha256(b"leaf%d" % index).digest()


def by_definition(start, end):
    if end - start == 1:
        return leaf(start)
    half = 1
    while half * 2 < end - start:
        half *= 2
    return node_hash(by_definition(start, start + half), by_definition(start + half, end))


def grown(size):
    peaks, blocks = [], {}
    for index in range(size):
        block = push(peaks, index, leaf(index))
        if block is not None:
            blocks[index // BLOCK] = block
    return peaks, blocks


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100, 255, 256, 257, 511, 512, 700])
def test_root_is_the_recursive_one(size):
    peaks, blocks = grown(size)
    assert root(peaks) == by_definition(0, size)
    assert blocks == {n: by_definition(n * 256, n * 256 + 256) for n in range(size // 256)}
    assert split(b"".join(peaks)) == peaks


def test_empty():
    assert root([]) == bytes(32)
    assert split(b"") == []


def test_peaks_of_whole_blocks():
    peaks, blocks = grown(3 * BLOCK)
    assert root(peaks_of_blocks([blocks[n] for n in range(3)])) == root(peaks)


@given(st.data())
def test_every_leaf_is_proven_and_no_other(data):
    size = data.draw(st.integers(1, 700))
    index = data.draw(st.integers(0, size - 1))
    peaks, blocks = grown(size)
    path = inclusion_path(index, size, blocks, leaf)
    assert root_from_path(leaf(index), index, size, path) == root(peaks)
    for wrong in (
        root_from_path(leaf(index + 1), index, size, path),
        root_from_path(leaf(index), (index + 1) % size if size > 1 else 1, size, path),
        root_from_path(leaf(index), index, size, (*path, bytes(32))),
        root_from_path(leaf(index), index, size, path[:-1]) if path else None,
        root_from_path(leaf(index), index, size, [b"", *path[1:]]) if path else None,
    ):
        assert wrong != root(peaks)


def test_only_the_needed_leaves_are_asked_for():
    asked = set()

    def counting(index):
        asked.add(index)
        return leaf(index)

    _peaks, blocks = grown(700)
    inclusion_path(300, 700, blocks, counting)
    assert asked <= set(range(256, 700))


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0), (0, MAX_SIZE + 1)])
def test_leaves_that_are_not_there(index, size):
    assert root_from_path(leaf(0), index, size, ()) is None
    if size <= 1:
        with pytest.raises(ValueError, match="not in the tree"):
            inclusion_path(index, size, {}, leaf)
