"""Facts about the organisation from the settings of the home folder."""

from __future__ import annotations

import msgspec

from runner.errors import Invalid
from runner.facts.vocabulary.nested_facts import Misplaced, flatten
from runner.facts.vocabulary.register import Stated
from runner.routing.organisation import Home


def organisation_facts(home: Home) -> tuple[Stated, ...]:
    """Return what the home's file says of the organisation, checked."""
    wrong: list[Misplaced] = []
    leaves = list(flatten("", {"organisation": home.organisation}, wrong.append)) if home.organisation else []
    if wrong:
        words = "; ".join(f"{misplaced.problem.path}: {misplaced.problem.message}" for misplaced in wrong)
        raise Invalid(
            f"The section organisation of tocsin.yaml is not valid: {words}.",
            hint="tocsin fact show --all",
            code="bad_settings",
        )
    return tuple(
        msgspec.structs.replace(leaf.stated, source=leaf.stated.source or "tocsin.yaml") for leaf in leaves
    )
