"""Google's own clients, google-auth and google-api-python-client, against the stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers import keys
from tests.servers.stand_ins.google import ACCOUNT, ADMIN, KEY_ID, SECURITY, USER, Google
from tests.servers.vendors import VendorClients, VendorError

EVE, APPLICATION = "eve@example.com", "client-1.apps.googleusercontent.com"


def ask(clients: VendorClients, server: Google, what: str, user: str = EVE, **more: Any) -> Any:
    account = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "client_id": "1",
        "private_key": keys.private_pem(),
        "private_key_id": KEY_ID,
        "project_id": "made-up-project",
        "token_uri": f"{server.url}/token",
    }
    asked = {"account": account, "scopes": [USER, SECURITY], "subject": ADMIN, **more}
    return clients.ask("google", url=server.url, what=what, user=user, **asked)


def refused(clients: VendorClients, server: Google, what: str, user: str = EVE, **more: Any):
    with pytest.raises(VendorError) as error:
        ask(clients, server, what, user, **more)
    return error.value.status, error.value.code


@pytest.fixture
def server():
    with Google(key=keys.private_key().public_key()) as running:
        yield running


def test_googles_client_signs_out_and_removes_the_token_of_an_application(clients, server):
    ask(clients, server, "sign_out")
    assert [given["clientId"] for given in ask(clients, server, "tokens")["items"]] == [APPLICATION]
    ask(clients, server, "delete_token", client=APPLICATION)
    assert (ask(clients, server, "tokens")["items"], server.signed_out) == ([], [EVE])
    assert refused(clients, server, "delete_token", client=APPLICATION) == (404, "notFound")


def test_googles_client_suspends_and_restores(clients, server):
    assert ask(clients, server, "suspend")["suspended"] is True
    assert (server.signed_out, server.given) == ([EVE], {})
    assert ask(clients, server, "restore")["suspended"] is False
    assert ask(clients, server, "user")["suspended"] is False


def test_googles_client_reads_the_refusals(clients, server):
    assert refused(clients, server, "sign_out", "nobody@example.com") == (404, "notFound")
    assert refused(clients, server, "sign_out", subject=EVE) == (403, "forbidden")
    assert refused(clients, server, "sign_out", scopes=[USER]) == (403, "forbidden")
    assert refused(clients, server, "suspend", scopes=["https://mail.google.com/"]) == (
        None,
        "unauthorized_client",
    )
    assert server.signed_out == []


def test_googles_client_asks_for_a_new_token_when_one_has_expired(clients, server):
    server.expiring = 1
    ask(clients, server, "sign_out")
    assert (server.issued, server.signed_out) == (2, [EVE])


def test_googles_client_reads_throttling(clients):
    with Google("throttle", key=keys.private_key().public_key()) as server:
        assert refused(clients, server, "sign_out") == (429, "rateLimitExceeded")
