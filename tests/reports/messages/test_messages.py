"""Deliveries: no claim exceeds the evidence, and no address is shown whole."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runner.base.states import Refusal
from runner.errors import NotFound
from runner.reports.core.action_text import command_text
from runner.reports.core.page import plain
from runner.reports.core.task_rows import titles
from runner.reports.messages.message_plan import (
    PlannedMessage,
    PlannedRecipient,
    PlanReport,
    plan_page,
    plan_report,
)
from runner.reports.messages.messages import (
    AttemptView,
    DeliveryRow,
    MessagesReport,
    ReceiptView,
    delivery_cells,
    failed_everywhere,
    message,
    message_page,
    messages,
    standing,
    unproved,
    unresolved,
)
from runner.reports.messages.messages_page import messages_page
from runner.routing.messaging import ContactPoint, DeliveryPlan, PlanStep, PlanWarning
from tests import scenario as s
from tests.refusals import refused
from tests.reports import scenes


def report_of(world: s.World) -> MessagesReport:
    return messages(world.incident, world.now, titles(world.incident, world.library))


def doubtful() -> s.World:
    world = s.World(s.message("tell", title="Tell the authority"), message_class=scenes.CAREFUL, kind="test")
    world.claim()
    scenes.refused(world)
    return world


def test_the_list_shows_the_evidence_for_each_person() -> None:
    world = scenes.trouble()
    scenes.compare("messages.list", messages_page(report_of(world), world.now))


def test_a_delivery_shows_its_attempts_and_its_blocked_channels() -> None:
    world = doubtful()
    scenes.compare("messages.show", message_page(message(world.incident, "d9"), world.now))


def test_the_json_has_the_keys_of_the_contract() -> None:
    document = scenes.document(messages(doubtful().incident))
    first = document["deliveries"][0]
    assert (document["schema"], document["kind"]) == ("tocsin/messages/v1", "test")
    assert list(first)[:7] == ["delivery", "recipient", "goal", "evidence", "state", "attempts", "refusals"]
    assert set(first["attempts"][0]) >= {"n", "channel", "state", "provider_id", "at"}
    assert first["refusals"] == [
        {"channel": "mail", "rule": "R1", "why": "depends on m365-tenant, which is compromised"}
    ]


def test_a_page_without_messages_states_so() -> None:
    world = s.World(s.task("wipe"))
    scenes.compare("messages.none", messages_page(report_of(world), world.now))


def test_a_delivery_that_is_not_there_is_refused() -> None:
    with refused("unknown_delivery", NotFound) as caught:
        message(doubtful().incident, "d7")
    assert "d7" in caught.value.message


def planned() -> PlanReport:
    mail = ContactPoint(channel="mail", address="ann.example@example.org")
    phone = ContactPoint(channel="sms", address="+4915112345667")
    ann = DeliveryPlan(
        message_class="urgent-confidential",
        person="ann",
        steps=(
            PlanStep(channel="mail", contact=mail, after=timedelta(), domains=frozenset()),
            PlanStep(channel="sms", contact=phone, after=timedelta(minutes=5), domains=frozenset()),
        ),
        refusals=(Refusal(channel="chat", rule="R1", why="depends on m365-tenant, which is compromised"),),
        warnings=(PlanWarning(rule="R7", why="both channels share one carrier"),),
    )
    bob = DeliveryPlan(
        message_class="urgent-confidential",
        person="bob",
        steps=(),
        refusals=(Refusal(channel="mail", rule="no_way", why="no email contact is known for this channel"),),
    )
    one = PlannedMessage(
        step="tell", title="Tell the responders", message_class="urgent-confidential", plans=(ann, bob)
    )
    return plan_report("i1", "calm-otter", "exercise", [one])


def test_a_plan_shows_used_and_blocked_channels_with_their_rules() -> None:
    scenes.compare("messages.plan", plan_page(planned()))


def test_a_plan_shows_no_address_whole() -> None:
    document = scenes.document(planned())
    assert [way["address"] for way in document["plan"][0]["channels"]] == ["a…@example.org", "+49…67"]


def test_a_playbook_without_messages_says_so() -> None:
    scenes.compare("messages.plan.none", plan_page(plan_report("i1", "calm-otter", "real", [])))


def test_a_planned_channel_is_hidden_after_the_message_is_cancelled() -> None:
    now = scenes.trouble().now
    row = DeliveryRow(
        delivery="d1",
        recipient="ada",
        goal="acked",
        evidence="acked",
        state="cancelled",
        attempts=(),
        refusals=(),
        channels=("mail",),
    )
    called_off = MessagesReport(
        incident="i1", codename="calm-otter", title="A test", kind="real", state="open", deliveries=(row,)
    )
    scenes.compare("messages.called-off", messages_page(called_off, now))
    assert delivery_cells(row, now)[1] == ""
    planned = msgspec.structs.replace(row, state="active", evidence="none")
    assert delivery_cells(planned, now)[1] == "mail"


def test_a_delivery_whose_channels_all_failed_is_not_shown_as_in_progress() -> None:
    now = scenes.trouble().now
    receipt = ReceiptView(kind="failed", at=now)
    first = AttemptView(n=1, channel="mail", state="accepted", provider_id="p", at=now, receipts=(receipt,))
    row = DeliveryRow(
        delivery="d1",
        recipient="ada",
        goal="acked",
        evidence="none",
        state="active",
        attempts=(first,),
        refusals=(),
        channels=("mail", "pager"),
    )
    assert (failed_everywhere(row), unproved([row])) == (False, ())
    second = AttemptView(
        n=1, channel="pager", state="rejected", provider_id="", at=now, reason="no such number"
    )
    row = msgspec.structs.replace(row, attempts=(first, second))
    assert (failed_everywhere(row), unproved([row]), standing(row)[1]) == (True, (row,), "alarm")
    report = MessagesReport(
        incident="i1", codename="calm-otter", title="A test", kind="real", state="open", deliveries=(row,)
    )
    scenes.compare("messages.failed-everywhere", messages_page(report, now))


def test_unreachable_people_with_the_same_reasons_are_grouped() -> None:
    why = (Refusal(channel="mail", rule="R8", why="carries at most internal"),)

    def planned(person: str, refusals: tuple[Refusal, ...]) -> PlannedRecipient:
        return PlannedRecipient(
            step="tell",
            title="Tell",
            message_class="x",
            recipient=person,
            channels=(),
            refusals=refusals,
            warnings=(),
        )

    plan = (planned("ada", why), planned("ben", why), planned("cleo", ()))
    page = plain(plan_page(PlanReport(incident="i", codename="c", kind="real", plan=plan, sent=0)), 100)
    (line,) = (splitline for splitline in page.splitlines() if why[0].why in splitline)
    assert {"ada,", "ben"} <= set(line.split())


def test_a_message_with_an_unknown_outcome_needs_attention_during_retries() -> None:
    world = s.World(s.message("tell", title="Alert the responders"), message_class=scenes.URGENT)
    world.outcomes["mail"] = world.outcomes["sms"] = [s.UNKNOWN] * 9
    world.work()
    found = {item.ref: item for item in report_of(world).needs_attention}
    row = next(row for row in report_of(world).deliveries if row.wanted and unresolved(row))
    assert row.next_at is not None
    item = found[row.delivery]
    assert (item.kind, item.rank) == ("outcome_unknown", 4)
    assert command_text(item.action).startswith(f"tocsin call {row.delivery}")
    assert row.delivery in {item.ref for item in scenes.shown(world).needs_attention if item.rank == 4}
    scenes.compare("messages.doubt", messages_page(report_of(world), world.now))
