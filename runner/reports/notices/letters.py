"""Letters to affected people as a page: counts by text and place, differences from the facts, approvals. No personal data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runner.incident.notices.letters import Group, Letters
from runner.incident.state.documents import LettersSigned
from runner.reports.core.formatting import count, person_name
from runner.reports.core.page import Block, Cell, Table, line, table


def groups_table(groups: Iterable[Group]) -> Table:
    """Return the letters by place and text."""
    return table(
        (
            (
                " ".join(filter(None, group.key)) or "everyone",
                f"{group.letters:,}",
                Cell(f"{group.notice} {group.version}", "dim"),
                Cell(group.duty, "dim"),
                Cell(group.status, "warn" if group.status == "draft" else "good"),
            )
            for group in groups
        ),
        3,
        indent=0,
    )


def run_blocks(
    evidence: str, run: Letters, signed: Sequence[LettersSigned], here: str = ""
) -> Iterator[Block]:
    """Yield one run of letters with its approvals; ``signed`` are all of the incident.

    ``here`` says how to approve it in a browser; the files of any other run are in a folder of a person.
    """
    yield line(f"{count(run.letters, 'letter')}, {count(run.pages, 'page')} ({evidence})", "title")
    yield groups_table(run.groups)
    for words in run.differences:
        yield line(f"Difference from the facts: {words}. Accepted: {run.accepted}", "warn", hang=2)
    approved = False
    for one in signed:
        if (one.people_sha256, one.people) != (run.people_sha256, run.letters):
            continue
        approved = approved or one.kind == "approved"
        what = f"{one.mailed:,} mailed" if one.kind == "mailed" else f"approved, sample of {len(one.samples)}"
        yield line(f"{what}, by {person_name(one.by)}{f': {one.reason}' if one.reason else ''}", "good")
    if not approved:
        yield line(f"NOT APPROVED: {here or 'counsel runs tocsin notice sign-letters DIR'}", "alarm")
