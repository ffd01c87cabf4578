"""Every command, the section of the help it stands in, and the module that declares it."""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Work an incident": {
        "opening": ("open",),
        "looking": ("next", "status", "watch", "list", "timeline", "use"),
        "tasks": ("task", "answer"),
        "approving": ("approve", "reject"),
        "facts": ("fact",),
        "record": ("note", "attach", "correct", "confirm", "close", "pause", "resume", "cancel"),
        "runs": ("graft", "migrate"),
        "briefing": ("brief",),
    },
    "Law and notices": {
        "duties": ("duties", "duty"),
        "notices": ("notice",),
        "regimes": ("regime",),
    },
    "People and messages": {
        "people": ("person", "role"),
        "messages": ("message", "call", "ack"),
        "domains": ("domain",),
        "rooms": ("room",),
        "channels": ("channel",),
        "bulk": ("bulk",),
    },
    "Playbooks and exercises": {
        "playbooks": ("playbook", "schema"),
        "drills": ("drill",),
        "improvements": ("improvement",),
    },
    "This home": {
        "home": ("init", "doctor", "version"),
        "audit": ("audit",),
        "worker": ("worker",),
        "schedules": ("scheduler",),
        "routines": ("routine", "shred"),
        "callbacks": ("serve-callbacks",),
    },
}
"""Section of the help → module in ``runner.cli`` → its commands."""
COMMANDS: Mapping[str, str] = {
    command: module
    for modules in SECTIONS.values()
    for module, commands in modules.items()
    for command in commands
}
COMPLETION = "_TOCSIN_COMPLETE"
"""Set by the shell when it asks what may follow."""
