"""Merkle trees: the published root, every path, what does not verify, and a tree that is continued."""

from __future__ import annotations

import hashlib

import pytest

from runner.proof import merkle
from runner.proof.formats import is_included

# The eight leaves of the tests of Certificate Transparency.
PUBLISHED = (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)  # fmt: skip


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def test_the_root_is_that_of_certificate_transparency():
    tree = [merkle.leaf_hash(bytes.fromhex(text)) for text in PUBLISHED]
    assert merkle.root(tree).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert merkle.root([]) == merkle.EMPTY


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_has_a_path_and_no_other_leaf_has_it(size: int):
    data = [bytes([number]) for number in range(size)]
    tree = [merkle.leaf_hash(one) for one in data]
    root = merkle.root(tree)
    for index in range(size):
        proof = merkle.path(index, tree)
        assert is_included(index, size, data[index], proof, root)
        assert not is_included(index, size, b"forged", proof, root)
        assert not is_included(index, size, data[index], [*proof, root], root)
        assert not is_included(index, size, data[index], proof[:-1], hashlib.sha256(root).digest())
        assert size == 1 or not is_included((index + 1) % size, size, data[index], proof, root)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_outside_of_the_tree_has_no_path(index: int):
    with pytest.raises(IndexError):
        merkle.path(index, leaves(3))
    assert not is_included(index, 3, b"", [], merkle.EMPTY)


def test_a_tree_is_continued_from_its_frontier():
    tree = leaves(21)
    edge = merkle.Frontier()
    for leaf in tree[:13]:
        edge.add(leaf)
    later = merkle.Frontier(edge.size, edge.peaks)
    for leaf in tree[13:]:
        later.add(leaf)
    assert later.root() == merkle.root(tree)
