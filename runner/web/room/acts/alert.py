"""What a person can do with an alert that waits: open an incident from it, or dismiss it with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from runner.app.incidents import alerts
from runner.app.incidents.open_incident import Opening
from runner.web.room.acts.forms import REASON, Act, Acting, Form, Given, Preview
from runner.web.room.acts.incidents import ahead, opened, opening_fields, prepared
from runner.web.room.pages import Asked


def _forms(asked: Asked) -> Sequence[Form]:
    (row,) = alerts.shown(asked.service, asked.reader, asked.ref).alerts
    if row.state != "waiting":
        return ()
    fields = opening_fields(asked, row.title, row.playbook)
    return (
        Form("open", "Open a real incident from this alert", fields),
        Form("dismiss", "Dismiss this alert", (REASON,)),
    )


def _prepared(asked: Asked, given: Given) -> Opening:
    """Return the opening, with the time of the alert as the time of discovery."""
    found = alerts.draft(asked.service, asked.ref)
    return prepared(asked, given, alerts.incident_of(found), "real", alerts.facts_of(found))


def _open(asked: Asked, given: Given) -> str:
    path = opened(asked, _prepared(asked, given))
    alerts.opened(asked.service, asked.principal, asked.ref)
    return path


def _dismiss(asked: Asked, given: Given) -> str:
    alerts.dismiss(asked.service, asked.principal, asked.ref, given["reason"])
    return "/"


def _ahead(asked: Asked, given: Given) -> Preview:
    return ahead(asked, _prepared(asked, given))


ALERT = Acting(
    _forms,
    {
        "open": Act("alert.handle", _open, _ahead, opens=True),
        "dismiss": Act("alert.handle", _dismiss),
    },
)
