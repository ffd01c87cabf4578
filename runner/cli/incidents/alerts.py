"""Commands ``alert``: alerts of monitoring programs that wait for a person."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.completion import playbooks
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    ProfileOption,
    Scope,
    command,
    group,
    instant_of,
    profile_of,
)
from runner.cli.framework.session import Session
from runner.cli.incidents.open import Compromised, Facts, Level, Since, open_incident, severity_of
from runner.reports.core.page import Page, line

Alert = Annotated[str, Argument("ALERT", "Id of the alert, as in tocsin alert list.")]


def add(app: Commands) -> None:
    """Add ``alert …``."""
    alerts = group(app, "alert", "Open or dismiss alerts of monitoring programs.")
    command(alerts, "list", Scope.ANYWHERE)(list_)
    command(alerts, "show", Scope.ANYWHERE)(show)
    command(alerts, "open", Scope.OPENS)(open_)
    command(alerts, "dismiss", Scope.HOME_WRITES)(dismiss)


def list_(
    session: Session,
    everything: Annotated[bool, Option("--all", "Also alerts that a person opened or dismissed.")] = False,
) -> None:
    """List the alerts that wait for a person, with their age. No alert pages anybody."""
    from runner.app.incidents import alerts
    from runner.reports.messages.alerts import alerts_page

    report = alerts.report(session.service, everything=everything)
    session.show(report, lambda: alerts_page(report))


def show(session: Session, alert: Alert) -> None:
    """Show one alert with the words of its sender."""
    from runner.app.incidents import alerts
    from runner.reports.messages.alerts import alerts_page

    report = alerts.shown(session.service, session.reader, alert)
    session.show(report, lambda: alerts_page(report, words=True))


def open_(
    session: Session,
    alert: Alert,
    playbook: Annotated[
        list[str], Argument("PLAYBOOK...", "Names of playbooks, or your own files.", autocompletion=playbooks)
    ],
    title: Annotated[str, Option("--title", "Short description. Default: that of the alert.")] = "",
    fact: Facts = None,
    compromised: Compromised = None,
    since: Since = "",
    severity: Level = "",
    profile: ProfileOption = "",
    yes: Annotated[bool, Option("--yes", "No question before sending.")] = False,
    no_worker: Annotated[bool, Option("--no-worker", "No background worker for a real incident.")] = False,
) -> None:
    """Open an incident from an alert. Shows the message plan and asks first.

    The time of the alert becomes the time of discovery (incident.discovered_at). You state when your organisation became aware.

    \b
    Example:
      tocsin alert open a-7 ransomware
    """
    from runner.app.incidents import alerts
    from runner.app.incidents.open_incident import Request

    found = alerts.draft(session.service, alert)
    request = Request(
        incident=alerts.incident_of(found),
        playbooks=tuple(playbook),
        title=title or found.content.title,
        stated=alerts.facts_of(found),
        assignments=tuple(fact or ()),
        compromised=tuple(compromised or ()),
        since=instant_of(session, since, apart=True) if since else None,
        severity=severity_of(severity) if severity else "",
        profile=profile_of(profile),
    )
    if session.service.row(request.incident) is None:  # else it was opened, and the draft not ended
        open_incident(session, request, yes=yes, no_worker=no_worker)
    alerts.opened(session.service, session.principal, alert)


def dismiss(
    session: Session,
    alert: Alert,
    reason: Annotated[str, Option("--reason WHY", "Reason. Required. Stored in the journal.")] = "",
) -> None:
    """Dismiss an alert, with the reason.

    \b
    Example:
      tocsin alert dismiss a-7 --reason "planned load test"
    """
    from runner.app.incidents import alerts

    alerts.dismiss(session.service, session.principal, alert, reason)
    said = {"schema": "tocsin/alert-dismissed/v1", "alert": alert, "reason": reason.strip()}
    session.show(said, Page((line(f"Alert {alert} is dismissed", "good"),)))
