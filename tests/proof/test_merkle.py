"""Merkle trees: the published root, every path, every proof of consistency, and what does not verify."""

from __future__ import annotations

import pytest

from runner.proof import merkle

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
def test_every_leaf_has_a_path_and_no_other_leaf_has_it(size):
    tree = leaves(size)
    root = merkle.root(tree)
    for index in range(size):
        proof = merkle.path(index, tree)
        assert merkle.is_included(index, size, tree[index], proof, root)
        assert not merkle.is_included(index, size, merkle.leaf_hash(b"forged"), proof, root)
        assert not merkle.is_included(index, size, tree[index], [*proof, root], root)
        assert size == 1 or not merkle.is_included((index + 1) % size, size, tree[index], proof, root)


@pytest.mark.parametrize("size", range(1, 34))
def test_a_tree_extends_each_of_its_beginnings_and_no_other_tree(size):
    tree = leaves(size)
    root = merkle.root(tree)
    for old in range(1, size + 1):
        proof = merkle.consistency(old, tree)
        before = merkle.root(tree[:old])
        assert merkle.is_consistent(old, size, before, root, proof)
        other = merkle.root([merkle.leaf_hash(b"rolled back"), *tree[1:old]])
        assert not merkle.is_consistent(old, size, other, root, proof)
        assert not merkle.is_consistent(old, size, before, root, [*proof, root])


def test_a_tree_is_continued_from_its_frontier():
    tree = leaves(21)
    edge = merkle.Frontier()
    for leaf in tree[:13]:
        edge.add(leaf)
    later = merkle.Frontier(edge.size, edge.peaks)
    for leaf in tree[13:]:
        later.add(leaf)
    assert later.root() == merkle.root(tree)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_outside_of_the_tree_has_no_path(index):
    with pytest.raises(IndexError):
        merkle.path(index, leaves(3))
    assert not merkle.is_included(index, 3, merkle.EMPTY, [], merkle.EMPTY)


@pytest.mark.parametrize("old", [0, 4])
def test_a_beginning_outside_of_the_tree_has_no_proof(old):
    with pytest.raises(IndexError):
        merkle.consistency(old, leaves(3))
