"""The one table of the room: each page with its address, its right and its report. Routes, the reference page and the
access test are made from it; a page that is not in it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple
from urllib.parse import quote

from runner.acts.asked import Asked, File
from runner.acts.duties import DUTY, DUTY_SHOW
from runner.acts.tasks import TASK, TASK_SHOW
from runner.app.core.rights import Right
from runner.web.room import exercise_pages, letter_pages, organisation_pages, pages
from runner.web.room.pages import Handler


class Row(NamedTuple):
    """One page that a person can read."""

    path: str
    operation: str
    right: Right | Literal["login"]
    """``login``: whoever is logged in has the page; it lists only what this person may read."""
    draw: Handler
    title: str
    """In the navigation; empty for a page about one thing of a list."""
    fresh: bool = True
    """Whether an open page is drawn again when the data change."""

    exercise: bool = False
    """Only an exercise has it."""
    real: Right | None = None
    """Another right that it needs in an incident that is not an exercise."""

    own: Right | None = None
    """The right that is enough for what is for the reader; the page shows nothing else then."""

    @property
    def about_incident(self) -> bool:
        """Whether it is a page about one incident."""
        return self.path.startswith(INCIDENT)


INCIDENT = "/i/{incident}"
TABLE = (
    Row("/", "incidents", "login", pages.incidents, "Incidents"),
    Row("/alert/{ref}", "alert", "alert.handle", pages.alert, ""),
    Row("/people", "people", "person.list", pages.people, "People", fresh=False),
    Row(
        "/register",
        "register",
        "register.read",
        organisation_pages.register,
        "Register of breaches",
        fresh=False,
    ),
    Row("/law", "law", "law.read", organisation_pages.law, "Laws", fresh=False),
    Row("/law/{ref:path}", "provisions", "law.read", organisation_pages.provisions, "", fresh=False),
    Row("/exercises", "exercises", "exercise.read", exercise_pages.exercises, "Exercises", fresh=False),
    Row("/improvement/{ref}", "improvement", "exercise.read", exercise_pages.improvement, "", fresh=False),
    Row("/readiness", "readiness", "exercise.read", exercise_pages.readiness, "", fresh=False),
    Row("/audit", "audit", "audit.verify", organisation_pages.audit, "Record", fresh=False),
    Row(
        "/admin",
        "administration",
        "metrics.read",
        organisation_pages.administration,
        "Administration",
        fresh=False,
    ),
    Row("/admin/accounts", "accounts", "account.manage", pages.accounts, "Accounts", fresh=False),
    Row("/me/why", "rights", "login", organisation_pages.rights, "", fresh=False),
    Row("/sign", "approvals", "login", pages.approvals, "To approve"),
    Row(INCIDENT, "incident", "incident.read", pages.incident, "Status"),
    Row(f"{INCIDENT}/tasks", "tasks", "incident.read", pages.tasks, "Tasks"),
    Row(f"{INCIDENT}/task/{{ref:path}}", "task", "incident.read", pages.page_of(TASK, TASK_SHOW), ""),
    Row(f"{INCIDENT}/facts", "facts", "fact.read", pages.facts, "Facts"),
    Row(f"{INCIDENT}/facts/{{ref:path}}", "fact", "fact.read", pages.fact, ""),
    Row(f"{INCIDENT}/missing", "missing", "fact.read", pages.missing, "Questions"),
    Row(f"{INCIDENT}/duties", "duties", "duty.read", pages.duties, "Legal duties"),
    Row(f"{INCIDENT}/duty/{{ref:path}}", "duty", "duty.read", pages.page_of(DUTY, DUTY_SHOW), ""),
    Row(f"{INCIDENT}/file/{{ref:path}}", "file", "notice.read", pages.file, ""),
    Row(f"{INCIDENT}/notices", "notices", "notice.read", pages.notices, "Notices"),
    Row(f"{INCIDENT}/notice/{{ref:path}}", "notice", "notice.read", pages.notice, ""),
    Row(f"{INCIDENT}/changes/{{ref:path}}", "changes", "notice.read", pages.changes, ""),
    Row(f"{INCIDENT}/consistency", "consistency", "notice.read", pages.consistency, "Consistency"),
    Row(f"{INCIDENT}/sign/{{ref:path}}", "sign", "sign", pages.sign, ""),
    Row(f"{INCIDENT}/letters", "letters", "notice.read", letter_pages.letters, "Letters"),
    Row(f"{INCIDENT}/campaign/{{ref}}", "campaign", "campaign.manage", letter_pages.campaign, ""),
    Row(
        f"{INCIDENT}/samples/{{ref}}",
        "samples",
        "campaign.manage",
        letter_pages.samples,
        "",
        fresh=False,
    ),
    Row(f"{INCIDENT}/run/{{ref}}", "run", "campaign.manage", letter_pages.run, "", fresh=False),
    Row(f"{INCIDENT}/messages", "messages", "message.read", pages.messages, "Messages", own="message.own"),
    Row(f"{INCIDENT}/message/{{ref}}", "message", "message.read", pages.message, "", own="message.own"),
    Row(f"{INCIDENT}/timeline", "timeline", "incident.read", pages.timeline, "Timeline"),
    Row(f"{INCIDENT}/evidence", "evidence", "evidence.read", pages.evidence, "Evidence"),
    Row(f"{INCIDENT}/audit", "record", "audit.verify", organisation_pages.record, "Record", fresh=False),
    Row(
        f"{INCIDENT}/exercise",
        "exercise",
        "exercise.read",
        exercise_pages.exercise,
        "Exercise",
        exercise=True,
    ),
    Row(
        f"{INCIDENT}/report",
        "report",
        "exercise.read",
        exercise_pages.after_action,
        "Report",
        fresh=False,
        real="duty.read",
    ),
)
BY_OPERATION: dict[str, Row] = {row.operation: row for row in TABLE}


DOWNLOADS: Mapping[str, tuple[str, Callable[[Asked], File]]] = {
    "register": ("/register.csv", organisation_pages.register_file),
    "facts": (f"{INCIDENT}/veris.json", pages.veris_file),
    "timeline": (f"{INCIDENT}/timeline.csv", pages.timeline_file),
    "evidence": (f"{INCIDENT}/evidence/{{ref}}", pages.evidence_file),
    "campaign": (f"{INCIDENT}/people-of/{{ref:path}}", letter_pages.campaign_file),
    "run": (f"{INCIDENT}/letters-of/{{ref:path}}", letter_pages.run_file),
    "report": (f"{INCIDENT}/report/{{ref}}", exercise_pages.report_file),
}
"""Files of a page, by its operation: their address, and what makes the bytes. They need the right to the page."""
DOCUMENT = f"{INCIDENT}/document/{{ref:path}}/{{form}}"


ACT = "/act/{operation}/{verb}/{ref:path}"
INCIDENT_ACT = f"{INCIDENT}{ACT}"


def address(row: Row, incident: str = "", ref: str = "") -> str:
    """Return the address of a page."""
    return _filled(row.path, incident, ref)


def download_address(row: Row, incident: str = "", ref: str = "") -> str:
    """Return the address of a file of a page."""
    return _filled(DOWNLOADS[row.operation][0], incident, ref)


def act_address(row: Row, verb: str, incident: str = "", ref: str = "") -> str:
    """Return the address that a form of a page posts to."""
    path = INCIDENT_ACT if row.about_incident else ACT
    return _filled(path.replace("{operation}", row.operation).replace("{verb}", verb), incident, ref)


def page_of_form(parameters: Mapping[str, str]) -> str:
    """Return the address of the page of a form, by the parameters of the form's own address; the first page if it is unknown."""
    row = BY_OPERATION.get(parameters.get("operation", ""))
    return address(row, parameters.get("incident", ""), parameters.get("ref", "")) if row is not None else "/"


def form_address(parameters: Mapping[str, str]) -> str:
    """Return the form's own address, as the form has it, fit for a cookie."""
    row, about = BY_OPERATION[parameters["operation"]], ("incident", "ref")
    return quote(act_address(row, parameters["verb"], *(parameters.get(one, "") for one in about)), safe="")


def document_address(incident: str, document: str, form: str) -> str:
    """Return the address of a document's bytes in a format."""
    return _filled(DOCUMENT, incident, document).replace("{form}", quote(form, safe=""))


def _filled(path: str, incident: str, ref: str) -> str:
    named = path.replace("{incident}", quote(incident, safe=""))
    return named.replace("{ref:path}", quote(ref, safe="/")).replace("{ref}", quote(ref, safe=""))
