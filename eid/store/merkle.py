r"""A Merkle tree that grows at its right end, as in RFC 9162 §2.1, over hashes that are leaves.

A row's hash begins with a label of its own before hashing, so that no leaf can be taken for a
node (which begins with 0x01).

>>> leaves = [bytes([n]) * 32 for n in range(5)]
>>> peaks = []
>>> for size, leaf in enumerate(leaves):
...     _ = push(peaks, size, leaf)
>>> path = inclusion_path(3, 5, {}, lambda index: leaves[index])
>>> root_from_path(leaves[3], 3, 5, path) == root(peaks)
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

BLOCK = 256
_BLOCK_LEVEL = 8
HASH = 32
MAX_SIZE = 1 << 62


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def push(peaks: list[bytes], size: int, leaf: bytes) -> bytes | None:
    """Add a leaf to the peaks of a tree of ``size``; the root of a block that it completes."""
    node, level, block = leaf, 0, None
    while size & 1:
        node = hashlib.sha256(b"\x01" + peaks.pop() + node).digest()
        size >>= 1
        level += 1
        if level == _BLOCK_LEVEL:
            block = node
    peaks.append(node)
    return block


def root(peaks: Sequence[bytes]) -> bytes:
    """The root over the peaks, the highest first; of an empty tree 32 zero bytes."""
    if not peaks:
        return bytes(HASH)
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def peaks_of_blocks(roots: Sequence[bytes]) -> list[bytes]:
    """The peaks of a tree that consists of whole blocks."""
    peaks: list[bytes] = []
    for count, node in enumerate(roots):
        push(peaks, count, node)
    return peaks


def split(data: bytes) -> list[bytes]:
    """Peaks from their stored form."""
    return [data[start : start + HASH] for start in range(0, len(data), HASH)]


def inclusion_path(
    index: int, size: int, blocks: Mapping[int, bytes], leaf: Callable[[int], bytes]
) -> tuple[bytes, ...]:
    """The path from a leaf to the root of the tree of ``size`` (RFC 9162 §2.1.3.1).

    ``blocks`` are the roots of whole blocks of 256 leaves; ``leaf`` is asked for the others.
    """

    def subtree(start: int, end: int) -> bytes:
        if end - start == BLOCK and start % BLOCK == 0 and start // BLOCK in blocks:
            return blocks[start // BLOCK]
        if end - start == 1:
            return leaf(start)
        middle = start + _half(end - start)
        return node_hash(subtree(start, middle), subtree(middle, end))

    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _half(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return tuple(reversed(path))


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a path leads to (RFC 9162 §2.1.3.2), or None for an impossible path."""
    if not 0 <= index < size <= MAX_SIZE:
        return None
    inner, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != HASH:
            return None
        if inner & 1 or inner == last:
            node = node_hash(sibling, node)
            while not inner & 1 and inner:
                inner, last = inner >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        inner, last = inner >> 1, last >> 1
    return node if last == 0 else None


def _half(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
