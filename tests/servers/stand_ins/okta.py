"""A stand-in for Okta: users with a status and sessions, an API token or a token for a private key.

Shaped after the published descriptions of ``revokeUserSessions``, ``suspendUser``, ``unsuspendUser``, the error codes
and the rate limits. ``test_vendor_okta`` holds it against Okta's own client.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.stand_ins.cloud import JWT_BEARER, Answer, Call, Cloud, RefusalError, Token, claims_of
from tests.servers.stand_ins.stand_in import Act, Heard

API_TOKEN = "00made-up-api-token"  # a stand-in's
CLIENT = "0oamadeupclient"
MANAGE = "okta.users.manage"
CODES = {
    400: ("E0000001", "Api validation failed"),
    401: ("E0000011", "Invalid token provided"),
    403: ("E0000006", "You do not have permission to perform the requested action"),
    404: ("E0000007", "Not found: Resource not found"),
    429: ("E0000047", "API call exceeded rate limit due to too many requests."),
    500: ("E0000009", "Internal Server Error"),
}


class Okta(Cloud):
    """An organisation. ``key`` proves the application, where it is not an API token that does."""

    PERMISSIONS = frozenset({MANAGE, "okta.users.read"})

    def __init__(self, *acts: Act, key: rsa.RSAPublicKey | None = None) -> None:
        """Start with an active user and one who was never activated."""
        super().__init__(*acts)
        self.key = key
        self.users: dict[str, dict[str, Any]] = {
            "00ueve": {"login": "eve@example.com", "status": "ACTIVE"},
            "00unew": {"login": "new@example.com", "status": "STAGED"},
        }
        self.cleared: list[tuple[str, bool]] = []
        """Whose sessions were ended, and whether their tokens were."""

    def is_scripted(self, heard: Heard) -> bool:
        """Return whether it is a call."""
        return heard.path != "/oauth2/v1/token"

    def bearer(self, heard: Heard) -> Token | None:
        """Take an API token, too: it may do all that its owner may. Okta's own client leaves out the space."""
        if heard.headers.get("authorization") in (f"SSWS {API_TOKEN}", f"SSWS{API_TOKEN}"):
            return Token(frozenset(self.granted))
        return super().bearer(heard)

    def problem(self, status: int, what: str) -> object:
        """Return Okta's error."""
        code, summary = CODES[status]
        named = what or code
        told = {"errorCode": named, "errorSummary": summary, "errorLink": named, "errorId": "oaemadeup"}
        return {**told, "errorCauses": []}

    def throttled_headers(self) -> dict[str, str]:
        """Return Okta's own: no ``Retry-After``, but the second at which the window ends."""
        limit = {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0"}
        return {**limit, "X-Rate-Limit-Reset": "1795856401", "Date": "Sat, 28 Nov 2026 09:00:00 GMT"}

    def token(self, heard: Heard) -> Answer | None:
        """Issue a token for an assertion by the private key; a client secret gets none for Okta's own scopes."""
        if self.is_scripted(heard):
            return None
        form = {**heard.query, **(heard.form if heard.body else {})}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "Not supported."}
        if self.key is None or form.get("client_assertion_type") != JWT_BEARER or "client_secret" in form:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed."}
        try:
            _, claims = claims_of(form.get("client_assertion", ""), self.key)
        except (InvalidSignature, ValueError):
            return 401, {"error": "invalid_client", "error_description": "The client_assertion is invalid."}
        if claims.get("aud") != f"{self.url}/oauth2/v1/token" or not claims["iss"] == claims["sub"] == CLIENT:
            return 401, {"error": "invalid_client", "error_description": "The audience is invalid."}
        scopes = set(form.get("scope", "").split())
        if not scopes or scopes - self.granted:
            return 400, {"error": "invalid_scope", "error_description": "The scope is not granted."}
        told = {"token_type": "Bearer", "expires_in": 3600, "scope": " ".join(sorted(scopes))}
        return 200, {**told, "access_token": self.issue(scopes)}

    def calls(self) -> tuple[Call, ...]:
        """Return the calls of users and of their sessions."""
        user, manage = r"/api/v1/users/([^/]+)", (MANAGE,)
        return (
            Call("GET", user, ("okta.users.read", MANAGE), self._shown),
            Call("DELETE", f"{user}/sessions", manage, self._clear),
            Call("POST", f"{user}/lifecycle/(suspend|unsuspend)", manage, self._change),
        )

    def _found(self, name: str) -> tuple[str, dict[str, Any]]:
        for known, user in self.users.items():
            if name in (known, user["login"]):
                return known, user
        raise RefusalError(404, "")

    def _shown(self, heard: Heard, name: str) -> Answer:
        known, user = self._found(name)
        profile = {"login": user["login"], "email": user["login"], "firstName": "A", "lastName": "B"}
        return 200, {"id": known, "status": user["status"], "profile": profile}

    def _clear(self, heard: Heard, name: str) -> Answer:
        known, _ = self._found(name)
        self.cleared.append((known, heard.query.get("oauthTokens") == "true"))
        return 204, b""

    def _change(self, heard: Heard, name: str, what: str) -> Answer:
        """Suspend an active user, or take it back; every other status is a fault of the request."""
        _, user = self._found(name)
        before, after = {"suspend": ("ACTIVE", "SUSPENDED"), "unsuspend": ("SUSPENDED", "ACTIVE")}[what]
        if user["status"] != before:
            raise RefusalError(400, "")
        user["status"] = after
        return 200, {}
