"""Facts, contexts and small templates for the tests of documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from runner.documents.notice import Notice
from runner.documents.render import render
from runner.documents.template.values import Kept
from runner.documents.tree import Document, RenderContext, Stationery
from runner.playbook.catalogue import Catalog

CATALOG = Catalog()


def known_facts() -> dict[str, Any]:
    """Return a register with two populations in which some facts are missing."""
    return {
        "organisation": {
            "name": "Beispiel Handel GmbH",
            "address": "Hauptstraße 1\n10115 Berlin",
            "dpo": {"name": "Zoë Łukasiewicz", "email": "dpo@example.com"},
            "hotline": {"phone": "+1 800 555 0100", "hours": "Monday to Friday, 9 am to 6 pm Pacific time"},
            "source_of_breach": True,
            "signatory": {"name": "Erika Beispiel", "role": "Managing director"},
        },
        "incident": {
            "codename": "amber falcon",
            "summary": "Somebody signed in to a mailbox with a stolen password and read messages.",
            "vector": "phishing",
            "impact": ["confidentiality"],
            "malicious": True,
            "aware_at": "2026-11-24T08:10:00+00:00",
            "started_at": "2026-11-20T01:00:00Z",
            "discovered_at": "2026-11-23T21:30:00Z",
        },
        "populations": [
            {
                "id": "customers",
                "data": {"elements": ["name", "contact", "online_credentials"], "encrypted": False},
                "people": {
                    "kinds": ["customers"],
                    "total": 18250,
                    "minimum": 17000,
                    "maximum": 19500,
                    "by_jurisdiction": {"DE": 12000, "US-CA": 640},
                },
            },
            {
                "id": "staff",
                "data": {"elements": ["ssn", "payroll"], "records": 212},
                "people": {"kinds": ["employees"], "total": 212},
            },
        ],
        "risk": {"to_people": "high", "mitigation": "Passwords were reset.\nSessions were ended."},
        "law_enforcement": {"engaged": False},
    }


def whole_facts() -> dict[str, Any]:
    """Return the same register with nothing missing that a notice asks for."""
    facts = known_facts()
    facts["populations"][0]["data"]["records"] = 40000
    facts["risk"]["consequences"] = "Strangers may try to sign in to other accounts with the same password."
    facts["risk"]["advice"] = "Change the password wherever you used it."
    facts["incident"]["individual_notice_planned_at"] = "2026-11-26T08:00:00Z"
    facts["incident"]["awareness_reasons"] = "The mailbox was examined in the night."
    facts["incident"]["cross_border_processing"] = False
    facts["law_enforcement"]["delay_asked"] = False
    facts["risk"]["harm_assessment"] = {"by": "Zoë Łukasiewicz", "grounds": "Passwords were read."}
    facts["risk"]["monitoring"] = {
        "months": 24,
        "provider": "Northwind Monitoring",
        "enrolment": "Enroll at https://example.com/enroll by February 28, 2027.",
    }
    return facts


def context(**changes: Any) -> RenderContext:
    """Return a draft's context at a fixed instant."""
    made = RenderContext(
        timestamp=datetime(2026, 11, 24, 10, tzinfo=UTC),
        zone="Europe/Berlin",
        incident="amber falcon",
        stationery=Stationery(name="Beispiel Handel GmbH", lines=("Hauptstraße 1, 10115 Berlin",)),
    )
    return msgspec.structs.replace(made, **changes)


DUTY = {
    "duty": {
        "due": "2026-11-27T08:10:00Z",
        "overdue": False,
        "recipient": "competent_sa",
        "jurisdiction": "EU",
        "offered_months": Kept("risk.monitoring.months", 24),
    }
}


def shipped(name: str) -> tuple[Notice, str]:
    """Load one of the notices that we ship."""
    return CATALOG.notice(name)


def small(
    text: str, facts: dict[str, Any] | None = None, notice: Notice | None = None, **changes: Any
) -> Document:
    """Render a short template text with facts."""
    notice = notice or Notice(id="small", version="1.0.0", title="Small", language="en-GB")
    return render(notice, text, facts or {}, context=context(**changes))
