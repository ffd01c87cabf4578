"""The authorities that take notices, and the short names of the Union's acts, from the law files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from runner.base.jurisdictions import EU_MEMBERS
from runner.law.applicability import Evaluator
from runner.law.duty import Office
from runner.law.regime import DutyRule, Regime, Version

_PEOPLE = frozenset({"individuals", "data_subjects", "service_recipients", "clients"})
_UNION = "EU"


def office_notes(rule: DutyRule, regime: Regime, judge: Evaluator) -> Iterator[str]:
    """Yield the office for the organisation's main establishment or country, and its filing portal."""
    if rule.recipient in _PEOPLE:
        return
    here = _established(judge)
    for office in regime.authorities:
        if office.place == here:
            yield f"{office.place}: {office.name}, {office.url} ({office.confidence})"


def _established(judge: Evaluator) -> str:
    """Return the place of the main establishment, else the organisation's country; empty if neither is known."""
    named = (judge.view.fact(path) for path in ("organisation.main_establishment", "organisation.country"))
    return next((place for place in named if isinstance(place, str)), "")


def authority_of(rule: DutyRule, regime: Regime, judge: Evaluator, zone: tzinfo | None) -> Office | None:
    """Return the authority that takes the notice, None for people. Under Union law it is of the organisation's own State."""
    if rule.recipient in _PEOPLE:
        return None
    place = regime.jurisdictions[0]
    if place == _UNION:
        here = _established(judge)
        place = here if here in EU_MEMBERS or here in regime.jurisdictions else ""
    office = next((office for office in regime.authorities if place and office.place == place), None)
    portal = rule.delivery.portal if rule.delivery is not None else ""
    return Office(
        name=office.name if office is not None else "",
        form=office.url if office is not None else portal,
        zone=str(zone or ""),
        place=place,
    )


def short_name(rule: DutyRule, regime: Regime, version: Version) -> str:
    """Return the short name of the Union act that a duty cites, from the name of its law; empty for other laws."""
    if not regime.name.startswith(f"{_UNION} "):
        return ""
    name = regime.name.partition(" - ")[0].partition(" (")[0].removeprefix(f"{_UNION} ")
    act, _, article = version.citation.partition(" Art")
    cited = rule.citation or version.citation
    is_title = not name[:2].islower()
    return name if article and is_title and cited.startswith(f"{act} Art") else ""
