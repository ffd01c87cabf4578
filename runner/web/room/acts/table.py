"""The one table of acts: by the page that has their forms. An act that is not in it does not exist."""

from __future__ import annotations

from collections.abc import Mapping

from runner.acts.duties import DUTY, file_offers
from runner.acts.tasks import TASK
from runner.web.room.acts.accounts import ACCOUNTS
from runner.web.room.acts.act_forms import acting_of
from runner.web.room.acts.audit import AUDIT, RECORD
from runner.web.room.acts.exercise import EXERCISE, REPORT
from runner.web.room.acts.facts import FACT, FACTS, MISSING
from runner.web.room.acts.forms import Acting
from runner.web.room.acts.improvement import EXERCISES, IMPROVEMENT
from runner.web.room.acts.incident import INCIDENT
from runner.web.room.acts.incidents import INCIDENTS
from runner.web.room.acts.law import LAW
from runner.web.room.acts.letters import CAMPAIGN, LETTERS, RUN
from runner.web.room.acts.message import ALERT, MESSAGE, MESSAGES
from runner.web.room.acts.notice import NOTICE
from runner.web.room.acts.people import PEOPLE
from runner.web.room.acts.sign import SIGN
from runner.web.room.acts.timeline import EVIDENCE, TIMELINE

ACTING: Mapping[str, Acting] = {
    "incidents": INCIDENTS,
    "alert": ALERT,
    "people": PEOPLE,
    "accounts": ACCOUNTS,
    "incident": INCIDENT,
    "task": acting_of(TASK),
    "messages": MESSAGES,
    "message": MESSAGE,
    "facts": FACTS,
    "fact": FACT,
    "missing": MISSING,
    "timeline": TIMELINE,
    "evidence": EVIDENCE,
    "duty": acting_of(DUTY),
    "file": acting_of(DUTY, ("filed",), file_offers),
    "notice": NOTICE,
    "sign": SIGN,
    "letters": LETTERS,
    "campaign": CAMPAIGN,
    "run": RUN,
    "audit": AUDIT,
    "record": RECORD,
    "exercises": EXERCISES,
    "improvement": IMPROVEMENT,
    "exercise": EXERCISE,
    "report": REPORT,
    "provisions": LAW,
}
"""By the operation of the page in the table of pages."""
