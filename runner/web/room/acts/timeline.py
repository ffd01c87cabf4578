"""What a person can do on the timeline and with evidence: mark an entry as wrong; describe, hand over, receive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.acts.asked import Asked
from runner.acts.fields import TIME
from runner.app.incidents.corrections import correct, corrected_by, reversed_words
from runner.app.incidents.evidence import describe, described, hand_over, receive
from runner.errors import NotFound
from runner.incident.people.custody import exhibit
from runner.incident.state.commands import RecordCustody
from runner.incident.state.incident import Incident
from runner.incident.state.record import ExhibitDescribed, ExhibitDiffered, ExhibitReceived
from runner.reports.core.formatting import here
from runner.reports.core.page import Page, line
from runner.reports.incidents.timeline import entry_blocks, timeline
from runner.web.room.acts.forms import (
    CHOOSE,
    REASON,
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    fixed,
    instant_of,
    number_of,
    people_field,
)


def _forms(asked: Asked) -> Sequence[Form]:
    number = Field(
        "entry", "Number of the entry", needed=True, help="It stands beside the time of each entry."
    )
    return (Form("correct", "Mark an entry as wrong", (number, REASON), folded=True),)


def _preview(asked: Asked, given: Given) -> Page:
    """Show the entry, and what changes without it; raises what the act would raise."""
    found = corrected_by(asked.service, asked.incident, number_of(given, "entry"))
    report = timeline(
        asked.incident,
        asked.service.library(asked.incident),
        asked.reader.events(asked.incident, found.entry - 1),
    )
    entry = next((one for one in report.entries if one.event == found.entry), None)
    if entry is None:
        raise NotFound(
            f'Entry "{found.entry}" does not exist.',
            hint="Use a number of the timeline",
            code="unknown_event",
        )
    made = asked.service.prepare(asked.incident, found.commands, principal=asked.principal)
    changed = reversed_words(asked.service, made.incident, [one.event for one in made.events])
    again = (*(f"The duty {duty} is open again" for duty in found.reopened), *changed)
    told = (line(words, "alarm") for words in again)
    return Page((line("THIS ENTRY STAYS, MARKED AS WRONG", "title"), *entry_blocks(entry, here()), *told))


def _correct(asked: Asked, given: Given) -> None:
    correct(asked.service, asked.incident.id, number_of(given, "entry"), given["reason"])


TIMELINE = Acting(_forms, {"correct": Act("entry.correct", _correct, _preview, adds=True, bound=True)})


# --- evidence ---------------------------------------------------------------------------------------------

ABOUT_EXHIBIT = (
    Field("description", "What it is"),
    Field("collected_by", "Collected by"),
    Field("collected_at", "Collected at", help=TIME, timed=True),
    Field("place", "Where it was collected", help="Machine, account, room."),
    Field("method", "How it was collected", help="Tool, version, settings."),
)


def about_exhibit(asked: Asked, given: Given) -> ExhibitDescribed | None:
    """Return what a form says about an exhibit; None if nothing."""
    return described(
        given["description"],
        given["collected_by"],
        instant_of(given, "collected_at", asked.clock),
        given["place"],
        given["method"],
    )


def receipt_forms(incident: Incident, person: str) -> Iterator[Form]:
    """Yield a form for each exhibit whose receipt this person has to confirm."""
    for one in incident.evidence.values():
        if any(given.receiver == person and not given.receipt for given in one.handovers):
            fields = (
                Field("sha256", "SHA-256 that you calculated from your copy"),
                Field("note", "Note", help="Condition, seal, or what is missing."),
            )
            yield Form(
                "receive", f"Confirm the receipt of exhibit {one.number}", fields, (("evidence", one.id),)
            )


def _evidence_forms(asked: Asked) -> Sequence[Form]:
    found = asked.incident.evidence.values()
    names = tuple((one.id, f"{one.number} {one.name}") for one in found)
    which = Field("evidence", "Evidence file", "choice", (CHOOSE, *names), needed=True)
    person = people_field(asked)._replace(label="Received by")
    purpose = Field("purpose", "Purpose", needed=True)
    at = Field("at", "Time of the handover", help=f"{TIME} Default: now.", timed=True)
    forms = (
        Form("hand_over", "Hand an evidence file over", (which, person, purpose, at), folded=True),
        Form("describe", "Describe an evidence file", (which, *ABOUT_EXHIBIT), folded=True),
    )
    return (*receipt_forms(asked.incident, asked.principal.person), *(forms if found else ()))


def _hand_over(asked: Asked, given: Given) -> None:
    at = instant_of(given, "at", asked.clock)
    hand_over(asked.service, asked.incident.id, given["evidence"], given["person"], given["purpose"], at)


def _describe(asked: Asked, given: Given) -> None:
    describe(asked.service, asked.incident.id, given["evidence"], about_exhibit(asked, given))


def _receive(asked: Asked, given: Given) -> None:
    receive(asked.service, asked.incident.id, given["evidence"], given["sha256"], given["note"])


def _received(asked: Asked, given: Given) -> Preview:
    """Show the exhibit that the person confirms; raises what the act would raise."""
    act = ExhibitReceived(evidence=given["evidence"], sha256=given["sha256"])
    made = asked.service.prepare(asked.incident, [RecordCustody(event=act)], principal=asked.principal)
    one = exhibit(asked.incident, given["evidence"])
    if any(isinstance(event, ExhibitDiffered) for event in made.events):
        words = "The digest of your copy is not that of the exhibit. Tocsin records the difference. The receipt stays open."
        return fixed(Page((line(words, "alarm"),)))
    return fixed(Page((line(f"You confirm that you have {one.name}, {one.size:,} bytes, {one.sha256}."),)))


RECEIVE = Act("note.add", _receive, _received, adds=True, bound=True)
EVIDENCE = Acting(
    _evidence_forms,
    {
        "hand_over": Act("note.add", _hand_over, adds=True),
        "describe": Act("note.add", _describe, adds=True),
        "receive": RECEIVE,
    },
)
