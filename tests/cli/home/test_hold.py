"""A legal hold: nothing of the incident is erased, and no job asks for it, until a person releases the hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.cli.at_desk import AtDesk

WHY = ("--reason", "Example v. Sample")


def test_a_held_incident_is_kept_until_the_hold_is_released(incident: AtDesk) -> None:
    incident.closed("--reason", "a false alarm")
    assert incident("hold", "amber-falcon").error == "reason_missing"
    assert incident("hold", "amber-falcon", "--release", *WHY, "--as", "jonas").error == "hold_state"
    incident.done("hold", "amber-falcon", *WHY)
    assert incident("hold", "amber-falcon", *WHY).error == "hold_state"
    (held,) = incident("hold", "--format", "json").json["holds"]
    assert (held["codename"], held["by"], held["reason"]) == ("amber-falcon", "maria", WHY[1])

    assert incident("shred", "amber-falcon", "--yes", *WHY).error == "held"
    incident.done("routine", "add", "retention", "--every", "1d", "--closed-for", "30d")
    incident.clock.advance(timedelta(days=40))
    assert incident("drill", "run", "--due").code == 0, "no person has to act"

    incident.done("hold", "amber-falcon", "--release", *WHY, "--as", "jonas")
    over = incident("hold", "--format", "json").json
    assert (over["holds"], [one["ended_by"] for one in over["ended"]]) == ([], ["jonas"])
    incident.done("shred", "amber-falcon", "--yes", *WHY)
    assert incident("hold", "amber-falcon", *WHY).error == "shredded"


def test_a_hold_is_on_the_status_and_in_the_timeline(incident: AtDesk) -> None:
    incident.done("hold", "amber-falcon", *WHY)
    found = incident("status", "--format", "json").json
    assert (found["hold"]["by"], found["hold"]["since"] is not None) == ("maria", True)
    texts = [
        one["text"] for one in incident("timeline", "--kind", "note", "--format", "json").json["entries"]
    ]
    assert ["hold" in text for text in texts] == [True]
    assert WHY[1] not in texts[0], "the matter is for those who list the holds"
    incident.done("hold", "amber-falcon", "--release", *WHY, "--as", "jonas")
    over = incident("status", "--format", "json").json["hold"]
    assert (over["ended_by"], over["until"] is not None, WHY[1] in str(over)) == ("jonas", True, False)
    incident.clock.advance(timedelta(days=8))
    assert incident("status", "--format", "json").json["hold"] is None
    assert len(incident("timeline", "--kind", "note", "--format", "json").json["entries"]) == 2


def test_a_person_whom_a_held_incident_names_is_not_erased(incident: AtDesk) -> None:
    incident.done("person", "add", "ben", "--name", "Ben Cole")
    incident.done("person", "add", "tim", "--name", "Tim Example")
    incident.done("task", "add", "Call the landlord", "--to", "ben")
    incident.closed("--reason", "a false alarm")
    incident.done("hold", "amber-falcon", *WHY)
    for named in ("ben", "maria", "jonas"):
        assert incident("person", "forget", named, "--yes").error == "held"
    assert "ben" in {one["person"] for one in incident("person", "list", "--format", "json").json["people"]}
    incident.done("person", "forget", "tim", "--yes")
    incident.done("hold", "amber-falcon", "--release", *WHY, "--as", "jonas")
    incident.done("person", "forget", "ben", "--yes")


def test_only_counsel_or_the_dpo_releases_a_hold_and_without_them_who_placed_it(
    tocsin: AtDesk, playbook: Path
) -> None:
    assert tocsin("hold", "--release").error == "argument_missing"
    tocsin.settings(roles={"commander": ["maria"]})
    tocsin.done("open", str(playbook), "--yes")
    release = ("hold", "amber-falcon", "--release", *WHY)
    tocsin.done("hold", "amber-falcon", *WHY)
    assert tocsin(*release, "--as", "jonas").error == "hold_right", "maria placed it"
    tocsin.done("role", "assign", "counsel", "ada", "-i", "amber-falcon")
    assert tocsin(*release).error == "hold_right", "ada is counsel"
    tocsin.done(*release, "--as", "ada")
