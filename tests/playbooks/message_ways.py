"""The ways through the playbook of a message to the wrong person."""

from __future__ import annotations

from tests.playbooks.at_work import Scenario
from tests.playbooks.ways import (
    FEW,
    LETTER,
    MESSAGE,
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
        "deleted and confirmed: nobody is told",
        MESSAGE,
        not_applicable="key tell_counsel",
        duties=NOT_NOTIFIED,
    ),
    Way(
        "it was encrypted, and the password went elsewhere",
        MESSAGE,
        Scenario(answers={"encrypted": "yes", "key": "no"}),
        not_applicable="tell_counsel",
        duties=NOT_NOTIFIED,
    ),
    Way(
        "a stranger has it and does not answer: the authority is told",
        MESSAGE,
        Scenario(answers={"confirmed": "no", "risk.to_people": "risk"}),
        not_applicable=f"key {NOBODY_TOLD} {ONE_BRANCH}",
        failed="notify.draft",
        duties=TOLD,
    ),
    Way(
        "health data at a stranger's: the people are told as well",
        MESSAGE,
        Scenario(
            answers={"confirmed": "no", "risk.to_people": "high"},
            finds={"people": (*FEW, "data.elements+=medical", "data.with_name=yes")},
        ),
        not_applicable=f"key {NOBODY_TOLD} {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "it held nobody's data",
        MESSAGE,
        Scenario(answers={"personal_data": "no"}),
        not_applicable="key aware people narrative risk tell_counsel not_notifying sign_not_notifying register"
        " sign_register",
    ),
    Way(
        "the decision not to notify is refused, made anew by reopening, and the authority is told",
        MESSAGE,
        Scenario(deeds={"sign_not_notifying": ("reject", "reopen risk.to_people risk", "skip")}),
        not_applicable=f"key tell_counsel {ONE_BRANCH}",
        skipped="sign_not_notifying",
        failed="notify.draft",
        duties=TOLD,
        again=("risk.to_people",),
    ),
    Way(
        "recalling fails, a signature is refused, and what could follow is waived",
        MESSAGE,
        Scenario(
            answers={"risk.to_people": "risk"},
            deeds={
                "recall": ("fail", "retry"),
                "confirmed": ("sleep 25",),
                "notify.sign": ("reject", "retry"),
                f"notify[{PHASES}].complete": (f"waive {PHASES}",),
            },
        ),
        not_applicable=f"key {NOBODY_TOLD} notify.by_hand notify.sign_by_hand",
        cancelled="notify.complete notify.final notify.sign notify.by_hand notify.sign_by_hand notify.file",
        failed="notify.draft",
        duties={SA: "filed", PHASES: "waived"},
        late={"confirmed": "dpo"},
        again=("recall", "notify.sign"),
    ),
    Way(
        "everything is done in the minute in which it is due, and all is in time",
        MESSAGE,
        Scenario(at_the_last_moment=True, answers={"risk.to_people": "high"}),
        not_applicable=f"key {NOBODY_TOLD} {ONE_BRANCH}",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "what the letter must say is found out only when it is gathered for it",
        MESSAGE,
        Scenario(
            answers={"risk.to_people": "high"},
            deeds={"narrative.advice": ("skip",), "narrative.consequences": ("skip",)},
            finds={"notify.complete": (*LETTER, "risk.advice=Beware.", "risk.consequences=Unwanted mail.")},
        ),
        not_applicable=f"key {NOBODY_TOLD} {ONE_BRANCH}",
        skipped="narrative.advice narrative.consequences",
        failed="notify.draft",
        duties={**TOLD, PEOPLE: "filed"},
    ),
    Way(
        "the register entry has a gap until somebody closes it and renders it anew",
        MESSAGE,
        Scenario(
            answers={"risk.to_people": "unlikely"},
            deeds={
                "narrative.summary": ("skip",),
                "sign_register": ("learn incident.summary=Lost.", "render register"),
            },
        ),
        not_applicable="key tell_counsel",
        skipped="narrative.summary",
        duties=NOT_NOTIFIED,
    ),
)
