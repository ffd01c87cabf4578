"""The ways through the default playbook, a breach of personal data."""

from __future__ import annotations

from tests.playbooks.at_work import Scenario
from tests.playbooks.ways import (
    BREACH,
    CALIFORNIA,
    GENERAL,
    LETTER,
    NOBODY_TOLD,
    NOT_NOTIFIED,
    ONE_BRANCH,
    OWNER,
    PEOPLE,
    PHASES,
    SA,
    TOLD,
    Way,
)

WAYS = (
    Way(
        "there is a risk: the authority is told, in phases",
        BREACH,
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
    ),
    Way(
        "no personal data are affected",
        BREACH,
        Scenario(answers={"personal_data": "no"}),
        not_applicable="aware whose_data facts_for_counsel risk not_notifying sign_not_notifying individuals"
        " register sign_register rounds.status",
    ),
    Way(
        "the risk is unlikely: nobody is told, and that is signed",
        BREACH,
        Scenario(answers={"risk.to_people": "unlikely"}),
        not_applicable="whose_data.key individuals rounds.status",
        duties=NOT_NOTIFIED,
    ),
    Way(
        "the risk is high: the people are told as well",
        BREACH,
        Scenario(answers={"risk.to_people": "high"}),
        not_applicable=f"whose_data.key {NOBODY_TOLD} rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "nine hundred Californians: their letters, and the Attorney General",
        BREACH,
        Scenario(
            answers={"whose_data.elements": "name,ssn"},
            finds={
                "whose_data.populations": ("people.total=900", "people.by_jurisdiction.US-CA=900"),
                "individuals.told": ("incident.individual_notice_sent_at.US-CA=2026-11-28T09:00:00Z",),
            },
        ),
        not_applicable=f"whose_data.key {NOBODY_TOLD} rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, CALIFORNIA: "filed", GENERAL: "filed"},
    ),
    Way(
        "two populations, each with its own data, recorded one by one",
        BREACH,
        Scenario(
            answers={"risk.to_people": "high"},
            finds={
                "whose_data.populations": (
                    "populations.customers.people.total=20",
                    "populations.customers.people.by_jurisdiction.DE=20",
                    "populations.customers.people.kinds+=customers",
                    "populations.customers.data.elements+=contact",
                    "populations.customers.data.with_name=yes",
                    "populations.customers.data.records=20",
                    "populations.staff.people.total=2",
                    "populations.staff.people.by_jurisdiction.DE=2",
                    "populations.staff.people.kinds+=employees",
                    "populations.staff.data.elements+=tax_id",
                    "populations.staff.data.with_name=yes",
                    "populations.staff.data.records=2",
                ),
            },
        ),
        not_applicable=f"whose_data.key {NOBODY_TOLD} rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "encrypted, and the key is safe: the risk is high all the same, but the people need not be told",
        BREACH,
        Scenario(answers={"whose_data.encrypted": "yes", "whose_data.key": "no", "risk.to_people": "high"}),
        not_applicable=f"{NOBODY_TOLD} rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
    ),
    Way(
        "we only hold the data of others: their owner is told",
        BREACH,
        Scenario(
            facts=(
                "organisation.role=data_holder",
                "organisation.country=US",
                "organisation.established_in=US-CA",
            ),
            answers={"whose_data.elements": "name,ssn", "risk.to_people": "unlikely"},
            finds={"whose_data.populations": ("people.total=3", "people.by_jurisdiction.US-CA=3")},
        ),
        not_applicable="whose_data.key individuals rounds.status notify.final notify.sign",
        failed="notify.draft",
        duties={**NOT_NOTIFIED, OWNER: "filed"},
    ),
    Way(
        "what decides California is learnt only at the end",
        BREACH,
        Scenario(
            answers={"whose_data.elements": "name,ssn"},
            finds={"whose_data.populations": ("people.total=3",)},
            learns={"people.by_jurisdiction.US-CA": "people.by_jurisdiction.DE=3"},
        ),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
        waited={"individuals": "people.by_jurisdiction.US-CA"},
    ),
    Way(
        "a signature is refused and then given, on what was corrected",
        BREACH,
        Scenario(deeds={"notify.sign": ("reject", "retry"), "sign_register": ("reject", "retry")}),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
        again=("notify.sign", "sign_register"),
    ),
    Way(
        "the decision not to notify is not signed: it is left out, with a reason",
        BREACH,
        Scenario(answers={"risk.to_people": "unlikely"}, deeds={"sign_not_notifying": ("reject", "skip")}),
        not_applicable="whose_data.key individuals rounds.status",
        skipped="sign_not_notifying",
        duties=NOT_NOTIFIED,
    ),
    Way(
        "containing takes until the next day, and the status is asked for meanwhile",
        BREACH,
        Scenario(deeds={"contain": ("sleep 13",), "contained_at": ("unknown",)}),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
        late={
            "contain": "commander",
            "facts_for_counsel": "commander",
            "whose_data.populations": "commander",
        },
        again=("rounds.status", "rounds.four_hours"),
    ),
    Way(
        "nobody ever learns when it was contained: the rounds end after a week",
        BREACH,
        Scenario(answers={"personal_data": "no"}, deeds={"contained_at": ("skip",), "rounds": ("skip",)}),
        not_applicable="aware whose_data facts_for_counsel risk not_notifying sign_not_notifying individuals"
        " register sign_register tell_contained",
        skipped="contained_at rounds",
        again=("rounds.status",),
    ),
    Way(
        "nobody answers the first alarm: it is sent again, and then they are telephoned",
        BREACH,
        Scenario(
            answers={"personal_data": "no"}, deeds={"alert": ("sleep 13", "retry"), "brief": ("sleep 1",)}
        ),
        not_applicable="aware whose_data facts_for_counsel risk not_notifying sign_not_notifying individuals"
        " register sign_register rounds.status",
        late={"triage": "counsel"},
    ),
    Way(
        "nobody can be reached at all: the alarm is left out, with a reason",
        BREACH,
        Scenario(answers={"personal_data": "no"}, deeds={"alert": ("sleep 13", "skip")}),
        not_applicable="aware whose_data facts_for_counsel risk not_notifying sign_not_notifying individuals"
        " register sign_register rounds.status",
        skipped="alert",
        late={"triage": "counsel"},
    ),
    Way(
        "evidence cannot be kept, and the cause cannot be removed: both are said",
        BREACH,
        Scenario(
            answers={"personal_data": "no"},
            deeds={"preserve": ("fail", "skip"), "eradicate": ("fail", "retry")},
        ),
        not_applicable="aware whose_data facts_for_counsel risk not_notifying sign_not_notifying individuals"
        " register sign_register rounds.status",
        skipped="preserve",
        again=("eradicate",),
    ),
    Way(
        "the portal is down: the filing fails, and is tried again",
        BREACH,
        Scenario(deeds={f"notify[{SA}].file": ("fail", "retry")}),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
        again=("notify.file",),
    ),
    Way(
        "all was said at first: what could follow is decided against, and its lane ends",
        BREACH,
        Scenario(deeds={f"notify[{PHASES}].complete": (f"not-to-notify {PHASES}",)}),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status notify.by_hand notify.sign_by_hand",
        cancelled="notify.complete notify.final notify.sign notify.by_hand notify.sign_by_hand notify.file",
        failed="notify.draft",
        duties={SA: "filed", PHASES: "decided_not_to_notify"},
    ),
    Way(
        "the authority waives it while it is being signed",
        BREACH,
        Scenario(
            deeds={f"notify[{SA}].sign": (f"waive {SA}",), f"notify[{PHASES}].by_hand": (f"waive {PHASES}",)}
        ),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        cancelled="notify.sign notify.by_hand notify.sign_by_hand notify.file",
        failed="notify.draft",
        duties={SA: "waived", PHASES: "waived"},
    ),
    Way(
        "it is told too late, and says why",
        BREACH,
        Scenario(
            finds={"notify.complete": (*LETTER, "incident.delay_reasons=The portal was down.")},
            deeds={f"notify[{SA}].complete": ("sleep 90",)},
        ),
        not_applicable=f"whose_data.key {NOBODY_TOLD} individuals rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
        late={"notify.complete": "counsel", "notify.sign": "commander", "notify.file": "commander"},
    ),
    Way(
        "everything is done in the minute in which it is due, and all is in time",
        BREACH,
        Scenario(at_the_last_moment=True, answers={"risk.to_people": "high"}),
        not_applicable=f"whose_data.key {NOBODY_TOLD} rounds.status {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
        again=("rounds.status",),
    ),
    Way(
        "what the letter must say is found out only when it is gathered for it",
        BREACH,
        Scenario(
            answers={"risk.to_people": "high"},
            deeds={"narrative.advice": ("skip",), "narrative.consequences": ("skip",)},
            finds={"notify.complete": (*LETTER, "risk.advice=Beware.", "risk.consequences=Unwanted mail.")},
        ),
        not_applicable=f"whose_data.key {NOBODY_TOLD} rounds.status {ONE_BRANCH}",
        skipped="narrative.advice narrative.consequences",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "the register entry has a gap until somebody closes it and renders it anew",
        BREACH,
        Scenario(
            answers={"risk.to_people": "unlikely"},
            deeds={
                "what_happened.summary": ("skip",),
                "sign_register": ("learn incident.summary=Lost.", "render register"),
            },
        ),
        not_applicable="whose_data.key individuals rounds.status",
        skipped="what_happened.summary",
        duties=NOT_NOTIFIED,
    ),
)
