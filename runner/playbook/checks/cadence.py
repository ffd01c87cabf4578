"""Check of promised updates: a message that promises the next update must be repeated."""

from __future__ import annotations

import re
from datetime import timedelta

from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import Message, MessageTemplate, Repeat
from runner.playbook.plan import Body, after_message

_PROMISE = re.compile(r"\bnext_update\b")
_HEDGED = re.compile(r"\bnext_update is (not )?known\b")
_HINT = "Put the step into a `repeat` with a `wait`, or add a `wait` and another message after the step."


def check_cadence(steps: Map, found: Findings) -> None:
    """Report promises without a repeated round and without a wait; steps in a dependency cycle are ignored."""
    if steps.circles:
        return
    for name, template in steps.playbook.messages.items():
        senders = [
            place for place in steps.places if isinstance(place.step, Message) and place.step.message == name
        ]
        if not senders or not _promises(template):
            continue
        alone = [sender for sender in senders if not _again(sender, steps)]
        if len(alone) == len(senders):
            text = "The message promises the next update. No step that sends the message is repeated."
            found.warn(("messages", name, "text"), "no-next-update", text, _HINT)
        elif not _HEDGED.search(template.text):
            for standing in alone:
                text = f'Message "{name}" promises the next update. No later step sends an update.'
                hint = "Write {% if next_update is known %}…{% endif %} around the promise."
                found.warn((*standing.where, "message"), "no-next-update", text, hint)


def _promises(template: MessageTemplate) -> bool:
    return any(_PROMISE.search(text) for text in (template.subject, template.text) if "{" in text)


def _again(place: Place, steps: Map) -> timedelta | None:
    """Return how long after a message the next one comes, None where none does."""
    around = place.parent.step if place.parent is not None else None
    if isinstance(around, Repeat) and around.at_most < 2:
        return None
    return after_message(_body(place, steps), place.step.id, in_rounds=isinstance(around, Repeat))


def _body(place: Place, steps: Map) -> Body:
    """Return the steps beside a place with whatever follows each, as the engine has them."""
    beside = {name: one.step for name, one in steps.siblings[place.parent].items()}
    followers: dict[str, tuple[str, ...]] = dict.fromkeys(beside, ())
    for name, step in beside.items():
        for before in step.after.steps:
            if before in followers:
                followers[before] = (*followers[before], name)
    return Body(beside, followers)
