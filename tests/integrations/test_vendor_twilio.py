"""Twilio's own client and validator against the simulated server.

A stand-in and an adapter by the same author can agree and both be wrong; the package ``twilio`` is by Twilio.
"""

from __future__ import annotations

import inspect
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance, CallList
from twilio.rest.api.v2010.account.message import MessageInstance, MessageList
from twilio.twiml.voice_response import Gather, VoiceResponse

from integrations.port import Accepted, Callback, Receipt, Unauthentic
from integrations.testing.conformance import AT, outbound
from integrations.twilio import sms, voice
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.twilio import ACCOUNT, TOKEN, Twilio, signed

OURS = "https://tocsin.example/callbacks/sms"
SECRETS = {"auth_token": Held(TOKEN)}
TO, FROM = "+15005550010", "+15005550006"
MESSAGE = msgspec.structs.replace(outbound(TO), deadline=AT + timedelta(hours=9))


class ToStandIn(TwilioHttpClient):
    """Twilio's transport, with the one host that it knows put in the place of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(pool_connections=False)
        self.url = url

    def request(self, method, url, *given, **named):
        return super().request(method, url.replace("https://api.twilio.com", self.url), *given, **named)


def client(server: Twilio, token: str = TOKEN) -> Client:
    # An environment without anything of Twilio's; an empty one would be taken for none given.
    return Client(ACCOUNT, token, http_client=ToStandIn(server.url), environment={"HOME": "/"})


def texting(url: str, callback_url: str = OURS) -> sms.Settings:
    return sms.Settings(account=ACCOUNT, api=url, sender=FROM, callback_url=callback_url)


def calling(url: str) -> voice.Settings:
    return voice.Settings(account=ACCOUNT, api=url, sender=FROM, callback_url=OURS)


def named(listed: type[MessageList] | type[CallList]) -> set[str]:
    """Return the names of the form fields that the client's ``create`` writes."""
    return set(re.findall(r'"([A-Z]\w+)": ', inspect.getsource(listed._create)))


def values(described: type) -> set[str]:
    return {value for name, value in vars(described).items() if not name.startswith("_")}


def test_twilios_client_sends_a_message_fetches_it_and_finds_it_in_the_list():
    with Twilio() as server:
        there = client(server)
        sent = there.messages.create(to=TO, from_=FROM, body="Fire", status_callback=OURS)
        server.status(sent.sid, "delivered", AT)
        fetched = there.messages(sent.sid).fetch()
        [listed] = there.messages.list(to=TO)
        assert there.messages.list(to="+15005550011") == []
    assert (sent.status, fetched.status, listed.sid) == ("queued", "delivered", sent.sid)
    assert (listed.to, listed.from_, listed.body, listed.error_code) == (TO, FROM, "Fire", None)
    assert (listed.date_created.year, listed.date_created.utcoffset()) == (2026, timedelta(0))


def test_twilios_client_makes_a_call_and_fetches_it():
    with Twilio() as server:
        there = client(server)
        made = there.calls.create(to=TO, from_=FROM, twiml="<Response/>", timeout=30)
        fetched = there.calls(made.sid).fetch()
    assert (fetched.sid, fetched.status, fetched.to) == (made.sid, "queued", TO)


@pytest.mark.parametrize(
    ("to", "code"), [("+15005550001", 21211), ("+15005550009", 21614), ("+15005550004", 21610)]
)
def test_twilios_client_reads_a_refusal_of_the_simulated_server(to, code):
    with Twilio() as server, pytest.raises(TwilioRestException) as refused:
        client(server).messages.create(to=to, from_=FROM, body="Fire")
    assert (refused.value.status, refused.value.code) == (400, code)


def test_twilios_client_gets_errors_for_credentials_missing_items_and_limits():
    def code(server: Twilio, token: str = TOKEN) -> tuple[int, int]:
        with server, pytest.raises(TwilioRestException) as refused:
            client(server, token).messages("SM" + "0a" * 16).fetch()
        return refused.value.status, refused.value.code

    assert code(Twilio(), "other") == (401, 20003)
    assert code(Twilio()) == (404, 20404)
    assert code(Twilio("throttle")) == (429, 20429)


@pytest.mark.parametrize(
    ("kind", "model", "create"),
    [
        ("messages", MessageInstance, {"body": "Fire"}),
        ("calls", CallInstance, {"twiml": "<Response/>"}),
    ],
)
def test_the_simulated_server_returns_only_fields_that_twilio_returns(kind, model, create):
    known = set(re.findall(r'payload\.get\(\s*"(\w+)"', inspect.getsource(model.__init__)))
    with Twilio() as server:
        made = getattr(client(server), kind).create(to=TO, from_=FROM, **create)
        _, told = server._one(made.sid)
    assert set(told) <= known


def test_our_forms_hold_only_fields_that_twilio_describes():
    with Twilio() as server:
        assert isinstance(sms.send(MESSAGE, texting(server.url), SECRETS), Accepted)
        assert isinstance(voice.send(outbound(TO), calling(server.url), SECRETS), Accepted)
        text, call = (heard.form for heard in server.heard)
    assert {"To", "From", "Body"} <= set(text) <= named(MessageList)
    assert {"To", "From", "Twiml"} <= set(call) <= named(CallList)


