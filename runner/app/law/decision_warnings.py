"""What speaks against a decision not to notify: filed texts that say otherwise, and a federal letter that is not out yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.app.notices.addressing import FEDERAL, PEOPLE, YIELDS
from runner.incident.law.duties import LIVE
from runner.incident.notices.staleness import value_at
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_RISK, _PLANNED = "risk.to_people", "incident.individual_notice_planned_at"


def against(service: IncidentService, incident: Incident, duty: str, ground: str) -> Iterator[str]:
    """Yield each warning before a decision not to notify people."""
    texts_about = [text.duty for text in incident.documents.values()]
    found = {one.id: one for one in service.near_duties(incident, also=(duty, FEDERAL, *texts_about))}
    own, federal = found.get(duty), found.get(FEDERAL)
    if own is None or own.recipient not in PEOPLE:
        return
    if ground in YIELDS and federal is not None and federal.verdict == "applies" and federal.state in LIVE:
        yield f"The federal notice is not given yet: {FEDERAL} is {federal.state}"
    filed = {one.record.digest for one in incident.duties.values() if one.record is not None}
    for text in incident.documents.values():
        about = found.get(text.duty)
        if text.digest not in filed or about is None or about.jurisdiction != own.jurisdiction:
            continue
        read = {
            key: value_at(incident, key, text.facts[key])[1]
            for key in (_RISK, _PLANNED)
            if text.facts.get(key)
        }
        if read.get(_RISK) == "high" or read.get(_PLANNED):
            said = ", ".join(f"{key} = {value}" for key, value in read.items())
            yield f"The text {text.id}, filed for {text.duty}, is based on {said}"
