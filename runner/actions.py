"""What a person can do next, as data: a terminal prints it as a command, a page can make a button or a form of it.

It stands below everything, so that errors and reports can carry it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

_Incident = Literal[
    "alert.list",
    "incident.close", "incident.list", "incident.next", "incident.open", "incident.report", "incident.resume",
    "incident.status", "incident.timeline", "entry.confirm", "entry.correct", "fact.missing", "fact.set",
    "fact.show", "evidence.describe", "evidence.list", "evidence.receive", "step.answer", "step.approve", "task.add", "task.check", "task.done", "task.list", "task.reopen",
    "task.retry", "task.show", "task.skip",
]  # fmt: skip
_Law = Literal[
    "duty.decide",
    "duty.list",
    "duty.record_filed",
    "duty.show",
    "notice.letters",
    "notice.list",
    "notice.render",
    "notice.show",
    "notice.sign_letters",
    "notice.tick",
]
_Message = Literal[
    "bulk.plan", "bulk.resume", "bulk.send", "bulk.status", "bulk.substitute", "channel.check",
    "delivery.call", "domain.declare_up", "domain.list", "message.list", "message.plan",
    "message.resolve", "message.rules", "message.show", "room.use",
]  # fmt: skip
_Exercise = Literal[
    "drill.acknowledge", "drill.end", "drill.inject", "drill.list", "drill.observe", "drill.report", "drill.run",
    "drill.schedules", "drill.show", "improvement.add", "improvement.list", "improvement.reopen",
    "improvement.show", "routine.list",
]  # fmt: skip
_Home = Literal[
    "webhook.list", "token.reseal",
    "account.list", "audit.verify", "home.backup", "home.doctor", "home.init", "person.add", "person.export", "person.list",
    "playbook.copy", "playbook.list", "playbook.test", "playbook.validate", "regime.diff", "role.assign",
    "role.list", "worker.run", "worker.start", "worker.status",
]  # fmt: skip
Verb = Literal[_Incident, _Law, _Message, _Exercise, _Home]
"""What is done, as ``thing.verb``."""
SlotKind = Literal["word", "line", "text", "person", "file", "flag"]
"""``flag`` chooses one of two, ``text`` takes several words, ``line`` a few."""


class Slot(msgspec.Struct, frozen=True):
    """What only a person can fill in."""

    name: str
    kind: SlotKind = "word"
    choices: tuple[str, ...] = ()


Argument = str | bool | Slot | tuple[str, ...]


class Action(msgspec.Struct, frozen=True):
    """One thing to do: ``ref`` is the step, duty, delivery or entry, ``args`` what it takes beside it."""

    verb: Verb
    ref: str | Slot = ""
    args: dict[str, Argument] = {}

    def __hash__(self) -> int:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        """Return a hash for sets of actions: equal ones have the same verb and reference."""
        return hash((self.verb, self.ref))


PERSON = Slot("PERSON", "person")
REASON = Slot("WHY", "line")


_VALUE = Slot("VALUE")


def set_fact(path: str | Slot, known: object = None, value: Argument = _VALUE) -> Action:
    """Return the action that records a fact; to the members of a set in the ``known`` fact, the action adds."""
    ref = f"{path}+" if isinstance(path, str) and isinstance(getattr(known, "value", None), list) else path
    counts = str(path).startswith("incident.") and str(path).endswith("_at")  # a deadline can count from it
    more: dict[str, Argument] = {"grounds": REASON} if counts else {}
    return Action("fact.set", ref, {"value": value, "source": Slot("SOURCE"), **more})


def assign_role(role: str | Slot, **more: Argument) -> Action:
    """Return the action that gives a role to somebody: ``always`` in every incident, ``also`` beside who has it."""
    return Action("role.assign", role, {"person": PERSON, **more})
