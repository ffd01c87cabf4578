"""What the timed commands of V, C and W4 work on: a playbook of n steps, one of three, a home with an incident, a home
without, a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import protocol

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

ROLES = "roles: {commander: {title: Commander}, counsel: {title: Counsel}}"


def of_steps(n: int) -> str:
    """Return a playbook of ``n`` steps of several kinds, with conditions, due times and checklists."""
    lines = [
        "schema: tocsin/playbook/v1",
        "name: many",
        "version: 1.0.0",
        "title: Many steps",
        ROLES,
        "steps:",
    ]
    for number in range(n):
        after = f"[s{number - 1}]" if number else "[]"
        match number % 4:
            case 0:
                lines += [
                    f"  - id: s{number}",
                    f"    task: Do number {number}",
                    "    role: commander",
                    f"    after: {after}",
                    "    due: 2h",
                    "    phase: containment",
                    "    checklist: [Look, Write it down]",
                ]
            case 1:
                lines += [
                    f"  - id: s{number}",
                    "    ask: Is it encrypted?",
                    "    sets: data.encrypted",
                    "    role: counsel",
                    f"    after: {after}",
                    "    skip_if_known: true",
                ]
            case 2:
                lines += [
                    f"  - id: s{number}",
                    f"    task: Only if readable, {number}",
                    "    role: commander",
                    f"    after: {after}",
                    "    when: not data.encrypted or data.records > 100",
                ]
            case _:
                lines += [f"  - id: s{number}", "    wait: 5m", f"    after: {after}"]
    return "\n".join(lines) + "\n"


def three() -> str:
    """Return a playbook of three actions, each a local command that does nothing."""
    steps = "\n".join(
        f"  - {{id: s{n}, act: nothing, command: ['true']{f', after: [s{n - 1}]' if n else ''}}}"
        for n in range(3)
    )
    return f"schema: tocsin/playbook/v1\nname: three\nversion: 1.0.0\ntitle: Three\nsteps:\n{steps}\n"


def home(folder: Path) -> None:
    """Make a home with one open incident of the default playbook, whose first messages have not left."""
    from runner.app.incidents.open_incident import Request, commit_opening, prepare_opening

    desk = made(folder, writes=True)
    commit_opening(desk, prepare_opening(desk, Request(playbooks=("personal-data-breach",))))
    desk.store.close()


def quiet(folder: Path) -> None:
    """Make a home in which nothing is due: there was an incident, and it was cancelled."""
    from runner.app.incidents.open_incident import Request, commit_opening, prepare_opening
    from runner.incident.state.commands import CancelIncident

    desk = made(folder, writes=True)
    incident = commit_opening(
        desk, prepare_opening(desk, Request(playbooks=("lost-device",), kind="test"))
    ).after
    desk.act(desk.principal, incident.id, [CancelIncident(reason="it was found")])
    desk.store.close()


def made(folder: Path, *, writes: bool) -> IncidentService:
    """Return the desk of a new home that runs local commands; who ``writes`` leaves its settings as every later command reads them."""
    from runner.app.home.open_home import init_home, open_service, this_principal

    config = init_home(folder, "ana")
    config.write_text(config.read_text().replace("commands: false", "commands: true"))
    return open_service(folder, this_principal("ana"), writes=writes)


def main() -> None:
    """Write everything into the folder."""
    job = protocol.job()
    (job.folder / "playbook.yaml").write_text(of_steps(job.n or 200))
    (job.folder / "three.yaml").write_text(three())
    home(job.folder / "home")
    quiet(job.folder / "quiet")
    made(job.folder / "new", writes=False).store.close()


if __name__ == "__main__":
    main()
