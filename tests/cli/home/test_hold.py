"""A legal hold: nothing of the incident is erased, and no job asks for it, until a person releases the hold."""

from __future__ import annotations

from datetime import timedelta

from tests.cli.at_desk import AtDesk

WHY = ("--reason", "Example v. Sample")


def test_a_held_incident_is_kept_until_the_hold_is_released(incident: AtDesk) -> None:
    incident.done("close", "--reason", "a false alarm")
    assert incident("hold", "amber-falcon").error == "reason_missing"
    assert incident("hold", "amber-falcon", "--release", *WHY).error == "hold_state"
    incident.done("hold", "amber-falcon", *WHY)
    assert incident("hold", "amber-falcon", *WHY).error == "hold_state"
    (held,) = incident("hold", "--format", "json").json["holds"]
    assert (held["codename"], held["by"], held["reason"]) == ("amber-falcon", "maria", WHY[1])

    assert incident("shred", "amber-falcon", "--yes", *WHY).error == "held"
    incident.done("routine", "add", "retention", "--every", "1d", "--closed-for", "30d")
    incident.clock.advance(timedelta(days=40))
    assert incident("drill", "run", "--due").code == 0, "no person has to act"

    incident.done("hold", "amber-falcon", "--release", *WHY)
    over = incident("hold", "--format", "json").json
    assert (over["holds"], [one["ended_by"] for one in over["ended"]]) == ([], ["maria"])
    incident.done("shred", "amber-falcon", "--yes", *WHY)
    assert incident("hold", "amber-falcon", *WHY).error == "shredded"
