"""Roles of playbooks that nobody has, and the actions that are then not possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from runner.actions import assign_role
from runner.incident.state.expression_view import title_of
from runner.incident.steps.approvals import reachable, ways_out
from runner.playbook.format import AnyStep, Approve, Message, Playbook
from runner.playbook.parts import Quorum
from runner.playbook.plan import walk
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, do, line

_NAMED = 2
"""Most playbooks of a role that are named."""
_SHOWN = 3
"""Most approvals that are named."""


class UnheldRole(msgspec.Struct, frozen=True, kw_only=True):
    """One such role."""

    role: str
    title: str
    playbooks: tuple[str, ...]
    """The playbooks that use it."""
    approvals: tuple[str, ...] = ()
    """Steps that cannot be approved: too few other people have one of their roles."""
    escalations: tuple[str, ...] = ()
    """Steps and messages that would escalate to the role and reach nobody."""
    messages: tuple[str, ...] = ()
    """Messages that it does not receive."""


def unheld(playbooks: Iterable[Playbook], held: Mapping[str, Sequence[str]]) -> tuple[UnheldRole, ...]:
    """Return the roles that nobody has, by name; ``held`` are the people of each role."""
    found: dict[str, UnheldRole] = {}
    for playbook in playbooks:
        for role, words in playbook.roles.items():
            if held.get(role):
                continue
            before = found.get(role, UnheldRole(role=role, title=words.title, playbooks=()))
            found[role] = _with(before, playbook, held)
    return tuple(found[name] for name in sorted(found))


def _with(before: UnheldRole, playbook: Playbook, held: Mapping[str, Sequence[str]]) -> UnheldRole:
    role, addressed = before.role, f"role:{before.role}"
    steps = list(walk(playbook.steps))
    sent = [step for step in steps if isinstance(step, Message)]
    above = [step.message for step in sent if addressed in playbook.messages[step.message].escalate_to]
    late = [title_of(step) for step in steps if step.on_overdue and step.on_overdue.escalate == role]
    told = [step.message for step in sent if addressed in (step.to or playbook.messages[step.message].to)]
    return msgspec.structs.replace(
        before,
        playbooks=(*before.playbooks, playbook.name),
        approvals=(*before.approvals, *(title_of(step) for step in steps if _blocked(step, role, held))),
        escalations=(*before.escalations, *late, *dict.fromkeys(above)),
        messages=(*before.messages, *dict.fromkeys(told)),
    )


def _blocked(step: AnyStep, role: str, held: Mapping[str, Sequence[str]]) -> bool:
    """Return whether an approval needs the role: every role must approve, or too few people have the others."""
    return isinstance(step, Approve) and role in step.by.roles and not reachable(step.by, held)


class Unreachable(msgspec.Struct, frozen=True, kw_only=True):
    """An approval that the present people cannot give, although each of its roles has somebody."""

    title: str
    playbook: str
    roles: str
    """``counsel and dpo``, or ``counsel or dpo``."""
    ways: tuple[str, ...]
    """One more person with one of these roles would be enough."""


def unreachable(playbooks: Iterable[Playbook], held: Mapping[str, Sequence[str]]) -> tuple[Unreachable, ...]:
    """Return these approvals, without those of a role that nobody has.

    Who does the approved step cannot approve it; so one person of its role does not count.
    """
    found: dict[Unreachable, None] = {}
    for playbook in playbooks:
        steps = {step.id: step for step in walk(playbook.steps)}
        for step in steps.values():
            if not isinstance(step, Approve) or not all(held.get(role) for role in step.by.roles):
                continue
            authors = held.get(getattr(steps.get(step.approve), "role", ""), ()) or ("",)
            left = [
                {role: [one for one in held[role] if one != author] for role in step.by.roles}
                for author in authors
            ]
            if not any(reachable(step.by, others) for others in left):
                roles, ways = roles_words(step.by), ways_out(step, left[0], ())
                few = Unreachable(title=title_of(step), playbook=playbook.name, roles=roles, ways=ways)
                found[few] = None
    return tuple(found)


def unreachable_words(found: Sequence[Unreachable]) -> str:
    """Return these approvals in one sentence, without a full stop."""
    listed = [f"{one.title} ({one.roles}, {one.playbook})" for one in found]
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"Too few people for {count(len(found), 'approval')}: {'; '.join(listed[:_SHOWN])}{more}"


def roles_words(quorum: Quorum) -> str:
    """Return the roles of an approval: all of them, or any."""
    return (" and " if quorum.every_role else " or ").join(quorum.roles)


def ways_words(ways: Iterable[Sequence[str]]) -> str:
    """Return what makes approvals possible: the roles of which one more person is enough, first what is enough for most."""
    most = Counter(role for each in ways for role in each).most_common()
    named = " or ".join(_MORE.get(role, f"another {role}") for role, _ in most) or "two people are missing"
    return f"Give a role to one more person who does not write the text: {named}. Name everybody who has it: tocsin role assign ROLE PERSON... --always"


_MORE = {"counsel": "outside counsel", "executive": "an executive", "dpo": "another dpo"}


def unreachable_blocks(found: Sequence[Unreachable]) -> Iterator[Block]:
    """Yield these approvals with the ways out."""
    if found:
        yield line(unreachable_words(found), "alarm", hang=2)
        yield line(ways_words(one.ways for one in found), "warn", indent=2, hang=2)


def unheld_words(one: UnheldRole) -> str:
    """Return a role, and the actions that are not possible without it."""
    missing = ((one.approvals, "approval"), (one.escalations, "escalation"), (one.messages, "message"))
    words = ", ".join(count(len(found), noun) for found, noun in missing if found) or "tasks only"
    few = ", ".join(one.playbooks) if len(one.playbooks) <= _NAMED else count(len(one.playbooks), "playbook")
    return f"{one.role} ({one.title}): {words} in {few}"


def unheld_blocks(found: Sequence[UnheldRole]) -> Iterator[Block]:
    """Yield the list, with the command that assigns a role."""
    if not found:
        return
    yield line(f"NOBODY HAS THESE ROLES ({len(found)}): these actions are not possible", "title")
    for role in found:
        yield line(unheld_words(role), "alarm", indent=2, hang=2)
    yield do(assign_role(found[0].role, always=True), indent=2)
