"""A notice with the duty that it fulfils: shipped law and template, made as an incident makes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from runner.app.core.public_holidays import PublicHolidays
from runner.base.jurisdictions import US_NAMES
from runner.documents.notice import Notice
from runner.documents.tree import Document
from runner.effects.notices.legal_basis import Brief, apply_duty, legal_context
from runner.effects.notices.render import make
from runner.facts.vocabulary.nested_facts import flatten
from runner.facts.vocabulary.register import Fact, nested
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.assessment import assess
from runner.playbook.catalogue import Catalog

AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


@cache
def catalog() -> Catalog:
    """Return what ships with the program."""
    return Catalog()


def us_facts(*states: str) -> dict[str, Any]:
    """Return an incident of an American company, with everything known that any US notice asks for.

    People live in the states that are named, in all of them where none is.
    """
    return {
        "organisation": {
            "name": "Contoso Health Group, Inc.",
            "address": "100 Main Street\nSpringfield, IL 62701",
            "country": "US",
            "established_in": ["US-IL"],
            "does_business_in": ["US"],
            "role": ["controller", "data_owner"],
            "zone": "America/New_York",
            "sectors": ["health", "retail"],
            "source_of_breach": True,
            "parent": "Contoso Holdings, Inc.",
            "employer_id": "00-0000000",
            "licence_number": "LIC-000000",
            "security_program": True,
            "security_measures": "Multi-factor sign-in for staff, encrypted laptops, yearly tests by outsiders.",
            "safeguards": ["privacy_rule", "administrative", "technical"],
            "covered_entity_type": "health_care_provider",
            "contact": {
                "name": "Dana Reyes",
                "role": "Chief Privacy Officer",
                "email": "dana.reyes@example.com",
                "phone": "1-800-555-0123",
                "address": "Privacy Office, 100 Main Street, Springfield, IL 62701",
            },
            "counsel": {"name": "R. Lind", "firm": "Lind & Mora LLP", "email": "rlind@example.com"},
            "hotline": {
                "phone": "1-800-555-0100",
                "hours": "Monday to Friday, 9 am to 9 pm Eastern time",
                "url": "https://example.com/incident",
            },
            "press": {"name": "Sam Okafor", "email": "press@example.com", "phone": "1-800-555-0177"},
            "signatory": {"name": "Lee Park", "role": "Chief Executive Officer"},
            "registrant": {
                "incorporated_in": "Delaware",
                "file_number": "001-00000",
                "security": "Common Stock, par value $0.01 per share",
                "symbol": "CHGX",
                "exchange": "New York Stock Exchange",
                "further_classes": {
                    "notes": {
                        "security": "4.25% Notes due 2031",
                        "symbol": "CHGX31",
                        "exchange": "New York Stock Exchange",
                    }
                },
                "emerging_growth": True,
                "short_transition": False,
                "cik": "0000000000",
                "former": "none",
                "signatory": "Lee Park, Chief Financial Officer",
            },
        },
        "incident": {
            "title": "A stolen password in the billing system",
            "summary": (
                "Between November 2 and November 9, 2026, somebody signed in to our billing system with a"
                " stolen password and copied files."
            ),
            "vector": "phishing",
            "at_vendor": True,
            "impact": ["confidentiality"],
            "malicious": True,
            "exfiltration": "confirmed",
            "started_at": "2026-11-02T14:00:00Z",
            "ended_at": "2026-11-09T22:00:00Z",
            "detected_at": "2026-11-10T13:00:00Z",
            "discovered_at": "2026-11-10T13:00:00Z",
            "determined_at": "2026-11-12T16:00:00Z",
            "confirmed_at": "2026-11-12T16:00:00Z",
            "aware_at": "2026-11-12T16:00:00Z",
            "contained_at": "2026-11-10T18:00:00Z",
            "materiality_determined_at": "2026-11-20T22:45:00Z",
            "material": True,
            "disruption": False,
            "requested_at": "2026-11-24T13:00:00Z",
            "new_information_at": "2026-11-23T15:00:00Z",
            "ransom_paid_at": "2026-11-11T20:00:00Z",
            "individual_notice_sent_at": {"*": "2026-11-24T14:00:00Z"},
            "individual_notice_planned_at": "2026-11-24T14:00:00Z",
            "file_number": "CH-2026-014",
            "certified": {
                law: {"name": "Dana Reyes", "role": "Chief Privacy Officer", "at": "2026-11-23T15:00:00Z"}
                for law in ("us-ma-breach", "us-hipaa-164-400", "us-42cfr2-16")
            },
            "names_enclosed": False,
            "individual_notice_count_in": {f"US-{code}": 300 for code in sorted(US_NAMES)},
            "statement": {"version": "2", "released_at": "2026-11-24T15:00:00Z"},
            "individual_notice_means": ["letter", "website"],
            "media_notice_sent_at": "2026-11-24T14:00:00Z",
            "stage_submitted_at": {"us-sec-8k-105/initial": "2026-11-23T20:00:00Z"},
            "vendor": {
                "name": "Fabrikam Hosting",
                "role": "hosting of the billing system",
                "contact": "security@example.net",
                "address": "7 Harbor Road\nPortland, ME 04101",
            },
            "third_party_recipients": "No third party is known to have received the data.",
            "responsible": "Not known.",
            "foreign_involvement": "Nothing is known of the involvement of a foreign country.",
            "loss_estimate": "About $40,000 to the company; no loss to customers is known.",
            "service_harm": "Billing was suspended for two days; care was not interrupted.",
            "financial_impact": "We do not expect a material effect on revenue; costs of the response are about $2 million.",
            "not_yet_determined": "The number of people affected.",
            "new_information": "About 18,250 people are affected.",
            "ransom": {
                "reasons": "The attacker threatened to publish the files.",
                "alternatives": "Restoring from the copies of November 1 and waiting were considered.",
                "diligence": "A response firm and the FBI were asked for other ways.",
                "sanctions_check": "The recipient was screened against the lists of OFAC; there was no match.",
            },
            "form_8k": {
                "scope": "The incident reached the billing system and the files of patients in it.",
                "also_satisfies": [],
                "forward_looking": "Statements about the expected cost of the incident are forward-looking.",
                "amendment": 1,
            },
            "hhs": {
                "filed_by": "covered_entity_for_business_associate",
                "substitute_notice": "fewer_than_10",
                "media_notice": True,
                "actions": ["password_requirements", "technical_safeguards", "harm_mitigation"],
            },
            "board_decisions": "Approve the letters and the offer of credit monitoring.",
            "notice_due_elsewhere": True,
        },
        "data": {
            "involved": True,
            "with_name": True,
            "elements": ["name", "ssn", "medical", "online_credentials"],
            "encrypted": False,
            "form": ["electronic"],
            "records": 18250,
            "locations": ["network_server"],
            "retrieved": False,
        },
        "people": {
            "total": 18250,
            "kinds": ["patients"],
            "by_jurisdiction": {
                f"US-{code}": 300 + 10 * n
                for n, code in enumerate(sorted(US_NAMES))
                if not states or code in states
            },
            "unreachable": {"US-IL": 4},
        },
        "risk": {
            "harm": "likely",
            "harm_assessment": {
                "by": "Dana Reyes",
                "at": "2026-11-13T15:00:00Z",
                "grounds": "Social Security numbers were copied.",
            },
            "consequences": "Somebody may try to open accounts in the name of the people affected.",
            "mitigation": "We reset every password, ended all sessions and require a second factor.",
            "measures_planned": "A second factor for every account by January 15, 2027.",
            "advice": "Check the statements of your health insurer for services that you did not receive.",
            "monitoring": {
                "months": 24,
                "provider": "Northwind Monitoring",
                "enrolment": "Enroll at https://example.com/enroll by February 28, 2027.",
            },
        },
        "law_enforcement": {"engaged": True, "delay_asked": False},
    }


def incident_of(facts: Mapping[str, Any]) -> Incident:
    """Return an incident in which these nested facts, and nothing else, were recorded."""
    problems: list[Any] = []
    leaves = list(flatten("", facts, problems.append))
    assert not problems, problems
    register = {leaf.stated.key: Fact(key=leaf.stated.key, value=leaf.stated.value, at=AT) for leaf in leaves}
    return Incident(
        id="i", codename="amber falcon", title="Incident", kind="real", opened_at=AT, facts=register
    )


def of_duty(duty: str, incident: Incident) -> Brief:
    """Return the law behind one shipped duty, judged on the incident's facts."""
    regime = catalog().regime(duty.partition("/")[0])
    judged = assess((regime,), nested(incident.facts), AT, calendar=PublicHolidays())
    (status,) = (status for status in judged if status.id == duty)
    brief = legal_context(incident, status, Library(plans={}, regimes=(regime,)))
    assert brief is not None
    return brief


def made(
    name: str, duty: str, facts: Mapping[str, Any], *, draft: bool | None = None
) -> tuple[Notice, Document]:
    """Return a shipped notice, with what its duty's law asks of it, and its document."""
    incident = incident_of(facts)
    brief = of_duty(duty, incident) if duty else None
    notice, source = catalog().notice(name)
    notice = apply_duty(notice, brief)
    return notice, make(notice, source, incident, brief, draft=draft)


def without(facts: Mapping[str, Any], *paths: str) -> dict[str, Any]:
    """Return the facts with some of them not recorded."""
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(facts))
    for path in paths:
        *above, last = path.split(".")
        place = copy
        for name in above:
            place = place[name]
        del place[last]
    return copy
