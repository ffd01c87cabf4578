"""Merkle trees: the published root, and a tree that is continued."""

from __future__ import annotations

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


def test_a_tree_is_continued_from_its_frontier():
    tree = leaves(21)
    edge = merkle.Frontier()
    for leaf in tree[:13]:
        edge.add(leaf)
    later = merkle.Frontier(edge.size, edge.peaks)
    for leaf in tree[13:]:
        later.add(leaf)
    assert later.root() == merkle.root(tree)
