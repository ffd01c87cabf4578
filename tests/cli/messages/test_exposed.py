"""A compromise found late: messages sent since then over the domain are flagged wherever they are shown."""

from __future__ import annotations

from tests.cli.at_desk import AtDesk, compare


def fallen(desk: AtDesk, since: str) -> None:
    desk.done("domain", "compromised", "this-machine", "--since", since, "--reason", "rogue administrator")


def exposed(desk: AtDesk) -> list[list[str]]:
    """Return of each message over which fallen domains it went."""
    rows = desk("message", "list", "--format", "json").json["deliveries"]
    return [row["exposed"] for row in rows]


def test_messages_that_went_over_it_since_are_flagged_in_status_list_and_show(incident: AtDesk) -> None:
    fallen(incident, "2026-11-24T08:00:00Z")
    found = incident("status", "--format", "json").json
    (domain,) = found["domains"]
    assert domain["sent"] == [delivery["delivery"] for delivery in found["deliveries"]]
    assert exposed(incident) == [["this-machine"]] * len(domain["sent"])
    pages = incident.done("status") + incident.done("message", "list")
    lines = [splitline for splitline in pages.splitlines(keepends=True) if "this-machine" in splitline]
    compare("exposed", "".join(lines), incident.home)
    one = incident("message", "show", domain["sent"][0], "--format", "json").json["delivery"]
    assert (one["exposed"], one["answered_over"]) == (["this-machine"], [])


def test_messages_before_the_compromise_are_not_flagged(incident: AtDesk) -> None:
    fallen(incident, "2026-11-24T09:30:00Z")
    assert incident("status", "--format", "json").json["domains"][0]["sent"] == []
    assert exposed(incident) == [[], []]
    assert "this-machine" not in incident.done("message", "list")


def test_a_domain_is_trusted_again_only_with_a_reason_and_stays_flagged(
    incident: AtDesk,
) -> None:
    fallen(incident, "2026-11-24T08:00:00Z")
    said = incident("domain", "declare-up", "this-machine")
    assert (said.code, said.error) == (1, "reason_missing")
    incident.done("domain", "declare-up", "this-machine", "--reason", "reinstalled, checked by forensics")
    assert exposed(incident) == [["this-machine"], ["this-machine"]]
    assert "this-machine" in incident.done("message", "list")
