"""A message goes out to a stand-in of its provider, the provider calls back, and ``message show`` says what is proved."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from integrations.port import Callback
from tests.cli.at_desk import AtDesk
from tests.servers.postgres import BOTH_STORES
from tests.servers.stand_ins import meta, signal_gateway, twilio
from tests.web.at_provider import ADA, by_signal, by_twilio, by_whatsapp, opened
from tests.web.served import Answered, Serving, address, delivery, serving

pytestmark = BOTH_STORES

_HOUR = timedelta(hours=1)


def test_twilio_says_delivered_and_the_message_shows_it(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [sid] = server.things
        with serving(tocsin) as served:
            for status in ("sent", "delivered", "delivered", "sent"):
                answered = served.call_back(server.status(sid, status, tocsin.clock.now()))
                assert (answered.status, answered.headers["content-type"], answered.body) == (
                    200,
                    "text/xml",
                    b"<Response/>",
                )
    found = delivery(tocsin)
    assert (found["evidence"], found["attempts"][0]["provider_id"]) == ("delivered", sid)
    assert [receipt["kind"] for receipt in found["attempts"][0]["receipts"]] == ["relayed", "delivered"]
    assert "delivered" in tocsin.done("message", "show", found["delivery"])
    assert served.said == [
        f"channel phone: a callback, {fate}" for fate in ("taken", "taken", "nothing", "nothing")
    ]


def test_two_servers_that_take_the_same_callbacks_at_once_keep_each_receipt_once(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [sid] = server.things
        said = [server.status(sid, status, tocsin.clock.now()) for status in ("sent", "delivered")]
        with serving(tocsin) as one, serving(tocsin) as other, ThreadPoolExecutor(8) as pool:
            calls = [(served, callback) for served in (one, other) for callback in said * 4]
            got = list(pool.map(lambda call: call[0].call_back(call[1]).status, calls))
            for callback in said:  # whoever was told "later" comes again
                assert one.call_back(callback).status == 200
    assert set(got) <= {200, 503}
    found = delivery(tocsin)
    assert found["evidence"] == "delivered"
    assert sorted(receipt["kind"] for receipt in found["attempts"][0]["receipts"]) == ["delivered", "relayed"]


def test_whatsapp_reports_a_message_as_read(tocsin: AtDesk, tmp_path: Path) -> None:
    with meta.Meta(wrote=frozenset({ADA})) as server:
        by_whatsapp(tocsin, server)
        opened(tocsin, tmp_path)
        [name] = server.messages
        with serving(tocsin) as served:
            place = address(tocsin, "phone")
            asked = served.ask("GET", f"{place}?hub.mode=subscribe&hub.verify_token=asked&hub.challenge=4711")
            assert (asked.status, asked.body) == (200, b"4711")
            for status in ("read", "delivered"):
                assert served.call_back(server.status(name, status, tocsin.clock.now()), place).status == 200
    assert delivery(tocsin)["evidence"] == "read"


def test_signal_says_delivered_by_the_gateways_post(tocsin: AtDesk, tmp_path: Path) -> None:
    with signal_gateway.SignalGateway() as server:
        by_signal(tocsin, server)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            envelope = signal_gateway.receipt(*server.sent, source=ADA)
            told = signal_gateway.posted(envelope, "made-up-password", tocsin.clock.now())
            assert served.call_back(told, address(tocsin, "phone")).status == 200
    assert delivery(tocsin)["evidence"] == "delivered"


def test_a_failure_that_comes_later_opens_the_next_channel(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [sid] = server.things
        with serving(tocsin) as served:
            failed = server.status(sid, "undelivered", tocsin.clock.now(), ErrorCode="30003")
            assert served.call_back(failed).status == 200
    [attempt] = delivery(tocsin)["attempts"]
    assert (attempt["state"], attempt["reason"]) == (
        "rejected",
        "the provider accepted the message, then failed permanently (30003)",
    )


def test_stop_ends_that_kind_of_channel_for_that_number_and_start_takes_it_back(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            says(tocsin, served, "Stop.", "0a")
            assert [(refusal["channel"], refusal["rule"]) for refusal in refusals(tocsin)] == [
                ("phone", "R25")
            ]
            says(tocsin, served, "START", "0b")
            assert refusals(tocsin) == []


def says(tocsin: AtDesk, served: Serving, text: str, name: str, sender: str = ADA) -> None:
    """Send a text back to us, as Twilio hands it on."""
    fields = {"MessageSid": "SM" + name * 16, "SmsStatus": "received", "AccountSid": twilio.ACCOUNT}
    url = f"https://callbacks.example.org{address(tocsin, 'phone')}"
    said = {**fields, "From": sender, "Body": text}
    assert served.call_back(twilio.signed(url, said, tocsin.clock.now())).status == 200


def refusals(tocsin: AtDesk) -> list[dict[str, Any]]:
    return list(tocsin("message", "plan", "--format", "json").json["plan"][0]["refusals"])


def decisions(tocsin: AtDesk) -> list[dict[str, Any]]:
    """Return the open tasks in which a person decides whether a text was a STOP."""
    tasks = tocsin("status", "--format", "json").json["tasks"]
    return [task for task in tasks if task["step"] == "decide" and task["state"] == "ready"]


def test_the_origin_of_an_opt_out_is_shown_with_the_refusal(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            says(tocsin, served, "stop please", "0a")
    assert "heard: a STOP over phone" in refusals(tocsin)[0]["why"]
    assert decisions(tocsin) == []


def test_a_text_that_may_mean_stop_rests_the_channel_and_one_person_decides_within_ten_business_days(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            says(tocsin, served, "who is this? take me off and stop this", "0a")
            assert [(refusal["channel"], refusal["rule"]) for refusal in refusals(tocsin)] == [
                ("phone", "R25")
            ]
            says(tocsin, served, "I said stop this", "0b")
    [task] = decisions(tocsin)
    assert datetime.fromisoformat(task["due"]) - tocsin.clock.now() == timedelta(days=14)
    notes = [
        entry for entry in tocsin("timeline", "--format", "json").json["entries"] if "stop this" in str(entry)
    ]
    assert len(notes) == 1
    lifted = tocsin.done("person", "stop", "ada", "phone", "--how", "Ada says it was a joke", "--lift")
    assert "ada" in lifted
    assert refusals(tocsin) == []


def test_an_acknowledgement_that_speaks_of_stopping_counts_and_is_judged_all_the_same(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [text] = [thing["body"] for thing in server.things.values()]
        code = re.findall(r"\b[A-Z0-9]{6}\b", text)[-1]
        with serving(tocsin) as served:
            says(tocsin, served, f"{code} will stop the server", "0a")
    assert delivery(tocsin)["evidence"] == "read"  # the most that a text message proves
    assert (len(decisions(tocsin)), refusals(tocsin)) == (1, [])


def test_start_without_a_stop_is_an_answer_like_any_other(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        with serving(tocsin) as served:
            says(tocsin, served, "yes", "0a")
            assert refusals(tocsin) == []
            says(tocsin, served, "STOP", "0b")
            says(tocsin, served, "yes", "0c")
    assert refusals(tocsin) == []


def test_a_stop_that_a_person_heard_is_recorded_with_how(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        assert tocsin("person", "stop", "ada", "phone").error == "option_missing"
        tocsin.done("person", "stop", "ada", "phone", "--how", "on the hotline, to Ben")
    [why] = refusals(tocsin)
    assert (why["rule"], "heard: on the hotline, to Ben" in why["why"]) == ("R25", True)


def test_stop_between_the_plan_and_the_send_keeps_the_message_from_being_sent(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with twilio.Twilio("throttle") as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        assert server.things == {}
        with serving(tocsin) as served:
            fields = {"MessageSid": "SM" + "0a" * 16, "SmsStatus": "received", "AccountSid": twilio.ACCOUNT}
            url = f"https://callbacks.example.org{address(tocsin, 'phone')}"
            kind = twilio.signed(url, {**fields, "From": ADA, "Body": "STOP"}, tocsin.clock.now())
            assert served.call_back(kind).status == 200
        tocsin.clock.advance(_HOUR)
        tocsin("worker", "--once")
        assert server.things == {}


def test_an_opt_out_that_the_provider_knows_already_is_a_stop_at_once(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio() as server:
        by_twilio(tocsin, server)
        twilio.BAD_NUMBERS[ADA] = 21610
        try:
            opened(tocsin, tmp_path)
        finally:
            del twilio.BAD_NUMBERS[ADA]
    [attempt] = delivery(tocsin)["attempts"]
    assert (attempt["state"], attempt["receipts"]) == ("rejected", [])
    [one] = refusals(tocsin)
    assert (one["rule"], "heard: an opt-out that phone reported" in one["why"]) == ("R25", True)


def test_a_whatsapp_opt_out_applies_to_the_answered_person_or_asks(tocsin: AtDesk, tmp_path: Path) -> None:
    with meta.Meta(wrote=frozenset({ADA})) as server:
        by_whatsapp(tocsin, server)
        opened(tocsin, tmp_path)
        [name] = server.messages

        def writes(served: Serving, **more: object) -> None:
            message = {"from_user_id": "US.1349", "id": f"wamid.{len(more)}", **more}
            said = meta.webhook({"messages": [message]}, tocsin.clock.now())
            assert served.call_back(said, address(tocsin, "phone")).status == 200

        with serving(tocsin) as served:
            writes(served, type="text", text={"body": "STOP"})
            assert (len(decisions(tocsin)), refusals(tocsin)) == (1, [])
            reply = {"type": "button_reply", "button_reply": {"id": "1", "title": "Stop"}}
            writes(served, type="interactive", interactive=reply, context={"id": name})
    assert [refusal["rule"] for refusal in refusals(tocsin)] == ["R25"]


class Early(signal_gateway.SignalGateway):
    """A gateway whose receipt is faster than its answer: it names a message that has no name here yet."""

    call: Callable[[Callback], Answered]
    at: datetime

    def take(self, heard):
        answer = super().take(heard)
        if heard.method == "POST":
            envelope = signal_gateway.receipt(*self.sent, source=ADA)
            self.got = self.call(signal_gateway.posted(envelope, "made-up-password", self.at))
        return answer


def test_an_early_receipt_is_stored_across_a_restart(tocsin: AtDesk, tmp_path: Path) -> None:
    with Early() as server:
        by_signal(tocsin, server)
        place = address(tocsin, "phone")
        with serving(tocsin) as served:
            server.call, server.at = lambda callback: served.call_back(callback, place), tocsin.clock.now()
            opened(tocsin, tmp_path)
    assert (server.got.status, delivery(tocsin)["evidence"]) == (200, "accepted")
    with serving(tocsin) as served:
        served.callbacks.inbox.again()
        assert delivery(tocsin)["evidence"] == "delivered"


class Opted(twilio.Twilio):
    """A provider that tells of an opt-out before it answers, from an address that an older account gave it, without our key."""

    call: Callable[[Callback], Answered]
    url: str
    at: datetime

    def take(self, heard):
        answer = super().take(heard)
        if heard.method == "POST":
            [sid] = self.things
            said = {"MessageSid": sid, "MessageStatus": "failed", "ErrorCode": "21610"}
            told = {**said, "AccountSid": twilio.ACCOUNT, "To": ADA}
            self.got = self.call(twilio.signed(self.url, told, self.at))
        return answer


def test_an_opt_out_that_came_before_we_knew_the_messages_name_is_kept_with_its_receipt(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with Opted() as server:
        by_twilio(tocsin, server)
        server.url = f"https://callbacks.example.org{address(tocsin, 'phone')}"
        with serving(tocsin) as served:
            server.call, server.at = served.call_back, tocsin.clock.now()
            opened(tocsin, tmp_path)
            assert server.got.status == 200
            served.callbacks.inbox.again()
    assert delivery(tocsin)["attempts"][0]["state"] == "rejected"
    [refused] = tocsin("message", "plan", "--format", "json").json["plan"][0]["refusals"]
    assert (refused["channel"], refused["rule"]) == ("phone", "R25")


def test_a_provider_with_a_query_is_asked_at_once_after_a_lost_answer(tocsin: AtDesk, tmp_path: Path) -> None:
    with twilio.Twilio("lose_answer") as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        [sid] = server.things
        assert [heard.method for heard in server.heard] == ["POST", "GET"]
    [attempt] = delivery(tocsin)["attempts"]
    assert (attempt["state"], attempt["provider_id"]) == ("accepted", sid)


class Late(twilio.Twilio):
    """A provider whose list shows a message only after a while."""

    shows = False

    def take(self, heard):
        status, answer = super().take(heard)
        return (status, answer) if heard.method == "POST" or self.shows else (200, {"messages": []})


def test_an_attempt_without_an_answer_is_asked_about_again_by_the_worker(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    with Late("lose_answer") as server:
        by_twilio(tocsin, server)
        opened(tocsin, tmp_path)
        assert delivery(tocsin)["attempts"][0]["state"] == "unknown"
        server.shows = True
        tocsin("worker", "--once")
        assert delivery(tocsin)["attempts"][0]["state"] == "unknown"
        tocsin.clock.advance(timedelta(seconds=10))
        tocsin("worker", "--once")
        [sid] = server.things
    [attempt] = delivery(tocsin)["attempts"]
    assert (attempt["state"], attempt["provider_id"]) == ("accepted", sid)
