"""Codes and links: derived from the incident's key, bound to one delivery and one person, and over at an instant."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.vault.derived_tokens import LETTERS, ack_code, ack_link, holds, read_link, spoken

ENDS = datetime(2026, 11, 25, 9, tzinfo=UTC)


def vouch(incident: str, data: bytes) -> bytes:
    return hashlib.sha256(incident.encode() + b"|" + data).digest()


def link(**other) -> str:
    given_ = {
        "incident": "i-1",
        "delivery": "d-1",
        "person": "ada",
        "attempt": 1,
        "ends": ENDS,
        **other,
    }
    return ack_link(vouch, **given_)


def test_a_code_has_six_unambiguous_letters_and_differs_by_delivery():
    codes = {ack_code(vouch, "i-1", f"d-{n}") for n in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {6}
    assert set("".join(codes)) <= set(LETTERS)
    assert not set(LETTERS) & set("IOL01")
    assert ack_code(vouch, "i-1", "d-1") != ack_code(vouch, "i-2", "d-1")


@pytest.mark.parametrize("typed", ["k7q-m3x", "K7Q M3X", " k7qm3x ", "K7Q.M3X\n"])
def test_a_code_is_understood_however_it_is_typed(typed):
    assert spoken(typed) == "K7QM3X"


def test_a_link_states_its_purpose_and_verifies_for_its_person_only():
    found = read_link(link())
    assert found is not None
    assert (found.incident, found.delivery, found.attempt, found.ends) == ("i-1", "d-1", 1, ENDS)
    assert holds(vouch, found, "ada")
    assert not holds(vouch, found, "bob")
    assert found.digest not in link()


@pytest.mark.parametrize(
    "other",
    [{"incident": "i-2"}, {"delivery": "d-2"}, {"attempt": 2}, {"ends": ENDS + timedelta(days=1)}],
)
def test_a_link_with_changed_text_does_not_verify(other):
    words = link(**other).rpartition(".")[0]
    seal = link().rpartition(".")[2]
    found = read_link(f"{words}.{seal}")
    assert found is not None
    assert not holds(vouch, found, "ada")


@given(st.text(max_size=300))
def test_any_text_as_a_link_is_refused_or_does_not_verify(text):
    link = read_link(text)
    assert link is None or not holds(vouch, link, "ada")


@pytest.mark.parametrize(
    "text", ["", "....", "a.b.c.d.e", "a.b.1.zzzzzzzz.e", "a.b.1.ZZ.e", "a.b.²." + "e" * 9, "a" * 500]
)
def test_an_invalid_link_is_not_read(text):
    assert read_link(text) is None


@given(st.integers(0, 13_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_every_end_comes_back(ends):
    found = read_link(link(ends=ends))
    assert found is not None
    assert found.ends == ends
    assert holds(vouch, found, "ada")
