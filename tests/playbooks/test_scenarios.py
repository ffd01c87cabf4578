"""Every shipped playbook, worked along every branch to its honest end; a step that no way reaches fails here too."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from runner.loading.bundle import load_bundle
from runner.loading.catalog import Catalog
from runner.model import playbook as p
from tests.playbooks import breach_ways, device_ways, message_ways
from tests.playbooks.at_work import Ended, Team
from tests.playbooks.ways import BREACH, DEVICE, MESSAGE, SA, USUAL, Way

GAP = re.compile(r"\[(not known|cannot be told)")
WAYS: tuple[Way, ...] = (*breach_ways.WAYS, *device_ways.WAYS, *message_ways.WAYS)
BOOKS = (BREACH, DEVICE, MESSAGE)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    """Return what works a way, each once."""
    return Worked(tmp_path_factory.mktemp("ways"))


class Worked:
    """Works each way once and keeps what came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: dict[tuple[str, str], Ended] = {}

    def __call__(self, way: Way) -> Ended:
        key = (way.playbook, way.is_)
        if key not in self.ended:
            home = self.folder / f"{len(self.ended)}"
            self.ended[key] = Team(home, way.playbook, way.scenario, USUAL[way.playbook]).end()
        return self.ended[key]

    def all(self, playbook: str) -> list[Ended]:
        """Return what came of every way through a playbook."""
        return [self(way) for way in WAYS if way.playbook == playbook]

    def named(self, playbook: str, words: str) -> Ended:
        """Return what came of the way that is like this."""
        (way,) = [one for one in WAYS if one.playbook == playbook and words in one.is_]
        return self(way)


@cache
def steps(playbook: str) -> dict[str, p.AnyStep]:
    """Return every step of a shipped playbook by its path."""
    return dict(_inside("", load_bundle(playbook, Catalog(None)).playbook.steps))


def _inside(prefix: str, found: tuple[p.AnyStep, ...]) -> Iterator[tuple[str, p.AnyStep]]:
    for step in found:
        yield prefix + step.id, step
        if isinstance(step, p.Group | p.Repeat):
            yield from _inside(f"{prefix}{step.id}.", step.steps)


def words(way: Way) -> str:
    return f"{way.playbook}: {way.is_}"


# ------------------------------------------------------------------------------------------------- each way


@pytest.mark.parametrize("way", WAYS, ids=words)
def test_the_way_ends_as_it_should(work: Worked, way: Way) -> None:
    ended = work(way)
    otherwise = {
        state: ended.in_state(state) for state in ("not_applicable", "skipped", "cancelled", "failed")
    }
    assert otherwise == {
        "not_applicable": set(way.not_applicable.split()),
        "skipped": set(way.skipped.split()),
        "cancelled": set(way.cancelled.split()),
        "failed": set(way.failed.split()),
    }
    rest = set(ended.steps) - set().union(*otherwise.values())
    assert rest <= ended.in_state("done", "done_late")
    assert {d.id: d.record.kind for d in ended.incident.duties.values() if d.record} == dict(way.duties)


@pytest.mark.parametrize("way", WAYS, ids=words)
def test_the_incident_can_be_closed_without_an_excuse(work: Worked, way: Way) -> None:
    assert work(way).close == ""


@pytest.mark.parametrize("way", WAYS, ids=words)
def test_every_notice_that_is_signed_is_without_a_gap_that_may_not_follow(work: Worked, way: Way) -> None:
    ended = work(way)
    signed = {i.digest for i in ended.incident.invocations.values() if i.kind == "approve" and i.digest}
    made = list(ended.incident.documents.values())
    assert [d.id for d in made if d.digest in signed and d.status != "final"] == []
    current = {d.step: d for d in made}.values()
    final = [d for d in current if ".final#" in d.id or "register#" in d.id]
    assert [d.id for d in final if d.status != "final"] == []


