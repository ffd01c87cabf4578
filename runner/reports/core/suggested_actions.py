"""The command that deals with a thing: every command that a view recommends is written here, and only here.

What a person has to fill in stands in capitals, what they have to choose in brackets; quotes stand where a shell needs
them. A tired person pastes what is shown: a command without either works as it stands, and none decides by itself what only
they can know.
"""

from __future__ import annotations

from shlex import quote

from runner.base.states import TaskState
from runner.reports.core.task_rows import TaskRow

_OUTCOME = " --[not-]reached"


def shell_word(text: str) -> str:
    """Return a word that a shell passes on as it is: a lane's name can hold anything."""
    return quote(text)


def complete_step(kind: str, handle: str, *, duty: str = "", unticked: int = 0) -> str:
    """Return the command that ends a ready step of a kind that people do, or shows what has to be ticked before."""
    name = shell_word(handle)
    match kind:
        case "ask":
            return f"tocsin answer {name} VALUE"
        case "approve":
            return f"tocsin approve {name}"
        case "file":
            return record_filed(duty) if duty else f"tocsin task show {name}"
        case "task" if not unticked:
            return f"tocsin task done {name}"
        case _:
            return f"tocsin task show {name}"


def retry_step(state: TaskState, handle: str) -> str:
    """Return the command with which a person takes a stuck step further."""
    if state == "outcome_unknown":
        return resolve(handle)
    return f"tocsin task retry {shell_word(handle)} --reason 'WHY'"


def skip(handle: str) -> str:
    """Return the command that leaves a step out."""
    return f"tocsin task skip {shell_word(handle)} --reason 'WHY'"


def reopen(handle: str) -> str:
    """Return the command that opens a step again."""
    return f"tocsin task reopen {shell_word(handle)} --reason 'WHY'"


def resolve(ref: str) -> str:
    """Return the command that says what became of an attempt nobody knows about."""
    return f"tocsin message resolve {shell_word(ref)} --[not-]happened --reason 'WHY'"


def call(delivery: str) -> str:
    """Return the command that records a phone call; its outcome only the caller knows."""
    return f"tocsin call {delivery}{_OUTCOME}"


def as_shown(command: str) -> str:
    """Return a command as a screen shows it: what a terminal asks for is left out."""
    return command.removesuffix(_OUTCOME)


def row_step(row: TaskRow) -> str:
    """Return the command for a step as it stands in a list; a filing is recorded on its duty."""
    duty = row.duty if row.kind == "file" else ""
    return complete_step(row.kind, row.command_name, duty=duty, unticked=row.unticked)


def tick(handle: str) -> str:
    """Return the command that ticks a row of a checklist."""
    return f"tocsin task check {shell_word(handle)} ROW"


def render(step: str) -> str:
    """Return the command that renders a notice from the facts as they are."""
    return f"tocsin notice render {shell_word(step)}"


def record_filed(duty: str) -> str:
    """Return the command that records a filing with its proof."""
    return f"tocsin duty record-filed {shell_word(duty)} --reference REFERENCE"


def record_filed_late(duty: str) -> str:
    """Return the command that records a late filing, whose reasons the law wants."""
    return f"{record_filed(duty)} --late-reason 'WHY'"


def decide_again(duty: str) -> str:
    """Return the command that records a decision not to notify anew."""
    return f"tocsin duty decide {shell_word(duty)} --not-to-notify --ground GROUND --reason 'WHY'"


def set_fact(path: str) -> str:
    """Return the command that records a fact; ``none`` is an answer where several can be given."""
    return f"tocsin fact set {path}=VALUE --source SOURCE"


def assign_role(role: str) -> str:
    """Return the command that gives a role to somebody."""
    return f"tocsin role assign {role} PERSON"


def confirm(entry: int, person: str) -> str:
    """Return the command with which a person confirms what was recorded on their behalf."""
    return f"tocsin confirm {entry} --as {shell_word(person)}"


def close(incident: str) -> str:
    """Return the command that declares an incident over."""
    return f"tocsin close {incident}"


def resume(incident: str) -> str:
    """Return the command that has automatic work go on in an incident that was set aside."""
    return f"tocsin resume {incident} --reason 'WHY'"


def close_exercise(incident: str) -> str:
    """Return the command that closes an exercise which is over."""
    return f"tocsin drill end --close -i {incident}"


NO_WORKER = "No worker is running. Reminders, failover and escalation stop until your next command."
"""What every screen and warning says where nobody does automatic work."""
START_WORKER = "tocsin worker start"
"""Starts a worker that goes on."""
WORK = "tocsin worker --once"
USE_ROOM = "tocsin room use ADDRESS"
RESUME = "tocsin resume --reason 'WHY'"
ALL_STEPS = "tocsin status --all"


def bulk(verb: str, notice: str, list_name: str, more: str = "") -> str:
    """Return a command about a campaign; what a person decides wants a reason."""
    words = ["tocsin", "bulk", verb, quote(notice), "--people", quote(list_name), more]
    return " ".join(filter(None, [*words, "" if verb in ("status", "send") else "--reason WHY"]))
