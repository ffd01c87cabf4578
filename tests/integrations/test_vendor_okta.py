"""Okta's own client against the stand-in."""

from __future__ import annotations

import pytest

from tests.servers import keys
from tests.servers.stand_ins.okta import API_TOKEN, CLIENT, Okta
from tests.servers.vendors import VendorClients, VendorError

BY_KEY = {"client": CLIENT, "key": keys.private_pem()}


def ask(clients: VendorClients, server: Okta, what: str, user: str = "00ueve", **proof: str):
    return clients.ask("okta", url=server.url, what=what, user=user, **(proof or {"token": API_TOKEN}))


def refused(clients: VendorClients, server: Okta, what: str, user: str = "00ueve", **proof: str):
    with pytest.raises(VendorError) as error:
        ask(clients, server, what, user, **proof)
    return error.value.status, error.value.code


@pytest.mark.parametrize("proof", [{"token": API_TOKEN}, BY_KEY])
def test_oktas_client_ends_sessions_with_their_tokens(clients, proof):
    with Okta(key=keys.private_key().public_key()) as server:
        assert ask(clients, server, "clear", **proof)["status"] == 204
    assert server.cleared == [("00ueve", True)]


def test_oktas_client_suspends_an_active_user_once_and_takes_it_back(clients):
    with Okta() as server:
        assert ask(clients, server, "suspend")["status"] == 200
        assert ask(clients, server, "user")["user"] == "SUSPENDED"
        assert refused(clients, server, "suspend") == (400, "E0000001")
        assert ask(clients, server, "unsuspend")["status"] == 200
        assert refused(clients, server, "suspend", "00unew") == (400, "E0000001")
    assert server.users["00ueve"]["status"] == "ACTIVE"


def test_oktas_client_reads_the_refusals(clients):
    with Okta("throttle") as server:
        assert refused(clients, server, "clear") == (429, "E0000047")
        assert refused(clients, server, "clear", "nobody") == (404, "E0000007")
        assert refused(clients, server, "clear", token="wrong") == (401, "E0000011")
        server.granted.clear()
        assert refused(clients, server, "clear") == (403, "E0000006")
    assert server.cleared == []
