"""Facts of a company in the Union of which every notice there can be written, and the filings that came before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from runner.documents.notice import Notice
from runner.documents.tree import Document
from runner.effects.notices.legal_basis import apply_duty
from runner.effects.notices.render import make
from runner.incident.state.incident import DutyView
from runner.law.duty import DutyRecord
from tests.documents.at_law import catalog, incident_of, of_duty
from tests.documents.europe_translations import translations

FILED = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def europe_facts() -> dict[str, Any]:
    """Return an incident of a bank that also makes software and offers a network, with everything known."""
    return {
        "organisation": _organisation(),
        "incident": {**_incident(), "dora": dora_facts()},
        "populations": [
            {
                "id": "customers",
                "data": {
                    "involved": True,
                    "elements": ["name", "contact", "online_credentials"],
                    "encrypted": False,
                    "records": 40000,
                },
                "people": {
                    "kinds": ["customers"],
                    "total": 18250,
                    "minimum": 17000,
                    "maximum": 19500,
                    "by_jurisdiction": {"DE": 12000, "FR": 6000, "GB": 250},
                },
            },
            {
                "id": "staff",
                "data": {
                    "involved": True,
                    "categories_text": "Names and salaries of the year 2025",
                    "records": 212,
                },
                "people": {"kinds": ["employees"], "total": 212, "by_jurisdiction": {"DE": 212}},
            },
        ],
        "risk": {
            "to_people": "high",
            "consequences": "Strangers may sign in to other accounts with the same password, or write in our name.",
            "mitigation": "Passwords were reset and sessions ended.\nA second factor is asked for from now on.",
            "advice": "Change the password wherever you used it.",
            "measures_planned": "Hardware keys for all staff by 15 January 2027.",
            "harm_assessment": {
                "by": "Zoë Łukasiewicz",
                "at": "2026-11-24T09:00:00Z",
                "grounds": "Passwords and contact details of many people were read by strangers.",
            },
        },
        "law_enforcement": {"engaged": True},
        "translations": translations(),
    }


def _organisation() -> dict[str, Any]:
    return {
        "name": "Beispiel Bank AG",
        "address": "Hauptstraße 1\n10115 Berlin",
        "country": "DE",
        "zone": "Europe/Berlin",
        "established_in": ["DE"],
        "main_establishment": "DE",
        "offers_to": ["GB", "FR"],
        "role": ["controller", "processor"],
        "sectors": ["finance"],
        "regulated_as": ["dora_credit_institution", "nis2_essential", "cra_manufacturer", "ecs_provider"],
        "lei": "529900EXAMPLE0000018",
        "parent": "Beispiel Holding SE",
        "parent_lei": "529900EXAMPLE0000115",
        "dpo": {"name": "Zoë Łukasiewicz", "email": "dpo@example.com", "phone": "+49 30 555 0101"},
        "contact": {
            "name": "Jonas Weber",
            "role": "Head of security",
            "email": "security@example.com",
            "phone": "+49 30 555 0102",
        },
        "signatory": {"name": "Erika Beispiel", "role": "Chief Executive Officer"},
        "second_contact": {
            "name": "Ada Nwosu",
            "email": "operations@example.com",
            "phone": "+49 30 555 0103",
        },
        "hotline": {
            "phone": "+49 800 555 0100",
            "hours": "8–20 Uhr / 8 am to 8 pm",
            "url": "https://example.com/incident",
        },
    }


def _incident() -> dict[str, Any]:
    return {
        "summary": "Somebody signed in to the mailbox of our support desk with a stolen password and read messages.",
        "vector": "phishing",
        "impact": ["confidentiality", "integrity"],
        "malicious": True,
        "exfiltration": "possible",
        "started_at": "2026-11-20T01:00:00Z",
        "ended_at": "2026-11-24T06:00:00Z",
        "detected_at": "2026-11-23T21:30:00Z",
        "discovered_at": "2026-11-23T21:30:00Z",
        "aware_at": "2026-11-24T08:10:00Z",
        "awareness_reasons": "The content of the mailbox was examined during the night after the detection.",
        "cross_border_processing": True,
        "file_number": "BB-2026-014",
        "individual_notice_planned_at": "2026-11-26T08:00:00Z",
        "classified_at": "2026-11-24T10:00:00Z",
        "contained_at": "2026-11-24T06:00:00Z",
        "recovered_at": "2026-11-24T12:00:00Z",
        "resolved_at": "2026-11-26T15:00:00Z",
        "requested_at": "2026-11-25T08:00:00Z",
        "measure_available_at": "2026-11-25T16:00:00Z",
        "major": True,
        "significant": True,
        "reportable": True,
        "actively_exploited": True,
        "outage_minutes": 95,
        "new_information": "The messages of 212 employees were read as well.",
        "assessment": "Severity: high. The support desk was out of service for 95 minutes; no payments were affected.",
        "root_cause": "A support agent entered a password on a copied sign-in page; the mailbox had no second factor.",
        "indicators": "Sender domain examp1e.com; sign-ins from 192.0.2.44 and 198.51.100.7.",
        "cross_border": True,
        "cross_border_places": ["FR", "GB"],
        "cross_border_impact": "6,000 customers in France and 250 in the United Kingdom were concerned.",
        "location": "The mail service in Frankfurt am Main; disks of the mail service.",
        "measures_before": "Encrypted transport and storage; sign-in by password alone.",
        "other_authorities": "CNIL (France)",
        "individual_notice_text": "What happened, which data are concerned, and to change the password.",
        "individual_notice_means": ["email"],
        "individual_notice_count": 18250,
        "service_harm": "Calls and messages of customers were not answered.",
        "vendor": {"name": "Fabrikam Mail", "role": "mail service"},
        "responsible": "Not known; the sender domain was registered two days before.",
        "product": {
            "name": "Beispiel Pay App 4.1 to 4.3",
            "description": "An app for payments between private persons.",
            "available_in": ["DE", "FR"],
            "vulnerability": "EXAMPLE-2026-0001: a sign-in link stays valid after it was used; severity high.",
            "exploit": "Links from forwarded messages were opened a second time.",
            "corrective_measures": "Version 4.4 ends each link after its first use; it is installed without action.",
        },
        "sensitivity": "Not for publication before the update has reached all users.",
    }


def dora_facts() -> dict[str, Any]:
    """Return what only the template of DORA asks for."""
    return {
        "entity_types": ["credit_institution"],
        "currency": "EUR",
        "criteria": ["critical_services", "data_losses", "geographical_spread", "duration_and_downtime"],
        "spread_states": ["FR"],
        "discovery": "monitoring_systems",
        "continuity_plan": "Yes: messages were answered from a second mailbox.",
        "clients": 18250,
        "clients_share": 4.2,
        "counterparts": 0,
        "counterparts_share": 0,
        "figures": ["clients_estimated", "counterparts_none", "transactions_none"],
        "duration": "04:05:00",
        "downtime": "00:01:35",
        "times": "actual",
        "states_impact": ["clients"],
        "states_description": "France: messages of 6,000 clients could be read.",
        "data_losses": ["confidentiality", "integrity"],
        "data_losses_description": "Names, addresses and passwords of clients.",
        "critical_services": "The support desk, which blocks payment cards by telephone and mail.",
        "types": ["cybersecurity"],
        "techniques": ["social_engineering"],
        "business_processes": "Customer support.",
        "infrastructure_affected": "no",
        "client_interests": "unknown",
        "reported_to": ["data_protection_authority", "police"],
        "temporary_measures": True,
        "temporary_measures_description": "A second mailbox; sign-in from the office network only.",
        "cause_classes": ["malicious_actions", "human_error"],
        "cause_details": "Malicious actions: fraudulent actions; human error: mistake.",
        "resolution": "All passwords were renewed, a second factor was introduced.",
        "cause_addressed_at": "2026-11-26T15:00:00Z",
        "economic_impact": "Not met: under EUR 100,000.",
        "costs": 62000,
        "recoveries": 0,
    }


def written(
    name: str,
    duty: str,
    facts: Mapping[str, Any],
    *,
    draft: bool | None = None,
    filed: Mapping[str, str] = {},
    late: bool = False,
) -> tuple[Notice, Document]:
    """Return a shipped notice as of its duty and of what was ``filed`` before: duties with their references."""
    incident = msgspec.structs.replace(incident_of(facts), duties={**_views(filed), **_late(duty, late)})
    brief = of_duty(duty, incident)
    notice, source = catalog().notice(name)
    notice = apply_duty(notice, brief)
    return notice, make(notice, source, incident, brief, draft=draft)


def _late(duty: str, late: bool) -> dict[str, DutyView]:
    return {duty: DutyView(id=duty, verdict="applies", overdue=True)} if late else {}


def _views(filed: Mapping[str, str]) -> dict[str, DutyView]:
    return {
        duty: DutyView(
            id=duty,
            verdict="applies",
            record=DutyRecord(kind="filed", by="ada", at=FILED, reference=reference),
        )
        for duty, reference in filed.items()
    }
