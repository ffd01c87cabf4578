"""A stand-in for Microsoft: its token endpoint, the part of Graph that actions call, and Defender for Endpoint.

Shaped after the published pages of the client credentials grant, of Graph v1.0 (users, servicePrincipals,
oauth2PermissionGrants, messageRules, managedDevices, errors) and of Defender's API (isolate, unisolate, machineAction,
common errors). ``test_vendor_microsoft`` holds it against ``msal`` and ``msgraph-sdk``.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from tests.servers.stand_ins.cloud import JWT_BEARER, Answer, Call, Cloud, RefusalError, claims_of
from tests.servers.stand_ins.stand_in import Act, Heard

TENANT = "7a5f2c1e-0000-4000-8000-00000000aaaa"
CLIENT = "7a5f2c1e-0000-4000-8000-00000000bbbb"
SECRET = "made~up.client-secret"  # a stand-in's
GRAPH, DEFENDER = "https://graph.microsoft.com", "https://api.securitycenter.microsoft.com"
LOGIN = "https://login.microsoftonline.com"
WHEN = "2026-11-28T09:00:00Z"
SHOWN = (
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "surname",
    "userPrincipalName",
)
"""What Graph shows of a user to those who do not select."""
CODES = {
    GRAPH: {
        400: (
            "Request_BadRequest",
            "A value without a type name was found and no expected type is available.",
        ),
        401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
        403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        404: ("Request_ResourceNotFound", "Resource does not exist."),
        429: ("TooManyRequests", "Too many requests."),
        500: ("generalException", ""),
    },
    DEFENDER: {
        400: ("InvalidRequestBody", "Request body is incorrect"),
        401: ("Unauthorized", "Invalid or expired authorization header."),
        403: ("Forbidden", "Valid token but insufficient permission for the action."),
        404: ("ResourceNotFound", "Machine was not found"),
        429: ("TooManyRequests", "Too many requests."),
        500: ("InternalServerError", ""),
    },
}
RULES = r"/v1\.0/users/([^/]+)/mailFolders/([^/]+)/messageRules"
DEVICE = r"/v1\.0/deviceManagement/managedDevices/([^/]+)"


class Microsoft(Cloud):
    """A tenant. ``admins`` are users that the application may not change; ``after`` is how often an action is pending."""

    PERMISSIONS = frozenset(
        {
            *("User.RevokeSessions.All", "User.EnableDisableAccount.All", "User.Read.All"),
            *(
                "Application.ReadWrite.All",
                "DelegatedPermissionGrant.ReadWrite.All",
                "MailboxSettings.ReadWrite",
            ),
            *(
                "DeviceManagementManagedDevices.PrivilegedOperations.All",
                "DeviceManagementManagedDevices.Read.All",
            ),
            *("Machine.Isolate", "Machine.Read.All"),
        }
    )

    def __init__(self, *acts: Act, certificate: x509.Certificate | None = None) -> None:
        """Start with two users, an administrator, an application with a grant, a mailbox rule, a device, a machine."""
        super().__init__(*acts)
        self.certificate = certificate
        self.users = {name: _user(name, n) for n, name in enumerate(("eve@example.com", "bob@example.com"))}
        guest = "partner_example.net#EXT#@example.onmicrosoft.com"
        for name in (guest, "root@example.com"):
            self.users[name] = _user(name, len(self.users))
        self.admins = {"root@example.com"}
        self.revoked: list[str] = []
        self.applications: dict[str, dict[str, Any]] = {
            "sp-1": {"id": "sp-1", "appId": "app-1", "displayName": "Mail helper", "accountEnabled": True}
        }
        self.grants = {"grant-1": {"id": "grant-1", "clientId": "sp-1", "scope": "Mail.Read"}}
        self.rules: dict[str, dict[str, dict[str, Any]]] = {
            "eve@example.com": {
                "rule-1=": {
                    "id": "rule-1=",
                    "displayName": ".",
                    "sequence": 1,
                    "isEnabled": True,
                    "actions": {"delete": True},
                },
            },
            "bob@example.com": {},
        }
        self.devices: dict[str, list[dict[str, Any]]] = {"device-1": []}
        self.machines = {"1e5bc9d7e413ddd7902c2932e418702b84d0cc07": "free"}
        self.actions: dict[str, dict[str, Any]] = {}
        self.after = 1

    def is_scripted(self, heard: Heard) -> bool:
        """Return whether it is a call."""
        return not heard.path.endswith(("/oauth2/v2.0/token", "/openid-configuration"))

    def throttled(self) -> object:
        """Return the body of both."""
        return self.problem(429, "")

    def problem(self, status: int, what: str) -> object:
        """Return Graph's error, or Defender's, whose identifier is named ``target``."""
        defender = bool(self.called) and self.called[-1].path.startswith("/api/")
        code, message = CODES[DEFENDER if defender else GRAPH][status]
        error: dict[str, object] = {"code": what or code, "message": message}
        if defender:
            return {"error": {**error, "target": "43f4cb08-8fac-4b65-9db1-745c2ae65f3a"}}
        inner = {"date": WHEN[:-1], "request-id": "43f4cb08-8fac-4b65-9db1-745c2ae65f3a"}
        return {"error": {**error, "innerError": {**inner, "client-request-id": inner["request-id"]}}}

    # --- The token endpoint ---

    def token(self, heard: Heard) -> Answer | None:
        """Issue a token for the one interface that the scope names."""
        if heard.path.endswith("/.well-known/openid-configuration"):
            place = f"{LOGIN}/{TENANT}"
            return 200, {
                "token_endpoint": f"{place}/oauth2/v2.0/token",
                "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
                "issuer": f"{place}/v2.0",
            }
        if self.is_scripted(heard):
            return None
        form = heard.form
        if heard.path != f"/{TENANT}/oauth2/v2.0/token":
            return _denied(400, "invalid_request", 90002, "Tenant not found.")
        if form.get("grant_type") != "client_credentials":
            return _denied(
                400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
            )
        if form.get("client_id") != CLIENT:
            return _denied(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if not self._is_proven(form):
            return _denied(401, "invalid_client", 7000215, "Invalid client secret provided.")
        audience, _, default = form.get("scope", "").rpartition("/")
        if default != ".default":
            return _denied(400, "invalid_scope", 1002012, "The provided value for scope is not valid.")
        if audience not in (GRAPH, DEFENDER):
            return _denied(
                400, "invalid_resource", 500011, "The resource principal was not found in the tenant."
            )
        token = self.issue(self.granted, audience)
        told = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}
        return 200, told

    def _is_proven(self, form: dict[str, str]) -> bool:
        """Return whether the secret is right, or the assertion is signed with the certificate and for this endpoint."""
        if "client_secret" in form:
            return form["client_secret"] == SECRET
        if self.certificate is None or form.get("client_assertion_type") != JWT_BEARER:
            return False
        try:
            header, claims = claims_of(form.get("client_assertion", ""), self.certificate.public_key())
        except (InvalidSignature, ValueError):
            return False
        prints = {
            "x5t": hashes.SHA1(),  # noqa: S303  # the header's own
            "x5t#S256": hashes.SHA256(),
        }
        named = {name: _encoded(self.certificate.fingerprint(made)) for name, made in prints.items()}
        places = [f"{place}/{TENANT}/oauth2/v2.0/token" for place in (LOGIN, self.url)]
        return (
            any(header.get(name, "").rstrip("=") == made for name, made in named.items())
            and claims.get("aud") in places
            and claims.get("iss") == claims.get("sub") == CLIENT
            and bool(claims.get("jti"))
            and claims["exp"] - claims.get("nbf", claims.get("iat", 0)) <= 86400
        )

    # --- Graph and Defender ---

    def calls(self) -> tuple[Call, ...]:
        """Return the calls of both, with their permissions from least to most."""
        mailbox, manage = ("MailboxSettings.ReadWrite",), "DeviceManagementManagedDevices"
        orders = (f"{manage}.PrivilegedOperations.All",)
        application = ("Application.ReadWrite.All",)
        user = r"/v1\.0/users/([^/]+)"
        graph = (
            ("GET", user, ("User.Read.All",), self._shown_user),
            ("PATCH", user, ("User.EnableDisableAccount.All",), self._change_user),
            ("POST", rf"{user}/revokeSignInSessions", ("User.RevokeSessions.All",), self._revoke),
            ("GET", r"/v1\.0/servicePrincipals/([^/]+)", application, self._shown_application),
            ("PATCH", r"/v1\.0/servicePrincipals/([^/]+)", application, self._change_application),
            (
                "GET",
                r"/v1\.0/servicePrincipals/([^/]+)/oauth2PermissionGrants",
                ("DelegatedPermissionGrant.ReadWrite.All",),
                self._listed_grants,
            ),
            (
                "DELETE",
                r"/v1\.0/oauth2PermissionGrants/([^/]+)",
                ("DelegatedPermissionGrant.ReadWrite.All",),
                self._delete_grant,
            ),
            ("GET", RULES, mailbox, self._listed_rules),
            ("DELETE", rf"{RULES}/([^/]+)", mailbox, self._delete_rule),
            ("GET", DEVICE, (f"{manage}.Read.All",), self._shown_device),
            ("POST", rf"{DEVICE}/(remoteLock|wipe)", orders, self._order),
        )
        machine = r"/api/machines/([^/]+)/(isolate|unisolate)"
        defender = (
            ("POST", machine, ("Machine.Isolate",), self._isolate),
            ("GET", r"/api/machineactions/([^/]+)", ("Machine.Read.All",), self._shown_action),
        )
        return tuple(
            Call(method, path, allowed_by, do, audience)
            for audience, listed in ((GRAPH, graph), (DEFENDER, defender))
            for method, path, allowed_by, do in listed
        )

    def _found(self, name: str) -> dict[str, Any]:
        """Return a user by principal name or by object id."""
        for known, user in self.users.items():
            if name in (known, user["id"]):
                return user
        raise RefusalError(404, "")

    def _shown_user(self, heard: Heard, name: str) -> Answer:
        user = self._found(name)
        chosen = heard.query["$select"].split(",") if "$select" in heard.query else SHOWN
        return 200, {
            "@odata.context": f"{GRAPH}/v1.0/$metadata#users/$entity",
            **{k: user.get(k) for k in chosen},
        }

    def _change_user(self, heard: Heard, name: str) -> Answer:
        user = self._found(name)
        held = self.bearer(heard)
        if (
            held is None
            or "User.Read.All" not in held.permissions
            or user["userPrincipalName"] in self.admins
        ):
            raise RefusalError(
                403, ""
            )  # blocking an account needs both permissions, and a higher role for some
        if not isinstance(heard.json.get("accountEnabled"), bool):
            raise RefusalError(400, "")
        user["accountEnabled"] = heard.json["accountEnabled"]
        return 204, b""

    def _revoke(self, heard: Heard, name: str) -> Answer:
        user = self._found(name)
        self.revoked.append(user["userPrincipalName"])
        user["signInSessionsValidFromDateTime"] = WHEN
        return 200, {"@odata.context": f"{GRAPH}/v1.0/$metadata#Edm.Boolean", "value": True}

    def _shown_application(self, heard: Heard, name: str) -> Answer:
        if name not in self.applications:
            raise RefusalError(404, "")
        return 200, self.applications[name]

    def _change_application(self, heard: Heard, name: str) -> Answer:
        self._shown_application(heard, name)
        self.applications[name]["accountEnabled"] = heard.json["accountEnabled"]
        return 204, b""

    def _listed_grants(self, heard: Heard, name: str) -> Answer:
        self._shown_application(heard, name)
        return 200, {"value": [grant for grant in self.grants.values() if grant["clientId"] == name]}

    def _delete_grant(self, heard: Heard, name: str) -> Answer:
        if self.grants.pop(name, None) is None:
            raise RefusalError(404, "")
        return 204, b""

    def _of_inbox(self, name: str, folder: str) -> dict[str, dict[str, Any]]:
        found = self.rules.get(self._found(name)["userPrincipalName"])
        if found is None or folder != "inbox":
            raise RefusalError(404, "ErrorItemNotFound")
        return found

    def _listed_rules(self, heard: Heard, name: str, folder: str) -> Answer:
        return 200, {"value": list(self._of_inbox(name, folder).values())}

    def _delete_rule(self, heard: Heard, name: str, folder: str, rule: str) -> Answer:
        if self._of_inbox(name, folder).pop(rule, None) is None:
            raise RefusalError(404, "ErrorItemNotFound")
        return 204, b""

    def _shown_device(self, heard: Heard, name: str) -> Answer:
        if name not in self.devices:
            raise RefusalError(404, "ResourceNotFound")
        return 200, {"id": name, "complianceState": "compliant", "deviceActionResults": self.devices[name]}

    def _order(self, heard: Heard, name: str, what: str) -> Answer:
        self._shown_device(heard, name)
        if heard.body:
            known = {"keepEnrollmentData", "keepUserData", "macOsUnlockCode", "persistEsimDataPlan"}
            if what == "remoteLock" or heard.json.keys() - known:
                raise RefusalError(400, "")
        done = {
            "actionName": what,
            "actionState": "pending",
            "startDateTime": WHEN,
            "lastUpdatedDateTime": WHEN,
        }
        self.devices[name].append(done)
        return 204, b""

    def _isolate(self, heard: Heard, name: str, what: str) -> Answer:
        if name not in self.machines:
            raise RefusalError(404, "")
        said = heard.json
        kinds = {"Full", "Selective", "UnManagedDevice"}
        if what == "unisolate":
            said = {"IsolationType": "Full", **said}
        if not said.get("Comment"):
            raise RefusalError(400, "MissingRequiredParameter")
        if said.keys() - {"Comment", "IsolationType"} or said.get("IsolationType", "Full") not in kinds:
            raise RefusalError(400, "")
        self.machines[name] = {"isolate": "isolated", "unisolate": "free"}[what]
        action = {
            "id": f"5382f7ea-7557-4ab7-9782-{len(self.actions):012}",
            "type": what.capitalize(),
            "scope": said.get("IsolationType", "Full"),
            "requestor": CLIENT,
            "requestorComment": said["Comment"],
            "status": "Pending",
            "machineId": name,
            "computerDnsName": "desktop-test",
            "creationDateTimeUtc": WHEN,
            "lastUpdateDateTimeUtc": WHEN,
            "relatedFileInfo": None,
        }
        self.actions[str(action["id"])] = action
        return 201, {"@odata.context": f"{DEFENDER}/api/$metadata#MachineActions/$entity", **action}

    def _shown_action(self, heard: Heard, name: str) -> Answer:
        """Show it as pending so often, then as done."""
        if name not in self.actions:
            raise RefusalError(404, "")
        if self.after:
            self.after -= 1
        else:
            self.actions[name]["status"] = "Succeeded"
        return 200, self.actions[name]


def _user(name: str, n: int) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{n:012}",
        "userPrincipalName": name,
        "displayName": name.partition("@")[0],
        "accountEnabled": True,
        "signInSessionsValidFromDateTime": "2026-01-01T00:00:00Z",
    }


def _denied(status: int, error: str, code: int, text: str) -> Answer:
    told = {"error": error, "error_description": f"AADSTS{code}: {text}", "error_codes": [code]}
    more = {"timestamp": "2026-11-28 09:00:00Z", "trace_id": "t-1", "correlation_id": "c-1"}
    return status, {**told, **more, "error_uri": f"{LOGIN}/error?code={code}"}


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
