"""The after-action report and improvement plan as one document, in the order of the HSEEP template.

All content comes from the incident and its journal. The report is a draft until a person signs it. A person can sign when an
evaluator has rated every target, or when a real incident is closed. The report of a real incident has no exercise parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import tzinfo

from runner.base.states import MARKS
from runner.documents.tree import Block, Document, RenderContext, Stationery
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.exercises.improvement_proposals import seen
from runner.incident.state.exercise import Observation
from runner.incident.state.incident import Incident
from runner.reports.after_action.channels import (
    channels_figure,
    channels_table,
    channels_words,
    failovers_table,
)
from runner.reports.after_action.findings import cause_words, causes, improvement_plan, open_duties
from runner.reports.after_action.response_times import (
    answers_figure,
    answers_table,
    answers_words,
    margins_figure,
    margins_table,
    margins_words,
)
from runner.reports.after_action.scenario import played_figure, played_table, talked_figure
from runner.reports.after_action.source import Numbers, Source, roll_call_table, timeline_section
from runner.reports.after_action.work import stop_of, tasks_words, work_figure, work_of
from runner.reports.charts.figure_svg import pictures
from runner.reports.core.formatting import count, span
from runner.reports.core.report_blocks import bullets, fields, heading, numbered, paragraph, table, time
from runner.reports.exercises.ratings import KEY, ObjectiveRow, Ratings, ratings_report
from runner.reports.incidents.links import link_sentences
from runner.reports.law.duty_details import decisions


def appendices(source: Source, found: Numbers) -> Iterator[Block]:
    """Yield the appendices after A, with consecutive letters."""
    letters = iter("BCDEF")
    yield heading(2, f"Appendix {next(letters)}: Participants and their times")
    yield roll_call_table(found.people, source.zone)
    if source.plan is not None and source.plan.events and found.scenario is not None:
        yield heading(2, f"Appendix {next(letters)}: Scenario as played")
        yield played_table(found.scenario, source.plan)
    yield heading(2, f"Appendix {next(letters)}: Times")
    yield from _times(found, source.zone)
    yield heading(2, f"Appendix {next(letters)}: Timeline")
    yield from _timeline(source, found)
    entries = count(len(source.entries), "entry", "entries")
    yield paragraph(
        f"The journal ({entries}) is an annex in a separate file: after-action-{found.codename}-journal."
    )
    yield heading(2, f"Appendix {next(letters)}: Integrity of this report")
    yield from _record(found, source.zone)


def _times(found: Numbers, zone: tzinfo) -> Iterator[Block]:
    mark = MARKS.get(found.kind, "")
    yield heading(3, "Time to acknowledge")
    if found.acknowledgements:
        yield from pictures(answers_figure(found.acknowledgements, mark))
        yield answers_table(found.acknowledgements, zone)
    else:
        yield paragraph("No message required an acknowledgement.")
    yield heading(3, "Channels and failovers")
    if found.channels:
        yield from pictures(channels_figure(found.channels, mark))
        yield channels_table(found.channels)
    else:
        yield paragraph("No messages were sent.")
    if found.failovers:
        yield failovers_table(found.failovers)
    elif found.channels:
        yield paragraph("No message failed over.")
    yield heading(3, "Margin to each legal deadline")
    if found.deadlines:
        yield from pictures(margins_figure(found.deadlines, mark))
        yield margins_table(found.deadlines, zone)
    else:
        yield paragraph("No legal deadline applied.")


def _timeline(source: Source, found: Numbers) -> Iterator[Block]:
    """Yield the figure of the scenario, the discussion or the tasks over time."""
    mark, plan, drill = MARKS.get(found.kind, ""), source.plan, source.incident.drill
    now = source.now.astimezone(source.zone)
    if plan is not None and plan.events and found.scenario is not None:
        yield from pictures(played_figure(found.scenario, source.marks, mark))
    elif plan is not None and plan.modules and drill is not None:
        yield from pictures(talked_figure(plan, drill.observations, source.marks, now, mark))
    elif work_of(source.incident):
        yield from pictures(work_figure(source.incident, source.titles, source.marks, now, mark))


def _record(found: Numbers, zone: tzinfo) -> Iterator[Block]:
    lines = [(f"Journal at {head.name}", head.head) for head in found.heads]
    yield fields([*lines, ("Journal", found.head), ("Report created", time(found.made_at, zone))])
    if found.signed:
        yield paragraph("Earlier signed reports:")
        rows = [(signed.by, time(signed.at, zone), signed.digest) for signed in found.signed]
        yield table(("Signed by", "Time", "Digest"), rows)
    yield paragraph(
        "To verify this report against the journal, run for each line above: tocsin audit verify -i INCIDENT --anchor LINE. "
        f"To verify a signature: tocsin {'report' if found.scenario is None else 'drill report'} --check FILE."
    )


LETTERS = ("P", "S", "M", "U")
NOT_RATED = "not rated"


def after_action(source: Source, found: Numbers) -> Document:
    """Return the report as a tree, to be written like any other document."""
    title = f"After-action report and improvement plan: {found.title}"
    return _document(source, found, f"after-action-{found.codename}", title, _blocks(source, found))


def journal_annex(source: Source, found: Numbers) -> Document:
    """Return the journal entries as a separate document."""
    title = f"Journal of {found.title}: annex to the after-action report"
    blocks = (heading(1, title), timeline_section(source.entries, source.zone))
    return _document(source, found, f"after-action-{found.codename}-journal", title, blocks)


def _document(source: Source, found: Numbers, name: str, title: str, blocks: Iterable[Block]) -> Document:
    incident = source.incident
    return Document(
        id=name,
        version=str(incident.version),
        template_sha256="",
        title=title,
        language="en",
        context=RenderContext(
            status=found.status,
            kind=incident.kind,
            incident=incident.codename,
            timestamp=source.made_at,
            language="en",
            stationery=Stationery(name=_organisation(incident)),
            journal_head=source.reference,
        ),
        blocks=tuple(blocks),
    )


def _organisation(incident: Incident) -> str:
    name = incident.facts.get("organisation.name")
    return str(name.value) if name is not None and name.value else ""


def _blocks(source: Source, found: Numbers) -> Iterator[Block]:
    incident, plan = source.incident, source.plan
    yield heading(1, f"After-action report and improvement plan: {found.title}")
    if found.draft_because:
        yield paragraph(f"DRAFT: {found.draft_because}. Do not publish.")
    yield heading(2, "Administration")
    yield paragraph(
        "Confidential: this report describes weaknesses of the organisation. Share it on a need-to-know basis."
    )
    yield heading(2, "Executive summary")
    yield bullets(_summary(source, found))
    yield heading(2, "Exercise overview" if plan else "Incident overview")
    yield fields(_overview(source))
    if plan is not None:
        yield from _analysis(ratings_report(incident, plan), plan, source)
    yield from causes(found.causes, found.codename)
    near = (*found.open_duties, *found.undetermined_running)
    yield from open_duties(near, found.left_open, found.undetermined, source.zone)
    if decided := decisions(source.duties):
        yield heading(2, "Decisions not to notify, and waivers")
        yield bullets(f"{duty}: {words}" for duty, words in decided)
    if found.dropped:
        yield heading(2, "Also open at closing")
        yield bullets(f"{words} ({name})" for name, words in found.dropped.items())
    yield from improvement_plan(source.items, _noted(source), _organisation(incident), source.contacts)
    yield from appendices(source, found)


def _summary(source: Source, found: Numbers) -> Iterator[str]:
    """Yield one sentence with numbers for each part of the report."""
    incident, drill, zone = source.incident, source.incident.drill, source.zone
    if drill is not None and source.plan is not None:
        yield f"The exercise ran from {time(drill.begun_at, zone)} to {time(drill.ended_at, zone) or 'now'}."
        rated = ratings_report(incident, source.plan).objectives
        yield f"Objectives: {'; '.join(f'{row.id} {row.rating or NOT_RATED}' for row in rated)}."
    else:
        stop = stop_of(incident, source.marks, source.now)
        yield f"State: {incident.state}, {span(stop - incident.opened_at)} after opening at {time(incident.opened_at, zone)}."
    if source.closing is not None:
        second = f" Confirmed by {source.closing.second}." if source.closing.second else ""
        yield f"Closed by {source.closing.by}: {source.closing.reason or 'no reason recorded'}.{second}"
    yield from link_sentences(source.links)
    yield f"Cause: {'; '.join(f'{cause_words(cause)} ({cause.confidence})' for cause in found.causes) or 'not recorded'}."
    yield tasks_words(found.tasks)
    yield from [answers_words(found.acknowledgements)] if found.acknowledgements else []
    yield from [channels_words(found.channels)] if found.channels else []
    yield from [margins_words(found.deadlines)] if found.deadlines else []
    overdue = sum(1 for duty in found.open_duties if duty.state == "overdue")
    owed = f"{len(found.open_duties)} open, {overdue} of these overdue"
    clocks = [duty.state == "overdue" for duty in found.undetermined_running]
    doubt = f", {len(clocks)} of these with a deadline ({sum(clocks)} overdue)" if clocks else ""
    yield f"Legal duties: {owed}; {len(found.undetermined)} undetermined{doubt}."
    still = sum(1 for item in source.items if item.status == "open")
    yield f"Improvement plan: {count(len(source.items), 'action item')}, {still} open."


def _overview(source: Source) -> Iterator[tuple[str, str]]:
    incident, plan = source.incident, source.plan
    yield "Name", incident.title or incident.codename
    yield "Codename", incident.codename
    if incident.severity or plan is None:
        yield "Severity", incident.severity or "not set"
    runs = (f"{run.label} (sha256:{run.digest[-64:]})" for run in incident.runs.values())
    yield "Playbook", "; ".join(runs)
    drill = incident.drill
    if plan is None or drill is None:
        yield "Opened", time(incident.opened_at, source.zone)
        yield "State", incident.state
        return
    about = plan.overview
    yield "Type", plan.type
    yield "StartEx (exercise time)", time(drill.begun_at, source.zone)
    yield "EndEx (exercise time)", time(drill.ended_at, source.zone)
    yield "Scope", about.scope
    yield "Mission areas", ", ".join(about.mission_areas)
    yield "Core capabilities", ", ".join(dict.fromkeys(objective.capability for objective in plan.objectives))
    yield "Objectives", "; ".join(f"{objective.id}: {objective.text}" for objective in plan.objectives)
    yield "Threat or hazard", about.threat
    yield "Scenario", about.scenario
    yield "Sponsor", about.sponsor
    yield "Participating organisations", ", ".join(about.organizations)
    yield "Point of contact", about.contact


KINDS = {"strength": "Strengths", "improvement": "Areas for improvement", "observation": "Observations"}


def _analysis(found: Ratings, plan: Exercise, source: Source) -> Iterator[Block]:
    yield heading(2, "Analysis of core capabilities")
    letters = [
        (f"{one.id}: {one.text}", one.capability, *(each if each == one.rating else "" for each in LETTERS))
        for one in found.objectives
    ]
    yield table(("Objective", "Core capability", *LETTERS), letters)
    if found.draft:
        yield paragraph("An objective has no rating until an evaluator has rated all its targets.")
    yield bullets(KEY)
    for objective in found.objectives:
        yield from _objective(objective, source)
    if general := [each for each in _seen(source.incident) if not each.objective and not each.question]:
        yield heading(3, "Observations without an objective")
        for kind, title in KINDS.items():
            if lines := [_said(each, source.zone) for each in general if each.kind == kind]:
                yield from (heading(4, title), numbered(lines))
    for module in plan.modules:
        yield heading(3, f"{module.id}: {module.title}")
        yield paragraph(module.text)
        rows = [(question.text, _answers(source.incident, question.id)) for question in module.questions]
        yield table(("Question", "Answers"), rows)


def _objective(one: ObjectiveRow, source: Source) -> Iterator[Block]:
    yield heading(3, f"{one.id}: {one.text}")
    rows = [
        (f"{each.id}: {each.text}", each.rating or NOT_RATED, each.rated_by, each.note, _proposed(each))
        for each in one.targets
    ]
    if one.rated_by:
        rows.append((f"{one.id} as a whole", one.rating, one.rated_by, one.note, _proposed(one)))
    if rows:
        yield table(("Target", "Rating", "Evaluator", "Note", "Proposal from the journal"), rows)
    seen = [each for each in _seen(source.incident) if each.objective == one.id]
    for kind, title in KINDS.items():
        lines = [_said(each, source.zone) for each in seen if each.kind == kind]
        if lines or kind != "observation":
            yield heading(4, title)
            yield numbered(lines) if lines else paragraph("None recorded.")


def _proposed(one: object) -> str:
    proposal, rule = getattr(one, "proposal", ""), getattr(one, "rule", "")
    return f"{proposal or 'open'}: {rule}"


def _said(one: Observation, zone: tzinfo) -> str:
    about = f" Reference: {one.about}." if one.about else ""
    return f"{one.text} ({one.by}, {time(one.at, zone)}).{about}"


def _answers(incident: Incident, question: str) -> str:
    said = (observation for observation in _seen(incident) if observation.question == question)
    return "\n".join(f"{answer.text} ({answer.by})" for answer in said)


def _seen(incident: Incident) -> tuple[Observation, ...]:
    return incident.drill.observations if incident.drill is not None else ()


def _noted(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the core capability and text of each improvement without an action item."""
    plan, taken = source.plan, {item.source.ref for item in source.items}
    of = {objective.id: objective.capability for objective in plan.objectives} if plan is not None else {}
    for number, one in enumerate(_seen(source.incident), start=1):
        if one.kind == "improvement" and seen(number) not in taken:
            yield of.get(one.objective, ""), f"{one.text}{f' ({one.about})' if one.about else ''}"
