"""Vendors' own clients, led to a stand-in: a program for the Python of ``.venv-vendors``, which ``vendors.py`` talks to.

It reads one request a line (the name of a function below and its arguments) and answers with one line: ``{"value": …}``
or ``{"error": {"status": …, "code": …, "text": …}}``. Each client is loaded when it is first asked for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.patience import PATIENCE

warnings.simplefilter("ignore")


class Problem(Exception):  # no fault of the program: the vendor's refusal
    """A refusal as the vendor's client tells it."""

    def __init__(self, status: object, code: object, text: object = "") -> None:
        super().__init__(status, code, text)
        self.told = {"status": status, "code": code, "text": str(text)}


# --- Microsoft ---


def microsoft_token(
    url: str, tenant: str, client: str, scope: str, secret: str = "", key: str = "", certificate: str = ""
) -> dict[str, Any]:
    """Ask for a token with msal."""
    import msal
    import requests

    host = urlsplit(url)

    class Led:
        """Leads to the stand-in what would go to Microsoft: msal takes no address that is not https."""

        def get(self, url: str, **kwargs: Any) -> Any:
            return requests.get(
                lead(url), params=kwargs.get("params"), headers=kwargs.get("headers"), timeout=PATIENCE
            )

        def post(self, url: str, **kwargs: Any) -> Any:
            return requests.post(
                lead(url), data=kwargs.get("data"), headers=kwargs.get("headers"), timeout=PATIENCE
            )

        def close(self) -> None:
            """Nothing is open."""

    def lead(given: str) -> str:
        return urlunsplit(urlsplit(given)._replace(scheme=host.scheme, netloc=host.netloc))

    credential: Any = secret or {"private_key": key, "public_certificate": certificate}
    made = msal.ConfidentialClientApplication(
        client,
        client_credential=credential,
        authority=f"https://login.microsoftonline.com/{tenant}",
        http_client=Led(),
        instance_discovery=False,
    )
    found: dict[str, Any] = made.acquire_token_for_client(scopes=[scope])
    if "access_token" not in found:
        raise Problem(None, found["error"], found["error_codes"])
    return {"token": found["access_token"], "seconds": found["expires_in"]}


def graph(url: str, token: str, what: str, **args: Any) -> Any:
    """Make one call with msgraph-sdk."""
    return asyncio.run(_graph(url, token, what, args))


async def _graph(url: str, token: str, what: str, args: dict[str, Any]) -> Any:
    from kiota_abstractions.authentication import AuthenticationProvider
    from msgraph import GraphRequestAdapter, GraphServiceClient
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError

    class Bearer(AuthenticationProvider):
        async def authenticate_request(self, request: Any, context: Any = None) -> None:
            request.headers.add("Authorization", f"Bearer {token}")

    adapter = GraphRequestAdapter(Bearer())
    adapter.base_url = f"{url}/v1.0"
    try:
        return await _GRAPH[what](GraphServiceClient(request_adapter=adapter), **args)
    except ODataError as error:
        raise Problem(error.response_status_code, error.error.code, error.error.message) from error


async def _revoke(client: Any, user: str) -> Any:
    return (await client.users.by_user_id(user).revoke_sign_in_sessions.post()).value


async def _enable(client: Any, user: str, enabled: bool) -> Any:
    from msgraph.generated.models.user import User

    await client.users.by_user_id(user).patch(User(account_enabled=enabled))


async def _user(client: Any, user: str, select: list[str]) -> Any:
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder

    chosen = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(select=select)
    found = await client.users.by_user_id(user).get(RequestConfiguration(query_parameters=chosen))
    return {"enabled": found.account_enabled, "since": str(found.sign_in_sessions_valid_from_date_time)}


async def _application(client: Any, application: str, enabled: bool) -> Any:
    from msgraph.generated.models.service_principal import ServicePrincipal

    await client.service_principals.by_service_principal_id(application).patch(
        ServicePrincipal(account_enabled=enabled)
    )


