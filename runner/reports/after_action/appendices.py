"""The appendices of an after-action report that are read from the journal: people, scenario, times, timeline, the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from runner.base.states import MARKS
from runner.documents.tree import Block
from runner.reports.after_action.channels import channels_figure, channels_table, failovers_table
from runner.reports.after_action.deadline_slack import margins_figure, margins_table
from runner.reports.after_action.response_times import answers_figure, answers_table
from runner.reports.after_action.scenario import played_figure, played_table, talked_figure
from runner.reports.after_action.source import Numbers, Source, roll_call_table
from runner.reports.after_action.work import work_figure, work_of
from runner.reports.charts.figure_svg import pictures
from runner.reports.core.formatting import count
from runner.reports.core.report_blocks import fields, heading, paragraph, table, time


def appendices(source: Source, found: Numbers) -> Iterator[Block]:
    """Yield those after A in their order, lettered without a gap."""
    letters = iter("BCDEF")
    yield heading(2, f"Appendix {next(letters)}: Participants, and each one's own times")
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
        f"The journal ({entries}) is an annex in a file of its own: after-action-{found.codename}-journal."
    )
    yield heading(2, f"Appendix {next(letters)}: The record")
    yield from _record(found, source.zone)


def _times(found: Numbers, zone: tzinfo) -> Iterator[Block]:
    mark = MARKS.get(found.kind, "")
    yield heading(3, "Time to acknowledge")
    if found.acknowledgements:
        yield from pictures(answers_figure(found.acknowledgements, mark))
        yield answers_table(found.acknowledgements, zone)
    else:
        yield paragraph("No message asked for an acknowledgement.")
    yield heading(3, "Channels, and where they failed over")
    if found.channels:
        yield from pictures(channels_figure(found.channels, mark))
        yield channels_table(found.channels)
    else:
        yield paragraph("Nothing was sent.")
    if found.failovers:
        yield failovers_table(found.failovers)
    elif found.channels:
        yield paragraph("No message failed over.")
    yield heading(3, "Margin to each legal deadline")
    if found.deadlines:
        yield from pictures(margins_figure(found.deadlines, mark))
        yield margins_table(found.deadlines, zone)
    else:
        yield paragraph("No legal deadline ran.")


def _timeline(source: Source, found: Numbers) -> Iterator[Block]:
    """Yield the course as a picture: the scenario's, the discussion's, or that of people's work."""
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
    yield fields([*lines, ("Journal", found.head), ("Report made", time(found.made_at, zone))])
    if found.signed:
        yield paragraph("Reports that were signed before this one was made:")
        rows = [(signed.by, time(signed.at, zone), signed.digest) for signed in found.signed]
        yield table(("Signed by", "Time", "Digest"), rows)
    yield paragraph(
        "The journal proves this report: tocsin audit verify -i INCIDENT --anchor LINE, with each of the lines above. "
        f"The signature of a signed one: tocsin {'report' if found.scenario is None else 'drill report'} --check FILE."
    )
