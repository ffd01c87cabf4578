"""Use cases of playbooks: list, outline, comparison of two versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runner.app.core.on_call import standing
from runner.app.incidents.home_catalogue import catalogue
from runner.base.states import Profile
from runner.errors import Invalid, NotFound, Problem, TocsinError
from runner.files.validate import files_in
from runner.incident.state.expression_view import title_of
from runner.incident.steps.approvals import reachable
from runner.playbook.bundle import find, load_bundle
from runner.playbook.catalogue import Catalog
from runner.playbook.checks.action_calls import CalledHost, http_calls
from runner.playbook.format import AnyStep, Approve, Call, Group, Playbook, Repeat
from runner.playbook.plan import walk
from runner.playbook.profiles import bundle_of_profile, playbook_of_profile
from runner.playbook.reading import read_playbook
from runner.reports.charts.playbook_chart import Chart, chart
from runner.reports.charts.run_progress import progress
from runner.reports.core.formatting import moment
from runner.reports.people.unassigned_roles import UnheldRole, Unreachable, unheld, unreachable
from runner.routing.organisation import Acting
from runner.yamlfile.source import scan

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One playbook in the list; ``problem`` says why a file is not usable."""

    name: str
    version: str
    title: str
    file: str
    problem: str = ""
    block: bool = False
    """Other playbooks of its folder run it: it is not opened by itself."""


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a playbook, with its depth inside others."""

    step: str
    kind: str
    title: str
    depth: int
    after: tuple[str, ...]
    when: str
    role: str
    due: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/playbook-outline/v1"):
    """A playbook in outline; ``digest`` is the one that an incident would pin."""

    name: str
    version: str
    title: str
    description: str
    digest: str
    includes: tuple[str, ...]
    roles: dict[str, str]
    messages: tuple[str, ...]
    steps: tuple[Outline, ...]
    http_calls: tuple[CalledHost, ...]
    """The external calls of the playbook and of all that it runs, and the secrets that they send."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: ``what`` is a step, role, message or field."""

    kind: str
    what: str
    change: str
    fields: tuple[str, ...] = ()


class Difference(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/playbook-diff/v1"
):
    """The content of one playbook that another does not have."""

    old: str
    new: str
    changes: tuple[Change, ...]


def listed(catalog: Catalog) -> tuple[Entry, ...]:
    """Return every playbook that can be opened by name, the invalid ones with the reason."""
    found: list[Entry] = []
    called: set[tuple[Path, str]] = set()
    for name in sorted(catalog.playbook_files):
        file = str(catalog.playbook_files[name])
        try:
            _, read = catalog.find_playbook(name)
        except NotFound as error:
            found.append(Entry(name=name, version="", title="", file=file, problem=error.message))
            continue
        problem = str(read.problems[0]) if read.problems else ""
        playbook = read.playbook
        steps = walk(playbook.steps) if playbook is not None else ()
        called |= {(Path(file).parent, step.name) for step in steps if isinstance(step, Call)}
        found.append(
            Entry(
                name=name,
                version=playbook.version if playbook is not None else "",
                title=playbook.title if playbook is not None else "",
                file=file,
                problem=problem,
            )
        )
    return tuple(
        msgspec.structs.replace(one, block=(Path(one.file).parent, one.name) in called) for one in found
    )


def shown(name: str, catalog: Catalog, acting: Acting | None = None, profile: Profile = "large") -> Shown:
    """Return a playbook of a profile in outline; raises Invalid with every problem."""
    bundle = bundle_of_profile(load_bundle(name, catalog), profile)
    playbook = bundle.playbook
    return Shown(
        name=playbook.name,
        version=playbook.version,
        title=playbook.title,
        description=playbook.description,
        digest=bundle.digest,
        includes=tuple(f"{include.name} {include.version}" for include in bundle.includes.values()),
        roles={role: found.title for role, found in playbook.roles.items()},
        messages=tuple(f"{key} ({one.message_class})" for key, one in playbook.messages.items()),
        steps=tuple(_outline(playbook.steps, 0)),
        http_calls=http_calls([bundle], acting),
    )


def called(
    paths: Sequence[Path], problems: Sequence[Problem], catalog: Catalog, acting: Acting | None
) -> tuple[CalledHost, ...]:
    """Return the external calls of the valid playbooks among files and folders; ``problems`` has the errors of the others."""
    wrong = {problem.file for problem in problems if problem.severity == "error"}
    bundles = []
    for path in paths:
        for file in files_in(path) if path.exists() else (path,):  # otherwise the name of a playbook
            if str(file) not in wrong and (not file.exists() or _is_playbook(file)):
                with suppress(TocsinError):  # a playbook that it runs may be invalid
                    bundles.append(load_bundle(str(file), catalog))
    return http_calls(bundles, acting)


def _is_playbook(file: Path) -> bool:
    return file.suffix != ".md" and "tocsin/playbook/v1" in file.read_text(encoding="utf-8")


def unheld_of(service: IncidentService, incident: Incident | None = None) -> tuple[UnheldRole, ...]:
    """Return the roles that nobody has: of an incident's playbooks, otherwise of all that can be opened by name."""
    return unheld(*_played(service, incident))


def unreachable_of(service: IncidentService) -> tuple[Unreachable, ...]:
    """Return the approvals of all playbooks that the people of the home cannot give."""
    return unreachable(*_played(service, None))


