"""Stand-ins for on-call services: Jira Service Management Operations, and alert sources of incident.io and Rootly.

``Operations`` is shaped after Atlassian's published description of integration events, ``IncidentIo`` after the published
OpenAPI description of ``Alert Events V2``. Rootly publishes in words what it reads of a request and no answer: ``Rootly``
has an empty one.
"""

from __future__ import annotations

from typing import Any

from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

KEY = "0a1b2c3d-made-up-api-key"
TOKEN = "made-up-source-token"  # a stand-in's
ALERTS = "/v2/alerts"
LIMITS = {"message": 130, "alias": 512, "description": 15_000, "source": 100, "user": 100, "note": 25_000}
"""The most characters of each text."""


class Operations(StandIn):
    """Keeps open alerts by alias in ``alerts`` and counts in ``woken`` how often it called somebody."""

    retry_after = ""

    def __init__(self, *acts: Act) -> None:
        """Start without any alert."""
        super().__init__(*acts)
        self.alerts: dict[str, dict[str, Any]] = {}
        self.woken = 0
        self.asked = 0

    def take(self, heard: Heard) -> tuple[int, object]:
        """Create an alert, unless its alias is open already, or close it; the answer comes before the work."""
        self.asked += 1
        more = {"took": 0.003, "requestId": f"43a29c5c-3dbf-4fa4-9c26-f4f7{self.asked:08x}"}
        if heard.headers.get("authorization") != f"GenieKey {KEY}":
            return 401, {"message": "Could not authenticate", **more}
        said = heard.json if heard.body else {}
        too_long = [name for name, most in LIMITS.items() if len(str(said.get(name, ""))) > most]
        if too_long or (heard.path == ALERTS and not said.get("message")):
            return 422, {
                "message": "Request body is not processable",
                "errors": dict.fromkeys(too_long),
                **more,
            }
        name, _, action = heard.path.removeprefix(f"{ALERTS}/").partition("/")
        if heard.path == ALERTS:
            alias = str(said.get("alias", self.asked))
            if alias not in self.alerts:
                self.alerts[alias] = said
                self.woken += said.get("priority") != "P5"
        elif action == "close" and heard.query.get("identifierType") == "alias":
            self.alerts.pop(name, None)
        else:
            return 404, {"message": "Not found", **more}
        return 202, {"result": "Request will be processed", **more}


class AlertSource(StandIn):
    """Keeps open alerts by key in ``alerts``, and counts in ``made`` how often it made one."""

    key, state, resolved = "deduplication_key", "status", "resolved"

    def __init__(self, *acts: Act) -> None:
        """Start without any alert."""
        super().__init__(*acts)
        self.alerts: dict[str, dict[str, Any]] = {}
        self.made = 0

    def take(self, heard: Heard) -> tuple[int, object]:
        """Make an alert, change the one with its key, or end it."""
        if heard.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Unauthorized"}
        said = heard.json
        if problem := self.problem(said):
            return 422, {"message": problem}
        name = str(said[self.key])
        if said[self.state] == self.resolved:
            self.alerts.pop(name, None)
        else:
            self.made += name not in self.alerts
            self.alerts[name] = said
        return self.yes(name)

    def problem(self, said: dict[str, object]) -> str:
        """Return what the service does not take."""
        return ""

    def yes(self, name: str) -> tuple[int, object]:
        """Return the answer to an event that is taken."""
        return 200, b""


class IncidentIo(AlertSource):
    """An HTTP source of incident.io: a title and one of two states, and the key in the answer."""

    def problem(self, said: dict[str, object]) -> str:
        """Return what the description does not allow."""
        known = {"title", "description", "deduplication_key", "status", "source_url", "metadata"}
        if said.keys() - known:
            return "unknown field"
        if not isinstance(said.get("title"), str) or said.get("status") not in ("firing", "resolved"):
            return "title and status are required"
        return "" if isinstance(said.get("metadata", {}), dict) else "metadata is not an object"

    def yes(self, name: str) -> tuple[int, object]:
        """Return the published answer."""
        told = "Event accepted for processing"
        return 202, {"status": "success", "message": told, "deduplication_key": name}


class Rootly(AlertSource):
    """A generic webhook of Rootly, whose source maps ``external_id`` and ``state``."""

    key, state = "external_id", "state"
