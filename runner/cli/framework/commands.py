"""Index of all commands: the section of the help, and the module that declares each."""

from __future__ import annotations

from collections.abc import Mapping

from runner.base.table_file import table_rows

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
        "incidents.alerts": ("alert",),
        "incidents.handover": ("brief",),
        "incidents.record": ("pause", "resume", "close", "reopen", "cancel", "restrict", "unrestrict"),
        "incidents.runs": ("graft", "migrate"),
        "incidents.links": ("link", "unlink"),
        "exercises.reports": ("report",),
    },
    "Facts and evidence": {
        "incidents.facts": ("fact",),
        "incidents.record": ("attach", "correct", "confirm"),
        "incidents.evidence": ("evidence",),
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
        "people.accounts": ("account", "login", "logout"),
        "people.tokens": ("token",),
        "people.links": ("step-link",),
        "people.calendar": ("calendar",),
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
        "messages.webhooks": ("webhook",),
        "home.service": ("service",),
        "home.serve": ("serve",),
        "messages.callbacks": ("serve-callbacks",),
    },
    "Setup and maintenance": {
        "home.home": ("init", "doctor", "version"),
        "home.audit": ("audit", "verify"),
        "home.backup": ("backup", "restore"),
        "home.pack": ("pack", "unpack"),
        "home.upkeep": ("store", "key"),
        "home.routines": ("hold", "shred"),
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
"""Set by the shell when it asks for completions."""


def meant(typed: str) -> str:
    """Return the command for a word that people type for it (``meant.csv``), or nothing; none of the words is a command."""
    rows = table_rows("runner.cli.framework", "meant.csv")
    return next((row["command"] for row in rows if row["typed"] == typed), "")