def test_our_message_is_the_one_that_twilios_client_would_have_sent():
    with Twilio() as server:
        sms.send(MESSAGE, texting(server.url), SECRETS)
        [ours] = server.heard
        client(server).messages.create(
            to=TO,
            from_=FROM,
            body=ours.form["Body"],
            status_callback=f"{OURS}?key={MESSAGE.idempotency_key}",
            validity_period=9 * 3600,
        )
        theirs = server.heard[-1]
    assert (ours.method, ours.path, ours.form) == (theirs.method, theirs.path, theirs.form)
    assert ours.headers["authorization"] == theirs.headers["authorization"]


def test_our_call_and_its_end_are_those_of_twilios_client():
    with Twilio() as server:
        settings = calling(server.url)
        made = voice.send(outbound(TO), settings, SECRETS)
        assert isinstance(made, Accepted)
        assert isinstance(voice.recall(outbound(TO), made.provider_id, settings, SECRETS), Accepted)
        ours, ending = server.heard
        there, back = client(server), f"{OURS}?key={outbound(TO).idempotency_key}"
        again = there.calls.create(
            to=TO,
            from_=FROM,
            twiml=ours.form["Twiml"],
            timeout=30,
            status_callback=back,
            status_callback_event=["completed"],
            machine_detection="Enable",
            async_amd="true",
            async_amd_status_callback=back,
        )
        ended = there.calls(again.sid).update(status=CallInstance.UpdateStatus.COMPLETED)
        theirs, their_end = server.heard[2:]
    assert (ours.method, ours.path, ours.form) == (theirs.method, theirs.path, theirs.form)
    assert ended.status == "completed"
    assert (ending.method, ending.form) == (their_end.method, their_end.form)
    assert ending.path == their_end.path.replace(again.sid, made.provider_id)


def test_twilios_client_finds_a_message_that_we_sent():
    with Twilio() as server:
        sent = sms.send(MESSAGE, texting(server.url), SECRETS)
        assert isinstance(sent, Accepted)
        [listed] = client(server).messages.list(to=TO)
    assert (listed.sid, listed.account_sid, listed.direction) == (sent.provider_id, ACCOUNT, "outbound-api")


def test_every_state_that_twilio_describes_says_something_to_us():
    def told(adapter, prefix: str, state: str) -> tuple:
        fields = {f"{'Message' if prefix == 'SM' else 'Call'}Status": state, "AccountSid": ACCOUNT}
        fields["MessageSid" if prefix == "SM" else "CallSid"] = prefix + "0a" * 16
        found = adapter.parse_callback(signed(f"{OURS}?key=K", fields, AT), texting("http://x"), SECRETS)
        assert not isinstance(found, Unauthentic)
        return found

    # What comes in has no state to report, and a message to several people in one is nothing that we send.
    outgoing = values(MessageInstance.Status) - {"receiving", "received", "partially_delivered"}
    assert [state for state in outgoing if not told(sms, "SM", state)] == []
    assert [state for state in values(CallInstance.Status) if not told(voice, "CA", state)] == []


def test_our_call_matches_the_output_of_twilios_own_builder():
    with Twilio() as server:
        voice.send(outbound(TO), calling(server.url), SECRETS)
        ours = ET.fromstring(server.heard[0].form["Twiml"])  # noqa: S314  # our own
    spoken = ours.find("Gather/Say")
    listening = Gather(
        num_digits=1, timeout=10, method="POST", action=f"{OURS}?key={outbound(TO).idempotency_key}"
    )
    listening.say(spoken.text, language=spoken.attrib["language"], loop=2)
    theirs = VoiceResponse()
    theirs.append(listening)
    assert ET.canonicalize(ET.tostring(ours)) == ET.canonicalize(str(theirs))


def test_twilios_validator_accepts_only_callbacks_of_the_simulated_server():
    with Twilio() as server:
        sms.send(MESSAGE, texting(server.url), SECRETS)
        [sid] = server.things
        callback = server.status(sid, "delivered", AT, Body="é & = +")
    url = f"https://tocsin.example{callback.path}"
    fields = dict(parse_qsl(callback.body.decode(), keep_blank_values=True))
    header = callback.headers["x-twilio-signature"]
    assert RequestValidator(TOKEN).validate(url, fields, header)
    assert not RequestValidator("other").validate(url, fields, header)
    assert not RequestValidator(TOKEN).validate(url, {**fields, "MessageStatus": "failed"}, header)


@pytest.mark.parametrize(
    ("set_up", "signed_as"),
    [
        (OURS, OURS),
        ("https://tocsin.example:8443/sms", "https://tocsin.example:8443/sms"),
        # Twilio signs with the port or without it, and its validator takes both.
        ("https://tocsin.example:8443/sms", "https://tocsin.example/sms"),
        (OURS, "https://tocsin.example:443/callbacks/sms"),
    ],
)
def test_our_adapter_accepts_callbacks_signed_by_twilios_validator(set_up, signed_as):
    fields = {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "delivered", "AccountSid": ACCOUNT}
    url = f"{signed_as}?key={MESSAGE.idempotency_key}"
    made = RequestValidator(TOKEN).compute_signature(url, fields)
    assert RequestValidator(TOKEN).validate(f"{set_up}?key={MESSAGE.idempotency_key}", fields, made)
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    parts = urlsplit(url)
    callback = Callback(
        method="POST",
        path=f"{parts.path}?{parts.query}",
        headers={"x-twilio-signature": made},
        body=body,
        at=AT,
    )
    found = sms.parse_callback(callback, texting("http://x", set_up), SECRETS)
    assert isinstance(found, tuple)
    [receipt] = found
    assert isinstance(receipt, Receipt)
    assert (receipt.kind, receipt.idempotency_key) == ("delivered", MESSAGE.idempotency_key)
