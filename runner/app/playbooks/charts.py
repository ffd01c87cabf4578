"""Playbooks as charts: one as it stands in its file, or as it was pinned to an incident, with the run so far on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import NotFound
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.reports.charts.playbook_chart import Chart, chart
from runner.reports.charts.run_progress import progress
from runner.reports.core.formatting import moment

if TYPE_CHECKING:
    from runner.app.core.incident_service import Desk
    from runner.incident.state.incident import Incident


def chart_of(name: str, catalog: Catalog) -> Chart:
    """Return the chart of a playbook by name, ``name@version`` or path; raises Invalid with every problem."""
    return chart(load_bundle(name, catalog))


def chart_of_run(name: str, incident: Incident, desk: Desk) -> Chart:
    """Return the chart of a playbook as it is pinned to an incident, with how far each step is.

    Where the incident runs it several times, the newest run counts. Raises NotFound where it does not run it.
    """
    runs = [run for run in incident.runs.values() if name in (run.id, run.playbook)]
    if not runs:
        known = ", ".join(dict.fromkeys(run.playbook for run in incident.runs.values()))
        raise NotFound(
            f"{incident.codename} does not run a playbook '{name}'",
            hint=f"it runs: {known}; name one of them",
            code="unknown_run",
        )
    run = runs[-1]
    bundle = desk.library(incident).plans[run.bundle].bundle
    about = f"{incident.codename}, {incident.state}, as of {moment(desk.now_in(incident))}"
    mark = "" if incident.kind == "real" else incident.kind.upper()
    return chart(bundle, progress(incident, run.id), about, mark)
