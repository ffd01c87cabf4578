"""First-hour card: one page with the first tasks of a playbook, the people to call, the insurer and the safe channel.

A time is counted from the opening, as if each task is done exactly at its due time. Tasks with a condition are not on the card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.app.messages.call_sheet import Line
from runner.app.playbooks.run_card import NOBODY, PERSONAL
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
    Text,
)
from runner.incident.state.expression_view import title_of
from runner.playbook.format import PEOPLE, AnyStep, Bundle, Call, Playbook
from runner.reports.core.task_rows import roles_of
from runner.routing.organisation import Home

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
    _body(bundle, bundle.playbook.steps, timedelta(), (bundle.playbook.name,), found)
    return tuple(sorted(found, key=lambda one: one.due)[:STEPS])


def _body(
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
            ends[step.id] = _step(bundle, step, begins, running, None if step.when is not None else found)
        waiting = [step for step in waiting if step.id not in ends]
    return max(ends.values(), default=start)


def _step(
    bundle: Bundle, step: AnyStep, start: timedelta, running: tuple[str, ...], found: list[FirstStep] | None
) -> timedelta:
    called = bundle.includes.get(step.name) if isinstance(step, Call) and step.name not in running else None
    inner = called.steps if called is not None else step.inner
    if inner:
        deeper = (*running, called.name) if called is not None else running
        return _body(bundle, inner, start, deeper, found)
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
        blocks=tuple(_blocks(bundle, profile, lines, f"{now:%d %B %Y, %H:%M} UTC", home)),
    )


def _blocks(
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
            *((_title(role, playbooks), _people(role, lines, merges)) for role in (*named, _COUNSEL)),
            ("Safe channel", _channel(home)),
            ("Insurer", _insurer(home)),
        )
    )


def _after_opening(due: timedelta) -> str:
    minutes = int(due.total_seconds()) // 60
    return f"T+{minutes // 60}:{minutes % 60:02}"


def _title(role: str, playbooks: Sequence[Playbook]) -> str:
    otherwise = "Legal counsel" if role == _COUNSEL else role
    return next((one.roles[role].title for one in playbooks if role in one.roles), otherwise)


def _people(role: str, lines: Sequence[Line], merges: Mapping[str, str]) -> str:
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
