"""Threema's own client against the adapter and the stand-in: both sides of each box, and the MAC of a callback."""

from __future__ import annotations

import ctypes.util
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from integrations import threema
from integrations.testing.conformance import MARK, outbound
from tests.integrations.test_threema import SECRETS, settings
from tests.servers.needed import absent
from tests.servers.stand_ins.threema import IDENTITY, OWN, PRIVATE, SECRET, Threema, signed
from tests.servers.vendors import VendorClients, VendorError

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Threema:
    if ctypes.util.find_library("sodium") is None:
        absent("libsodium", "apt-get install libsodium23")
    return Threema(credits=2)


def test_the_client_of_the_vendor_opens_what_the_adapter_seals(server: Threema, clients: VendorClients):
    with server:
        server.people[IDENTITY] = OWN
        threema.send(outbound(server.address("ADALOVE1")), settings(server), SECRETS)
        sent = server.heard[-1].form
        private = server.people["ADALOVE1"].encode().hex()
        known = {"url": server.url, "identity": IDENTITY, "secret": SECRET, "private": private}
        text = clients.ask(
            "threema", what="open", sender=IDENTITY, nonce=sent["nonce"], box=sent["box"], **known
        )
    assert MARK in text


def test_the_stand_in_takes_what_the_client_of_the_vendor_sends_and_refuses_as_it_knows(
    server: Threema, clients: VendorClients
):
    with server:
        known = {
            "url": server.url,
            "identity": IDENTITY,
            "secret": SECRET,
            "private": PRIVATE,
            "what": "send",
        }
        name = clients.ask("threema", to="ADALOVE1", text="hello", **known)
        assert server.read == [("ADALOVE1", name, "hello")]
        server.credits = 0
        with pytest.raises(VendorError) as unpaid:
            clients.ask("threema", to="ADALOVE1", text="hello", **known)
        with pytest.raises(VendorError) as unknown:
            clients.ask("threema", to="NOBODY00", text="hello", **known)
    assert [one.value.status for one in (unpaid, unknown)] == [402, 404]


@pytest.mark.parametrize(("kind", "proved"), [(1, "delivered"), (2, "read"), (3, "read"), (4, "read")])
def test_the_adapter_opens_receipts_of_the_client_of_the_vendor(
    server: Threema, clients: VendorClients, kind: int, proved: str
):
    with server:
        private = server.people["ADALOVE1"].encode().hex()
        known = {"url": server.url, "identity": "ADALOVE1", "secret": SECRET, "private": private}
        told = {
            "to": IDENTITY,
            "public": OWN.public_key.encode().hex(),
            "kind": kind,
            "sent": ["0" * 15 + "7"],
        }
        nonce, box = clients.ask("threema", what="receipt", **known, **told)
        callback = signed("ADALOVE1", bytes.fromhex(box), bytes.fromhex(nonce), AT)
        heard = threema.parse_callback(callback, settings(server), SECRETS)
        assert (heard[0].kind, heard[0].provider_id, len(heard)) == (proved, "0" * 15 + "7", 1 + (kind == 3))
        fields = dict(parse_qsl(callback.body.decode()))
        mac = {"mac": fields["mac"], "callback": fields}
        assert clients.ask("threema", what="check", **known, **mac)
