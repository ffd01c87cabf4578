"""Merkle trees of RFC 6962 with SHA-256: the root, a tree that grows, and the path of a leaf. Pure.

A leaf is 32 bytes, the result of ``leaf_hash``. ``formats.is_included`` checks a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the leaf of some data (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: at most log2(size) hashes, enough to add leaves and to compute the root."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Continue a tree of ``size`` leaves with the roots of its complete subtrees, the largest first."""
        self.size, self.peaks = size, list(peaks)

    def add(self, leaf: bytes) -> None:
        """Add one leaf."""
        number = self.size
        while number & 1:
            leaf = _node(self.peaks.pop(), leaf)
            number >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.peaks:
            return EMPTY
        *others, found = self.peaks
        for peak in reversed(others):
            found = _node(peak, found)
        return found


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root of a tree; its leaves are read once."""
    edge = Frontier()
    for leaf in leaves:
        edge.add(leaf)
    return edge.root()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion path of the leaf at ``index`` (from 0), the nearest sibling first; raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    siblings: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            siblings.append(root(leaves[middle:end]))
            end = middle
        else:
            siblings.append(root(leaves[start:middle]))
            start = middle
    return siblings[::-1]
