"""A stand-in for GitHub: the revocation of credentials that somebody found, which takes requests of nobody in particular.

Shaped after the published description of ``credentials/revoke``: accepted without a body, forbidden with any
authentication, at most 1,000 credentials a call. ``test_vendor_github`` holds it against a client that is made from GitHub's description.
"""

from __future__ import annotations

from tests.servers.stand_ins.stand_in import Act, Heard, StandIn

DOCUMENTATION = "https://docs.github.com/rest/credentials/revoke#revoke-a-list-of-credentials"
FOUND = "ghp_" + "0a1B" * 9
"""A made-up token of a shape that GitHub takes."""
PREFIXES = ("ghp_", "github_pat_", "gho_", "ghu_", "ghr_")


class GitHub(StandIn):
    """Keeps what was revoked; 60 calls an hour is the script's matter."""

    retry_after = "60"

    def __init__(self, *acts: Act) -> None:
        """Start with nothing revoked."""
        super().__init__(*acts)
        self.revoked: list[str] = []

    def throttled(self) -> object:
        """Return GitHub's words."""
        return _problem("You have exceeded a secondary rate limit.", 429)

    def take(self, heard: Heard) -> tuple[int, object]:
        """Revoke a list of credentials."""
        if (heard.method, heard.path) != ("POST", "/credentials/revoke"):
            return 404, _problem("Not Found", 404)
        if "authorization" in heard.headers:
            return 403, _problem("This endpoint is only available to unauthenticated requests.", 403)
        if not heard.headers.get("user-agent"):
            return 403, _problem("Request forbidden by administrative rules.", 403)
        found = heard.json.get("credentials")
        if not isinstance(found, list) or not 0 < len(found) <= 1000 or not all(map(_is_credential, found)):
            return 422, {**_problem("Validation Failed", 422), "errors": ["credentials is invalid"]}
        self.revoked += found
        return 202, {}


def _is_credential(value: object) -> bool:
    return isinstance(value, str) and value.startswith(PREFIXES)


def _problem(message: str, status: int) -> dict[str, object]:
    return {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
