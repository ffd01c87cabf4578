"""When it is found out late that a domain fell, what went over it since is shown wherever the message is."""

from __future__ import annotations

from tests.cli.at_desk import AtDesk


def fallen(desk: AtDesk, since: str) -> None:
    desk.done("domain", "compromised", "this-machine", "--since", since, "--reason", "rogue administrator")


def test_messages_that_went_over_it_since_are_flagged_in_status_list_and_show(incident: AtDesk) -> None:
    fallen(incident, "2026-11-24T08:00:00Z")
    found = incident("status", "--format", "json").json
    (domain,) = found["domains"]
    assert domain["sent"] == [one["delivery"] for one in found["deliveries"]]
    page = " ".join(incident.done("status").split())
    assert "went over it since, and may have been read:" in page
    assert "went over this-machine AFTER IT FELL" in " ".join(incident.done("message", "list").split())
    one = incident("message", "show", domain["sent"][0], "--format", "json").json["delivery"]
    assert (one["exposed"], one["answered_over"]) == (["this-machine"], [])


def test_what_was_sent_before_it_fell_is_not_flagged(incident: AtDesk) -> None:
    fallen(incident, "2026-11-24T09:30:00Z")
    assert incident("status", "--format", "json").json["domains"][0]["sent"] == []
    assert "AFTER IT FELL" not in incident.done("message", "list")


def test_a_domain_is_trusted_again_only_with_its_grounds_and_what_went_over_it_stays_flagged(
    incident: AtDesk,
) -> None:
    fallen(incident, "2026-11-24T08:00:00Z")
    assert "needs the grounds (R5)" in incident("domain", "declare-up", "this-machine").err
    incident.done("domain", "declare-up", "this-machine", "--reason", "reinstalled, checked by forensics")
    assert "AFTER IT FELL" in incident.done("message", "list")
