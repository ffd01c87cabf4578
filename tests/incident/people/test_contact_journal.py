"""What is recorded about people between incidents, laid over the home's file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from runner.incident.people.contact_journal import (
    AnyPeopleEvent,
    ContactStopped,
    People,
    PersonAdded,
    PersonFiled,
    PersonForgotten,
    RoleHeld,
    fold_people,
)
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Person

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)
NUMBER = ContactPoint(channel="phone", address="+15005550006")
HOME = People({"ada": Person(name="Ada", contacts=(NUMBER,)), "ben": Person(name="Ben")}, {})


def stops(*events: AnyPeopleEvent) -> dict[str, datetime]:
    dated = [(T0 + timedelta(hours=n), event) for n, event in enumerate(events)]
    [contact] = fold_people(HOME, dated).people["ada"].contacts
    return dict(contact.stopped)


def stop(*, stopped: bool = True, adapter: str = "twilio_sms") -> ContactStopped:
    return ContactStopped(person="ada", by="tocsin", adapter=adapter, address=NUMBER.address, stopped=stopped)


def test_a_stop_is_of_one_address_and_one_kind_of_channel() -> None:
    assert stops(stop()) == {"twilio_sms": T0}
    assert stops(stop(), stop(adapter="whatsapp")) == {
        "twilio_sms": T0,
        "whatsapp": T0 + timedelta(hours=1),
    }


def test_an_opt_out_can_be_withdrawn() -> None:
    assert stops(stop(), stop(stopped=False)) == {}


def test_writing_the_same_address_down_again_takes_no_stop_back() -> None:
    again = PersonAdded(person="ada", by="maria", name="Ada", contacts=(NUMBER,))
    assert stops(stop(), again) == {"twilio_sms": T0}


def test_an_imported_opt_out_ends_only_by_a_later_opt_in() -> None:
    stopped = msgspec.structs.replace(NUMBER, stopped={"smpp": T0 + timedelta(minutes=30)})
    card = PersonFiled(person="ada", by="maria", card=Person(name="Ada", contacts=(stopped,)))
    assert set(stops(card)) == {"smpp"}
    assert set(stops(stop(stopped=False, adapter="smpp"), card)) == {"smpp"}
    assert stops(card, stop(stopped=False, adapter="smpp")) == {}


def test_a_card_contains_known_data_and_forgotten_people_hold_no_role() -> None:
    card = Person(name="Ada Adler", zone="Europe/Berlin")
    events: list[AnyPeopleEvent] = [
        PersonFiled(person="ada", by="maria", card=card),
        RoleHeld(person="ada", by="maria", role="counsel", persons=("ada", "ben")),
        PersonForgotten(person="ben", by="maria"),
    ]
    people = fold_people(HOME, [(T0, event) for event in events])
    assert (people.people, people.roles) == ({"ada": card}, {"counsel": ("ada",)})