@pytest.mark.parametrize("way", WAYS, ids=words)
def test_every_message_says_what_is_known_by_then(work: Worked, way: Way) -> None:
    ended = work(way)
    assert [text for text in ended.texts.values() if GAP.search(text) or not text.strip()] == []


@pytest.mark.parametrize("way", [way for way in WAYS if way.waited or way.late or way.again], ids=words)
def test_what_waits_what_is_late_and_what_is_done_again_is_seen(work: Worked, way: Way) -> None:
    ended = work(way)
    for step, fact in way.waited.items():
        assert fact in ended.waited_for[step]
    told = {step: role for step, role in ended.late.items() if role}
    assert told == dict(way.late)
    for step in way.again:
        assert ended.count(step) > 1


@pytest.mark.parametrize("way", [way for way in WAYS if way.scenario.at_the_last_moment], ids=words)
def test_who_does_everything_in_the_minute_in_which_it_is_due_keeps_the_law_s_clocks(
    work: Worked, way: Way
) -> None:
    ended = work(way)
    assert ended.late == {}
    for duty in ended.incident.duties.values():
        if duty.record is not None and duty.due is not None:
            assert duty.record.at < duty.due


# --------------------------------------------------------------------------------------- all ways together


@pytest.mark.parametrize("playbook", BOOKS)
def test_every_step_is_done_on_some_way_and_every_branch_is_also_not_taken(
    work: Worked, playbook: str
) -> None:
    seen = defaultdict[str, set[str]](set)
    for ended in work.all(playbook):
        for step, states in ended.ever.items():
            seen[step] |= states
    book = steps(playbook)
    assert [step for step in book if not seen[step] & {"done", "done_late"}] == []
    assert [s for s, step in book.items() if step.when and "not_applicable" not in seen[s]] == []
    lost = {step for step in seen if step not in book}
    assert lost == set(), "these are not steps of the playbook"


@pytest.mark.parametrize("playbook", BOOKS)
def test_every_notice_of_the_playbook_and_of_its_laws_is_rendered_with_its_gaps_and_without(
    work: Worked, playbook: str
) -> None:
    ways = work.all(playbook)
    wanted = {"gdpr-33-initial", "gdpr-33-register-entry", "gdpr-34-letter"}
    wanted |= set() if playbook == MESSAGE else {"us-ca-individual"}
    assert {notice for ended in ways for notice in ended.gaps} == wanted
    made = [d for ended in ways for d in ended.incident.documents.values()]
    assert {d.notice for d in made if d.status == "final"} == wanted


@pytest.mark.parametrize("playbook", BOOKS)
def test_every_message_of_the_playbook_goes_out_on_some_way(work: Worked, playbook: str) -> None:
    told = {step for ended in work.all(playbook) for step in ended.texts}
    assert {step for step, one in steps(playbook).items() if isinstance(one, p.Message)} <= told


@pytest.mark.parametrize("playbook", BOOKS)
def test_every_approval_is_given_and_every_signed_decision_is_refused_once(
    work: Worked, playbook: str
) -> None:
    refused = {step for ended in work.all(playbook) for step in ended.refused}
    assert {"notify.sign", "sign_not_notifying"} <= refused
    assert [s for s, step in steps(playbook).items() if isinstance(step, p.Approve) and step.expires] == []


# ------------------------------------------------------------------------------------------ what is written


def test_the_register_entry_says_what_became_of_the_notification(work: Worked) -> None:
    told = work.named(BREACH, "in phases").documents["register"]
    assert "State of the notification under Article 33(1): filed" in told
    assert "Reference of the authority: 4711" in told
    left = work.named(BREACH, "nobody is told").documents["register"]
    assert "Reasons for a delay or for not notifying: no risk to anybody" in left
    assert "State of the notification under Article 33(1): decided not to notify" in left


def test_a_late_notice_can_be_signed_and_says_why_it_is_late(work: Worked) -> None:
    ended = work.named(BREACH, "too late")
    assert "The portal was down." in ended.documents[f"notify[{SA}].final"]
    record = ended.incident.duties[SA].record
    assert record is not None
    assert record.late_reason
