"""People on call now, from the rotas of the home folder. A file is read again after a change; an error never blocks a message.

A rota that cannot be read assigns nobody: then the settings decide, and the problem is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.errors import Invalid
from runner.incident.state.commands import AssignRole
from runner.incident.state.incident import Incident
from runner.reports.messages.message_plan import NotAsked
from runner.routing.organisation import Directory, Home, Person
from runner.routing.rota import Rota, Watch, on_call

if TYPE_CHECKING:
    from runner.base.states import Profile
    from runner.playbook.format import Bundle


class Rotas:
    """The rotas of a home, each cached while its file and the people do not change."""

    def __init__(self, folder: Path, home: Home) -> None:
        """Take the home; no file is read yet."""
        self._folder = folder
        self._home = home
        self._kept: dict[str, tuple[object, Mapping[str, Person], Rota | str]] = {}

    def watches(self, directory: Directory, at: datetime) -> dict[str, Watch]:
        """Return who is on call at an instant, for every role with a rota."""
        return {role: self._watch(file, directory.people, at) for role, file in self._home.oncall.items()}

    def on_watch(self, directory: Directory, at: datetime) -> Directory:
        """Return the directory with its roles assigned to the people on call; in a gap to the people that the directory names."""
        watches = self.watches(directory, at)
        held = {role: watch.persons for role, watch in watches.items() if watch.persons}
        roles = {**directory.roles, **held}
        return msgspec.structs.replace(directory, roles=roles, watches=watches)

    def _watch(self, file: str, people: Mapping[str, Person], at: datetime) -> Watch:
        stamp = _stamp(self._folder / file)
        kept = self._kept.get(file)
        if kept is None or kept[:2] != (stamp, people):
            kept = self._kept[file] = (stamp, people, self._read(file, people))
        if isinstance(kept[2], str):
            return Watch(rota=file, problem=kept[2])
        try:
            return on_call(kept[2], file, at)
        except Invalid as error:
            self._kept[file] = (stamp, people, error.message)
            return Watch(rota=file, problem=error.message)

    def _read(self, file: str, people: Mapping[str, Person]) -> Rota | str:
        """Return a rota, or why it cannot be used; an error is cached until the file changes."""
        from runner.files.rota_file import load_rota

        try:
            return load_rota(self._folder / file, people, str(self._home.organisation.get("zone", "")))
        except Invalid as error:
            return error.message


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def handovers(incident: Incident, directory: Directory) -> Iterator[AssignRole]:
    """Yield the commands that assign roles of an incident to the people on call; an exercise keeps its own people."""
    if incident.drill is not None or incident.state not in ("open", "paused"):
        return
    for role in sorted(incident.on_call):
        if role in directory.watches and (persons := standing(directory, role)) != incident.roles.get(role):
            yield AssignRole(role=role, persons=persons, on_call=True)


def standing(directory: Directory, role: str) -> tuple[str, ...]:
    """Return the persons of a role, deputies for those who are away, each once."""
    return tuple(dict.fromkeys(directory.standing_in(name) for name in directory.roles.get(role, ())))


def left_out(
    directory: Directory, bundles: Iterable[Bundle], profile: Profile, roles: Mapping[str, Sequence[str]]
) -> tuple[NotAsked, ...]:
    """Return the people whom the profile of some playbooks asks less; ``roles`` come before those of the home."""
    found: dict[str, NotAsked] = {}
    for one in (one for bundle in bundles for one in bundle.left_out):
        if not (people := tuple(roles.get(one.role) or standing(directory, one.role))):
            continue
        before = found.get(one.role, NotAsked(role=one.role, title=one.title, why=profile))
        found[one.role] = msgspec.structs.replace(
            before,
            people=people,
            steps=tuple(dict.fromkeys((*before.steps, *one.steps))),
            messages=tuple(dict.fromkeys((*before.messages, *one.messages))),
        )
    return tuple(found.values())
