"""Facts from a file into an open incident: a facts file, or one VERIS record; and a VERIS record from its facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from runner.actions import Action
from runner.app.core.repository import Turn
from runner.app.incidents.facts import change_of, planned
from runner.decoding import from_json
from runner.errors import Refused, Usage
from runner.incident.state.commands import RecordFacts
from runner.incident.state.events import FactChange
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.facts.veris.veris_export import Exported
    from runner.facts.vocabulary.register import Stated
    from runner.reports.incidents.facts import FactChanges


class FactsFile(NamedTuple):
    """A file with facts, as a person gives it."""

    name: str
    content: bytes
    veris: bool = False
    """It is a VERIS record, not a facts file."""


class _Read(NamedTuple):
    changes: tuple[FactChange, ...]
    same: int = 0
    unmapped: Sequence[str] = ()
    notes: Sequence[str] = ()


def preview_import(service: IncidentService, incident: Incident, file: FactsFile) -> FactChanges:
    """Return what a file would change; raises Invalid with every problem."""
    read = _read(incident, file)
    return planned(service, incident, *read)


def import_facts(
    service: IncidentService, name: str, file: FactsFile, grounds: str = ""
) -> tuple[Turn, tuple[FactChange, ...]]:
    """Record the facts of a file that differ from the present facts, together; raises as ``record_facts``."""
    changes: tuple[FactChange, ...] = ()

    def make(incident: Incident) -> tuple[RecordFacts]:
        nonlocal changes
        changes = _read(incident, file).changes
        if not changes:
            raise Refused(
                f'File "{file.name}" has no fact that differs from the recorded facts.',
                hint="Check the file",
                code="nothing_to_import",
            )
        return (RecordFacts(changes=changes, grounds=grounds),)

    return service.act(service.principal, name, make), changes


def _read(incident: Incident, file: FactsFile) -> _Read:
    if file.veris:
        from runner.facts.veris.veris_record import import_veris, parse_veris

        found = import_veris(parse_veris(file.content, file.name))
        return _differing(incident, found.facts)._replace(unmapped=found.unmapped, notes=found.notes)
    from runner.facts.fact_files import read_facts
    from runner.yamlfile.source import parse

    return _differing(incident, read_facts(parse(file.content, file.name)))


def _differing(incident: Incident, stated: Sequence[Stated]) -> _Read:
    new = [change_of(fact) for fact in stated]
    changed = tuple(
        change
        for change in new
        if change.key not in incident.facts or from_json(change.value) != incident.facts[change.key].value
    )
    return _Read(changed, len(new) - len(changed))


def export_veris(incident: Incident, chosen: Sequence[str] = ()) -> tuple[Exported, bytes]:
    """Return the VERIS record of an incident, and its bytes; ``chosen`` are names of facts that are left out by default.

    Raises Usage for another name, and Refused for an exercise or an incident without a date.
    """
    from uuid import NAMESPACE_URL, uuid5

    from msgspec import json

    from runner.facts.veris.veris_export import CHOICES, record_of

    if unknown := set(chosen) - CHOICES.keys():
        hint = f"Use --with {','.join(CHOICES)}, or one of them"
        raise Usage(f'"{min(unknown)}" cannot be added.', hint=hint, code="unknown_choice")
    if incident.kind != "real":
        raise Refused(
            f'Incident "{incident.codename}" is not real.', hint=Action("incident.list"), code="not_real"
        )
    records = (duty.record for duty in incident.duties.values())
    filed = (record.at for record in records if record is not None and record.kind == "filed")
    identifier = str(uuid5(NAMESPACE_URL, f"tocsin:{incident.id}")).upper()
    found = record_of(incident.facts, identifier, filed, chosen)
    return found, json.format(json.encode(found.record), indent=2) + b"\n"
