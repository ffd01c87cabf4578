"""The tables of step kinds: one line for each kind in each, and nothing for a kind that does not exist."""

from __future__ import annotations

from typing import get_args

import pytest

from runner.incident.steps import kinds
from runner.playbook.checks.kinds import CHECKS
from runner.playbook.format import CONTAINERS, EFFECTS, KINDS, PEOPLE, SCRIPTED, AnyStep


def test_every_table_has_the_same_kinds() -> None:
    assert set(KINDS) == set(kinds.KINDS) == set(CHECKS)
    assert set(KINDS.values()) == set(get_args(AnyStep))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_written_as_its_tag_and_lowers_only_fields_that_it_has(kind: str) -> None:
    made = KINDS[kind]
    assert made.__struct_config__.tag == kind
    assert {kind, *made.written, *made.repeated.values()} <= set(made.__struct_encode_fields__)


def test_each_kind_is_done_by_one() -> None:
    groups = (PEOPLE, EFFECTS, CONTAINERS, {kind for kind in KINDS if KINDS[kind].done_by == "program"})
    assert sorted(kind for group in groups for kind in group) == sorted(KINDS)
    assert {kind for kind, made in kinds.KINDS.items() if made.claim is not None} == EFFECTS
    assert set(KINDS) > SCRIPTED
