"""A stand-in for PagerDuty: alerts that are open or resolved, one for each key, and V3 webhooks that it signs.

Shaped after the published descriptions of the Events API v2 and of V3 webhooks. The signature is made here from
its description, not by the adapter's own function, so that the two check each other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from integrations.port import Callback
from integrations.testing.stand_in import Act, Heard, StandIn

ROUTING_KEY = "e93facc04764012d7bfb002500d5d1a6"
SIGNING = "made-up-webhook-secret"


class PagerDuty(StandIn):
    """Keeps open alerts by key in ``alerts`` and counts in ``woken`` how often it called somebody."""

    retry_after = ""
    """PagerDuty names no time."""

    def __init__(self, *acts: Act) -> None:
        """Start without any alert."""
        super().__init__(*acts)
        self.alerts: dict[str, dict[str, object]] = {}
        self.changes: list[dict[str, object]] = []
        self.woken = 0

    def take(self, heard: Heard) -> tuple[int, object]:  # type: ignore[explicit-override]
        """Open an alert, unless its key is open already; or note a change."""
        said = heard.json
        payload = said.get("payload")
        if (
            said.get("routing_key") != ROUTING_KEY
            or not isinstance(payload, dict)
            or not payload.get("summary")
        ):
            return 400, {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": [str(said)],
            }
        if heard.path == "/change/enqueue":
            self.changes.append(payload)
            return 202, {"status": "success", "message": "Change event processed"}
        key = str(said["dedup_key"])
        if key not in self.alerts:
            self.alerts[key] = payload
            self.woken += 1
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}

    def acts(self, key: str, what: str, at: datetime, *, agent: str = "user_reference") -> Callback:
        """Return the webhook that says what was done to an alert; a resolved one forgets its key."""
        if what == "incident.resolved":
            self.alerts.pop(key)
        event = {
            "id": f"01EVENT{what.partition('.')[2].upper()}",
            "event_type": what,
            "resource_type": "incident",
            "occurred_at": at.isoformat(),
            "agent": {"id": "PLH1HKV", "type": agent, "summary": "Tenex Engineer"},
            "client": {"name": "PagerDuty"},
            "data": {"id": "PGR0VU2", "type": "incident", "incident_key": key, "status": "acknowledged"},
        }
        return signed(json.dumps({"event": event}).encode(), at)


def signed(body: bytes, at: datetime, *keys: str) -> Callback:
    """Return a webhook as PagerDuty posts it: one ``v1=`` for each secret, newest first."""
    made = [hmac.digest(key.encode(), body, hashlib.sha256).hex() for key in keys or (SIGNING,)]
    headers = {"x-pagerduty-signature": ",".join(f"v1={one}" for one in made)}
    return Callback(method="POST", path="/pagerduty", headers=headers, body=body, at=at)
