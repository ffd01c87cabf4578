"""Risk assessment of a breach: harm is presumed, and a finding of no risk needs an assessment.

"Unlikely to result in a risk" is the one finding that spares everybody work, so it is the one that is written down in a
hurry. A condition about harm that nobody has answered, or that only such a finding without who assessed it, when and on
what grounds denies, is answered as at the greatest harm. So the duty stands, and what would have to be found is said
beside it. A finding that there *is* a risk binds at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.facts.expression import Unknown, Value
from runner.law.populations import View

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
PRESUMED: Mapping[str, Value] = {
    "risk.to_people": "high",
    "risk.harm": "likely",
    "risk.low_probability_of_compromise": False,
    "risk.people_must_know": True,
}
"""Facts about harm, as they are presumed."""


def recorded(view: View, path: str) -> bool | Unknown:
    """Return True if a fact is recorded, else the missing fact."""
    value = view.fact(path)
    return value if isinstance(value, Unknown) else True


def wanting(view: View) -> Mapping[str, tuple[str, ...]]:
    """Return the facts about harm that count as they are presumed, each with what would have to be recorded instead."""
    absent = tuple(path for path in ASSESSMENT if recorded(view, path) is not True)
    silent = {path: (path,) for path in PRESUMED if isinstance(view.fact(path), Unknown)}
    doubted = {path: absent for path, values in _NO_RISK.items() if absent and view.fact(path) in values}
    return silent | doubted


def presuming(view: View) -> View | None:
    """Return the view in which harm is presumed wherever nothing else counts; None where all of it is found."""
    answer = wanting(view)
    return view.instead({path: PRESUMED[path] for path in answer}) if answer else None
