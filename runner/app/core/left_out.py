"""People whom the profile of a playbook does not ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.on_call import standing
from runner.reports.messages.message_plan import NotAsked

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.base.states import Profile
    from runner.playbook.format import Bundle


def left_out(
    service: IncidentService, bundles: Iterable[Bundle], profile: Profile, roles: Mapping[str, Sequence[str]]
) -> tuple[NotAsked, ...]:
    """Return the people whom the profile of some playbooks asks less; ``roles`` come before those of the home."""
    found: dict[str, NotAsked] = {}
    for one in (one for bundle in bundles for one in bundle.left_out):
        if not (people := tuple(roles.get(one.role) or standing(service.directory, one.role))):
            continue
        before = found.get(one.role, NotAsked(role=one.role, title=one.title, why=profile))
        found[one.role] = msgspec.structs.replace(
            before,
            people=people,
            steps=tuple(dict.fromkeys((*before.steps, *one.steps))),
            messages=tuple(dict.fromkeys((*before.messages, *one.messages))),
        )
    return tuple(found.values())
