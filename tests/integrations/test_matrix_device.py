"""Keys of Matrix devices: the published test vectors, and chains of signatures that are broken on purpose."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations import matrix
from integrations.matrix.device import Device, canonical, master_key, signed_devices, signs
from integrations.port import Query
from integrations.testing.conformance import outbound
from runner.effects.gateway.translation import Held

pytest.importorskip("vodozemac", reason="NOT TESTED: the extra matrix-e2ee is not installed")

US = "@tocsin:breach.example"
SEED = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1="
"""Of the test vectors in the specification's appendix, "Signing JSON"."""
VECTORS = [
    (
        {},
        "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ",
    ),
    (
        {"one": 1, "two": "Two"},
        "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
    ),
]


@pytest.mark.parametrize(("signed", "signature"), VECTORS)
def test_the_published_signatures_are_valid_for_our_canonical_form(signed: dict[str, Any], signature: str):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SEED))
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    about = {**signed, "unsigned": {"age": 1}, "signatures": {"domain": {"ed25519:1": signature}}}
    assert signs(about, "domain", "1", public)
    assert not signs({**about, "more": 1}, "domain", "1", public)
    assert canonical(about) == canonical(signed)


def shown(device: Device) -> dict[str, Any]:
    """Return what a homeserver shows of a published device."""
    about = device.keys()
    about["signatures"][US] |= device.keys("self_signing")["signatures"][US]
    identity = device.identity()
    return {
        "device_keys": {US: {device.name: about}},
        "master_keys": {US: identity["master_key"]},
        "self_signing_keys": {US: identity["self_signing_key"]},
    }


def test_a_published_device_is_signed_and_opens_again_from_its_secret():
    device = Device(US, "ABC", bytes(range(32)))
    assert device.is_signed(shown(device))
    settings = matrix.Settings(url="https://hs.example", user=US, encrypted=True)
    secrets = {"token": Held("made-up"), "device": Held(device.text)}
    assert matrix.lint(settings, secrets) == ()
    for wrong in ("{}", device.text.replace("ABC", "ABC").replace(US, "@other:breach.example"), "[]"):
        assert len(matrix.lint(settings, {**secrets, "device": Held(wrong)})) == 1
    other = Device(US, "ABC", bytes(range(32)))
    assert (other.public("master"), other.curve) != (device.public("master"), device.curve)
    assert not other.is_signed(shown(device))


def without(found: dict[str, Any], *path: str) -> dict[str, Any]:
    changed = copy.deepcopy(found)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner.pop(path[-1])
    return changed


def test_a_broken_chain_of_signatures_makes_no_device_trusted():
    device, mallory = Device(US, "ABC", bytes(32)), Device(US, "XYZ", bytes([1] * 32))
    good = shown(device)
    assert list(signed_devices(good, US)) == ["ABC"]
    about = good["device_keys"][US]["ABC"]
    own, signing = f"ed25519:{device.name}", f"ed25519:{device.public('self_signing')}"
    broken = [
        without(good, "self_signing_keys", US, "signatures"),
        without(good, "device_keys", US, "ABC", "signatures", US, own),
        without(good, "device_keys", US, "ABC", "signatures", US, signing),
        without(good, "master_keys", US),
        {**good, "self_signing_keys": {US: mallory.identity()["self_signing_key"]}},
        {**good, "master_keys": {US: mallory.identity()["master_key"]}},
        {**good, "master_keys": {US: device.identity()["self_signing_key"]}},
        {**good, "device_keys": {US: {"XYZ": mallory.keys("self_signing")}}},
        {**good, "device_keys": {US: {"DEF": about}}},
        {**good, "device_keys": {US: {"ABC": {**about, "device_id": "DEF"}}}},
        {**good, "device_keys": {US: [about]}},
        {**good, "device_keys": {US: {"ABC": 7}}},
        {},
    ]
    for found in broken:
        assert signed_devices(found, US) == {}
    assert master_key(good, "@other:breach.example") == ""
    # A device that the homeserver adds is left out; the others stay.
    added = {**good, "device_keys": {US: {"ABC": about, "XYZ": shown(mallory)["device_keys"][US]["XYZ"]}}}
    assert list(signed_devices(added, US)) == ["ABC"]


def test_encryption_is_claimed_only_with_the_setting_and_nothing_is_sent_without_the_device():
    plain = matrix.Settings(url="https://hs.example", user=US)
    able = matrix.capabilities(matrix.Settings(url="https://hs.example", user=US, encrypted=True))
    assert (able.e2ee, able.confidentiality, able.personal_data) == (True, "restricted", "personal")
    assert able.secrets == {"token", "device"}
    assert matrix.capabilities(plain).e2ee is False
    settings = matrix.Settings(url="http://127.0.0.1:1", user=US, encrypted=True)
    for secrets in ({}, {"device": Held("{}")}):
        outcome = matrix.send(outbound("!room:breach.example"), settings, {"token": Held("t"), **secrets})
        assert (outcome.code, outcome.about) == ("secret", "account")


def test_the_time_of_a_question_is_shown_and_its_address_is_not():
    question = Query(at=datetime(2026, 11, 24, tzinfo=UTC), recipient="!room:breach.example")
    assert "breach.example" not in repr(question)


@pytest.mark.parametrize(
    ("address", "holds"),
    [(f"!maria:breach.example#{'A' * 43}", True), ("!maria:breach.example#", False), ("!a:b#short", False)],
)
def test_an_address_may_have_a_master_key(address: str, holds: bool):
    assert (matrix.address_problem(address) == "") is holds
