"""The requests of the shipped action templates beside those of the vendors' own clients: the same method, address and content."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from runner.playbook.action_template import fill, values_of
from runner.playbook.catalogue import Catalog
from tests.servers import keys
from tests.servers.stand_ins import falcon, google, microsoft, okta
from tests.servers.stand_ins.falcon import Falcon
from tests.servers.stand_ins.github import FOUND, GitHub
from tests.servers.stand_ins.google import Google
from tests.servers.stand_ins.microsoft import Microsoft
from tests.servers.stand_ins.okta import Okta
from tests.servers.vendors import VendorClients

GUEST = "partner_example.net#EXT#@example.onmicrosoft.com"
EVE, APPLICATION = "eve@example.com", "client-1.apps.googleusercontent.com"


class Theirs(NamedTuple):
    """How a vendor's client makes the call of a template."""

    make: Callable[[], Any]
    inputs: dict[str, str]
    call: str
    args: Callable[[Any], dict[str, Any]]


def _graph(what: str, inputs: dict[str, str], **args: Any) -> Theirs:
    def asked(server: Microsoft) -> dict[str, Any]:
        token = server.issue(server.granted, microsoft.GRAPH)
        return {"token": token, "what": what, **args}

    return Theirs(Microsoft, inputs, "graph", asked)


def _okta(what: str) -> Theirs:
    asked = {"token": okta.API_TOKEN, "what": what, "user": "00ueve"}
    return Theirs(Okta, {"user": "00ueve"}, "okta", lambda server: asked)


def _google(what: str, inputs: dict[str, str], **args: Any) -> Theirs:
    def asked(server: Google) -> dict[str, Any]:
        account = {
            "type": "service_account",
            "client_email": google.ACCOUNT,
            "private_key": keys.private_pem(),
            "token_uri": f"{server.url}/token",
        }
        scopes = [google.USER, google.SECURITY]
        return {
            "account": account,
            "scopes": scopes,
            "subject": google.ADMIN,
            "what": what,
            "user": EVE,
            **args,
        }

    return Theirs(lambda: Google(key=keys.private_key().public_key()), inputs, "google", asked)


def _falcon(what: str) -> Theirs:
    asked = {"client": falcon.CLIENT, "secret": falcon.SECRET, "what": what, "ids": [falcon.HOST]}
    return Theirs(Falcon, {"host": falcon.HOST}, "falcon", lambda server: asked)


CLIENTS = {
    "entra-revoke-sessions": _graph("revoke", {"user": GUEST}, user=GUEST),
    "entra-disable-user": _graph("enable", {"user": GUEST}, user=GUEST, enabled=False),
    "entra-enable-user": _graph("enable", {"user": GUEST}, user=GUEST, enabled=True),
    "entra-disable-app": _graph("application", {"app": "sp-1"}, application="sp-1", enabled=False),
    "entra-enable-app": _graph("application", {"app": "sp-1"}, application="sp-1", enabled=True),
    "entra-delete-grants": _graph("delete_grant", {"app": "sp-1", "each": "grant-1"}, grant="grant-1"),
    "exchange-remove-rules": _graph(
        "delete_rule", {"user": EVE, "each": "rule-1="}, user=EVE, rule="rule-1="
    ),
    "intune-lock": _graph("lock", {"device": "device-1"}, device="device-1"),
    "intune-wipe": _graph("wipe", {"device": "device-1"}, device="device-1"),
    "okta-clear-sessions": _okta("clear"),
    "okta-suspend": _okta("suspend"),
    "okta-unsuspend": _okta("unsuspend"),
    "google-sign-out": _google("sign_out", {"user": EVE}),
    "google-suspend": _google("suspend", {"user": EVE}),
    "google-unsuspend": _google("restore", {"user": EVE}),
    "google-delete-tokens": _google("delete_token", {"user": EVE, "each": APPLICATION}, client=APPLICATION),
    "falcon-contain": _falcon("contain"),
    "falcon-lift": _falcon("lift_containment"),
    "github-revoke-credentials": Theirs(
        GitHub, {"credential": FOUND}, "github", lambda server: {"credentials": [FOUND]}
    ),
}
"""Microsoft has no client for Defender's actions; botocore's requests are checked by moto, with their signatures."""
ADDED = {"@odata.type", "persistEsimDataPlan"}
"""What Microsoft's client adds to a body: the type that the address names, and a default."""


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_a_template_sends_what_the_vendors_client_sends(clients: VendorClients, name: str) -> None:
    theirs = CLIENTS[name]
    template, _ = Catalog().action(name)
    given = {key: value for key, value in theirs.inputs.items() if key in template.expects}
    values = {**values_of(template, given), **theirs.inputs}
    with theirs.make() as server:
        if name == "falcon-lift":
            server.hosts[falcon.HOST] = "contained"
        if name == "okta-unsuspend":
            server.users["00ueve"]["status"] = "SUSPENDED"
        clients.ask(theirs.call, url=server.url, **theirs.args(server))
        heard = server.heard[-1]
        ours = fill(template.http, values, server.url)
    parts = urlsplit(ours.url)
    assert (ours.method, parts.path) == (heard.method, heard.path)
    assert dict(parse_qsl(parts.query)) == {key: value for key, value in heard.query.items() if key != "alt"}
    sent = json.loads(heard.body) if heard.body else {}
    assert json.loads(ours.body or b"{}") == {key: value for key, value in sent.items() if key not in ADDED}


READS = {
    ("entra-disable-user", "verify"): _graph("user", {"user": GUEST}, user=GUEST, select=["accountEnabled"]),
    ("entra-delete-grants", "each"): _graph("grants", {"app": "sp-1"}, application="sp-1"),
    ("entra-delete-grants", "verify"): _graph("grants", {"app": "sp-1"}, application="sp-1"),
    ("exchange-remove-rules", "each"): _graph("rules", {"user": EVE}, user=EVE),
    ("exchange-remove-rules", "verify"): _graph("rules", {"user": EVE}, user=EVE),
    ("okta-suspend", "verify"): _okta("user"),
    ("google-delete-tokens", "each"): _google("tokens", {"user": EVE}),
    ("google-delete-tokens", "verify"): _google("tokens", {"user": EVE}),
}


@pytest.mark.parametrize(("name", "part"), sorted(READS))
def test_a_template_reads_what_the_vendors_client_reads(clients: VendorClients, name: str, part: str) -> None:
    theirs = READS[name, part]
    template, _ = Catalog().action(name)
    [request] = [request for key, request in template.requests() if key == (part,)]
    with theirs.make() as server:
        clients.ask(theirs.call, url=server.url, **theirs.args(server))
        heard = server.heard[-1]
        ours = fill(request, theirs.inputs, server.url)
    parts = urlsplit(ours.url)
    assert (ours.method, parts.path) == (heard.method, heard.path)
    assert dict(parse_qsl(parts.query)) == {key: value for key, value in heard.query.items() if key != "alt"}
