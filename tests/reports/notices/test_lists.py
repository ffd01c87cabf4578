"""The lists of incidents, people and notices."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runner.errors import NotFound
from runner.reports.incidents.incidents import incidents, incidents_page
from runner.reports.notices.notices import notice, notice_page, notices, notices_page
from runner.reports.people.people import people, people_page
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Person
from runner.store.port import IncidentRow
from tests import scenario as s
from tests.refusals import refused
from tests.reports import scenes

ROWS = [
    IncidentRow(
        id=f"i-{n}",
        codename=codename,
        title=title,
        kind=kind,
        state=state,
        opened_at=s.T0 - timedelta(hours=n),
        version=n,
        next_due=s.T0 + timedelta(minutes=90) if n == 2 else None,
        has_work=n == 3,
    )
    for n, codename, title, kind, state in (
        (1, "amber-owl", "Last year's laptop", "real", "closed"),
        (2, "calm-otter", "A laptop was taken from a train", "real", "open"),
        (3, "misty-fern", "The autumn drill", "exercise", "open"),
        (4, "pale-crow", "A letter to the wrong person", "real", "paused"),
    )
]
PEOPLE = {
    "ann": Person(
        name="Ann Example",
        contacts=(
            ContactPoint(
                channel="email",
                address="ann.example@example.org",
                domains=frozenset({"m365-tenant"}),
                verified_at=s.T0 - timedelta(days=9),
            ),
            ContactPoint(channel="phone", address="+4915112345667"),
            ContactPoint(channel="hook", address="https://hooks.example.org/secret/path"),
        ),
    ),
    "bob": Person(name="Bob", away=True, alternate="ann"),
}
ROLES = {"lead": ("ann", "bob"), "counsel": (), "commander": ("ann",)}


def test_open_incidents_are_listed_and_ended_ones_folded() -> None:
    scenes.compare("incidents.open", incidents_page(incidents(ROWS, s.T0, "i-2")), 110)


def test_all_incidents_can_be_listed() -> None:
    scenes.compare("incidents.all", incidents_page(incidents(ROWS, s.T0), everything=True), 110)


def test_no_open_incident_is_said() -> None:
    scenes.compare("incidents.none", incidents_page(incidents([], s.T0)))


def test_the_list_of_incidents_is_a_document() -> None:
    document = scenes.document(incidents(ROWS, s.T0, "i-2"))
    assert document["schema"] == "tocsin/incidents/v1"
    assert [incident["incident"] for incident in document["incidents"]] == ["i-2", "i-3", "i-4", "i-1"]
    assert [incident["chosen"] for incident in document["incidents"]] == [True, False, False, False]


def test_people_are_listed_with_their_addresses_masked() -> None:
    scenes.compare("people", people_page(people(PEOPLE, ROLES), s.T0))
    text = msgspec.json.encode(people(PEOPLE, ROLES)).decode()
    assert not any(word in text for word in ("ann.example", "151123", "secret"))


def test_an_empty_people_page_shows_how_to_add_a_person() -> None:
    scenes.compare("people.none", people_page(people({}, {}), s.T0))


def signed() -> s.World:
    world = scenes.signing(kind="test")
    scenes.sign(world, "eve")
    return world


def test_rendered_notices_are_listed_with_their_standing() -> None:
    world = signed()
    scenes.compare("notices.list", notices_page(notices(world.incident), world.now), 120)


def test_a_notice_shows_its_files_gaps_and_approvals() -> None:
    world = signed()
    documents = {
        name: msgspec.structs.replace(one, gaps=("missing: dpo.name", "to_follow: people.total"))
        for name, one in world.incident.documents.items()
    }
    incident = msgspec.structs.replace(world.incident, documents=documents)
    first = next(iter(documents))
    scenes.compare("notices.show", notice_page(notice(incident, first)))


def test_a_fact_that_was_recorded_since_is_not_missing_information() -> None:
    world = signed()
    world.fact("people.total", 40)
    documents = {
        name: msgspec.structs.replace(one, gaps=("missing: dpo.name", "to_follow: people.total"))
        for name, one in world.incident.documents.items()
    }
    incident = msgspec.structs.replace(world.incident, documents=documents)
    row = notice(incident, next(iter(documents))).notice
    assert (row.open_gaps, row.answered) == (("missing: dpo.name",), ("to_follow: people.total",))
    scenes.compare("notices.outdated", notice_page(notice(incident, row.document)))


def test_an_approval_of_other_bytes_no_longer_binds() -> None:
    world = signed()
    documents = {
        n: msgspec.structs.replace(d, digest="sha256:new") for n, d in world.incident.documents.items()
    }
    incident = msgspec.structs.replace(world.incident, documents=documents)
    report = notice(incident, next(iter(documents)))
    assert [approval.binds for approval in report.notice.approvals] == [False]
    scenes.compare("notices.void", notice_page(report), 120)


def test_a_notice_that_was_not_rendered_is_refused() -> None:
    with refused("unknown_notice", NotFound) as found:
        notice(signed().incident, "letter")
    assert ("letter" in found.value.message, "gdpr-33-initial" in found.value.hint) == (True, True)
    none = notices(s.World(s.task("a")).incident)
    assert none.notices == ()
    scenes.compare("notices.none", notices_page(none, s.T0))
