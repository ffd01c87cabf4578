"""Text messages and calls by Twilio, against a stand-in that keeps state and signs its callbacks."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from urllib.parse import parse_qsl

import msgspec
import pytest

from integrations.port import (
    Accepted,
    Answer,
    Callback,
    CannotTell,
    Found,
    Receipt,
    Rejected,
    Throttled,
    Unauthentic,
    Unknown,
)
from integrations.testing.conformance import AT, Row, Subject, check, outbound, rows
from integrations.twilio import api, sms, voice
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.stand_in import Heard
from tests.servers.stand_ins.twilio import ACCOUNT, TOKEN, Twilio, signed

OURS = "https://tocsin.example/callbacks/sms"
SECRETS = {"auth_token": Held(TOKEN)}
TO = "+15005550010"
MESSAGE = outbound(TO)


def texting(url: str, **more) -> sms.Settings:
    given = {"sender": "+15005550006", "callback_url": OURS, **more}
    return sms.Settings(account=ACCOUNT, api=url, **given)


def calling(url: str, **more) -> voice.Settings:
    given = {"sender": "+15005550006", "callback_url": OURS, **more}
    return voice.Settings(account=ACCOUNT, api=url, **given)


def only(parsed) -> Receipt | Answer:
    assert isinstance(parsed, tuple)
    (one,) = parsed
    return one


def subject(adapter, settings, success: bytes) -> Subject:
    return Subject(
        adapter=adapter,
        transport="http",
        settings=lambda host, port, tls: settings(f"http{'s' if tls else ''}://{host}:{port}"),
        recipient=TO,
        secrets=SECRETS,
        success=success,
    )


@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_text_messages_report_each_event_with_the_correct_outcome(row: Row):
    # A host that cannot be reached has no loopback name, so it must be asked over TLS to be asked at all.
    def settings(url: str) -> sms.Settings:
        return texting(url.replace("http://nowhere", "https://nowhere"))

    assert check(row, subject(sms, settings, b'{"sid": "SM%s"}' % (b"0a" * 16))) == ""


@pytest.mark.parametrize("row", rows("http"), ids=str)
def test_calls_report_each_event_with_the_correct_outcome(row: Row):
    def settings(url: str) -> voice.Settings:
        return calling(url.replace("http://nowhere", "https://nowhere"))

    assert check(row, subject(voice, settings, b'{"sid": "CA%s"}' % (b"0a" * 16))) == ""


def test_a_text_message_is_queued_with_its_key_in_the_callbacks_address():
    with Twilio() as twilio:
        expiring = msgspec.structs.replace(MESSAGE, deadline=AT + timedelta(minutes=5))
        outcome = sms.send(expiring, texting(twilio.url), SECRETS)
        (heard,) = twilio.heard
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id in twilio.things
    assert outcome.evidence == "accepted"
    assert heard.form == {
        "To": TO,
        "From": "+15005550006",
        "Body": "MARKER-TEXT-4711 marking\n\nMARKER-TEXT-4711 text\n.\n.. dots\n\n-- \nMARKER-TEXT-4711 footer",
        "StatusCallback": f"{OURS}?key={MESSAGE.idempotency_key}",
        "ValidityPeriod": "300",
    }
    assert TOKEN not in heard.path


def test_a_messaging_service_takes_the_place_of_a_sender():
    with Twilio() as twilio:
        sms.send(MESSAGE, texting(twilio.url, sender="", messaging_service="MG1", callback_url=""), SECRETS)
        (heard,) = twilio.heard
    assert heard.form["MessagingServiceSid"] == "MG1"
    assert {"From", "StatusCallback"} & heard.form.keys() == set()


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("+15005550001", Rejected("21211", "the service refused the message with 21211", about="recipient")),
        ("+15005550009", Rejected("21614", "the service refused the message with 21614", about="recipient")),
        (
            "+15005550004",
            Rejected(
                "21610", "the service refused the message with 21610", about="recipient", address="stopped"
            ),
        ),
        ("+15005550008", Throttled(None, "the service refused the message with 21611: retry later", "21611")),
    ],
)
def test_an_error_code_names_the_subject_of_the_refusal(to, wanted):
    with Twilio() as twilio:
        assert sms.send(outbound(to), texting(twilio.url), SECRETS) == wanted


def test_wrong_credentials_are_about_the_account():
    with Twilio() as twilio:
        outcome = sms.send(MESSAGE, texting(twilio.url), {"auth_token": Held("other")})
    assert outcome == Rejected("20003", "the service refused the message with 20003", about="account")


def test_invalid_messages_are_refused_before_any_request():
    with Twilio() as twilio:
        at = texting(twilio.url)
        long = msgspec.structs.replace(MESSAGE, text="x" * 1601)
        found = [
            sms.send(outbound("5005550006"), at, SECRETS),
            sms.send(long, at, SECRETS),
            sms.send(MESSAGE, at, {}),
            sms.send(MESSAGE, msgspec.structs.replace(at, account="../x"), SECRETS),
            sms.send(MESSAGE, msgspec.structs.replace(at, api="http://192.0.2.1"), SECRETS),
            voice.send(outbound("nobody"), calling(twilio.url), SECRETS),
            voice.send(msgspec.structs.replace(MESSAGE, text="x" * 4000), calling(twilio.url), SECRETS),
        ]
        assert twilio.heard == []
    assert [(one.code, one.about) for one in found] == [
        ("address", "recipient"),
        ("length", "message"),
        ("settings", "account"),
        ("settings", "account"),
        ("settings", "account"),
        ("address", "recipient"),
        ("length", "message"),
    ]


def test_an_api_key_logs_in_and_the_auth_token_still_checks():
    settings = texting("https://api.twilio.com", api_key="SK1")
    assert sms.capabilities(settings).secrets == {"auth_token", "api_key_secret"}
    with Twilio() as twilio:
        both = {**SECRETS, "api_key_secret": Held("marker-key")}
        outcome = sms.send(MESSAGE, texting(twilio.url, api_key="SK1"), both)
        (heard,) = twilio.heard
    assert isinstance(outcome, Rejected)
    assert heard.headers["authorization"] == "Basic U0sxOm1hcmtlci1rZXk="


def test_a_call_answered_elsewhere_is_ended_once():
    with Twilio() as twilio:
        settings = calling(twilio.url)
        sid = voice.send(MESSAGE, settings, SECRETS).provider_id
        assert voice.recall(MESSAGE, sid, settings, SECRETS) == Accepted(sid)
        assert twilio.things[sid]["status"] == "completed"
        assert voice.recall(MESSAGE, sid, settings, SECRETS) == Accepted(sid)
        assert isinstance(voice.recall(MESSAGE, "", settings, SECRETS), Rejected)
        assert isinstance(voice.recall(MESSAGE, sid, settings, {"auth_token": Held("other")}), Rejected)


def test_a_lost_answer_is_settled_by_looking_for_the_text():
    with Twilio("lose_answer") as twilio:
        settings = texting(twilio.url)
        assert isinstance(sms.send(MESSAGE, settings, SECRETS), Unknown)
        (sid,) = twilio.things
        assert sms.reconcile(MESSAGE, settings, SECRETS) == Found(sid)
        twilio.status(sid, "delivered", AT)
        assert sms.reconcile(MESSAGE, settings, SECRETS) == Found(sid, "delivered")
        other = msgspec.structs.replace(MESSAGE, text="another")
        assert isinstance(sms.reconcile(other, settings, SECRETS), CannotTell)
        assert isinstance(sms.reconcile(MESSAGE, settings, {}), CannotTell)


def test_a_lost_answer_is_settled_by_the_callback_because_it_names_our_key():
    with Twilio("lose_answer") as twilio:
        settings = texting(twilio.url)
        sms.send(MESSAGE, settings, SECRETS)
        (sid,) = twilio.things
        receipt = only(sms.parse_callback(twilio.status(sid, "sent", AT), settings, SECRETS))
    assert receipt == Receipt(
        kind="relayed",
        event_id=f"{sid}:sent",
        provider_id=sid,
        idempotency_key=MESSAGE.idempotency_key,
        at=AT,
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("queued", "", "accepted"),
        ("sent", "", "relayed"),
        ("delivered", "", "delivered"),
        ("undelivered", "30003", "failed"),
        ("failed", "30007", "failed"),
        ("failed", "21610", "stopped"),
        ("undelivered", "63014", "stopped"),
        ("read", "", "read"),
    ],
)
def test_each_status_gives_the_evidence_it_proves(status, code, kind):
    fields = {"MessageSid": "SM" + "0a" * 16, "MessageStatus": status, "AccountSid": ACCOUNT}
    more = {"ErrorCode": code} if code else {}
    receipt = only(sms.parse_callback(signed(OURS, {**fields, **more}, AT), texting("https://x"), SECRETS))
    assert (receipt.kind, receipt.code) == (kind, code)


@pytest.mark.parametrize(
    ("code", "about"),
    [
        *(
            (code, "account")
            for code in ("30034", "30032", "30007", "30022", "30023", "21704", "30001", "63008")
        ),
        *((code, "recipient") for code in ("30003", "30004", "30005", "30006", "63003", "63014")),
        *((code, "message") for code in ("30008", "")),
    ],
)
def test_a_later_failure_names_its_subject(code, about):
    fields = {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "undelivered", "AccountSid": ACCOUNT}
    callback = signed(OURS, {**fields, "ErrorCode": code}, AT)
    assert only(sms.parse_callback(callback, texting("https://x"), SECRETS)).about == about


def test_twilio_reads_an_opt_out_in_any_language_before_we_do():
    fields = {"MessageSid": "SM" + "0a" * 16, "SmsStatus": "received", "AccountSid": ACCOUNT, "From": TO}
    for kind, text in (("STOP", "STOP"), ("START", "START"), ("HELP", "ayuda")):
        callback = signed(OURS, {**fields, "Body": "ayuda", "OptOutType": kind}, AT)
        assert only(sms.parse_callback(callback, texting("https://x"), SECRETS)).text == text


def test_a_reply_is_an_answer():
    fields = {
        "MessageSid": "SM" + "0a" * 16,
        "SmsStatus": "received",
        "AccountSid": ACCOUNT,
        "From": TO,
        "Body": "OK 7",
    }
    answer = only(sms.parse_callback(signed(OURS, fields, AT), texting("https://x"), SECRETS))
    assert answer == Answer(event_id=fields["MessageSid"], sender=TO, text="OK 7", at=AT)


def test_an_rcs_message_goes_through_the_messaging_service_and_can_be_read():
    with Twilio() as twilio:
        twilio.rcs = True
        settings = texting(twilio.url, sender="", messaging_service="MG" + "0a" * 16, rcs=True)
        sid = sms.send(MESSAGE, settings, SECRETS).provider_id
        assert twilio.things[sid]["to"] == f"rcs:{TO}"
        read = only(sms.parse_callback(twilio.status(sid, "read", AT), settings, SECRETS))
        assert (read.kind, read.idempotency_key) == ("read", MESSAGE.idempotency_key)
        assert sms.reconcile(MESSAGE, settings, SECRETS) == Found(sid, "read")
    assert "read" in sms.capabilities(settings).receipts
    assert "read" not in sms.capabilities(texting("https://x")).receipts
    assert sms.lint(settings, SECRETS) == ()
    assert [one.severity for one in sms.lint(texting("https://x", rcs=True), SECRETS)] == ["error"]


@pytest.mark.parametrize("sender", [f"rcs:{TO}", f"whatsapp:{TO}", TO])
def test_a_reply_over_another_channel_is_from_the_same_number(sender):
    fields = {"MessageSid": "MM" + "0a" * 16, "AccountSid": ACCOUNT, "From": sender, "Body": "STOP"}
    answer = only(sms.parse_callback(signed(OURS, fields, AT), texting("https://x"), SECRETS))
    assert (answer.sender, answer.text) == (TO, "STOP")


def test_a_mailbox_that_answers_is_not_a_person():
    with Twilio() as twilio:
        settings = calling(twilio.url)
        sid = voice.send(MESSAGE, settings, SECRETS).provider_id
        form = twilio.heard[0].form
        found = only(voice.parse_callback(twilio.answered(sid, "machine_start", AT), settings, SECRETS))
        assert (found.kind, found.code, found.provider_id) == ("failed", "machine", sid)
        assert voice.parse_callback(twilio.answered(sid, "human", AT), settings, SECRETS) == ()
        over = twilio.status(sid, "completed", AT, AnsweredBy="fax")
        assert only(voice.parse_callback(over, settings, SECRETS)).event_id == found.event_id
        voice.send(MESSAGE, calling(twilio.url, detect_machine=False), SECRETS)
        assert "MachineDetection" not in twilio.heard[1].form
    assert (form["MachineDetection"], form["AsyncAmd"]) == ("Enable", "true")
    assert form["AsyncAmdStatusCallback"] == form["StatusCallback"]


def test_the_signature_is_that_of_the_published_examples():
    fields = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
        ("Caller", "+14158675309"),
    ]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert api.signature("12345", url, fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    repeated = [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ]
    assert api.signature("12345", url, repeated) == "IK+Dwps556ElfBT0I3Rgjkr1wJU="


def test_a_callback_is_believed_only_with_its_signature_over_its_own_address():
    fields = {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "sent", "AccountSid": ACCOUNT}
    good = signed(f"{OURS}?key=K", fields, AT)
    settings = texting("https://x")

    def parsed(one: Callback, secrets=SECRETS, at=settings):
        return sms.parse_callback(one, at, secrets)

    assert len(parsed(good)) == 1
    changed = msgspec.structs.replace
    # The path is the proxy's business; the query is Twilio's.
    assert len(parsed(changed(good, path="/elsewhere?key=K"))) == 1
    old = {"auth_token": Held("new"), "auth_token_previous": Held(TOKEN)}
    assert len(parsed(good, old)) == 1
    forged = [
        changed(good, path="/callbacks/sms?key=L"),
        changed(good, body=good.body.replace(b"sent", b"read")),
        changed(good, body=b"\xff"),
        changed(good, body=b"a=1&" * 300),
        changed(good, method="GET"),
        changed(good, headers={}),
        changed(good, headers={"x-twilio-signature": "é"}),
        signed(f"{OURS}?key=K", fields, AT, token="other"),
        signed(f"{OURS}?key=K", {**fields, "AccountSid": "AC1"}, AT),
    ]
    assert all(isinstance(parsed(one), Unauthentic) for one in forged)
    assert isinstance(parsed(good, {}), Unauthentic)
    assert isinstance(parsed(good, at=texting("https://x", callback_url="")), Unauthentic)


def test_a_genuine_callback_about_another_message_is_ignored():
    settings = texting("https://x")
    for more in ({}, {"MessageSid": "../x"}, {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "odd"}):
        one = signed(OURS, {"AccountSid": ACCOUNT, **more}, AT)
        assert sms.parse_callback(one, settings, SECRETS) == ()
        assert voice.parse_callback(one, calling("https://x"), SECRETS) == ()


def test_a_call_speaks_twice_and_listens_for_the_key():
    with Twilio() as twilio:
        hostile = msgspec.structs.replace(MESSAGE, subject="A & <B>", text="it's\x00 here")
        outcome = voice.send(hostile, calling(twilio.url, voice="Polly.Amy"), SECRETS)
        (heard,) = twilio.heard
    assert isinstance(outcome, Accepted)
    assert (heard.form["To"], heard.form["Timeout"]) == (TO, "30")
    gather = ET.fromstring(heard.form["Twiml"])[0]  # noqa: S314  # our own
    assert gather.attrib == {
        "numDigits": "1",
        "timeout": "10",
        "method": "POST",
        "action": f"{OURS}?key={MESSAGE.idempotency_key}",
    }
    assert gather[0].attrib == {"language": "en-US", "voice": "Polly.Amy", "loop": "2"}
    assert gather[0].text == ("A & <B>.\nit's  here\nPress 1 to confirm that you have heard this message.")


def test_without_callbacks_a_call_only_speaks_and_claims_nothing():
    settings = calling("https://x", callback_url="")
    assert "Gather" not in voice.spoken(MESSAGE, settings)
    able = voice.capabilities(settings)
    assert (able.ack, able.ack_strength) == ("none", "none")
    assert able.receipts == {"accepted"}


def test_the_key_is_an_answer_and_another_key_is_none():
    with Twilio() as twilio:
        settings = calling(twilio.url)
        sid = voice.send(MESSAGE, settings, SECRETS).provider_id
        pressed = twilio.status(sid, "in-progress", AT, Digits="1")
        assert voice.parse_callback(pressed, settings, SECRETS) == (
            Answer(
                event_id=f"{sid}:1",
                sender=TO,
                text="1",
                provider_id=sid,
                idempotency_key=MESSAGE.idempotency_key,
                at=AT,
            ),
        )
        other = twilio.status(sid, "in-progress", AT, Digits="2")
        assert voice.parse_callback(other, settings, SECRETS) == ()
    thanks = voice.reply(pressed, settings, SECRETS)
    assert thanks.content_type == "text/xml"
    assert ET.fromstring(thanks.body)[0].text == "Thank you. Goodbye."  # noqa: S314  # our own
    assert sms.reply(pressed, texting("https://x"), SECRETS).body == b"<Response/>"


@pytest.mark.parametrize(
    ("status", "more", "kind", "code"),
    [
        ("ringing", {}, "accepted", ""),
        ("completed", {"CallDuration": "30"}, "relayed", ""),
        ("no-answer", {}, "failed", ""),
        ("busy", {"SipResponseCode": "486"}, "failed", "486"),
        ("failed", {"SipResponseCode": "<x>"}, "failed", ""),
    ],
)
def test_an_answered_call_proves_only_the_answer(status, more, kind, code):
    fields = {"CallSid": "CA" + "0a" * 16, "CallStatus": status, "AccountSid": ACCOUNT, **more}
    receipt = only(voice.parse_callback(signed(OURS, fields, AT), calling("https://x"), SECRETS))
    assert (receipt.kind, receipt.code) == (kind, code)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"sid": "SM" + "0a" * 16, "status": "accepted"}, Accepted("SM" + "0a" * 16)),
        ({"sid": "MM" + "0a" * 16, "status": "accepted"}, Accepted("MM" + "0a" * 16)),
        ({"sid": "CA" + "0a" * 16}, Unknown),
        ({"sid": "SM<script>"}, Unknown),
        ({}, Unknown),
        ([], Unknown),
    ],
)
def test_only_a_name_of_the_right_kind_is_a_yes(body, outcome):
    class Says(Twilio):
        def take(self, heard: Heard) -> tuple[int, object]:
            return 201, body

    with Says() as twilio:
        found = sms.send(MESSAGE, texting(twilio.url), SECRETS)
    assert found == outcome if isinstance(outcome, Accepted) else isinstance(found, outcome)


def test_a_message_given_up_at_once_is_refused():
    class GivesUp(Twilio):
        def take(self, heard: Heard) -> tuple[int, object]:
            return 201, {"sid": "SM" + "0a" * 16, "status": "failed", "error_code": 21614}

    with GivesUp() as twilio:
        found = sms.send(MESSAGE, texting(twilio.url), SECRETS)
    assert found == Rejected("21614", "the service refused the message with 21614", about="recipient")


def test_throttling_and_failures_are_the_transports():
    with Twilio("throttle", "fail") as twilio:
        assert sms.send(MESSAGE, texting(twilio.url), SECRETS) == Throttled(
            timedelta(seconds=7), "the service answered 429: retry later", "429"
        )
        assert isinstance(sms.send(MESSAGE, texting(twilio.url), SECRETS), Unknown)
        assert twilio.things == {}


def test_self_tests_go_to_our_own_telephone():
    with Twilio() as twilio:
        own = texting(twilio.url, own_number="+15005550099")
        assert isinstance(sms.self_test(MESSAGE, own, SECRETS), Accepted)
        ringing = calling(twilio.url, own_number="+15005550099")
        assert isinstance(voice.self_test(MESSAGE, ringing, SECRETS), Accepted)
        assert [thing["to"] for thing in twilio.things.values()] == ["+15005550099"] * 2
        assert isinstance(sms.self_test(MESSAGE, texting(twilio.url), SECRETS), Rejected)
        assert isinstance(voice.self_test(MESSAGE, calling(twilio.url), SECRETS), Rejected)


def test_a_number_can_be_taken_over_so_nothing_private_and_no_authority():
    for able in (sms.capabilities(texting("https://x")), voice.capabilities(calling("https://x"))):
        assert able.sim_swappable
        assert (able.confidentiality, able.personal_data, able.ack_strength) == ("public", "none", "seen")
        assert able.domains == {"twilio"}
    assert sms.capabilities(texting("https://x", callback_url="")).receipts == {"accepted"}
    assert sms.address_problem(TO) == voice.address_problem(TO) == ""


def test_the_lint_finds_settings_that_would_fail():
    def found(adapter, settings, secrets=SECRETS):
        return [one.what for one in adapter.lint(settings, secrets)]

    good = "https://api.twilio.com"
    assert found(sms, texting(good)) == []
    assert found(voice, calling(good)) == []
    assert found(sms, texting(good, sender="", callback_url="", own_number="1")) == [
        "without callback_url, no receipt and no answer can be received",
        "own_number: a number has the international form: + and digits only, without spaces",
        "exactly one of sender and messaging_service must be set",
    ]
    assert found(sms, texting("http://x", callback_url="http://y")) == [
        "api is http: others on the network can read the secrets",
        "callback_url is not https",
    ]
    assert found(sms, texting("ftp://x")) == ["api: the URL is neither http nor https"]
    assert found(sms, texting(good), {}) == ["the secret auth_token is missing"]
    assert found(voice, calling(good, sender="x", ring_for=1)) == [
        "sender: a number has the international form: + and digits only, without spaces",
        "ring_for is not between 5 and 600 seconds",
    ]


def test_a_key_joins_an_address_that_has_a_query_already():
    settings = texting("https://x", callback_url=f"{OURS}?channel=text")
    url = api.callback_url(MESSAGE, settings)
    assert dict(parse_qsl(url.partition("?")[2])) == {"channel": "text", "key": MESSAGE.idempotency_key}
    fields = {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "sent", "AccountSid": ACCOUNT}
    receipt = only(sms.parse_callback(signed(url, fields, AT), settings, SECRETS))
    assert receipt.idempotency_key == MESSAGE.idempotency_key


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"footer": f"Tocsin calm-otter · {MESSAGE.delivery} · journal 9:sha256:ff"}, True),
        ({"delivery": "another", "footer": "Tocsin · another · journal 9:sha256:ff"}, False),
        ({"text": "other words", "footer": f"Tocsin · {MESSAGE.delivery} · journal"}, False),
        ({"footer": f"Tocsin · {MESSAGE.delivery} · journal", "at": AT + timedelta(hours=1)}, False),
    ],
)
def test_a_message_is_found_by_text_and_delivery_without_its_footer(changes, found):
    sent = msgspec.structs.replace(
        MESSAGE, footer=f"Tocsin calm-otter · {MESSAGE.delivery} · journal 7:sha256:00"
    )
    with Twilio() as server:
        settings = texting(server.url)
        sms.send(sent, settings, SECRETS)
        asked = sms.reconcile(msgspec.structs.replace(MESSAGE, **changes), settings, SECRETS)
    assert isinstance(asked, Found) is found
