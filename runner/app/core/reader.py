"""Reading for a principal: only the incidents, events and documents that it may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from runner.actions import Action
from runner.app.core.repository import (
    RESTRICTED,
    Append,
    Head,
    IncidentRow,
    Link,
    Repository,
    StoredEvent,
    event_of,
)
from runner.app.core.rights import Right, Rights, RoleHolders, is_paged, require, rights_of
from runner.base.actor import Actor, Principal
from runner.decoding import from_json
from runner.errors import UNREADABLE, NotFound
from runner.incident.state.incident import Incident

TREE = "tree"
"""The format of a notice's stored text, from which all formats are written."""


def held_roles(repository: Repository, incident: Incident) -> Mapping[str, Sequence[str]]:
    """Return from role to its persons in an incident; in an exercise also the staff of its plan."""
    if incident.drill is None or not incident.drill.plan:
        return incident.roles
    from runner.incident.exercises.exercise_plan import Exercise  # only an exercise needs it

    try:
        staff = from_json(repository.document(incident.drill.plan), Exercise).staff
    except UNREADABLE:  # erased or damaged
        return incident.roles
    return {
        **incident.roles,
        **{role: (*incident.roles.get(role, ()), *people) for role, people in staff.items()},
    }


class Reader:
    """What one principal may read. No record in an incident's state comes from a stream other than the operational one."""

    def __init__(self, repository: Repository, principal: Principal, holders: RoleHolders) -> None:
        """Take the incidents, the reader, and the persons of roles in the home."""
        self._repository = repository
        self._principal = principal
        self._home = rights_of(principal, holders)

    def incidents(self) -> list[IncidentRow]:
        """Return the rows of all incidents that the principal may read."""
        rows = self._repository.incidents()
        if self._principal.os_user:
            return rows
        known = bool(self._home.streams)
        # Which incidents are restricted is not known where the summary cannot be decrypted.
        return [
            row
            for row in rows
            if (known and not row.unread and not row.summary.endswith(RESTRICTED)) or self._may_read(row.id)
        ]

    def may(self, right: Right, incident: Incident | None = None) -> bool:
        """Tell whether the principal has a right, in an incident or in the home."""
        return right in (self._home if incident is None else self._rights(incident)).grants

    def names_elsewhere(self, incident: Incident) -> bool:
        """Tell whether the screens of another incident may name this one to the principal, who may read it.

        On a terminal a restricted one is named only to people with a role in it: others read that screen, too.
        """
        held = incident.roles.values()
        alone = not (self._principal.os_user and incident.restricted)
        return alone or any(self._principal.person in persons for persons in held)

    def owns(self, incident: Incident, delivery: str) -> bool:
        """Tell whether a message is for the principal."""
        found = incident.deliveries.get(delivery)
        return found is not None and found.person == self._principal.person

    def may_store(self, incident: str | None) -> bool:
        """Tell whether the principal may store a document: the staff of an exercise stores the report that it signs."""
        if self._home.acts or incident is None:
            return self._home.acts
        return self.may("exercise.rate", self._repository.load(incident))

    def may_record(self, batch: Sequence[Append], about: Incident | None) -> bool:
        """Tell whether the principal may append to journals of the organisation; a role in the incident ``about`` counts."""
        return (self._home if about is None else self._rights(about)).may_record(batch)

    def incident(self, name: str, known_at: datetime | None = None, *, own: bool = False) -> Incident:
        """Return an incident now, or as known at an instant; raises Refused if the principal may not read it.

        ``own``: for a page that shows only messages to the principal, who can be paged without a role.
        """
        incident = self._repository.load(name)
        rights = self._rights(incident)
        may = "operational" in rights.streams or (own and "message.own" in rights.grants)
        require(may, self._principal, f"read {incident.codename}")
        return incident if known_at is None else self._repository.known_at(name, known_at)

    def events(self, incident: Incident, after: int = 0) -> Iterator[StoredEvent]:
        """Yield the events behind ``after``; of one in another stream only type, time and digest."""
        streams = self._rights(incident).streams
        for row in self._repository.store.read(incident.id, after):
            withheld = row.stream not in streams
            yield msgspec.structs.replace(row, actor=Actor(claimed=""), payload=None) if withheld else row

    def links(self, incident: Incident) -> Iterator[tuple[StoredEvent, Link | None]]:
        """Yield every event with the bytes that its hash covers, for an export; of another stream neither they nor the content.

        The author stays, because a privilege log must name him (Fed. R. Civ. P. 26(b)(5)(A)). Raises Refused without the right to export.
        """
        rights = self._rights(incident)
        require("record.export" in rights.grants, self._principal, f"export {incident.codename}")
        for link in self._repository.store.links(incident.id):
            event = event_of(link)
            withheld = event.stream not in rights.streams
            yield (msgspec.structs.replace(event, payload=None), None) if withheld else (event, link)

    def head(self, incident: Incident | IncidentRow) -> Head:
        """Return the version and the hash at the end of an incident's journal."""
        return self._repository.store.head(incident.id)

    def document(self, incident: Incident, document: str, form: str) -> bytes:
        """Return a stored document in a format, or its text as a tree; raises NotFound if the incident has none."""
        require("operational" in self._rights(incident).streams, self._principal, f"read {document}")
        stored = incident.documents.get(document)
        digest = None if stored is None else stored.tree if form == TREE else stored.files.get(form)
        if not digest:
            raise NotFound(
                f'Incident "{incident.codename}" has no document "{document}" in format {form}.',
                hint=Action("notice.list"),
                code="unknown_document",
            )
        return self._repository.store.get_blob(digest)

    def evidence(self, incident: Incident, name: str) -> bytes:
        """Return the bytes of an evidence file; raises Refused without the right, NotFound if there is none."""
        require("evidence.read" in self._rights(incident).grants, self._principal, f"read {name}")
        stored = incident.evidence.get(name)
        if stored is None:
            raise NotFound(
                f'Incident "{incident.codename}" has no evidence file "{name}".',
                hint="Use a name from the list of evidence",
                code="unknown_evidence",
            )
        return self._repository.store.get_blob(stored.sha256)

    def _may_read(self, name: str) -> bool:
        try:
            return bool(self._rights(self._repository.load(name)).streams)
        except UNREADABLE:  # erased or damaged: its roles are unknown
            return False

    def _rights(self, incident: Incident) -> Rights:
        """Return the rights in an incident: those of the person's roles in it, and in the home."""
        roles = held_roles(self._repository, incident)
        own = rights_of(self._principal, lambda: roles)
        if is_paged(self._principal, incident):
            own = msgspec.structs.replace(own, grants=own.grants | {"message.own"})
        if incident.restricted and not self._principal.os_user:
            members = {person for held in roles.values() for person in held}
            return own if self._principal.person in members else Rights()
        return Rights(streams=own.streams | self._home.streams, grants=own.grants | self._home.grants)
