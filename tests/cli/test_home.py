"""``init`` and ``doctor``."""

from __future__ import annotations

from pathlib import Path

from runner.drivers.embedded import Worker
from runner.service.opening import open_desk
from tests.cli.at_desk import AtDesk


def test_a_new_home_works_and_is_not_made_twice(nowhere: AtDesk) -> None:
    assert nowhere.done("init").startswith("made a home in ")
    assert nowhere("doctor").code == 0
    said = nowhere("init")
    assert (said.code, "exists already" in said.err) == (1, True)


def test_a_sound_home_needs_nobody(incident: AtDesk) -> None:
    said = incident("doctor", "--format", "json")
    assert said.json["ok"]
    assert {one["area"] for one in said.json["findings"]} >= {
        "settings",
        "key",
        "channels",
        "journal",
        "lists",
    }


def test_a_mistake_in_the_settings_is_found_with_its_line(tocsin: AtDesk) -> None:
    tocsin.settings(chanels={})
    said = tocsin("doctor")
    assert said.code == 4
    assert "did you mean channels?" in said.out.replace("\n        ", " ")


def test_a_secret_that_is_not_here_is_found_without_a_message_being_sent(tocsin: AtDesk) -> None:
    tocsin.settings(
        channels={
            "pager": {
                "adapter": "webhook",
                "settings": {"url": "https://hooks.example.org/x"},
                "secrets": {"signing": "file:none.key"},
            }
        }
    )
    said = tocsin("doctor", "--format", "json")
    assert said.code == 4
    assert any("pager" in one["what"] and one["severity"] == "error" for one in said.json["findings"])


def test_a_missing_store_is_made_by_repair_alone(tocsin: AtDesk) -> None:
    for file in tocsin.home.glob("tocsin.db*"):
        file.unlink()
    assert tocsin("doctor").code == 4
    assert not (tocsin.home / "tocsin.db").exists()
    said = tocsin("doctor", "--repair")
    assert (said.code, "mended" in said.out) == (0, True)
    tocsin.done("list")


def test_an_attempt_whose_worker_is_gone_is_declared_unknown_by_repair(
    tocsin: AtDesk, playbook: Path
) -> None:
    tocsin.done("open", str(playbook), "--yes", "--no-work", "--fact", "incident.summary=x")
    dead_worker_claims(tocsin)
    before = tocsin("doctor", "--format", "json")
    assert before.code == 4
    assert any("its worker is gone" in one["what"] for one in before.json["findings"])
    tocsin("doctor", "--repair")
    attempts = [
        attempt["state"]
        for one in tocsin("message", "list", "--format", "json").json["deliveries"]
        for attempt in one["attempts"]
    ]
    assert "unknown" in attempts


def dead_worker_claims(tocsin: AtDesk) -> None:
    """Have a worker compose, claim its deliveries, and end before it has an outcome."""
    desk = open_desk(tocsin.home, tocsin.world().who(""), clock=tocsin.clock, chance=tocsin.chance)
    with desk.store:
        worker = Worker(desk)
        worker.drain()
        worker.close()
        name = desk.find(None)
        desk.store.register_worker("w-dead").release()
        [*deliveries] = desk.load(name).deliveries
        from runner.model.commands import Resend

        desk.submit(name, Resend(delivery=deliveries[0], reason="again"))
        turn = desk.turn(desk.load(name), (), worker="w-dead")
        desk.append([turn])


def test_the_record_verifies_and_an_anchor_from_elsewhere_is_compared(incident: AtDesk) -> None:
    said = incident("audit", "verify", "-i", "amber-falcon", "--format", "json")
    assert said.json["ok"]
    head, events = said.json["head"], said.json["events"]
    assert incident("audit", "verify", "-i", "amber-falcon", "--anchor", f"{events}:{head}").code == 0
    wrong = incident("audit", "verify", "-i", "amber-falcon", "--anchor", f"{events + 1}:{head}")
    assert (wrong.code, "DOES NOT HOLD" in wrong.out) == (1, True)
    assert incident("audit", "verify", "--anchor", f"{events}:{head}").code == 2
    assert incident("audit", "verify", "-i", "amber-falcon", "--anchor", "soon").code == 2


def test_where_no_home_can_be_made_it_is_said(nowhere: AtDesk) -> None:
    nowhere.home.write_text("a file", encoding="utf-8")
    said = nowhere("init")
    assert (said.code, "no home can be made in" in said.err) == (1, True)
