"""The door to integrations: data in, data out, and exercises stay inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from integrations.discovery import names
from integrations.port import Accepted, Capabilities, Finding, Found, Rejected, Throttled
from integrations.testing.chaos import ChaosServer, closed_port
from integrations.testing.conformance import answer
from runner.effects.gateway.gateway import Gateway, call
from runner.effects.gateway.translation import Held
from runner.errors import Invalid
from runner.routing.messaging import ChannelConfig, Dispatch, HttpCall
from tests.refusals import refused
from tests.servers.stand_ins.scripted import ABLE, ScriptedChannel

AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
ADDRESS = "marker-person"


def gateway(integration) -> Gateway:
    return Gateway(lambda name: integration)


def dispatch(**more) -> Dispatch:
    given = {
        "kind": "real",
        "audience": "responder",
        "address": ADDRESS,
        "text": "text",
        "subject": "subject",
        **more,
    }
    return Dispatch(delivery="d1", attempt=1, idempotency_key="K" * 32, at=AT, **given)


def scripted(*acts, config: ChannelConfig | None = None, able: Capabilities = ABLE, **more):
    integration = ScriptedChannel(acts, able=able, **more)
    door = gateway(integration)
    return integration, door, door.channel("c", config or ChannelConfig(adapter="scripted"))


@pytest.mark.parametrize(
    ("act", "state"),
    [
        ("accept", "accepted"),
        ("reject", "rejected"),
        ("throttle", "throttled"),
        ("unreachable", "not_sent"),
        ("lose_answer", "unknown"),
        ("lose_request", "unknown"),
        ("break", "unknown"),
    ],
)
def test_each_outcome_comes_out_as_a_state(act, state):
    _, door, channel = scripted(act, retry_after=timedelta(seconds=7))
    result = door.send(channel, dispatch(), {})
    assert result.state == state
    assert result.retry_after == (timedelta(seconds=7) if act == "throttle" else None)
    assert ADDRESS not in repr(result)


def test_an_integration_that_raises_leaves_an_unknown_without_its_words():
    _, door, channel = scripted("break")
    result = door.send(channel, dispatch(), {})
    assert (result.phase, "RuntimeError" in result.reason) == ("integration", True)
    assert ADDRESS not in result.reason


class Lying(ScriptedChannel):
    """An integration that keeps to no part of the port."""

    said: object = None

    def send(self, outbound, settings, secrets):
        self.sent.append(outbound)
        return self.said

    self_test = send

    def reconcile(self, outbound, settings, secrets):
        return self.said

    def open_line(self, settings, secrets):
        integration = self

        class Three:
            def send(self, outbounds):
                return (integration.said,) * 3

            def close(self):
                return None

        return Three()


@pytest.mark.parametrize(
    "said",
    [
        None,
        "accepted",
        Accepted(17),
        Accepted("17", "authorised"),
        Accepted("17", "surely"),
        Throttled(7, "later"),
        Rejected("x", None),
    ],
)
def test_an_invalid_outcome_is_unknown_with_no_evidence(said):
    integration = Lying(able=msgspec.structs.replace(ABLE, reconcile="query"))
    integration.said = said
    door = gateway(integration)
    channel = door.channel("c", ChannelConfig(adapter="x"))
    one = dispatch()
    results = [door.send(channel, one, {}), door.self_test(channel, one, {})]
    results += door.open_line(channel, {}).send([one, one, one])
    assert [(result.state, result.evidence) for result in results] == [("unknown", "none")] * 5


def test_a_line_with_too_few_outcomes_leaves_each_message_unknown():
    integration = Lying()
    integration.said = Accepted("17")
    door = gateway(integration)
    channel = door.channel("c", ChannelConfig(adapter="x"))
    assert [one.state for one in door.open_line(channel, {}).send([dispatch()] * 4)] == ["unknown"] * 4


def test_an_answer_to_a_question_that_names_a_proof_which_the_port_does_not_know_teaches_nothing():
    integration = Lying(able=msgspec.structs.replace(ABLE, reconcile="query"))
    integration.said = Found("17", "authorised")
    door = gateway(integration)
    assert door.reconcile(door.channel("c", ChannelConfig(adapter="x")), dispatch(), {}) is None


class Careless(ScriptedChannel):
    """An integration whose provider repeats the address."""

    words = "{}"

    def send(self, outbound, settings, secrets):
        return msgspec.convert(
            {"type": "rejected", "code": "5\n5", "reason": self.words.format(outbound.recipient)},
            type=type(super().send(outbound, settings, secrets)),
        )


def said(words: str, address: str = ADDRESS):
    integration = Careless(["reject"])
    integration.words = words
    door = gateway(integration)
    return door.send(door.channel("c", ChannelConfig(adapter="x")), dispatch(address=address), {})


def test_addresses_are_removed_from_the_words_of_an_integration():
    result = said("no {} " + "x" * 999)
    assert result.reason.startswith("no <address> x")
    assert len(result.reason) == 300
    assert result.code == "5 5"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("550 MARKER@EXAMPLE.ORG is unknown", "550 <address> is unknown"),
        ("550 <Marker@example.org>: unknown", "550 <<address>>: unknown"),
        ("550 <MARKER>: unknown user", "550 <address>: unknown user"),
        ("550 no marker of that name", "550 no marker of that name"),
    ],
)
def test_an_address_is_hidden_in_any_case_and_its_local_part_between_brackets(words, shown):
    assert said(words, "marker@example.org").reason == shown


class Broken(ScriptedChannel):
    """An integration that stopped taking the settings of its channels."""

    class Settings(msgspec.Struct, forbid_unknown_fields=True):
        host: str


def test_a_failure_before_the_send_is_not_sent():
    _, _, channel = scripted()
    assert gateway(Broken(["accept"])).send(channel, dispatch(), {}).state == "not_sent"
    assert gateway(Broken(["accept"])).self_test(channel, dispatch(), {}).state == "not_sent"


def test_an_integration_that_does_not_load_is_a_channel_that_cannot_be_used():
    def load(name):
        raise ImportError("no such thing")

    with refused("broken_adapter", Invalid):
        Gateway(load).channel("c", ChannelConfig(adapter="x"))


def test_an_integration_that_raises_over_its_settings_is_a_channel_that_cannot_be_used():
    class Raising(ScriptedChannel):
        def capabilities(self, settings):
            raise KeyError("host")

    with refused("channel_settings", Invalid):
        gateway(Raising(["accept"])).channel("c", ChannelConfig(adapter="x"))


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_an_exercise_cannot_leave_by_a_channel_that_is_not_allow_listed(kind):
    integration, door, channel = scripted()
    result = door.send(channel, dispatch(kind=kind), {})
    assert (result.state, result.code, result.permanent) == ("rejected", "R36", True)
    assert door.self_test(channel, dispatch(kind=kind), {}).code == "R36"
    assert integration.sent == []


@pytest.mark.parametrize("audience", ["regulator", "affected", "public"])
def test_an_exercise_never_reaches_anyone_outside_whatever_is_configured(audience):
    integration, door, channel = scripted(config=ChannelConfig(adapter="scripted", exercise=True))
    assert door.send(channel, dispatch(kind="exercise", audience=audience), {}).code == "R36"
    assert integration.sent == []


def test_an_exercise_says_so_in_every_part_of_the_message():
    integration, door, channel = scripted(config=ChannelConfig(adapter="scripted", exercise=True))
    door.send(channel, dispatch(kind="exercise", html="<p>text</p>"), {})
    door.send(channel, dispatch(kind="test"), {})
    given = ("subject", "text", "<p>text</p>")
    marks = [
        [part.removesuffix(said).strip() for part, said in zip(parts, given, strict=True) if part]
        for parts in ((one.subject, one.text, one.html) for one in integration.sent)
    ]
    assert marks == [["[EXERCISE]"] * 3, ["[SELF-TEST]"] * 2]


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_a_marked_text_is_no_longer_than_its_channel_allows(kind):
    able = msgspec.structs.replace(ABLE, max_length=40)
    config = ChannelConfig(adapter="scripted", exercise=True)
    integration, door, channel = scripted(config=config, able=able)
    door.send(channel, dispatch(kind=kind, text="x" * 40), {})
    text = integration.sent[0].text
    assert (len(text), text[0], text[-2:]) == (40, "[", "x…")
    door.send(channel, dispatch(text="x" * 41), {})
    assert integration.sent[1].text == "x" * 41, "what is real is never cut at the door"


def test_a_real_message_is_not_marked():
    integration, door, channel = scripted()
    door.send(channel, dispatch(), {})
    assert (integration.sent[0].subject, integration.sent[0].text) == ("subject", "text")


def test_a_channel_depends_on_the_domains_of_its_adapter_and_of_the_file():
    config = ChannelConfig(adapter="scripted", domains=frozenset({"m365-tenant"}), priority=3)
    _, _, channel = scripted(config=config)
    assert channel.domains == {"scripted", "m365-tenant"}
    assert channel.priority == 3
    assert not channel.exercise_safe


def test_a_machine_fails_by_declaration_unless_the_file_names_it():
    able = msgspec.structs.replace(
        ABLE, domains=frozenset({"host:here:8080"}), hosts=frozenset({"host:here"})
    )
    _, _, channel = scripted(able=able)
    assert (channel.domains, channel.hosts) == ({"host:here:8080", "host:here"}, {"host:here"})
    config = ChannelConfig(adapter="scripted", domains=frozenset({"host:here"}))
    _, _, named = scripted(config=config, able=able)
    assert (named.domains, named.hosts) == ({"host:here:8080", "host:here"}, frozenset())


def test_ceilings_may_be_raised_in_the_file_but_the_lint_says_so():
    low = msgspec.structs.replace(ABLE, confidentiality="internal", personal_data="none")
    config = ChannelConfig(adapter="scripted", confidentiality="confidential", personal_data="contact")
    _, door, channel = scripted(config=config, able=low)
    assert channel.confidentiality == "confidential"
    found = door.lint(channel, {}, AT)
    raised = [{"confidentiality", "personal_data", "scripted"} & set(one.what.split()) for one in found]
    assert raised == [{"confidentiality", "scripted"}, {"personal_data", "scripted"}]


def test_the_lint_reports_unused_secrets_and_findings_of_the_adapter():
    class Picky(ScriptedChannel):
        found = ("error", "no good", "do better")

        def lint(self, settings, secrets):
            assert repr(secrets) == "{'pasword': Held(hidden)}"
            severity, what, hint = self.found
            return (Finding(severity=severity, what=what, hint=hint),)

    able = msgspec.structs.replace(ABLE, secrets=frozenset({"password"}))
    door = gateway(Picky(able=able))
    channel = door.channel("c", ChannelConfig(adapter="x", secrets={"pasword": "env:X"}))
    own, unused = door.lint(channel, {"pasword": "p"}, AT)
    assert (own.severity, own.what, own.hint) == Picky.found
    assert (unused.severity, "pasword" in unused.what, "password" in unused.hint) == ("warning", True, True)


def test_an_unknown_adapter_is_named_with_the_nearest():
    with refused("unknown_adapter", Invalid) as caught:
        Gateway().channel("mail", ChannelConfig(adapter="smpt"))
    assert ("mail" in caught.value.message, "smpt" in caught.value.message) == (True, True)
    nearest, *installed = (word for word in re.findall(r"[\w-]+", caught.value.hint) if word in names())
    assert (nearest, installed) == ("smtp", [*names()])


def test_invalid_settings_are_reported_with_position_and_nearest_name():
    with refused("channel_settings", Invalid) as caught:
        Gateway().channel(
            "mail", ChannelConfig(adapter="smtp", settings={"host": "h", "sender": "a@b", "prot": 25})
        )
    assert [name in caught.value.message for name in ("mail", "smtp", "prot")] == [True] * 3
    assert "port" in caught.value.hint
    with refused("channel_settings", Invalid) as missing:
        Gateway().channel("mail", ChannelConfig(adapter="smtp", settings={"host": "h"}))
    assert "sender" in missing.value.message


def test_the_first_channels_are_installed():
    assert {"smtp", "webhook", "console"} <= set(names())


def test_addresses_are_judged_by_the_adapter():
    door = Gateway()
    channel = door.channel(
        "mail", ChannelConfig(adapter="smtp", settings={"host": "h", "sender": "a@b.example"})
    )
    assert door.address_problem(channel, "a@b.example") == ""
    assert "a@b" not in door.address_problem(channel, "a@b\r\nBcc: x@y")


def test_an_unanswered_attempt_can_be_asked_about_where_the_provider_answers():
    asked = msgspec.structs.replace(ABLE, reconcile="query")
    _, door, channel = scripted("lose_answer", "lose_request", able=asked)
    door.send(channel, dispatch(), {})
    found = door.reconcile(channel, dispatch(), {})
    assert found is not None
    assert (found.state, found.provider_id) == ("accepted", "scripted-1")
    absent = door.reconcile(channel, msgspec.structs.replace(dispatch(), idempotency_key="L" * 32), {})
    assert absent is not None
    assert absent.state == "not_sent"
    _, blind, mute = scripted("lose_answer")
    assert blind.reconcile(mute, dispatch(), {}) is None


def test_asking_that_fails_teaches_nothing():
    class Broken(ScriptedChannel):
        def reconcile(self, outbound, settings, secrets):
            raise OSError(outbound.recipient)

    door = gateway(Broken(able=msgspec.structs.replace(ABLE, reconcile="query")))
    assert door.reconcile(door.channel("c", ChannelConfig(adapter="x")), dispatch(), {}) is None


def test_secrets_do_not_print_themselves():
    assert "hush" not in repr({"password": Held("hush")})
    assert Held("hush").reveal() == "hush"


def http_call(port: int, **more) -> HttpCall:
    given = {
        "kind": "real",
        "url": f"http://127.0.0.1:{port}/isolate",
        "allowed_hosts": frozenset({"127.0.0.1"}),
        **more,
    }
    return HttpCall(method="POST", idempotency_key="K" * 32, at=AT, body=b"{}", **given)


def test_an_http_call_brings_back_status_and_body_and_carries_its_key():
    def script(talk):
        talk.hear_request()
        talk.say(answer("200 OK", body=b'{"job": 7}'))

    with ChaosServer(script) as server:
        result = call(http_call(server.port, headers={"X-Job": "1"}))
    assert (result.outcome.state, result.status, result.body) == ("accepted", 200, b'{"job": 7}')
    assert b"\r\nIdempotency-Key: " + b"K" * 32 in server.heard


def test_an_http_call_to_a_host_that_is_not_allowed_is_refused_before_any_socket():
    result = call(http_call(closed_port(), allowed_hosts=frozenset({"edr.internal"})))
    assert (result.outcome.state, result.outcome.code) == ("rejected", "url")
    assert "127.0.0.1" in result.outcome.reason


def test_an_exercise_makes_no_http_call():
    assert call(http_call(closed_port(), kind="exercise")).outcome.code == "R36"


@pytest.mark.parametrize(
    ("said", "limit", "read"), [("", 90, 20), ("30s", 30, 20), ("5s", 5, 5), ("1m30s", 90, 20)]
)
def test_an_attempt_takes_no_longer_than_its_channel_gives_it(said: str, limit: int, read: int):
    integration, door, channel = scripted("accept", config=ChannelConfig(adapter="scripted", timeout=said))
    door.send(channel, dispatch(), {})
    [outbound] = integration.sent
    found = (outbound.timeouts.total, outbound.timeouts.read)
    assert found == (timedelta(seconds=limit), timedelta(seconds=read))


@pytest.mark.parametrize("said", ["0s", "2m", "soon", "-5s"])
def test_a_time_that_no_attempt_can_take_is_refused(said: str):
    with refused("channel_settings", Invalid) as caught:
        scripted(config=ChannelConfig(adapter="scripted", timeout=said))
    assert "timeout" in caught.value.message
