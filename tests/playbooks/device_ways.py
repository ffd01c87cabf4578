"""The ways through the playbook of a lost or stolen device."""

from __future__ import annotations

from tests.playbooks.at_work import Scenario
from tests.playbooks.ways import (
    CALIFORNIA,
    DEVICE,
    GENERAL,
    LETTER,
    NOBODY_TOLD,
    NOT_NOTIFIED,
    ONE_BRANCH,
    PEOPLE,
    PHASES,
    SA,
    TOLD,
    Way,
)

WAYS = (
    Way(
        "encrypted, the key safe: nobody is told, and the device is watched for",
        DEVICE,
        not_applicable="tell_counsel",
        duties=NOT_NOTIFIED,
    ),
    Way(
        "encrypted, but the PIN was on a note: the risk is high",
        DEVICE,
        Scenario(answers={"key": "yes", "risk.to_people": "high"}),
        not_applicable=f"{NOBODY_TOLD} watch {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "not encrypted, Californians among the people",
        DEVICE,
        Scenario(
            answers={"encrypted": "no", "risk.to_people": "risk"},
            finds={
                "people": (
                    "people.total=700",
                    "people.by_jurisdiction.US-CA=700",
                    "data.elements+=ssn",
                    "data.with_name=yes",
                )
            },
        ),
        not_applicable=f"key {NOBODY_TOLD} watch {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, CALIFORNIA: "filed", GENERAL: "filed"},
    ),
    Way(
        "no personal data on it, and it never reported back",
        DEVICE,
        Scenario(answers={"content": "no", "encrypted": "no"}, deeds={"contained_at": ("unknown", "skip")}),
        not_applicable="key aware tell_counsel people narrative risk not_notifying sign_not_notifying watch"
        " register sign_register",
        skipped="contained_at",
    ),
    Way(
        "the decision not to notify is not signed at first",
        DEVICE,
        Scenario(deeds={"sign_not_notifying": ("reject", "retry"), "lock": ("fail", "retry")}),
        not_applicable="tell_counsel",
        duties=NOT_NOTIFIED,
        again=("sign_not_notifying", "lock"),
    ),
    Way(
        "it comes on line while it is watched for: the decision is made anew, and the authority is told",
        DEVICE,
        Scenario(deeds={"watch": ("reopen risk.to_people risk",)}),
        not_applicable=f"tell_counsel {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
        again=("risk.to_people",),
    ),
    Way(
        "nobody can say how many Californians: their duty stays in doubt until it is counted",
        DEVICE,
        Scenario(
            answers={"encrypted": "no"},
            finds={"people": ("people.total=3", "data.elements+=ssn", "data.with_name=yes")},
            deeds={"closing": ("learn people.by_jurisdiction.DE=3",)},
        ),
        not_applicable="key",
        duties=NOT_NOTIFIED,
    ),
    Way(
        "the signatures are refused once, and one lane is decided against",
        DEVICE,
        Scenario(
            answers={"encrypted": "no", "risk.to_people": "risk"},
            deeds={
                "notify.sign": ("reject", "retry"),
                "notify.file": ("fail", "retry"),
                f"notify[{PHASES}].complete": (f"not-to-notify {PHASES}",),
            },
        ),
        not_applicable=f"key {NOBODY_TOLD} watch notify.by_hand notify.sign_by_hand",
        cancelled="notify.complete notify.final notify.sign notify.by_hand notify.sign_by_hand notify.file",
        failed="notify.draft",
        duties={SA: "filed", PHASES: "decided_not_to_notify"},
        again=("notify.sign", "notify.file"),
    ),
    Way(
        "everything is done in the minute in which it is due, and all is in time",
        DEVICE,
        Scenario(at_the_last_moment=True, answers={"encrypted": "no", "risk.to_people": "high"}),
        not_applicable=f"key {NOBODY_TOLD} watch {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "what the letter must say is found out only when it is gathered for it",
        DEVICE,
        Scenario(
            answers={"encrypted": "no", "risk.to_people": "high"},
            deeds={"narrative.advice": ("skip",), "narrative.consequences": ("skip",)},
            finds={"notify.complete": (*LETTER, "risk.advice=Beware.", "risk.consequences=Unwanted mail.")},
        ),
        not_applicable=f"key {NOBODY_TOLD} watch {ONE_BRANCH}",
        skipped="narrative.advice narrative.consequences",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "the register entry has a gap until somebody closes it and renders it anew",
        DEVICE,
        Scenario(
            answers={"risk.to_people": "unlikely"},
            deeds={
                "narrative.summary": ("skip",),
                "sign_register": ("learn incident.summary=Lost.", "render register"),
            },
        ),
        not_applicable="tell_counsel",
        skipped="narrative.summary",
        duties=NOT_NOTIFIED,
    ),
)
