"""A campaign whose planner or sender can be killed at every commit: the child of its crash tests.

``python -m tests.crash.campaign`` reads ``VERB HOME PEOPLE KILL_AT`` from its standard input, a line for each run, and answers
with the number of boundaries passed or with ``killed``. Every run is a fork of the loaded program that plans (``plan``), or sends
what is left to be sent (``send``). A boundary is each moment just before and just after a commit, be it of the journal or of the people's tables.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from runner.app.campaigns.doubts import Reasons
from runner.app.campaigns.plan import PlanOrder, plan
from runner.app.campaigns.send import WaitPolicy, send
from runner.app.core.incident_service import IncidentService
from runner.app.home.open_home import open_service
from runner.base.actor import Principal
from tests.crash.child import answer_each
from tests.crash.scenario import Boundaries, MarkedStore

NOTICE = "our-letter"
COMMITS = frozenset({"create", "add", "put", "set_state", "drop", "claim", "finish", "lose"})
"""What a planner and a sender write into the tables."""


class MarkedTables:
    """The tables of campaigns with a boundary before and after every commit."""

    def __init__(self, tables: Any, boundaries: Boundaries) -> None:
        """Stand in front of the real ones."""
        self._tables, self._boundaries = tables, boundaries

    def __getattr__(self, name: str) -> Any:
        """Leave to the real tables what only reads."""
        found = getattr(self._tables, name)
        if name == "intake":
            return lambda campaign: MarkedTables(found(campaign), self._boundaries)
        return self._between(found) if name in COMMITS else found

    def __enter__(self) -> MarkedTables:
        """Return an intake."""
        return self

    def __exit__(self, *error: object) -> None:
        """End an intake."""
        self._tables.__exit__(*error)

    def _between(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        def committed(*given: Any, **more: Any) -> Any:
            self._boundaries.pass_one()
            done = commit(*given, **more)
            self._boundaries.pass_one()
            return done

        return committed


class CampaignStore(MarkedStore):
    """A store whose tables of campaigns are marked as well."""

    def bulk(self) -> MarkedTables:
        """Return the marked tables."""
        return MarkedTables(self._store.bulk(), self._boundaries)


def once(verb: str, home: Path, people: Path, kill_at: int) -> int:
    """Plan, or send what is left, and return the boundaries passed."""
    boundaries = Boundaries(kill_at)
    made = open_service(home, Principal(person="maria", host="test", os_user="test"))
    store: Any = CampaignStore(made.store, boundaries)
    desk = IncidentService(made.folder, made.home, store, made.clock, made.chance, made.principal)
    incident = desk.load(desk.find(None))
    if verb == "plan":
        order = PlanOrder(notice=NOTICE, people=people, canary_wait=timedelta())
        plan(desk, incident, order, lambda rows: None)
    else:
        patience = WaitPolicy(lambda span: None, lambda: False, waits=False)
        send(
            desk,
            incident,
            NOTICE,
            people,
            patience,
            lambda done, total: None,
            Reasons(counts="nobody counted"),
        )
    store.close()
    return boundaries.passed


def main() -> None:
    """Fork one planner or sender for each line."""
    answer_each(lambda verb, home, people, kill_at: once(verb, Path(home), Path(people), int(kill_at)))


if __name__ == "__main__":
    main()
