"""Destinations that refuse the sender, as marks of the store: the same for every process and campaign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.incident.campaigns.campaign import Campaign, Counters, Owed
from runner.incident.campaigns.destinations import LARGE, Destination, recovered, refused, refusing

if TYPE_CHECKING:
    from runner.app.campaigns.tables import BulkTables
    from runner.app.core.incident_service import IncidentService

_REST = "rest/"
_FRESH = Destination()


class Destinations:
    """What is known of each destination, by the digest of its name."""

    def __init__(self, service: IncidentService, tables: BulkTables) -> None:
        """Look up the names of the large providers."""
        self._service = service
        self.names = {tables.digest("domain", name): name for name in set(LARGE.values())}

    def why(self, domain: bytes, code: str) -> str:
        """Return why people of a destination that is paused wait."""
        return f"{self.names.get(domain, 'the destination')} refuses the sender ({code})"

    def all(self) -> dict[bytes, Destination]:
        """Return each destination that has refused the sender, by its digest."""
        kept = self._service.marks(_REST).items()
        return {bytes.fromhex(name.removeprefix(_REST)): from_json(body, Destination) for name, body in kept}

    def refuse(self, owed: Owed, code: str) -> bool:
        """Count a refusal of the sender; tell whether the destination of that person is paused now."""
        reader, large = f"{owed.campaign}-{owed.n}", owed.domain in self.names
        return self._change(owed.domain, lambda one: refused(one, reader, code, large=large)).stopped

    def recover(self, domain: bytes, accepted: int) -> None:
        """Count accepted messages of a destination that has refused the sender."""
        self._change(domain, lambda one: recovered(one, accepted))

    def resume(self) -> None:
        """Try every destination again, by a person's decision."""
        if names := [*self._service.marks(_REST)]:
            self._service.change_marks(names, lambda before: {})

    def alarm(self, campaign: Campaign, counted: Counters) -> str:
        """Return why a campaign pauses as a whole, or nothing."""
        known = self.all()
        large = [known.pop(domain) for domain in self.names if domain in known]
        tried = counted.sent + counted.bounced - campaign.resumed_sent - campaign.resumed_bounced
        return refusing(campaign.id, large, known.values(), max(tried, 1))

    def _change(self, domain: bytes, change: Callable[[Destination], Destination]) -> Destination:
        """Change what is known of a destination; of one that refuses nothing, nothing is kept."""
        name = _REST + domain.hex()

        def changed(before: Mapping[str, bytes]) -> dict[str, bytes]:
            one = change(from_json(before[name], Destination) if before.get(name) else _FRESH)
            return {} if one == _FRESH else {name: msgspec.json.encode(one)}

        kept = self._service.change_marks([name], changed) if domain else {}
        return from_json(kept[name], Destination) if kept else _FRESH
