"""A stand-in for PagerDuty: alerts that are open or resolved, one for each key, and V3 webhooks that it signs.

Shaped after the published descriptions of the Events API v2 and of V3 webhooks. The signature is made here from
its description, not by the adapter's own function, so that the two check each other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime

from integrations.port import Callback
from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

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
        self.named = 0

    def take(self, heard: Heard) -> tuple[int, object]:
        """Open an alert, unless its key is open already, acknowledge or resolve it; or note a change."""
        said = heard.json
        change = heard.path.endswith("/change/enqueue")
        errors = list(_problems(said, change))
        if said.get("routing_key") != ROUTING_KEY:
            errors = ["routing_key is invalid"]
        if errors:
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
        payload = said.get("payload")
        if change:
            assert isinstance(payload, dict)  # just looked at
            self.changes.append(payload)
            return 202, {"status": "success", "message": "Change event processed"}
        self.named += 1
        key = str(said.get("dedup_key") or f"{self.named:032x}")
        if said["event_action"] == "resolve":
            self.alerts.pop(key, None)
        elif isinstance(payload, dict) and said["event_action"] == "trigger" and key not in self.alerts:
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


def _problems(said: dict[str, object], change: bool) -> Iterator[str]:
    """Yield what the published description does not allow in an event."""
    payload = said.get("payload")
    inside = payload if isinstance(payload, dict) else {}
    summary = inside.get("summary")
    key = said.get("dedup_key")
    if not change and said.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        yield "event_action is not one of trigger, acknowledge, resolve"
    if not change and said.get("event_action") != "trigger":
        if not key:
            yield "dedup_key is missing"
        return
    if not isinstance(summary, str) or not 0 < len(summary) <= 1024:
        yield "summary is missing or too long"
    if not change and not inside.get("source"):
        yield "source is missing"
    if not change and inside.get("severity") not in {"critical", "error", "warning", "info"}:
        yield "severity is not one of critical, error, warning, info"
    if isinstance(key, str) and len(key) > 255:
        yield "dedup_key is too long"


def signed(body: bytes, at: datetime, *keys: str) -> Callback:
    """Return a webhook as PagerDuty posts it: one ``v1=`` for each secret, newest first."""
    made = [hmac.digest(key.encode(), body, hashlib.sha256).hex() for key in keys or (SIGNING,)]
    headers = {"x-pagerduty-signature": ",".join(f"v1={signature}" for signature in made)}
    return Callback(method="POST", path="/pagerduty", headers=headers, body=body, at=at)
