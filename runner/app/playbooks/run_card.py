"""Run card: a playbook on paper with tasks, people, times and phone numbers.

It contains unencrypted addresses, because paper has to. It is made only on request, and the program does not store
it. Without a home it has only roles, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.app.messages.call_sheet import Line
from runner.documents.tree import (
    Block,
    Document,
    Heading,
    Paragraph,
    RenderContext,
    Stationery,
    Strong,
    Table,
    Text,
)
from runner.playbook.format import Bundle
from runner.playbook.plan import walk
from runner.reports.charts.playbook_chart import Chart, Node
from runner.reports.core.task_rows import roles_of

PERSONAL = (
    "This card contains personal data: private phone numbers and addresses. "
    "Keep the card in a locked place. Do not give it to outsiders. Destroy it when a new card is printed."
)
NOBODY = "Roles only: this card was created without a home folder. Write names and numbers by hand."
_BOX = "[  ] ____________"
_LINE = "____________"


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """One role on the card, and its persons."""

    role: str
    title: str
    people: tuple[Line, ...]


def called(bundle: Bundle, lines: Sequence[Line]) -> tuple[Called, ...]:
    """Return the roles of a playbook, and of those it runs, then the persons that steps name; each with their data."""
    playbooks = (bundle.playbook, *bundle.includes.values())
    titles: dict[str, str] = {}
    named: dict[str, None] = {}
    for playbook in playbooks:
        titles |= {role: found.title for role, found in playbook.roles.items() if role not in titles}
        for step in walk(playbook.steps):
            titles |= {role: role for role in roles_of(step) if role not in titles}
            named |= dict.fromkeys(filter(None, [str(getattr(step, "assignee", ""))]))
    roles = [
        Called(role=role, title=title, people=tuple(line for line in lines if role in line.roles))
        for role, title in titles.items()
    ]
    persons = [
        Called(
            role=name, title="named by a step", people=tuple(line for line in lines if line.person == name)
        )
        for name in named
    ]
    return (*roles, *persons)


def run_card(
    chart: Chart, roles: Sequence[Called], now: datetime, *, organisation: str = "", home: bool = True
) -> Document:
    """Return the card; ``home`` says whether there is a home with people."""
    return Document(
        id=f"run-card-{chart.name}",
        version=chart.version,
        template_sha256="",
        title=f"Run card: {chart.title}",
        language="en",
        context=RenderContext(status="final", timestamp=now, stationery=Stationery(name=organisation)),
        blocks=tuple(_blocks(chart, roles, f"{now:%d %B %Y, %H:%M} UTC", home=home)),
    )


def _blocks(chart: Chart, roles: Sequence[Called], made: str, *, home: bool) -> Iterator[Block]:
    yield Heading(1, (Text(f"Run card: {chart.title}"),))
    yield Paragraph((Strong((Text(PERSONAL if home else NOBODY),)),))
    yield Paragraph((Text(f"{chart.name} {chart.version}, {chart.digest[:19]}…, as of {made}."),))
    yield Heading(2, (Text("Who"),))
    yield _table(
        ("Role", "Person", "Telephone", "Other contacts"), [row for role in roles for row in _people(role)]
    )
    yield Heading(2, (Text("Task, person, time"),))
    head = ("No.", "What", "Person, time", "Begins", "Done at, by")
    yield _table(head, [_step(number, one, numbers) for number, one, numbers in _numbered(chart.top, "")])


def _people(one: Called) -> Iterator[tuple[str, ...]]:
    words = one.title if one.title == one.role else f"{one.title}\n{one.role}"
    if not one.people:
        yield (words, "____________________", "____________________", "")
    for line in one.people:
        away = f"\nAWAY: call {line.stands_in}" if line.stands_in else ""
        yield (words, f"{line.name}{away}", "\n".join(line.numbers) or "none known", "\n".join(line.others))


def _numbered(box: Node, prefix: str) -> Iterator[tuple[str, Node, Mapping[str, str]]]:
    """Yield the steps with their numbers, those inside a box below it as 7.1, and the numbers of their neighbours."""
    numbers = {one.path[-1]: f"{prefix}{at}" for at, one in enumerate(box.inside, start=1)}
    for node in box.inside:
        number = numbers[node.path[-1]]
        yield number, node, numbers
        yield from _numbered(node, f"{number}.")


def _step(number: str, one: Node, numbers: Mapping[str, str]) -> tuple[str, ...]:
    before = [numbers[name] for name in one.after if name in numbers]
    among = f"{one.join} of " if one.join else ""
    begins = [f"after {among}{', '.join(before)}"] if before else []
    begins += [f"if {one.when}"] if one.when else []
    asked = (f"{question} {_LINE}" for question in one.fields)
    what = "\n".join((one.title, *one.often, *asked))
    who = [words.removeprefix("role: ") for words in one.who] + ([one.due] if one.due else [])
    box = number.rpartition(".")[0]
    first = f"with {box}" if box else "at once"
    return (number, what, "\n".join(who), "\n".join(begins) or first, "" if one.inside else _BOX)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return Table(
        aligns=("left",) * len(head),
        head=tuple((Text(title),) for title in head),
        rows=tuple(tuple((Text(cell),) for cell in row) for row in rows),
    )
