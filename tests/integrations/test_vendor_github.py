"""A client that is made from GitHub's own description, ghapi, against the stand-in."""

from __future__ import annotations

import pytest

from tests.servers.stand_ins.github import FOUND, GitHub
from tests.servers.vendors import VendorError


def test_the_client_revokes_without_saying_who_it_is(clients):
    with GitHub() as server:
        clients.ask("github", url=server.url, credentials=[FOUND])
        [heard] = server.heard
    assert (server.revoked, heard.json, "authorization" in heard.headers) == (
        [FOUND],
        {"credentials": [FOUND]},
        False,
    )


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"token": "made-up", "credentials": [FOUND]}, 403),
        ({"credentials": ["of no kind"]}, 422),
        ({"credentials": [FOUND] * 1001}, 422),
        ({"credentials": []}, 422),
    ],
)
def test_the_client_reads_the_refusals(clients, more, status):
    with GitHub() as server, pytest.raises(VendorError) as refused:
        clients.ask("github", url=server.url, **more)
    assert (refused.value.status, server.revoked) == (status, [])


def test_the_client_reads_throttling(clients):
    with GitHub("throttle") as server, pytest.raises(VendorError) as refused:
        clients.ask("github", url=server.url, credentials=[FOUND])
    assert refused.value.status == 429
