"""CrowdStrike's own client, falconpy, against the stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.stand_ins.falcon import CLIENT, HOST, READ, SECRET, SERVER, Falcon
from tests.servers.vendors import VendorClients, VendorError


def ask(clients: VendorClients, server: Falcon, what: str, *ids: str, secret: str = SECRET) -> Any:
    return clients.ask("falcon", url=server.url, client=CLIENT, secret=secret, what=what, ids=[*ids])


def refused(clients: VendorClients, server: Falcon, what: str, *ids: str, **more: str) -> int:
    with pytest.raises(VendorError) as error:
        ask(clients, server, what, *ids, **more)
    status: int = error.value.status
    return status


def state(clients: VendorClients, server: Falcon) -> str:
    found: str = ask(clients, server, "details", HOST)["resources"][0]["status"]
    return found


def test_falcons_client_contains_a_host_and_lifts_it(clients):
    with Falcon() as server:
        said = ask(clients, server, "contain", HOST)
        assert (said["status"], [done["id"] for done in said["resources"]], said["errors"]) == (
            202,
            [HOST],
            [],
        )
        assert [state(clients, server), state(clients, server)] == ["containment_pending", "contained"]
        ask(clients, server, "lift_containment", HOST)
        assert state(clients, server) == "normal"


def test_falcons_client_gets_what_was_done_and_what_was_not_in_one_answer(clients):
    with Falcon() as server:
        server.refused.add(SERVER)
        said = ask(clients, server, "contain", HOST, SERVER)
        assert [done["id"] for done in said["resources"]] == [HOST]
        assert [(error["code"], error["id"]) for error in said["errors"]] == [(500, SERVER)]
        nothing = ask(clients, server, "contain", SERVER)
        assert (nothing["status"], nothing["resources"], len(nothing["errors"])) == (202, [], 1)


def test_falcons_client_reads_the_refusals(clients):
    with Falcon("throttle") as server:
        assert refused(clients, server, "contain", HOST) == 429
        assert refused(clients, server, "contain", "c" * 32) == 404
        assert refused(clients, server, "contain", HOST, secret="wrong") == 401
        server.granted = {READ}
        assert refused(clients, server, "contain", HOST) == 403
    assert server.hosts[HOST] == "normal"
