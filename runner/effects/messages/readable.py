"""What the texts of messages and of automatic actions may read: every fact, and a little about incident and step."""

from __future__ import annotations

from datetime import datetime

from runner.facts.vocabulary.register import nested
from runner.incident.state.expression_view import title_of
from runner.incident.state.incident import Incident, Invocation
from runner.playbook.format import AnyStep


def readable(incident: Incident, invocation: Invocation, step: AnyStep) -> dict[str, object]:
    """Return the names that a template of a step may use, each with its present value."""
    facts = nested(incident.facts)
    about = {
        "codename": incident.codename,
        "id": incident.id,
        "kind": incident.kind,
        "title": incident.title,
        **facts.get("incident", {}),
    }
    return {
        **facts,
        "incident": about,
        "step": {"id": invocation.id, "title": title_of(step), "due": _when(invocation.due)},
        "item": incident.scopes[invocation.scope].item,
    }


def _when(due: datetime | None) -> str | None:
    return None if due is None else due.strftime("%Y-%m-%d %H:%M UTC")
