"""Merkle trees of RFC 6962 with SHA-256: root, inclusion paths and consistency proofs. Pure.

A leaf is 32 bytes, the result of ``leaf_hash``. A path shows that one leaf is in a tree. A consistency proof shows that a
smaller tree is the beginning of a larger one: nothing was removed or changed.
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
        middle = start + _split(end - start)
        if index < middle:
            siblings.append(root(leaves[middle:end]))
            end = middle
        else:
            siblings.append(root(leaves[start:middle]))
            start = middle
    return siblings[::-1]


def is_included(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether ``leaf`` is at ``index`` of the tree of ``size`` leaves with the root ``expected`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = _node(sibling, found)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            found = _node(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and found == expected


def consistency(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the first ``old`` leaves are the beginning of the tree (RFC 6962, 2.1.2); raises IndexError."""
    if not 0 < old <= len(leaves):
        raise IndexError(old)
    proof: list[bytes] = []
    start, end = 0, len(leaves)
    while start + old < end:
        middle = start + _split(end - start)
        if start + old <= middle:
            proof.append(root(leaves[middle:end]))
            end = middle
        else:
            proof.append(root(leaves[start:middle]))
            old -= middle - start
            start = middle
    if start:  # the verifier has the root of the old tree, but not of this part
        proof.append(root(leaves[start:end]))
    return proof[::-1]


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of ``old`` leaves is the beginning of the tree of ``new`` leaves (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    steps = [old_root, *proof] if old & (old - 1) == 0 else [*proof]
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            first, second = _node(sibling, first), _node(sibling, second)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            second = _node(second, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, new_root)


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
