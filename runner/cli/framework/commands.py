"""Every command, the section of the help it stands in, and the module that declares it."""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Work an incident": {
        "incidents.open": ("open", "severity"),
        "incidents.status": ("next", "status", "watch", "list", "timeline", "use"),
        "incidents.tasks": ("task", "answer", "undo"),
        "incidents.approvals": ("approve", "reject"),
        "incidents.facts": ("fact",),
        "incidents.record": (
            "note",
            "attach",
            "correct",
            "confirm",
            "close",
            "reopen",
            "pause",
            "resume",
            "cancel",
        ),
        "incidents.runs": ("graft", "migrate"),
        "incidents.handover": ("brief",),
        "exercises.reports": ("report",),
    },
    "Law and notices": {
        "law.duties": ("duties", "duty"),
        "notices.notices": ("notice",),
        "law.regimes": ("regime",),
    },
    "People and messages": {
        "people.people": ("person", "role"),
        "messages.messages": ("message", "call", "ack"),
        "messages.domains": ("domain",),
        "messages.channels": ("room", "channel"),
        "campaigns.campaigns": ("bulk",),
    },
    "Playbooks and exercises": {
        "playbooks.playbooks": ("playbook", "schema"),
        "exercises.exercises": ("drill",),
        "exercises.improvements": ("improvement",),
    },
    "This home": {
        "home.home": ("init", "doctor", "version"),
        "home.audit": ("audit",),
        "home.worker": ("worker",),
        "exercises.schedules": ("scheduler",),
        "home.routines": ("routine", "shred"),
        "messages.callbacks": ("serve-callbacks",),
    },
}
"""Section of the help → module in ``runner.cli`` → its commands."""
COMMANDS: Mapping[str, str] = {
    command: module
    for modules in SECTIONS.values()
    for module, commands in modules.items()
    for command in commands
}
MEANT: Mapping[str, str] = {
    "actions": "tocsin next",
    "channels": "tocsin channel list",
    "clocks": "tocsin duties",
    "config": "tocsin doctor",
    "deadlines": "tocsin duties",
    "domains": "tocsin domain list",
    "drills": "tocsin drill list",
    "duty list": "tocsin duties",
    "duty show": "tocsin duties",
    "evidence": "tocsin attach FILE",
    "exercise": "tocsin drill list",
    "export": "tocsin audit verify",
    "fact list": "tocsin fact show",
    "facts": "tocsin fact show",
    "handover": "tocsin brief",
    "history": "tocsin timeline",
    "improvements": "tocsin improvement list",
    "incident": "tocsin list",
    "incidents": "tocsin list",
    "law": "tocsin regime list",
    "laws": "tocsin regime list",
    "log": "tocsin timeline",
    "ls": "tocsin list",
    "messages": "tocsin message list",
    "notices": "tocsin notice list",
    "page": "tocsin message send TEXT",
    "people": "tocsin person list",
    "playbooks": "tocsin playbook list",
    "questions": "tocsin fact missing",
    "regimes": "tocsin regime list",
    "roles": "tocsin role list",
    "routines": "tocsin routine list",
    "settings": "tocsin doctor",
    "setup": "tocsin init",
    "show": "tocsin status",
    "tasks": "tocsin task list",
    "todo": "tocsin next",
    "verify": "tocsin audit verify",
}
"""Words that people type for a command of another name → that command; none of them is a command itself."""
COMPLETION = "_TOCSIN_COMPLETE"
"""Set by the shell when it asks what may follow."""
