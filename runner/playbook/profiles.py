"""Profiles of a playbook: the steps of a small and of a large organisation, written in one file.

The playbook of one profile lacks the steps of the other one, and groups that are then empty. A step that came after a
removed step comes after the predecessors of the removed step. The order among the other steps is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from runner.base.states import Profile
from runner.playbook.format import After, AnyStep, Approve, Bundle, LeftOut, Message, Playbook
from runner.playbook.plan import walk


class MixedJoin(Exception):
    """The order of a step cannot be written without a removed step: a part waits for all, another part for any."""

    def __init__(self, removed: str) -> None:
        super().__init__(removed)
        self.removed = removed


def bundle_of_profile(bundle: Bundle, profile: Profile) -> Bundle:
    """Return the bundle of one profile; its digest remains that of the authored content."""
    includes = {name: playbook_of_profile(one, profile) for name, one in bundle.includes.items()}
    kept = replace(bundle, playbook=playbook_of_profile(bundle.playbook, profile), includes=includes)
    return replace(kept, left_out=tuple(_left_out(bundle, kept, profile)))


def _left_out(authored: Bundle, kept: Bundle, profile: Profile) -> Iterator[LeftOut]:
    """Yield the roles that only the other profile asks to do a step, or to read a message."""
    every = (authored.playbook, *authored.includes.values())
    titles = {role: words.title for playbook in every for role, words in playbook.roles.items()}
    theirs = [playbook_of_profile(one, "large" if profile == "small" else "small") for one in every]
    ours = (kept.playbook, *kept.includes.values())
    before, now = _asked(theirs), _asked(ours)
    for role, title in sorted(titles.items()):
        steps = {} if now[0].get(role) else before[0].get(role, {})
        read = now[1].get(role, {})
        messages = [name for step, name in before[1].get(role, {}).items() if step not in read]
        if steps or messages:
            yield LeftOut(role=role, title=title, steps=tuple(steps), messages=tuple(messages))


def _asked(playbooks: Iterable[Playbook]) -> tuple[dict[str, dict[str, None]], dict[str, dict[str, str]]]:
    """Return role → titles of its steps, and role → its message steps → the message's name."""
    does, reads = dict[str, dict[str, None]](), dict[str, dict[str, str]]()
    for playbook in playbooks:
        for step in walk(playbook.steps):
            named = {getattr(step, "role", ""), *(step.by.roles if isinstance(step, Approve) else ())}
            for role in named - {""}:
                does.setdefault(role, {})[step.title or step.words] = None
            if isinstance(step, Message):
                for to in step.to or playbook.messages[step.message].to:
                    reads.setdefault(to.removeprefix("role:"), {})[step.id] = step.message
    return does, reads


def playbook_of_profile(playbook: Playbook, profile: Profile) -> Playbook:
    """Return the playbook of one profile, without roles and messages that only removed steps use."""
    if not has_profiles(playbook.steps):
        return playbook
    kept = replace(playbook, steps=steps_of_profile(playbook.steps, profile))
    messages = _unused(playbook.messages, _messages(playbook), _messages(kept))
    kept = replace(kept, messages=messages)
    return replace(kept, roles=_unused(playbook.roles, _roles(playbook), _roles(kept)))


def has_profiles(steps: tuple[AnyStep, ...]) -> bool:
    """Return whether a step exists in one profile only."""
    return any(step.profile is not None for step in walk(steps))


def steps_of_profile(steps: tuple[AnyStep, ...], profile: Profile) -> tuple[AnyStep, ...]:
    """Return the steps of one body that exist in a profile, in a consistent order, and the steps inside them."""
    kept: list[AnyStep] = []
    for step in steps:
        inner = steps_of_profile(step.inner, profile)
        if step.profile in (None, profile) and (inner or not step.inner):
            kept.append(replace(step, steps=inner) if inner != step.inner else step)
    left = {step.id for step in kept}
    removed = {step.id: step.after for step in steps if step.id not in left}
    return tuple(_joined(step, removed) for step in kept) if removed else tuple(kept)


def _joined(step: AnyStep, removed: Mapping[str, After]) -> AnyStep:
    try:
        after = joined(step.after, removed)
    except MixedJoin:  # the check reports it: later than necessary is safe, earlier is not
        after = After(steps=tuple(_kept(step.after, removed, {})))
    return step if after == step.after else replace(step, after=after)


def joined(after: After, removed: Mapping[str, After], around: tuple[str, ...] = ()) -> After:
    """Return ``after`` with each removed step replaced by its predecessors; raises MixedJoin if no list says that."""
    parts: list[tuple[str, After]] = []
    for name in after.steps:
        if name not in removed:
            parts.append((name, After(steps=(name,))))
        elif name not in around:
            parts.append((name, joined(removed[name], removed, (*around, name))))
    if after.join == "any" and any(not part.steps for _, part in parts):
        return After()
    parts = [(name, part) for name, part in parts if part.steps]
    if len(parts) == 1:
        return parts[0][1]
    for name, part in parts:
        if len(part.steps) > 1 and part.join != after.join:
            raise MixedJoin(name)
    return After(
        steps=tuple(dict.fromkeys(name for _, part in parts for name in part.steps)), join=after.join
    )


def _kept(after: After, removed: Mapping[str, After], seen: dict[str, None]) -> Iterator[str]:
    """Yield the nearest steps before a step that exist, without repetition."""
    for name in after.steps:
        if name not in seen:
            seen[name] = None
            yield from _kept(removed[name], removed, seen) if name in removed else (name,)


def _unused(all_of: Mapping[str, Any], used: set[str], still_used: set[str]) -> dict[str, Any]:
    return {name: value for name, value in all_of.items() if name in still_used or name not in used}


def _messages(playbook: Playbook) -> set[str]:
    return {step.message for step in walk(playbook.steps) if isinstance(step, Message)}


def _roles(playbook: Playbook) -> set[str]:
    """Return the roles that steps and messages name."""
    named = {to for message in playbook.messages.values() for to in (*message.to, *message.escalate_to)}
    roles = set[str]()
    for step in walk(playbook.steps):
        roles.update({getattr(step, "role", ""), step.on_overdue.escalate if step.on_overdue else ""})
        named.update(step.to if isinstance(step, Message) else ())
        roles.update(step.by.roles if isinstance(step, Approve) else ())
    return roles | {to.removeprefix("role:") for to in named}
