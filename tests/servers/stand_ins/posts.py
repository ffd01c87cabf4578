"""Stand-ins for services that are only posted to: a Teams workflow, Mattermost and Rocket.Chat hooks, ntfy.

Each is shaped after what its vendor publishes, keeps what it took, and says yes and no in its own words.
"""

from __future__ import annotations

from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

SIGNATURE = "made-up_signature-4711"
KEY = "xx1made2up3generated4key5x"
TOKEN = "tk_made_up_access_token"  # a stand-in's


class Teams(StandIn):
    """One workflow; the cards that it was started with are in ``cards``."""

    path = "/workflows/0af1/triggers/manual/paths/invoke"
    query = "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"

    def __init__(self, *acts: Act) -> None:
        """Start without any card."""
        super().__init__(*acts)
        self.cards: list[object] = []

    def take(self, heard: Heard) -> tuple[int, object]:
        """Start the workflow: accepted, with an empty body."""
        if heard.path != self.path:
            return 404, {"error": {"code": "WorkflowNotFound", "message": "The workflow could not be found."}}
        if heard.query.get("sig") != SIGNATURE or heard.query.get("sv") != "1.0":
            return 401, {
                "error": {"code": "DirectApiAuthorizationRequired", "message": "The request is not signed."}
            }
        attachments = heard.json.get("attachments")
        if not isinstance(attachments, list):
            return 400, {
                "error": {"code": "TriggerInputSchemaMismatch", "message": "The input does not fit."}
            }
        self.cards.append(attachments[0]["content"])
        return 202, b""


class Mattermost(StandIn):
    """One hook; ``posts`` holds what it took. ``rocket`` answers as Rocket.Chat does."""

    def __init__(self, *acts: Act, rocket: bool = False) -> None:
        """Start with two channels that the hook may post to, and one that it may not."""
        super().__init__(*acts)
        self.posts: list[dict[str, object]] = []
        self._rocket = rocket
        self._known = {"incident", "@maria", None}

    def take(self, heard: Heard) -> tuple[int, object]:
        """Post one message."""
        said = heard.json
        channel = said.get("channel")
        if heard.path != f"/hooks/{KEY}":
            return self._no(400, "invalid", "Invalid webhook")
        if channel not in self._known:
            return self._no(404, "channel", f"Couldn't find the channel {channel}")
        self.posts.append(said)
        return 200, {"success": True} if self._rocket else b"ok"

    def _no(self, status: int, name: str, words: str) -> tuple[int, object]:
        if self._rocket:
            return 400, {"success": False, "error": words}
        return status, {
            "id": f"web.incoming_webhook.{name}.app_error",
            "message": words,
            "status_code": status,
        }


class Ntfy(StandIn):
    """One server; ``messages`` holds what it published. The topic ``locked`` is not ours.

    ``old`` is a server before 2.16: it knows no ``sequence_id``, and publishes a second message.
    """

    retry_after = ""
    """ntfy names no time."""

    def __init__(self, *acts: Act, old: bool = False) -> None:
        """Start without any message."""
        super().__init__(*acts)
        self.messages: list[dict[str, object]] = []
        self.old = old

    @property
    def shown(self) -> dict[object, dict[str, object]]:
        """What a phone shows: of a sequence the last message alone."""
        return {said.get("sequence_id", n): said for n, said in enumerate(self.messages)}

    def take(self, heard: Heard) -> tuple[int, object]:
        """Publish one message."""
        if heard.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"code": 40101, "http": 401, "error": "unauthorized"}
        said = heard.json
        if said["topic"] == "locked":
            return 403, {"code": 40301, "http": 403, "error": "forbidden"}
        if self.old:
            said = {name: value for name, value in said.items() if name != "sequence_id"}
        self.messages.append(said)
        name = f"sPs71M8A2T{len(self.messages)}"
        return 200, {"id": name, "time": 1764000000, "expires": 1764043200, "event": "message", **said}

    def throttled(self) -> object:
        """Return ntfy's words for too many requests."""
        return {"code": 42901, "http": 429, "error": "limit reached: too many requests"}
