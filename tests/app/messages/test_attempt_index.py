"""Attempts are found by channel and name; a store that is briefly busy hides none of them permanently."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from runner.app.core.incident_service import IncidentService
from runner.app.messages.replies import Whereabouts
from runner.errors import Sealed, StoreLocked
from runner.incident.state.campaigns import CampaignView
from runner.incident.state.incident import Incident
from runner.routing.messaging import SendResult
from tests.scenario import World, message

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
NAMED = SendResult(state="accepted", provider_id="SM1 SM2", evidence="accepted")


def sent(*outcomes: SendResult) -> Incident:
    world = World(message("m"), roles={"lead": "ann"}, channels=("sms",))
    world.outcomes["sms"] = [*outcomes]
    world.work()
    return world.incident


class Office:
    """A desk with one incident, which it cannot read as long as there are troubles."""

    def __init__(self, incident: Incident, *troubles: Exception) -> None:
        self.incident, self.troubles = incident, list(troubles)
        row = SimpleNamespace(id="i1", kind="real", state="open", version=incident.version)
        self.store: Any = SimpleNamespace(changed=lambda: "1")
        self.incidents = lambda: [row]
        self.principal = "the program"
        self.campaign_tables: Any = None

    def load(self, name: str) -> Incident:
        if self.troubles:
            raise self.troubles.pop(0)
        return self.incident


def where(office: Office) -> Whereabouts:
    return Whereabouts(cast(IncidentService, office))


def test_an_attempt_is_found_by_each_of_its_names_and_by_its_key() -> None:
    incident = sent(NAMED)
    whereabouts = where(Office(incident))
    whereabouts.refresh()
    [attempt] = incident.deliveries["d1-ann"].attempts
    places = {
        whereabouts.find("sms", "SM1", ""),
        whereabouts.find("sms", "SM2", ""),
        whereabouts.find("sms", "", attempt.key),
    }
    assert [(place.delivery, place.n, place.person) for place in places if place] == [("d1-ann", 1, "ann")]
    assert whereabouts.find("mail", "SM1", attempt.key) is None
    assert whereabouts.find("sms", "", "") is None


def test_a_name_that_nothing_has_yet_is_of_the_attempt_that_has_no_name() -> None:
    incident = sent(NAMED)
    delivery = incident.deliveries["d1-ann"]
    [first] = delivery.attempts
    nameless = msgspec.structs.replace(first, state="unknown", provider_id="")
    second = msgspec.structs.replace(first, n=2)
    both = msgspec.structs.replace(delivery, attempts=(nameless, second))
    whereabouts = where(Office(msgspec.structs.replace(incident, deliveries={"d1-ann": both})))
    whereabouts.refresh()
    by_key = [whereabouts.find("sms", name, first.key) for name in ("SM9", "SM1", "")]
    assert [one.n for one in by_key if one] == [1, 2, 2]


def test_a_busy_store_is_asked_again_and_a_shredded_incident_is_not() -> None:
    office = Office(sent(NAMED), StoreLocked("busy"))
    whereabouts = where(office)
    with pytest.raises(StoreLocked):
        whereabouts.refresh()
    whereabouts.refresh()
    assert whereabouts.find("sms", "SM1", "") is not None
    shredded = where(Office(sent(NAMED), Sealed("gone", code="shredded")))
    shredded.refresh()
    shredded.refresh()
    assert shredded.find("sms", "SM1", "") is None


def test_a_campaign_is_in_progress_as_soon_as_the_journal_says_so() -> None:
    view = CampaignView(id="b-1", notice="letter", list_name="people.csv", owed=1, at=AT, state="sending")
    office = Office(msgspec.structs.replace(sent(NAMED), campaigns={"b-1": view}))
    planned = SimpleNamespace(state="planned", campaign=SimpleNamespace(channels={"email": "relay"}))
    office.campaign_tables = lambda principal: SimpleNamespace(campaign=lambda name: planned)
    whereabouts = where(office)
    whereabouts.refresh()
    assert whereabouts.under_way("relay")
