"""A stand-in for Google: tokens for a service account that acts for an administrator, and the Directory API.

Shaped after the discovery document of ``admin`` ``directory_v1`` and the published pages of domain-wide delegation and of
its errors. ``test_vendor_google`` holds it against Google's own clients.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.stand_ins.cloud import Answer, Call, Cloud, RefusalError, claims_of
from tests.servers.stand_ins.stand_in import Act, Heard

ACCOUNT = "tocsin@made-up-project.iam.gserviceaccount.com"
ADMIN = "admin@example.com"
KEY_ID = "made-up-key-id"
TOKEN_URL = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/"
USER, SECURITY = f"{SCOPE}admin.directory.user", f"{SCOPE}admin.directory.user.security"
CODES = {
    400: ("invalid", "Invalid Input"),
    401: ("authError", "Invalid Credentials"),
    403: ("forbidden", "Not Authorized to access this resource/api"),
    404: ("notFound", "Resource Not Found: userKey"),
    429: ("rateLimitExceeded", "Quota exceeded."),
    500: ("backendError", "Backend Error"),
}


class Google(Cloud):
    """A domain. ``key`` is the service account's; ``granted`` is what the domain delegates to it."""

    PERMISSIONS = frozenset({USER, SECURITY})

    def __init__(self, *acts: Act, key: rsa.RSAPublicKey) -> None:
        """Start with a user who has given a token to an application, and a super administrator."""
        super().__init__(*acts)
        self.key = key
        self.users: dict[str, dict[str, Any]] = {
            "eve@example.com": {"id": "1001", "suspended": False, "isAdmin": False},
            ADMIN: {"id": "1002", "suspended": False, "isAdmin": True},
        }
        self.given = {"eve@example.com": ["client-1.apps.googleusercontent.com"]}
        self.signed_out: list[str] = []

    def is_scripted(self, heard: Heard) -> bool:
        """Return whether it is a call."""
        return heard.path != "/token"

    def problem(self, status: int, what: str) -> object:
        """Return Google's error."""
        reason, message = CODES[status]
        error = {"message": message, "domain": "global", "reason": what or reason}
        return {"error": {"code": status, "message": message, "errors": [error]}}

    def token(self, heard: Heard) -> Answer | None:
        """Issue a token for scopes that the domain delegates, to a service account that names an administrator."""
        if self.is_scripted(heard):
            return None
        form = heard.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
        try:
            header, claims = claims_of(form.get("assertion", ""), self.key)
        except (InvalidSignature, ValueError):
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        if header["alg"] != "RS256" or claims.get("aud") not in (TOKEN_URL, f"{self.url}/token"):
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT: Failed audience check."}
        if claims["iss"] != ACCOUNT or claims["exp"] - claims["iat"] > 3600:
            return 400, {
                "error": "invalid_grant",
                "error_description": "Invalid JWT: Token must be short-lived.",
            }
        scopes = set(claims.get("scope", "").split(" "))
        if claims.get("sub") not in self.users or scopes - self.granted:
            text = "Client is unauthorized to retrieve access tokens using this method."
            return 401, {"error": "unauthorized_client", "error_description": text}
        told = {"expires_in": 3599, "token_type": "Bearer"}
        may = scopes if self.users[claims["sub"]]["isAdmin"] else ()
        return 200, {**told, "access_token": self.issue(may)}

    def calls(self) -> tuple[Call, ...]:
        """Return the calls of the Directory API."""
        user = r"/admin/directory/v1/users/([^/]+)"
        return (
            Call("GET", user, (USER,), self._shown),
            Call("PATCH", user, (USER,), self._change),
            Call("POST", f"{user}/signOut", (SECURITY,), self._sign_out),
            Call("GET", f"{user}/tokens", (SECURITY,), self._listed_tokens),
            Call("DELETE", f"{user}/tokens/([^/]+)", (SECURITY,), self._delete_token),
        )

    def _found(self, name: str) -> tuple[str, dict[str, Any]]:
        for known, user in self.users.items():
            if name in (known, user["id"]):
                return known, user
        raise RefusalError(404, "")

    def _shown(self, heard: Heard, name: str) -> Answer:
        known, user = self._found(name)
        return 200, {"kind": "admin#directory#user", "primaryEmail": known, **user}

    def _change(self, heard: Heard, name: str) -> Answer:
        """Suspend or restore: a suspension ends sessions and given tokens as well."""
        known, user = self._found(name)
        if not isinstance(heard.json.get("suspended"), bool):
            raise RefusalError(400, "")
        user["suspended"] = heard.json["suspended"]
        if user["suspended"]:
            self.signed_out.append(known)
            self.given.pop(known, None)
        return self._shown(heard, name)

    def _sign_out(self, heard: Heard, name: str) -> Answer:
        self.signed_out.append(self._found(name)[0])
        return 204, b""

    def _listed_tokens(self, heard: Heard, name: str) -> Answer:
        kind, given = "admin#directory#token", self.given.get(self._found(name)[0], [])
        return 200, {"kind": f"{kind}List", "items": [{"kind": kind, "clientId": client} for client in given]}

    def _delete_token(self, heard: Heard, name: str, client: str) -> Answer:
        given = self.given.get(self._found(name)[0], [])
        if client not in given:
            raise RefusalError(404, "")
        given.remove(client)
        return 204, b""
