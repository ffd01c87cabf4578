"""Web push: what a browser decrypts, what a push service accepts, and whom we call at all."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import http_ece
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import WebPusher

from integrations import web_push
from integrations.port import Accepted, Callback, Receipt, Rejected, Throttled, Unauthentic, Unknown
from integrations.testing.conformance import MARK, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.push_service import VAPID, Browser, PushService, text

SECRETS = {"vapid": Held(VAPID)}
MESSAGE = outbound("nowhere")
AT = MESSAGE.at


def settings(server: PushService, **more) -> web_push.Settings:
    return web_push.Settings(contact="mailto:security@example.org", services=frozenset({server.host}), **more)


def to(browser: Browser, **more):
    return msgspec.structs.replace(MESSAGE, recipient=browser.address, **more)


def raw(given: str) -> bytes:
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))


def test_the_example_of_the_standard_is_encrypted_to_its_bytes():
    # RFC 8291, appendix A
    own = ec.derive_private_key(
        int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    made = web_push.encrypt(
        b"When I grow up, I want to be a watermelon",
        raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        raw("BTBZMqHH6r4Tts7J_aSIgg"),
        own,
        raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert text(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
        "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_browser_decrypts_ours_as_that_of_the_usual_library():
    browser = Browser("https://fcm.googleapis.com/fcm/send/x")
    content = json.dumps({"text": "Zwölf Boxkämpfer"}).encode()
    info = {"endpoint": browser.endpoint, "keys": {"p256dh": browser.p256dh, "auth": text(browser.auth)}}
    theirs = WebPusher(info).encode(content, content_encoding="aes128gcm")["body"]
    ours = web_push.encrypt(content, raw(browser.p256dh), browser.auth)
    assert browser.decrypt(ours) == browser.decrypt(theirs) == {"text": "Zwölf Boxkämpfer"}
    with pytest.raises(http_ece.ECEException):
        Browser(browser.endpoint).decrypt(ours)


def test_the_key_for_browsers_is_that_of_the_usual_library():
    key = web_push.browser_key(web_push.Settings(contact="mailto:a@example.org"), SECRETS)
    theirs = Vapid02.from_raw(base64.urlsafe_b64encode(base64.b64decode(VAPID)).rstrip(b"="))
    signed = theirs.sign({"aud": "https://x.example", "sub": "mailto:a@example.org"})["Authorization"]
    assert signed.rpartition("k=")[2] == key


def test_an_urgent_notification_is_kept_until_its_deadline():
    with PushService() as server:
        browser = server.subscribe()
        sent = to(browser, deadline=AT + timedelta(hours=12))
        assert web_push.send(sent, settings(server), SECRETS) == Accepted()
        (heard,) = server.heard
        (shown,) = server.shown(browser)
    assert (heard.headers["urgency"], heard.headers["ttl"]) == ("high", str(12 * 60 * 60))
    assert heard.headers["topic"] == MESSAGE.idempotency_key == shown["key"]
    assert len(heard.body) == 2048 + 86 + 17
    assert shown["open"] == "/me/message/dlv-1"
    # Nothing of the text leaves, not even encrypted.
    assert (shown["title"], MARK in shown["text"]) == (MESSAGE.subject, False)


def test_a_second_push_with_a_key_replaces_the_first_that_waits():
    with PushService("lose_answer") as server:
        browser = server.subscribe()
        assert isinstance(web_push.send(to(browser), settings(server), SECRETS), Unknown)
        assert web_push.send(to(browser, attempt=2), settings(server), SECRETS) == Accepted()
        assert len([*server.shown(browser)]) == 1


def test_a_recalled_message_replaces_the_one_that_waits_and_proves_nothing():
    with PushService() as server:
        browser = server.subscribe()
        web_push.send(to(browser), settings(server), SECRETS)
        assert (
            web_push.recall(to(browser, subject="Acknowledged"), "", settings(server), SECRETS) == Accepted()
        )
        (shown,) = server.shown(browser)
        assert (shown["title"], shown["mark"]) == ("Acknowledged", "")
        report = json.dumps({"key": shown["key"], "mark": ""}).encode()
        assert isinstance(web_push.parse_callback(said(report), settings(server), SECRETS), Unauthentic)
        nobody = msgspec.structs.replace(MESSAGE, recipient="jonas")
        assert isinstance(web_push.recall(nobody, "", settings(server), SECRETS), Rejected)


@pytest.mark.parametrize("act", ["ended", "other key", "throttled"])
def test_a_refusal_tells_what_it_is_about(act: str):
    with PushService(*(["throttle"] if act == "throttled" else [])) as server:
        browser = server.subscribe()
        if act == "ended":
            server.browsers.clear()
        browser.bound = "another" if act == "other key" else ""
        outcome = web_push.send(to(browser), settings(server), SECRETS)
    match act:
        case "ended":
            assert isinstance(outcome, Rejected)
            assert (outcome.code, outcome.about, outcome.address) == ("ended", "recipient", "gone")
        case "other key":
            assert isinstance(outcome, Rejected)
            assert (outcome.code, outcome.about, outcome.address) == ("403", "account", "")
        case _:
            assert outcome == Throttled(timedelta(seconds=7), outcome.reason, "429")


GOOD = Browser("https://fcm.googleapis.com/fcm/send/x").address
KEYS = GOOD.partition("#")[2]


@pytest.mark.parametrize(
    ("address", "domains"),
    [
        (GOOD, {"fcm"}),
        (f"https://updates.push.services.mozilla.com/wpush/v2/x#{KEYS}", {"mozilla"}),
        (f"https://web.push.apple.com/x#{KEYS}", {"apns"}),
        (f"https://db5.notify.windows.com/w/?token=x#{KEYS}", {"wns"}),
        (f"https://push.example.org/x#{KEYS}", {"host:push.example.org:443"}),
        (f"http://127.0.0.1:8080/x#{KEYS}", {"host:127.0.0.1:8080"}),
        # neither known nor declared
        (f"https://evil.example/x#{KEYS}", set()),
        (f"https://push.apple.com.evil.example/x#{KEYS}", set()),
        (f"https://fcm.googleapis.com:8443/x#{KEYS}", set()),
        (f"https://fcm.googleapis.com.:444/x#{KEYS}", set()),
        (f"https://127.0.0.1/x#{KEYS}", set()),
        (f"https://10.0.0.1/x#{KEYS}", set()),
        (f"https://[::1]/x#{KEYS}", set()),
        (f"http://127.0.0.1:9/x#{KEYS}", set()),
        # in no form that is called at all
        (f"http://fcm.googleapis.com/x#{KEYS}", None),
        (f"https://user@fcm.googleapis.com/x#{KEYS}", None),
        (f"https://fcm.googleapis.com:99999/x#{KEYS}", None),
        (f"file:///etc/passwd#{KEYS}", None),
        (f"https://fcm.googleapis.com/ x#{KEYS}", None),
        (f"https://fcm.googleapis.com/{'x' * 2000}#{KEYS}", None),
        ("https://fcm.googleapis.com/x", None),
        (f"https://fcm.googleapis.com/x#{'A' * 87}.{'A' * 22}", None),
        (f"https://fcm.googleapis.com/x#{KEYS[:-1]}", None),
        ("", None),
    ],
)  # fmt: skip
def test_only_known_and_declared_push_services_are_called(address: str, domains: set[str] | None):
    declared = frozenset({"push.example.org", "127.0.0.1:8080"})
    given = web_push.Settings(contact="mailto:a@example.org", services=declared)
    if domains is None:
        assert web_push.address_problem(address) != ""
    else:
        assert web_push.address_problem(address) == ""
        assert web_push.address_domains(address, given) == domains
    if not domains:
        outcome = web_push.send(msgspec.structs.replace(MESSAGE, recipient=address), given, SECRETS)
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.about) == ("address", "recipient")


def said(body: bytes) -> Callback:
    return Callback(method="POST", path="/push/x", headers={}, body=body, at=AT)


def test_what_a_browser_has_shown_is_delivered_and_nothing_else():
    with PushService() as server:
        browser = server.subscribe()
        web_push.send(to(browser), settings(server), SECRETS)
        (shown,) = server.shown(browser)
        able = settings(server)
    report = json.dumps({"key": shown["key"], "mark": shown["mark"]}).encode()
    heard = web_push.parse_callback(said(report), able, SECRETS)
    assert isinstance(heard, tuple)
    (receipt,) = heard
    assert isinstance(receipt, Receipt)
    assert (receipt.kind, receipt.idempotency_key) == ("delivered", MESSAGE.idempotency_key)
    other = json.dumps({"key": "B" * 32, "mark": shown["mark"]}).encode()
    for body in (b"", b"[]", b"{}", b'{"key": 1, "mark": 2}', other, report.replace(b"mark", b"mork")):
        assert isinstance(web_push.parse_callback(said(body), able, SECRETS), Unauthentic)
    for secrets in ({}, {"vapid": Held("x" * 44)}, {"vapid": Held(base64.b64encode(b"k" * 32).decode())}):
        assert isinstance(web_push.parse_callback(said(report), able, secrets), Unauthentic)


def test_the_settings_have_a_contact_and_a_key():
    def faults(contact: str, **secrets: str) -> list[str]:
        given = {name: Held(one) for name, one in secrets.items()}
        return [one.severity for one in web_push.lint(web_push.Settings(contact=contact), given)]

    assert faults("mailto:a@example.org", vapid=VAPID) == []
    assert faults("https://example.org/contact", vapid=text(b"k" * 32)) == []
    assert faults("security@example.org") == ["error", "error"]
    assert faults("mailto:a@example.org", vapid=base64.b64encode(b"\xff" * 32).decode()) == ["error"]
    assert (
        faults("mailto:a@example.org", vapid="é") == faults("mailto:a@example.org", vapid="AA") == ["error"]
    )
