"""Cards on paper: the run card and the first-hour card of a playbook.

The run card has the playbook's tasks, people, times and phone numbers. The first-hour card is one page with the first tasks,
the people to call, the insurer and the safe channel.

They contain unencrypted addresses, because paper has to. They are made only on request, and the program does not store
them. Without a home they have only roles, and say so.

On the first-hour card a time is counted from the opening, as if each task is done exactly at its due time. Tasks with a condition are not on the card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.app.messages.call_sheet import Line
from runner.base.states import Profile
from runner.base.text import cut
from runner.documents.tree import (
    Block,
    Document,
    Field,
    Fields,
    Heading,
    Paragraph,
    RenderContext,
    Stationery,
    Strong,
    Table,
    Text,
)
from runner.incident.state.expression_view import title_of
from runner.playbook.format import PEOPLE, AnyStep, Bundle, Call, Playbook
from runner.playbook.plan import walk
from runner.reports.charts.playbook_chart import Chart, Node
from runner.reports.core.task_rows import roles_of
from runner.routing.organisation import Home

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
    yield table(
        ("Role", "Person", "Telephone", "Other contacts"), [row for role in roles for row in _people(role)]
    )
    yield Heading(2, (Text("Task, person, time"),))
    head = ("No.", "What", "Person, time", "Begins", "Done at, by")
    yield table(head, [_step(number, one, numbers) for number, one, numbers in _numbered(chart.top, "")])


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


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of plain texts."""
    return Table(
        aligns=("left",) * len(head),
        head=tuple((Text(title),) for title in head),
        rows=tuple(tuple((Text(cell),) for cell in row) for row in rows),
    )


STEPS, ROLES = 10, 7
"""The most tasks and roles: more do not fit on one page."""
_ROW = 140
"""Characters of a label and its value on two lines."""
_BLANK = "____________________"
_COUNSEL = "counsel"


class FirstStep(msgspec.Struct, frozen=True, kw_only=True):
    """One task, when it is due after the opening, and the roles that may do it."""

    title: str
    due: timedelta
    roles: tuple[str, ...]


def first_steps(bundle: Bundle) -> tuple[FirstStep, ...]:
    """Return the first tasks of people that have no condition, by their due time after the opening."""
    found: list[FirstStep] = []
    _end_of_body(bundle, bundle.playbook.steps, timedelta(), (bundle.playbook.name,), found)
    return tuple(sorted(found, key=lambda one: one.due)[:STEPS])


def _end_of_body(
    bundle: Bundle,
    steps: Sequence[AnyStep],
    start: timedelta,
    running: tuple[str, ...],
    found: list[FirstStep] | None,
) -> timedelta:
    """Return when the last step of a body ends, and collect its tasks; None collects nothing."""
    ends: dict[str, timedelta] = {}
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if not {one.id for one in waiting} & set(step.after.steps)]
        for step in ready or waiting:
            before = [ends[name] for name in step.after.steps if name in ends]
            begins = (min if step.after.join == "any" else max)(before, default=start)
            ends[step.id] = _end_of_step(
                bundle, step, begins, running, None if step.when is not None else found
            )
        waiting = [step for step in waiting if step.id not in ends]
    return max(ends.values(), default=start)


def _end_of_step(
    bundle: Bundle, step: AnyStep, start: timedelta, running: tuple[str, ...], found: list[FirstStep] | None
) -> timedelta:
    called = bundle.includes.get(step.name) if isinstance(step, Call) and step.name not in running else None
    inner = called.steps if called is not None else step.inner
    if inner:
        deeper = (*running, called.name) if called is not None else running
        return _end_of_body(bundle, inner, start, deeper, found)
    own = step.due if step.due is not None and step.due.anchor in ("ready", "opened") else None
    if own is None:
        return start + step.lead
    end = own.offset if own.anchor == "opened" else start + own.offset
    if found is not None and step.__struct_config__.tag in PEOPLE:
        found.append(FirstStep(title=title_of(step), due=end, roles=roles_of(step)))
    return end


def first_hour_card(
    bundle: Bundle, profile: Profile, lines: Sequence[Line], now: datetime, home: Home | None
) -> Document:
    """Return the card of a playbook of a profile; without a home, with roles only."""
    main = bundle.playbook
    organisation = str(home.organisation.get("name", "")) if home is not None else ""
    return Document(
        id=f"first-hour-{main.name}",
        version=main.version,
        template_sha256="",
        title=f"First hour: {main.title}",
        language="en",
        context=RenderContext(status="final", timestamp=now, stationery=Stationery(name=organisation)),
        blocks=tuple(_first_hour_blocks(bundle, profile, lines, f"{now:%d %B %Y, %H:%M} UTC", home)),
    )


def _first_hour_blocks(
    bundle: Bundle, profile: Profile, lines: Sequence[Line], made: str, home: Home | None
) -> Iterator[Block]:
    main, steps = bundle.playbook, first_steps(bundle)
    yield Heading(1, (Text(f"First hour: {cut(main.title, 60)}"),))
    yield Paragraph((Strong((Text(NOBODY if home is None else PERSONAL),)),))
    yield Paragraph(
        (Text(f"{main.name} {main.version}, {profile} profile, as of {made}. T is the opening."),)
    )
    yield Heading(2, (Text("Do first"),))
    yield _fields((_after_opening(one.due), f"[  ] {one.title} ({', '.join(one.roles)})") for one in steps)
    yield Heading(2, (Text("Call"),))
    merges = home.merges(profile) if home is not None else {}
    playbooks = (main, *bundle.includes.values())
    used = dict.fromkeys([*(role for one in steps for role in one.roles), _COUNSEL])
    named = [role for role in used if role != _COUNSEL][: ROLES - 1]
    yield _fields(
        (
            *((_role_title(role, playbooks), _numbers(role, lines, merges)) for role in (*named, _COUNSEL)),
            ("Safe channel", _channel(home)),
            ("Insurer", _insurer(home)),
        )
    )


def _after_opening(due: timedelta) -> str:
    minutes = int(due.total_seconds()) // 60
    return f"T+{minutes // 60}:{minutes % 60:02}"


def _role_title(role: str, playbooks: Sequence[Playbook]) -> str:
    otherwise = "Legal counsel" if role == _COUNSEL else role
    return next((one.roles[role].title for one in playbooks if role in one.roles), otherwise)


def _numbers(role: str, lines: Sequence[Line], merges: Mapping[str, str]) -> str:
    """Return the persons of a role with their numbers, in the small profile those of the role that it merges into."""
    found = [line for line in lines if role in line.roles]
    found = found or [line for line in lines if merges.get(role) in line.roles]
    people = (f"{line.name} {', '.join(line.numbers) or '(no number)'}" for line in found)
    return "; ".join(people) or _BLANK


def _channel(home: Home | None) -> str:
    rooms = home.war_rooms.items() if home is not None else ()
    return (
        "; ".join(f"{name}: {room.address or 'opened with the incident'}" for name, room in rooms) or _BLANK
    )


def _insurer(home: Home | None) -> str:
    policy = home.insurance if home is not None else None
    if policy is None or not policy.hotline:
        return policy.policy if policy is not None and policy.policy else _BLANK
    hours = f", within {policy.notice_hours:g} h" if policy.notice_hours else ""
    return f"{policy.hotline}{f', policy {policy.policy}' if policy.policy else ''}{hours}"


def _fields(rows: Iterable[tuple[str, str]]) -> Fields:
    return Fields(
        tuple(Field((Text(label),), (Text(cut(value, _ROW - len(label))),)) for label, value in rows)
    )