def _played(
    service: IncidentService, incident: Incident | None
) -> tuple[Iterable[Playbook], Mapping[str, Sequence[str]]]:
    if incident is None:
        directory, home = service.directory, service.home
        merges = home.merges(home.profile)
        held = {
            role: standing(directory, role) or standing(directory, merges.get(role, role))
            for role in {*directory.roles, *directory.watches, *merges}
        }
        playbooks = catalogue(service).playbooks()
        return (playbook_of_profile(playbook, home.profile) for playbook in playbooks), held
    plans = service.library(incident).plans.values()
    played = {p.name: p for plan in plans for p in (plan.bundle.playbook, *plan.bundle.includes.values())}
    return played.values(), incident.roles


def replacing(
    service: IncidentService, incident: Incident | None, role: str, persons: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who would lose a role, and the open approvals whose quorum nobody could meet then."""
    playbooks, held = _played(service, incident)
    invocations = incident.invocations.values() if incident is not None else ()
    asked = {invocation.step: False for invocation in invocations if invocation.kind == "approve"}
    asked |= {
        invocation.step: True
        for invocation in invocations
        if invocation.kind == "approve" and not invocation.over
    }
    lost = [
        title_of(step)
        for playbook in playbooks
        for step in walk(playbook.steps)
        if isinstance(step, Approve)
        and asked.get(step.id, True)
        and reachable(step.by, held)
        and not reachable(step.by, {**held, role: persons})
    ]
    gone = tuple(person for person in held.get(role, ()) if person not in persons)
    return gone, tuple(dict.fromkeys(lost))


def copied(name: str, catalog: Catalog, new: str = "") -> tuple[str, str]:
    """Return the name and the text of a playbook for a new file; ``new`` replaces its name.

    Raises NotFound, or Invalid with every problem.
    """
    source, read = find(name, catalog)
    text = re.sub(r"(?m)^name:.*$", f"name: {new}", source.text, count=1) if new else source.text
    read = read_playbook(scan(text, source.file)) if new else read
    if read.playbook is None or read.problems or (new and read.playbook.name != new):
        raise Invalid(
            f'Playbook "{name}" cannot be copied{f" as {new}" if new else ""}.',
            hint="Use lower-case letters, digits and hyphens for the name.",
            problems=read.problems,
            code="bad_playbook",
        )
    return read.playbook.name, text


def _outline(steps: Sequence[AnyStep], depth: int) -> Iterator[Outline]:
    for step in steps:
        quorum = getattr(step, "by", None)
        yield Outline(
            step=step.id,
            kind=str(step.__struct_config__.tag),
            title=title_of(step),
            depth=depth,
            after=step.after.steps,
            when=step.when.source if step.when is not None else "",
            role=", ".join(quorum.roles) if quorum is not None else str(getattr(step, "role", "")),
            due=step.due is not None,
        )
        if isinstance(step, Group | Repeat):
            yield from _outline(step.steps, depth + 1)


def difference(old: str, new: str, catalog: Catalog) -> Difference:
    """Return the changes between two playbooks, by name, ``name@version`` or path."""
    before, after = _playbook(old, catalog), _playbook(new, catalog)
    changes = [
        *_fields(before, after),
        *_named("role", before.roles, after.roles),
        *_named("message", before.messages, after.messages),
        *_named("step", _steps(before), _steps(after)),
    ]
    return Difference(
        old=f"{before.name} {before.version}", new=f"{after.name} {after.version}", changes=tuple(changes)
    )


def _playbook(name: str, catalog: Catalog) -> Playbook:
    source, read = find(name, catalog)
    if read.playbook is None or read.problems:
        raise Invalid(
            f'File "{source.file}" cannot be compared.',
            problems=read.problems,
            code="file_missing" if source.missing else "bad_playbook",
        )
    return read.playbook


def _steps(playbook: Playbook) -> dict[str, AnyStep]:
    return {step.id: step for step in walk(playbook.steps)}


def _fields(before: Playbook, after: Playbook) -> Iterator[Change]:
    for field in ("name", "version", "title", "description", "inputs", "assume_compromised"):
        if getattr(before, field) != getattr(after, field):
            yield Change(kind="playbook", what=field, change="changed")


def _named(kind: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield Change(kind=kind, what=name, change="removed")
        elif name not in before:
            yield Change(kind=kind, what=name, change="added")
        elif before[name] != after[name]:
            yield Change(
                kind=kind, what=name, change="changed", fields=tuple(_differing(before[name], after[name]))
            )


def _differing(before: Any, after: Any) -> Iterator[str]:
    """Yield the fields in which two values of the same type differ; steps inside are compared separately."""
    if type(before) is not type(after):
        yield "kind"
        return
    for field in before.__struct_fields__:
        if field != "steps" and getattr(before, field) != getattr(after, field):
            yield field


def chart_of(name: str, catalog: Catalog, profile: Profile) -> Chart:
    """Return the chart of a playbook by name, ``name@version`` or path; raises Invalid with every problem."""
    return chart(bundle_of_profile(load_bundle(name, catalog), profile))


def chart_of_run(name: str, incident: Incident, service: IncidentService) -> Chart:
    """Return the chart of a playbook as pinned to an incident, with the progress of each step.

    If the incident runs it several times, the newest run counts. Raises NotFound if it does not run it.
    """
    runs = [run for run in incident.runs.values() if name in (run.id, run.playbook)]
    if not runs:
        known = ", ".join(dict.fromkeys(run.playbook for run in incident.runs.values()))
        raise NotFound(
            f'Incident "{incident.codename}" does not run the playbook "{name}".',
            hint=f"Use one of: {known}",
            code="unknown_run",
        )
    run = runs[-1]
    bundle = service.library(incident).plans[run.plan].bundle
    about = f"{incident.codename}, {incident.state}, as of {moment(service.now_in(incident))}"
    mark = "" if incident.kind == "real" else incident.kind.upper()
    return chart(bundle, progress(incident, run.id), about, mark)
