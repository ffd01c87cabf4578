"""Index of all commands: the section of the help, and the module that declares each."""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Respond": {
        "incidents.status": ("next", "status", "watch"),
        "incidents.tasks": ("task", "answer"),
        "messages.messages": ("ack", "call", "message"),
        "incidents.record": ("note",),
    },
    "Incidents": {
        "incidents.open": ("open", "severity"),
        "incidents.status": ("list", "use"),
        "incidents.handover": ("brief",),
        "incidents.record": ("pause", "resume", "close", "reopen", "cancel"),
        "incidents.runs": ("graft", "migrate"),
        "exercises.reports": ("report",),
    },
    "Facts and evidence": {
        "incidents.facts": ("fact",),
        "incidents.record": ("attach", "correct", "confirm"),
        "incidents.status": ("timeline",),
        "incidents.tasks": ("undo",),
    },
    "Law and notices": {
        "law.duties": ("duties", "duty"),
        "notices.notices": ("notice",),
        "incidents.approvals": ("approve", "reject"),
        "campaigns.campaigns": ("bulk",),
        "law.regimes": ("regime",),
        "law.authorities": ("authority",),
        "law.packs": ("law",),
    },
    "People and channels": {
        "people.people": ("person", "role"),
        "messages.channels": ("channel",),
        "messages.domains": ("domain",),
        "messages.war_room": ("room",),
    },
    "Playbooks and exercises": {
        "playbooks.playbooks": ("playbook", "schema"),
        "exercises.exercises": ("drill",),
        "exercises.improvements": ("improvement",),
    },
    "Automation": {
        "home.worker": ("worker",),
        "exercises.schedules": ("scheduler",),
        "home.routines": ("routine",),
        "home.serve": ("serve",),
        "messages.callbacks": ("serve-callbacks",),
    },
    "Setup and maintenance": {
        "home.home": ("init", "doctor", "version"),
        "home.audit": ("audit",),
        "home.routines": ("shred",),
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
"""Words that people type for another command → that command; none of them is a command itself."""
COMPLETION = "_TOCSIN_COMPLETE"
"""Set by the shell when it asks for completions."""
