"""Microsoft's own clients, msal and msgraph-sdk, against the stand-in for its token endpoint and for Graph.

The stand-in is written from the same pages as our templates, so that they could agree and both be wrong. Microsoft has no
client for Defender's actions in the package registry: that part is held against its published examples alone.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.patience import PATIENCE
from tests.servers import keys
from tests.servers.stand_ins.microsoft import CLIENT, DEFENDER, GRAPH, SECRET, TENANT, Microsoft
from tests.servers.vendors import VendorClients, VendorError

EVE, BOB, ROOT = "eve@example.com", "bob@example.com", "root@example.com"
GUEST = "partner_example.net#EXT#@example.onmicrosoft.com"
MACHINE = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"


def token(clients: VendorClients, server: Microsoft, scope: str = GRAPH, **proof: str) -> str:
    asked = {
        "tenant": TENANT,
        "client": CLIENT,
        "scope": f"{scope}/.default",
        **(proof or {"secret": SECRET}),
    }
    found: str = clients.ask("microsoft_token", url=server.url, **asked)["token"]
    return found


class Graph:
    """msgraph-sdk, led to the stand-in with a token by msal."""

    def __init__(self, clients: VendorClients, server: Microsoft) -> None:
        self.clients, self.server, self.token = clients, server, token(clients, server)

    def __call__(self, what: str, **args: Any) -> Any:
        return self.clients.ask("graph", url=self.server.url, token=self.token, what=what, **args)

    def refused(self, what: str, **args: Any) -> tuple[int, str]:
        with pytest.raises(VendorError) as refused:
            self(what, **args)
        return refused.value.status, refused.value.code


def test_msal_gets_a_token_for_a_secret_and_an_error_for_a_wrong_one(clients):
    with Microsoft() as server:
        assert token(clients, server) in server.tokens
        with pytest.raises(VendorError) as refused:
            token(clients, server, secret="wrong")
    assert (refused.value.code, refused.value.text) == ("invalid_client", "[7000215]")
    asked = [heard.form for heard in server.heard if heard.path.endswith("/token")]
    assert {
        key: value for key, value in asked[0].items() if not key.startswith(("client_info", "claims"))
    } == {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "grant_type": "client_credentials",
        "scope": f"{GRAPH}/.default",
    }


def test_msal_gets_a_token_for_a_certificate(clients):
    with Microsoft(certificate=keys.certificate()) as server:
        assert (
            token(clients, server, key=keys.private_pem(), certificate=keys.certificate_pem())
            in server.tokens
        )
        assert "client_secret" not in server.heard[-1].form


def test_a_certificate_that_the_application_does_not_have_is_refused(clients):
    with Microsoft() as server, pytest.raises(VendorError) as refused:
        token(clients, server, key=keys.private_pem(), certificate=keys.certificate_pem())
    assert refused.value.code == "invalid_client"


def test_the_graph_client_ends_sessions_also_of_a_name_with_special_characters(clients):
    with Microsoft() as server:
        graph = Graph(clients, server)
        assert [graph("revoke", user=user) for user in (EVE, GUEST)] == [True, True]
        since = graph("user", user=EVE, select=["signInSessionsValidFromDateTime"])["since"]
    assert (server.revoked, since) == ([EVE, GUEST], "2026-11-28 09:00:00+00:00")
    assert server.called[1].path.startswith("/v1.0/users/partner_example.net%23EXT%23%40")


def test_the_graph_client_blocks_an_account_and_sees_it_where_it_selects(clients):
    with Microsoft() as server:
        graph = Graph(clients, server)
        graph("enable", user=EVE, enabled=False)
        assert graph("user", user=EVE, select=["accountEnabled"])["enabled"] is False
        assert graph("user", user=EVE, select=["id"])["enabled"] is None
        graph("enable", user=EVE, enabled=True)
    assert server.users[EVE]["accountEnabled"] is True


def test_the_graph_client_disables_an_application_and_deletes_a_grant(clients):
    with Microsoft() as server:
        graph = Graph(clients, server)
        graph("application", application="sp-1", enabled=False)
        assert graph("grants", application="sp-1") == ["grant-1"]
        graph("delete_grant", grant="grant-1")
        assert graph("grants", application="sp-1") == []
        assert graph.refused("delete_grant", grant="grant-1")[0] == 404
    assert server.applications["sp-1"]["accountEnabled"] is False


def test_the_graph_client_deletes_a_mailbox_rule(clients):
    with Microsoft() as server:
        graph = Graph(clients, server)
        assert graph("rules", user=EVE) == ["rule-1="]
        graph("delete_rule", user=EVE, rule="rule-1=")
        assert (graph("rules", user=EVE), graph("rules", user=BOB)) == ([], [])
        assert graph.refused("delete_rule", user=EVE, rule="rule-1=") == (404, "ErrorItemNotFound")


def test_the_graph_client_locks_and_wipes_a_device(clients):
    with Microsoft() as server:
        graph = Graph(clients, server)
        graph("lock", device="device-1")
        graph("wipe", device="device-1")
        assert graph("orders", device="device-1") == [["remoteLock", "pending"], ["wipe", "pending"]]
        assert graph.refused("lock", device="device-2")[0] == 404


def test_the_graph_client_reads_the_refusals(clients):
    with Microsoft() as server:
        graph = Graph(clients, server)
        assert graph.refused("revoke", user="nobody@example.com") == (404, "Request_ResourceNotFound")
        assert graph.refused("enable", user=ROOT, enabled=False) == (403, "Authorization_RequestDenied")
        server.expire()
        assert graph.refused("revoke", user=EVE) == (401, "InvalidAuthenticationToken")
        server.granted.remove("User.RevokeSessions.All")
        graph.token = token(clients, server)
        assert graph.refused("revoke", user=EVE) == (403, "Authorization_RequestDenied")
        graph.token = token(clients, server, DEFENDER)
        assert graph.refused("revoke", user=EVE) == (401, "InvalidAuthenticationToken")


def test_the_graph_client_waits_for_the_time_that_is_named_and_comes_again(clients):
    with Microsoft("throttle") as server:
        server.retry_after = "1"
        assert Graph(clients, server)("revoke", user=EVE) is True
    assert (len(server.called), server.revoked) == (2, [EVE])


def test_defender_answers_as_its_published_examples_say(clients):
    with Microsoft() as server:
        held = {"Authorization": f"Bearer {token(clients, server, DEFENDER)}"}
        machine = f"{server.url}/api/machines/{MACHINE}"
        said = {"Comment": "Isolate machine due to alert 1234", "IsolationType": "Full"}
        done = requests.post(f"{machine}/isolate", json=said, headers=held, timeout=5)
        assert (done.status_code, done.json()["type"], done.json()["status"]) == (201, "Isolate", "Pending")
        action = f"{server.url}/api/machineactions/{done.json()['id']}"
        states = [requests.get(action, headers=held, timeout=PATIENCE).json()["status"] for _ in range(2)]
        assert states == ["Pending", "Succeeded"]
        wrong = requests.post(f"{machine}/isolate", json={"comment": "x"}, headers=held, timeout=5)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "MissingRequiredParameter")
        lost = requests.post(f"{machine}0/isolate", json=said, headers=held, timeout=5)
        assert (lost.status_code, lost.json()["error"].keys()) == (404, {"code", "message", "target"})
        graph = {"Authorization": f"Bearer {token(clients, server)}"}
        assert requests.post(f"{machine}/isolate", json=said, headers=graph, timeout=5).status_code == 401
        back = requests.post(f"{machine}/unisolate", json={"Comment": "done"}, headers=held, timeout=5)
    assert (back.status_code, server.machines) == (201, {MACHINE: "free"})
