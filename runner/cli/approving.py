"""``approve`` and ``reject``: the exact bytes are shown by digest before a person says yes or no to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.options import Commands, Option, Scope, command
from runner.cli.outcome import submit
from runner.cli.session import Session
from runner.cli.steps import Reason, Step, find
from runner.errors import Refused
from runner.model.commands import Decide

if TYPE_CHECKING:
    from runner.views.task import TaskReport

Digest = Annotated[
    str, Option("--digest", metavar="SHA256", help="The bytes that you looked at; asks otherwise.")
]


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "approve", Scope.WRITES)(approve)
    command(app, "reject", Scope.WRITES)(reject)


def approve(session: Session, step: Step, digest: Digest = "", reason: Reason = "") -> None:
    """Approve exactly the bytes that are shown, or those of --digest.

    \b
    Examples:
      tocsin approve sign --as maria
      tocsin approve sign --as maria --digest sha256:9f2c…
    """
    _decide(session, step, digest, reason, approved=True)


def reject(session: Session, step: Step, digest: Digest = "", reason: Reason = "") -> None:
    """Reject exactly the bytes that are shown, or those of --digest. Needs --reason."""
    _decide(session, step, digest, reason, approved=False)


def _decide(session: Session, step: str, digest: str, reason: str, *, approved: bool) -> None:
    person = session.options.on_behalf_of
    if person and not approved:
        raise Refused(
            "nobody rejects for somebody else",
            hint="nothing goes on without that person's approval; what they said: tocsin task comment STEP TEXT",
        )
    from runner.views.task import task

    incident, name = find(session, step)
    report = task(incident, session.desk.library(incident), name)
    if report.task.kind != "approve":
        raise Refused(f"{name} is a {report.task.kind}, not an approval", hint="see: tocsin task list")
    bound = _with_kind(digest) if digest else _shown(session, report, approved=approved)
    _flag(session, report)
    made = Decide(
        by=person or session.by,
        step=name,
        digest=bound,
        approved=approved,
        reason=reason,
        os_user=session.actor.os_user,
        proven_by="" if person else session.actor.proven_by or "",
        recorded_by=session.by if person else "",
    )
    done = f"{name} is {'approved' if approved else 'rejected'} by {session.by}"
    if person:
        done = f"noted that {person} approves {name}; it counts when {person} confirms it"
    submit(session, incident.id, made, done)


def _with_kind(digest: str) -> str:
    return digest if ":" in digest else f"sha256:{digest}"


def _shown(session: Session, report: TaskReport, *, approved: bool) -> str:
    """Show what is to be decided on and ask; return the digest that was shown."""
    from runner.views.task import task_page

    if not report.subject_digest:
        raise Refused(f"{report.task.step} has nothing to decide on yet", hint="see: tocsin status")
    session.tell(task_page(report, session.now()))
    verb = "approve" if approved else "reject"
    session.confirm(
        f"{session.options.on_behalf_of or session.by}: {verb} {report.subject_digest}?",
        f"tocsin {verb} {report.task.command_name or report.task.step} --digest {report.subject_digest}",
    )
    return report.subject_digest


def _flag(session: Session, report: TaskReport) -> None:
    """Say it when one user of this machine speaks for several approvers; the record keeps it as well."""
    incident = session.incident()
    given = incident.invocations[report.task.invocation].approvals
    own = (session.by, session.options.on_behalf_of)
    same = [a.by for a in given if a.os_user == session.actor.os_user and a.by not in own]
    if same and session.actor.os_user:
        session.say(
            f"warning: the system user {session.actor.os_user} has spoken for {', '.join(sorted(set(same)))} "
            f"in this approval and now speaks for {session.by}; every report will say so"
        )
