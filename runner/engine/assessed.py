"""Findings of no risk, and what they rest on: until a named person's assessment is recorded, nobody goes by them.

"Unlikely to result in a risk" is the one finding that spares everybody work, so it is the one that is written down in a
hurry. A duty that would fall away because of it stays open and asks who assessed it, when, and on what grounds. A
finding that there *is* a risk binds at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.engine.populations import View
from runner.model.expressions import Unknown, Value

ASSESSMENT: tuple[str, ...] = (
    "risk.harm_assessment.at",
    "risk.harm_assessment.by",
    "risk.harm_assessment.grounds",
)
"""What has to be recorded beside a finding of no risk."""

_NO_RISK: Mapping[str, tuple[Value, ...]] = {
    "risk.to_people": ("unlikely",),
    "risk.harm": ("none", "unlikely"),
    "risk.low_probability_of_compromise": (True,),
    "risk.people_must_know": (False,),
}


def recorded(view: View, path: str) -> bool | Unknown:
    """Say that a fact is recorded, or that it is wanted."""
    value = view.fact(path)
    return value if isinstance(value, Unknown) else True


def doubting(view: View) -> View | None:
    """Return the view of somebody who does not go by findings of no risk yet, or None where none is in doubt.

    To them each such finding is unknown, and what is missing of its assessment would settle it.
    """
    found = [path for path, values in _NO_RISK.items() if view.fact(path) in values]
    missing = tuple(path for path in ASSESSMENT if recorded(view, path) is not True) if found else ()
    return view.without(dict.fromkeys(found, Unknown(missing))) if missing else None