async def _grants(client: Any, application: str) -> Any:
    listed = client.service_principals.by_service_principal_id(application).oauth2_permission_grants
    return [grant.id for grant in (await listed.get()).value]


async def _delete_grant(client: Any, grant: str) -> Any:
    await client.oauth2_permission_grants.by_o_auth2_permission_grant_id(grant).delete()


def _inbox(client: Any, user: str) -> Any:
    return client.users.by_user_id(user).mail_folders.by_mail_folder_id("inbox").message_rules


async def _rules(client: Any, user: str) -> Any:
    return [rule.id for rule in (await _inbox(client, user).get()).value]


async def _delete_rule(client: Any, user: str, rule: str) -> Any:
    await _inbox(client, user).by_message_rule_id(rule).delete()


def _device(client: Any, device: str) -> Any:
    return client.device_management.managed_devices.by_managed_device_id(device)


async def _lock(client: Any, device: str) -> Any:
    await _device(client, device).remote_lock.post()


async def _wipe(client: Any, device: str) -> Any:
    from msgraph.generated.device_management.managed_devices.item.wipe.wipe_post_request_body import (
        WipePostRequestBody,
    )

    await _device(client, device).wipe.post(
        WipePostRequestBody(keep_enrollment_data=False, keep_user_data=False)
    )


async def _orders(client: Any, device: str) -> Any:
    found = await _device(client, device).get()
    return [[done.action_name, done.action_state.value] for done in found.device_action_results]


_GRAPH: dict[str, Callable[..., Any]] = {
    "revoke": _revoke,
    "enable": _enable,
    "user": _user,
    "application": _application,
    "grants": _grants,
    "delete_grant": _delete_grant,
    "rules": _rules,
    "delete_rule": _delete_rule,
    "lock": _lock,
    "wipe": _wipe,
    "orders": _orders,
}

# --- Okta ---


def okta(url: str, what: str, user: str, token: str = "", client: str = "", key: str = "") -> Any:
    """Make one call with Okta's client, by API token or by private key."""
    from okta.client import Client

    config: dict[str, Any] = {"orgUrl": url, "rateLimit": {"maxRetries": 0}}
    if token:
        config["token"] = token
    else:
        scopes = ["okta.users.manage"]
        config |= {"authorizationMode": "PrivateKey", "clientId": client, "privateKey": key, "scopes": scopes}

    async def call() -> Any:
        made = Client(config)
        way: dict[str, Callable[[], Any]] = {
            "clear": lambda: made.revoke_user_sessions(user, oauth_tokens=True),
            "suspend": lambda: made.suspend_user(user),
            "unsuspend": lambda: made.unsuspend_user(user),
            "user": lambda: made.get_user(user),
        }
        return await way[what]()

    *before, answer, error = asyncio.run(call())
    if error is not None:
        raise Problem(getattr(error, "status", None), getattr(error, "error_code", ""), error)
    return {"status": answer.status_code, "user": before[0].status if what == "user" else None}


# --- Google ---


def google(
    url: str, what: str, account: dict[str, str], scopes: list[str], subject: str, user: str, client: str = ""
) -> Any:
    """Make one call of the Directory API with Google's clients."""
    from google.auth.exceptions import RefreshError
    from google.oauth2 import service_account
    from googleapiclient.discovery import build
    from googleapiclient.errors import HttpError

    held = service_account.Credentials.from_service_account_info(account, scopes=scopes, subject=subject)
    made = build(
        "admin",
        "directory_v1",
        credentials=held,
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": url},
    )
    way: dict[str, Callable[[], Any]] = {
        "sign_out": lambda: made.users().signOut(userKey=user),
        "suspend": lambda: made.users().patch(userKey=user, body={"suspended": True}),
        "restore": lambda: made.users().patch(userKey=user, body={"suspended": False}),
        "user": lambda: made.users().get(userKey=user),
        "tokens": lambda: made.tokens().list(userKey=user),
        "delete_token": lambda: made.tokens().delete(userKey=user, clientId=client),
    }
    try:
        return way[what]().execute(num_retries=0)
    except RefreshError as error:
        raise Problem(None, error.args[1]["error"] if len(error.args) > 1 else "", error) from error
    except HttpError as error:
        raise Problem(error.status_code, error.error_details[0]["reason"], error) from error


