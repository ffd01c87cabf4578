"""A client of Meta's Cloud API against the simulated server, our webhooks and the error codes.

Meta ships no client and no description of this interface that is kept up. ``pywa`` is a widely used one, by somebody
who has neither seen this stand-in nor this adapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from pywa import WhatsApp, errors, utils
from pywa.types import Message, MessageStatus, PhoneNumberChange, RawUpdate
from pywa.types.templates import BodyText, TemplateLanguage

from integrations import whatsapp
from integrations.port import Accepted, Answer, Callback, Outcome, Receipt, Rejected, Throttled
from integrations.testing.conformance import AT, outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.meta import APP_SECRET, NUMBER_ID, TOKEN, Meta, error, sign
from tests.servers.stand_ins.stand_in import Heard

TO = "+15005550010"
MESSAGE = outbound(TO)
SECRETS = {"token": Held(TOKEN), "app_secret": Held(APP_SECRET), "verify_token": Held("marker-verify")}


class Refusing(Meta):
    """Refuses every message with its code."""

    code = 0

    def take(self, heard: Heard) -> tuple[int, object]:
        return 400, error(self.code)


@contextmanager
def client(server: Meta, token: str = TOKEN) -> Iterator[WhatsApp]:
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port

    def lead(request: httpx.Request) -> None:
        """Lead to the stand-in what would go to Meta, without the version before the path."""
        path = "/" + request.url.path.split("/", 2)[2]
        request.url = request.url.copy_with(scheme="http", host=host, port=port, path=path)

    with httpx.Client(trust_env=False, event_hooks={"request": [lead]}) as session:
        yield WhatsApp(
            NUMBER_ID,
            token,
            session=session,
            server=None,
            app_secret=APP_SECRET,
            verify_token="marker-verify",
        )


def settings(server: Meta, **more) -> whatsapp.Settings:
    return whatsapp.Settings(
        phone_number_id=NUMBER_ID, api=server.url, **{"template": "incident_notice", **more}
    )


def read(
    kind: type[Message] | type[MessageStatus] | type[PhoneNumberChange], there: WhatsApp, callback: Callback
):
    """Return what the client reads in a callback, once it has held its signature against the secret."""
    assert there.webhook_update_validator(callback.body, callback.headers["x-hub-signature-256"]) is None
    return kind.from_update(there, RawUpdate(callback.body, hmac_header=None, update_hash="1"))


def only(callback: Callback, server: Meta):
    found = whatsapp.parse_callback(callback, settings(server), SECRETS)
    assert isinstance(found, tuple)
    [one] = found
    return one


def test_the_client_sends_a_template_and_gets_its_name():
    with Meta() as server, client(server) as there:
        sent = there.send_template(
            TO, "incident_notice", TemplateLanguage.ENGLISH_US, [BodyText.params("Fire")], tracker="K1"
        )
    assert sent.id in server.messages
    assert server.messages[sent.id]["biz_opaque_callback_data"] == "K1"


def test_our_template_is_the_one_that_the_client_would_have_sent():
    with Meta() as server, client(server) as there:
        assert isinstance(whatsapp.send(MESSAGE, settings(server), SECRETS), Accepted)
        [ours] = server.heard
        [component] = ours.json["template"]["components"]
        there.send_template(
            TO,
            "incident_notice",
            TemplateLanguage.ENGLISH_US,
            [BodyText.params(component["parameters"][0]["text"])],
            tracker=MESSAGE.idempotency_key,
        )
        theirs = server.heard[-1]
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert _plain(ours.json) == _plain(theirs.json)


def test_our_text_is_the_one_that_the_client_would_have_sent():
    with Meta(wrote=frozenset({TO})) as server, client(server) as there:
        assert isinstance(whatsapp.send(MESSAGE, settings(server, template=""), SECRETS), Accepted)
        [ours] = server.heard
        there.send_message(TO, ours.json["text"]["body"], preview_url=False, tracker=MESSAGE.idempotency_key)
        theirs = server.heard[-1]
    assert _plain(ours.json) == _plain(theirs.json)


def _plain(said: object) -> object:
    """Leave out the plus of a number and the case of a type, which say nothing to Meta."""
    if isinstance(said, dict):
        return {
            name: str(value).lower()
            if name == "type"
            else str(value).removeprefix("+")
            if name == "to"
            else _plain(value)
            for name, value in said.items()
        }
    return [_plain(one) for one in said] if isinstance(said, list) else said


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("+15005550026", errors.MessageUndeliverable),
        ("+15005550056", errors.TooManyMessages),
        ("+15005550010", errors.ReEngagementMessage),
    ],
)
def test_the_client_reads_a_refusal_of_the_simulated_server(to, kind):
    with Meta() as server, client(server) as there, pytest.raises(kind):
        there.send_message(to, "Fire")


def test_the_client_gets_errors_for_unknown_templates_and_wrong_parameters():
    def refusal(name: str, *parameters: str) -> type:
        with Meta() as server, client(server) as there, pytest.raises(errors.WhatsAppError) as refused:
            there.send_template(TO, name, TemplateLanguage.ENGLISH_US, [BodyText.params(*parameters)])
        return type(refused.value)

    assert refusal("other", "Fire") is errors.TemplateNotExists
    assert refusal("incident_notice", "Fire", "now") is errors.TemplateParamCountMismatch


def test_the_client_gets_errors_for_invalid_tokens_and_limits():
    with Meta() as server, client(server, "other") as there, pytest.raises(errors.ExpiredAccessToken):
        there.send_message(TO, "Fire")
    with Meta("throttle") as server, client(server) as there, pytest.raises(errors.RateLimitHit) as later:
        there.send_message(TO, "Fire")
    assert later.value.status_code == 429


@pytest.mark.parametrize(
    ("status", "kind"), [("sent", "accepted"), ("delivered", "delivered"), ("read", "read")]
)
def test_the_client_and_our_adapter_read_the_same_status(status, kind):
    with Meta() as server, client(server) as there:
        sent = whatsapp.send(MESSAGE, settings(server), SECRETS)
        assert isinstance(sent, Accepted)
        callback = server.status(sent.provider_id, status, AT)
        theirs, ours = read(MessageStatus, there, callback), only(callback, server)
    assert (theirs.id, theirs.status, theirs.tracker) == (sent.provider_id, status, MESSAGE.idempotency_key)
    assert (theirs.from_user.wa_id, theirs.timestamp) == (TO[1:], AT)
    assert ours == Receipt(
        kind=kind,
        event_id=f"{sent.provider_id}:{kind}",
        provider_id=sent.provider_id,
        idempotency_key=MESSAGE.idempotency_key,
        at=AT,
    )


def test_the_client_reads_why_a_message_failed_as_we_do():
    with Meta() as server, client(server) as there:
        sent = whatsapp.send(MESSAGE, settings(server), SECRETS)
        assert isinstance(sent, Accepted)
        callback = server.status(sent.provider_id, "failed", AT, 131026)
        theirs, ours = read(MessageStatus, there, callback), only(callback, server)
    assert type(theirs.error) is errors.MessageUndeliverable
    assert (ours.kind, ours.code) == ("failed", str(theirs.error.code))


def test_the_client_reads_a_reply_as_we_do():
    with Meta() as server, client(server) as there:
        sent = whatsapp.send(MESSAGE, settings(server), SECRETS)
        assert isinstance(sent, Accepted)
        callback = server.writes(TO, "OK", AT + timedelta(minutes=1), answers=sent.provider_id)
        theirs, ours = read(Message, there, callback), only(callback, server)
    assert (theirs.text, theirs.from_user.wa_id) == ("OK", TO[1:])
    assert theirs.reply_to_message.id == sent.provider_id
    assert ours == Answer(
        event_id=theirs.id,
        sender=TO,
        also=theirs.from_user.bsuid,
        text="OK",
        provider_id=sent.provider_id,
        at=theirs.timestamp,
    )


def test_the_client_reads_a_changed_number_as_we_do():
    with Meta() as server, client(server) as there:
        callback = server.moves(TO, "user_changed_number", AT)
        theirs, ours = read(PhoneNumberChange, there, callback), only(callback, server)
    assert (f"+{theirs.old_wa_id}", theirs.id) == (ours.sender, ours.event_id)
    assert ours.moved


def test_our_named_parameters_are_those_that_the_client_would_have_sent():
    with Meta() as server, client(server) as there:
        whatsapp.send(MESSAGE, settings(server, parameters={"notice": "subject"}), SECRETS)
        named = BodyText.params(notice=MESSAGE.subject)
        there.send_template(
            TO, "incident_notice", TemplateLanguage.ENGLISH_US, [named], tracker=MESSAGE.idempotency_key
        )
        ours, theirs = server.heard
    assert _plain(ours.json) == _plain(theirs.json)


def test_our_default_is_the_version_of_the_client():
    assert whatsapp.Settings(phone_number_id=NUMBER_ID).api.endswith(f"/v{utils.Version.GRAPH_API.value}")


def test_the_client_accepts_only_callbacks_of_the_simulated_server():
    with Meta() as server, client(server) as there:
        good, bad = server.writes(TO, "OK", AT), sign(b"{}", AT, "other")
        assert there.webhook_update_validator(good.body, good.headers["x-hub-signature-256"]) is None
        assert there.webhook_update_validator(bad.body, bad.headers["x-hub-signature-256"])[1] == 403
    assert utils.webhook_updates_validator(APP_SECRET, good.body, good.headers["x-hub-signature-256"])


def test_metas_question_is_answered_as_the_client_answers_it():
    with Meta() as server, client(server) as there:
        answers = {
            token: there.webhook_challenge_handler(token, "4711") for token in ("marker-verify", "other")
        }
    for token, (said, status) in answers.items():
        path = f"/?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=4711"
        asking = Callback(method="GET", path=path, headers={}, body=b"", at=AT)
        ours = whatsapp.reply(asking, settings(server), SECRETS)
        assert ours.body.decode() == (said if status == 200 else "")


def codes(*families: type[errors.WhatsAppError]) -> list[int]:
    """Return the codes that the client counts among these families of errors."""
    return sorted(
        code
        for family in families
        for subclass in family.__subclasses__()
        for code in subclass.__error_codes__
    )


def refusals(*families: type[errors.WhatsAppError]) -> list[Outcome]:
    with Refusing() as server:
        found = []
        for server.code in codes(*families):
            found.append(whatsapp.send(MESSAGE, settings(server), SECRETS))
    return found


def test_a_permission_that_is_missing_is_the_accounts_matter_and_no_fault_of_the_message():
    outcomes = refusals(errors.AuthorizationError)
    assert len(outcomes) > 100
    assert {outcome.about for outcome in outcomes if isinstance(outcome, Rejected)} == {"account"}


def test_policy_refusals_of_meta_concern_the_account_or_the_recipient():
    outcomes = [refusal for refusal in refusals(errors.IntegrityError) if isinstance(refusal, Rejected)]
    # 130497 is about people of one country: others can still be reached.
    assert {outcome.code: outcome.about for outcome in outcomes} == {
        "368": "account",
        "131031": "account",
        "130497": "recipient",
    }


def test_rate_limit_errors_are_throttled():
    outcomes = refusals(errors.ThrottlingError)
    # 133016 is about registering a number, which is nothing that we do.
    assert {outcome.code for outcome in outcomes if not isinstance(outcome, Throttled)} == {"133016"}
    assert len(outcomes) > 5
