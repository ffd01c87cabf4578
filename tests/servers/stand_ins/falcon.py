"""A stand-in for CrowdStrike Falcon: tokens, containment of hosts, and what it shows of a host.

Shaped after the published descriptions of ``oauth2AccessToken``, ``PerformActionV2`` and ``GetDeviceDetails``: a token comes
with 201, an action with 202 and a list of errors beside what was done. ``test_vendor_falcon`` holds it against
CrowdStrike's own client.
"""

from __future__ import annotations

from tests.servers.stand_ins.cloud import Answer, Call, Cloud, RefusalError
from tests.servers.stand_ins.stand_in import Act, Heard

CLIENT = "made-up-client-id"
SECRET = "made-up-falcon-secret"  # a stand-in's
HOST, SERVER = "a" * 32, "b" * 32
WRITE, READ = "hosts:write", "hosts:read"
META = {"query_time": 0.01, "powered_by": "device-api", "trace_id": "f7e4a6b2"}
MESSAGES = {
    400: "invalid request",
    401: "access denied, invalid bearer token",
    403: "access denied, authorization failed",
    404: "device not found",
    409: "device is in a state that does not allow this action",
    429: "API rate limit exceeded.",
    500: "internal error",
}
MOVES = {
    "contain": ("normal", "containment_pending"),
    "lift_containment": ("contained", "lift_containment_pending"),
}


class Falcon(Cloud):
    """A tenant. ``refused`` are hosts of which an action is not taken, although the call is; ``after`` is as in Microsoft."""

    PERMISSIONS = frozenset({WRITE, READ})

    def __init__(self, *acts: Act) -> None:
        """Start with a workstation and a server."""
        super().__init__(*acts)
        self.hosts = {HOST: "normal", SERVER: "normal"}
        self.refused: set[str] = set()
        self.after = 1

    def is_scripted(self, heard: Heard) -> bool:
        """Return whether it is a call."""
        return heard.path != "/oauth2/token"

    def problem(self, status: int, what: str) -> object:
        """Return Falcon's errors."""
        return {"meta": META, "errors": [{"code": status, "message": what or MESSAGES[status]}]}

    def throttled_headers(self) -> dict[str, str]:
        """Return Falcon's own: no ``Retry-After``, but the time at which it takes calls again."""
        limits = {"X-Ratelimit-Limit": "6000", "X-Ratelimit-Remaining": "0"}
        return {**limits, "X-Ratelimit-Retryafter": "1795856401"}

    def token(self, heard: Heard) -> Answer | None:
        """Issue a token for half an hour."""
        if self.is_scripted(heard):
            return None
        form = heard.form
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            raise RefusalError(403, "")
        return 201, {"access_token": self.issue(self.granted), "expires_in": 1799, "token_type": "bearer"}

    def calls(self) -> tuple[Call, ...]:
        """Return the calls of hosts; details may be asked with identifiers in the query or in the body."""
        devices = r"/devices/entities/devices/v2"
        return (
            Call("POST", r"/devices/entities/devices-actions/v2", (WRITE,), self._act),
            Call("GET", devices, (READ,), lambda heard: self._shown([heard.query.get("ids", "")])),
            Call("POST", devices, (READ,), lambda heard: self._shown(heard.json["ids"])),
        )

    def _act(self, heard: Heard) -> Answer:
        """Take the action of each host that can be taken, with an error for each that cannot."""
        what, hosts = heard.query.get("action_name", ""), heard.json.get("ids")
        if what not in MOVES or not isinstance(hosts, list) or not hosts:
            raise RefusalError(400, "")
        before, after = MOVES[what]
        done: list[dict[str, str]] = []
        errors: list[dict[str, object]] = []
        for host in hosts:
            code = 404 if host not in self.hosts else 409 if self.hosts[host] != before else 0
            if host in self.refused:
                code = 500
            if code:
                errors.append({"code": code, "message": MESSAGES[code], "id": host})
                continue
            self.hosts[host] = after
            done.append({"id": host, "path": f"/devices/entities/devices/v1?ids={host}"})
        if not done and all(error["code"] == 404 for error in errors):
            return 404, {"meta": META, "resources": [], "errors": errors}
        return 202, {"meta": META, "resources": done, "errors": errors}

    def _shown(self, hosts: list[str]) -> Answer:
        """Show a pending host as pending so often, then as moved."""
        found: list[dict[str, str]] = []
        for host in filter(self.hosts.__contains__, hosts):
            if self.hosts[host].endswith("_pending"):
                moved = {"containment_pending": "contained", "lift_containment_pending": "normal"}
                if not self.after:
                    self.hosts[host] = moved[self.hosts[host]]
                self.after = max(0, self.after - 1)
            found.append({"device_id": host, "hostname": "desktop", "status": self.hosts[host]})
        return 200 if found else 404, {"meta": META, "resources": found, "errors": []}
