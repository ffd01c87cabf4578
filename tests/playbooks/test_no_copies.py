"""Steps that several playbooks share are in a playbook that they call: copies drift."""

from __future__ import annotations

from itertools import combinations

import msgspec

from runner.playbook.catalogue import Catalog
from runner.playbook.format import PEOPLE, After, AnyStep
from runner.playbook.plan import walk
from tests.playbooks.first_hour import names

MOST = 5
"""Equal steps of two playbooks: more are a block that both can call."""


def steps_of(name: str) -> set[bytes]:
    """Return the person steps of a playbook without their names and order."""
    playbook = Catalog(None).find_playbook(name)[1].playbook
    assert playbook is not None
    return {bare(step) for step in walk(playbook.steps) if step.__struct_config__.tag in PEOPLE}


def bare(step: AnyStep) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(step, id="step", after=After(), profile=None))


def test_two_playbooks_have_few_equal_steps() -> None:
    steps = {name: steps_of(name) for name in names()}
    copied = {
        pair: len(steps[pair[0]] & steps[pair[1]])
        for pair in combinations(steps, 2)
        if len(steps[pair[0]] & steps[pair[1]]) > MOST
    }
    assert copied == {}