# --- CrowdStrike ---


def falcon(url: str, client: str, secret: str, what: str, ids: list[str]) -> Any:
    """Make one call with falconpy, which asks for a token first."""
    from falconpy import Hosts

    hosts = Hosts(client_id=client, client_secret=secret, base_url=url)
    if what == "details":
        found = hosts.get_device_details(ids=ids)
    else:
        found = hosts.perform_action(action_name=what, ids=ids)
    body = found["body"]
    if found["status_code"] >= 400:
        raise Problem(found["status_code"], body["errors"][0]["code"], body["errors"][0]["message"])
    return {"status": found["status_code"], "resources": body["resources"], "errors": body["errors"]}


# --- GitHub ---


def github(url: str, credentials: list[str], token: str = "") -> Any:
    """Revoke with ghapi, which is made from GitHub's own description."""
    from fasttransport.errors import APIError
    from ghapi.all import GhApi

    made = GhApi(gh_host=url, token=token or None, authenticate=bool(token), sync=True)
    try:
        return made.credentials.revoke(credentials=credentials)
    except APIError as error:
        raise Problem(error.status_code, error.raw["message"]) from error


# --- Threema ---


def threema(url: str, what: str, identity: str, secret: str, private: str, **args: Any) -> Any:
    """Send, or open and make what goes over the wire, with Threema's client."""
    return asyncio.run(_threema(url, what, identity, secret, private, args))


async def _threema(
    url: str, what: str, identity: str, secret: str, private: str, args: dict[str, Any]
) -> Any:
    from threema.gateway import Connection, e2e
    from threema.gateway.exception import GatewayServerError

    class Led(Connection):
        urls = {  # noqa: RUF012  # as in the class above it
            name: given.replace("https://msgapi.threema.ch", url) for name, given in Connection.urls.items()
        }

    if what == "check":
        e2e._validate_hmac(secret.encode(), args["mac"], args["callback"])
        return True
    async with Led(identity=identity, secret=secret, key=f"private:{private}") as connection:
        if what == "open":
            told = {"from_id": args["sender"], "message_id": b"", "date": None}
            box = [bytes.fromhex(args[name]) for name in ("nonce", "box")]
            return (await e2e.Message.receive(connection, told, *box)).text
        if what == "receipt":
            made = e2e.DeliveryReceipt(
                connection,
                e2e.DeliveryReceipt.ReceiptType(args["kind"]),
                [bytes.fromhex(name) for name in args["sent"]],
                to_id=args["to"],
                key=f"public:{args['public']}",
            )
            return [part.hex() for part in await made.send(get_data_only=True)]
        try:
            return await e2e.TextMessage(connection, text=args["text"], to_id=args["to"]).send()
        except GatewayServerError as error:
            raise Problem(error.status, type(error).__name__) from error


# --- AWS ---


def iam(url: str, key: str, secret: str, what: str, session: str = "", **args: Any) -> Any:
    """Make one call of IAM with botocore."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    made = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=session or None,
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        found = getattr(made, what)(**args)
    except ClientError as error:
        told = error.response
        status = told["ResponseMetadata"]["HTTPStatusCode"]
        raise Problem(status, told["Error"]["Code"], told["Error"]["Message"]) from error
    found.pop("ResponseMetadata")
    return found


CALLS: dict[str, Callable[..., Any]] = {
    call.__name__: call for call in (microsoft_token, graph, okta, google, falcon, github, threema, iam)
}


def main() -> None:
    """Answer line by line."""
    out = sys.stdout
    sys.stdout = sys.stderr  # a client that prints must not disturb the answers
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = {"value": CALLS[asked["call"]](**asked["args"])}
        except Problem as problem:
            said = {"error": problem.told}
        except Exception as error:  # noqa: BLE001  # the test shows it
            said = {"broken": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(said, default=str) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
