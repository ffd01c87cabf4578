"""The same machine on the one message that must arrive: levels, reminders, answers and calls, in any order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from runner.incident.state import commands as c
from runner.incident.state.messages import ReceiptTaken
from runner.routing.messaging import MessageClass
from tests.incident.messages.test_machine import CALLING, STAND_INS, Machine
from tests.scenario import HOUR, MINUTE, World, message, task


class Calling(Machine):
    """One incident that tells two persons, two stand-ins and one above them."""

    @initialize(kind=st.sampled_from(CALLING))
    def open(self, kind: MessageClass) -> None:
        self.start(
            World(
                message("m"),
                task("z", after="m"),
                roles={"lead": "ann bob"},
                message_class=kind,
                stand_ins=STAND_INS,
                above="eve",
            )
        )
        self.world.work()

    @rule(by=st.sampled_from([timedelta(), MINUTE, 10 * MINUTE, 40 * MINUTE, HOUR]))
    def time_passes_and_all_is_done(self, by: timedelta) -> None:
        self.world.advance(by)
        self.pending.clear()
        self.world.recover()
        self.world.work()

    @rule(data=st.data(), kind=st.sampled_from(["accepted", "delivered", "read", "failed", "stopped"]))
    def a_receipt_comes(self, data: st.DataObject, kind: str) -> None:
        tries = [(d.id, a.n) for d in self.world.incident.deliveries.values() for a in d.attempts]
        if tries:
            name, n = data.draw(st.sampled_from(tries))
            event = f"{kind}-{name}-{n}"
            self.give(c.TakeReceipt(event=ReceiptTaken(delivery=name, n=n, kind=kind, event=event)))


TestCalling = Calling.TestCase
TestCalling.settings = settings(
    max_examples=80,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
