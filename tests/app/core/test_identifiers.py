"""Identifiers are drawn from the system's source of chance, each letter and word as likely as any other."""

from __future__ import annotations

from collections import Counter

from runner.app.core.identifiers import RandomIds


def test_a_name_is_ten_letters_that_are_hard_to_confuse_all_of_them_in_use() -> None:
    names = [RandomIds().name("i") for _ in range(600)]
    assert len(set(names)) == 600
    assert all(name.startswith("i-") and len(name) == 12 for name in names)
    seen = Counter("".join(name[2:] for name in names))
    assert "".join(sorted(seen)) == "23456789abcdefghjkmnpqrstuvwxyz"
    assert max(seen.values()) < 2 * min(seen.values())


def test_a_codename_is_two_words_all_of_them_in_use() -> None:
    pairs = [RandomIds().codename().split("-") for _ in range(3_000)]
    assert len({first for first, _ in pairs}) == 70
    assert len({second for _, second in pairs}) == 73
