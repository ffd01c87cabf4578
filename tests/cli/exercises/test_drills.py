"""Exercises from the command line: played without people, run with them, and kept apart from what is real."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from runner.files.exercise_file import exercise_files, load_exercise
from runner.incident.exercises.exercise_plan import ScenarioEvent
from runner.playbook.catalogue import Catalog, shipped_folder
from runner.store.port import Append, Appended, Conflict
from runner.workers.simulated_exercise import Conductor
from tests.cli.at_desk import PLAYBOOK, AtDesk, Clock, compare

EXERCISE = """\
schema: tocsin/exercise/v1
name: badge-evening
title: A badge is missing
type: functional
playbook: ./lost-badge.yaml
clock: {mode: accelerated, rate: 60, start: 2026-10-05T08:00:00+02:00}
objectives:
  - id: O1
    text: The badge is blocked in time
    capability: Operational Coordination
    targets: [{id: T1, text: Blocked within 15 minutes, tasks: [{step: block, within: 15m}]}]
participants:
  - {person: maria, role: player, plays: commander}
  - {person: jonas, role: player, plays: counsel}
  - {person: ada, role: player, plays: counsel}
  - {person: olga, role: evaluator, covers: [O1]}
events:
  - {number: "1", title: The caller, at: 0m, to: [commander], via: phone, text: My badge is gone, expected: [{step: block, within: 15m}], if_missed: "9"}
  - {number: "2", title: The screen fails, at: 10m, via: system, faults: [{channel: screen, lasts: 1h}], facts: [incident.malicious=yes]}
  - {number: "3", title: It was used, on: incident.malicious, to: [counsel], text: Somebody is in the canteen}
  - {number: "4", title: The report is read, after: block}
  - {number: "9", title: Nobody blocked it, category: contingency, text: Has anybody blocked it}
script:
  answers: {used: no}
laws: []
"""

CALLER = """\
schema: tocsin/playbook/v1
name: caller
version: 1.0.0
title: Call another playbook
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel, minimum: 2}}
steps:
  - {id: badge, playbook: lost-badge, title: Look for the badge}
  - {id: over, task: Close the case, role: commander, due: 1h, after: [badge]}
"""
TESTS = """\
schema: tocsin/playbook-test/v1
playbook: ../lost-badge.yaml
usual: {answers: {used: no}}
cases: [{name: usual}]
"""


@pytest.fixture
def exercise(tocsin: AtDesk, tmp_path: Path) -> Path:
    """Return an exercise's file, beside its playbook."""
    (tmp_path / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    path = tmp_path / "badge-evening.yaml"
    path.write_text(EXERCISE, encoding="utf-8")
    return path


def begun(tocsin: AtDesk, exercise: Path) -> Conductor:
    """Begin an exercise as ``drill run`` does, and return what conducts it, one step at a time."""
    from runner.app.exercises.exercises import prepare_drill, set_clock
    from runner.app.incidents.open_incident import commit_opening

    _know_olga(tocsin.home / "tocsin.yaml")
    desk = tocsin.office()
    opening = prepare_drill(desk, load_exercise(str(exercise), Catalog(tocsin.home)))
    name = commit_opening(desk, opening).after.id
    set_clock(desk, name, "begun")
    events: list[ScenarioEvent] = []
    return Conductor(desk, name, events.append)


def _know_olga(settings: Path) -> None:
    """Have the evaluator among the people: who is not cannot rate."""
    found = msgspec.yaml.decode(settings.read_bytes())
    found["people"].setdefault("olga", {"name": "Olga"})
    settings.write_bytes(msgspec.yaml.encode(found))


def shown(tocsin: AtDesk) -> dict[str, str]:
    """Return the state of each event."""
    found = tocsin("drill", "show", "--format", "json").json
    return {
        event["number"]: event["state"] + (f" ({event['cause']})" if event["cause"] else "")
        for event in found["events"]
    }


@pytest.mark.parametrize("words", [("inject", "1"), ("defer", "1"), ("end",)])
def test_a_simultaneous_command_of_a_controller_does_not_stop_the_conductor(
    tocsin: AtDesk, exercise: Path, words: tuple[str, ...]
) -> None:
    from runner.app.exercises import exercises
    from runner.app.incidents.open_incident import commit_opening
    from runner.incident.state import commands as c

    desk, other = tocsin.office(), tocsin.office()
    opening = exercises.prepare_drill(desk, load_exercise(str(exercise), Catalog(tocsin.home)))
    name = commit_opening(desk, opening).after.id
    exercises.set_clock(desk, name, "begun")
    plain = desk.write

    def racing(appends: list[Append], *, recorded: datetime) -> list[Appended | Conflict]:
        desk.write = plain
        match words[0]:
            case "inject":
                exercises.release(other, name, "1")
            case "defer":
                other.act(other.principal, name, [c.DeferInject(number="1", reason="no time")])
            case _:
                exercises.set_clock(other, name, "ended", reason="a real alarm")
        return plain(appends, recorded=recorded)

    desk.write = racing
    told: list[ScenarioEvent] = []
    conductor = Conductor(desk, name, told.append)
    conductor.step()
    conductor.step()
    assert told == []
    assert ("1" in desk.load(name).drill.released) == (words[0] == "inject")


def test_an_exercise_is_played_to_its_end_without_people_and_counts_for_nothing(
    tocsin: AtDesk, exercise: Path
) -> None:
    said = tocsin("drill", "run", str(exercise), "--unattended", "--format", "json")
    assert said.code == 0, said.err
    assert (said.json["kind"], said.json["stage"]) == ("test", "ended")
    states = {event["number"]: (event["state"], event["cause"]) for event in said.json["events"]}
    assert states["1"] == ("released", "time")
    assert states["4"] == ("released", "step")
    assert states["9"] == ("waiting", "")
    assert json.loads(tocsin.done("list", "--format", "json"))["incidents"] == []
    assert tocsin.console == ""


def test_injects_due_without_a_conductor_are_shown_with_the_resume_command(
    tocsin: AtDesk, exercise: Path
) -> None:
    conductor = begun(tocsin, exercise)
    conductor.step()
    assert "--go-on" not in tocsin.done("drill", "show")
    tocsin.clock.advance(timedelta(seconds=11))
    compare("drill.show-due", tocsin.done("drill", "show"), tocsin.home)
    conductor.step()
    assert "--go-on" not in tocsin.done("drill", "show")


def test_injects_are_released_by_time_facts_steps_and_missed_actions(tocsin: AtDesk, exercise: Path) -> None:
    conductor = begun(tocsin, exercise)
    conductor.step()
    assert shown(tocsin)["1"] == "released (time)"
    tocsin.clock.advance(timedelta(seconds=10))
    conductor.step()
    assert shown(tocsin)["2"] == "released (time)"
    conductor.step()
    assert shown(tocsin)["3"] == "released (fact)"
    tocsin.clock.advance(timedelta(seconds=6))
    conductor.step()
    assert shown(tocsin)["9"] == "released (missed)"
    tocsin.done("task", "check", "block", "--all")
    tocsin.done("task", "done", "block")
    conductor.step()
    assert shown(tocsin)["4"] == "released (step)"


def test_an_inject_is_released_whatever_its_facts_say_of_groups(tocsin: AtDesk, exercise: Path) -> None:
    """Only what a person states is refused: nobody could change the plan of an exercise that runs."""
    groups = "facts: [populations.staff.people.total=9, data.elements=name, incident.malicious=yes]"
    plan = exercise.read_text(encoding="utf-8").replace("facts: [incident.malicious=yes]", groups)
    exercise.write_text(plan, encoding="utf-8")
    conductor = begun(tocsin, exercise)
    conductor.step()
    tocsin.clock.advance(timedelta(seconds=10))
    conductor.step()
    assert shown(tocsin)["2"] == "released (time)"


def test_exercise_time_runs_apart_from_the_wall_s_and_the_journal_has_both(
    tocsin: AtDesk, exercise: Path
) -> None:
    begun(tocsin, exercise).step()
    tocsin.clock.advance(timedelta(minutes=1))
    status = tocsin("status", "--format", "json").json
    (block,) = [task for task in status["tasks"] if task["step"] == "block"]
    assert block["due"].startswith("2026-10-05T08:15:00+02:00")
    report = tocsin("drill", "show", "--format", "json").json
    assert report["exercise_time"] == "2026-10-05T09:00:00+02:00"
    shown_times = {event[key] for event in report["events"] for key in ("planned", "released") if event[key]}
    assert {time[-6:] for time in shown_times} == {"+02:00"}, "written and recorded times in one zone"
    assert {"2026-10-05", "09:00", "UTC+02:00"} <= set(tocsin("drill", "show").out.split())
    story = tocsin("timeline", "--format", "json").json["entries"]
    assert {entry["at"][:10] for entry in story} == {"2026-11-24"}
    assert {entry["exercise_at"][:10] for entry in story} == {"2026-10-05"}
    assert tocsin("audit", "verify").code == 0


def test_pause_stops_jump_advances_and_end_ends_the_exercise(tocsin: AtDesk, exercise: Path) -> None:
    conductor = begun(tocsin, exercise)
    conductor.step()
    tocsin.done("drill", "pause")
    tocsin.clock.advance(timedelta(minutes=5))
    conductor.step()
    assert shown(tocsin)["2"] == "waiting"
    said = tocsin("drill", "pause")
    assert (said.code, said.error) == (1, "exercise_stage")
    tocsin.done("drill", "resume")
    tocsin.done("drill", "jump")
    assert tocsin("drill", "show", "--format", "json").json["exercise_time"] == "2026-10-05T08:10:00+02:00"
    conductor.step()
    assert shown(tocsin)["2"] == "released (time)"
    said = tocsin("drill", "jump", "--to", "2026-10-05T08:00:00+02:00")
    assert (said.code, said.error) == (1, "not_ahead")
    tocsin.done("drill", "end", "--reason", "all has been seen")
    said = tocsin("task", "start", "block")
    assert (said.code, said.error) == (1, "exercise_stage")
    tocsin.done("drill", "observe", "the caller was asked the right questions", "--kind", "strength")


def test_a_rating_is_proposed_and_valid_only_after_an_evaluator_confirms(
    tocsin: AtDesk, exercise: Path
) -> None:
    begun(tocsin, exercise).step()
    said = tocsin("drill", "rate", "T1", "P", "--as", "olga")
    assert (said.code, said.error) == (1, "exercise_stage")
    tocsin.clock.advance(timedelta(seconds=20))
    tocsin.done("task", "check", "block", "--all")
    tocsin.done("task", "done", "block")
    tocsin.done("drill", "end")
    told = tocsin("drill", "rate", "T1", "--format", "json").json
    assert (told["target"], told["proposal"]) == ("T1", "S")
    assert {"20m", "1.5", "15m"} <= set(told["rule"].split()), "how long it took, and how long it may take"
    found = tocsin("drill", "show", "--format", "json").json["ratings"]
    assert (found["draft"], found["unconfirmed"]) == (True, ["T1"])
    assert [(objective["proposal"], objective["rating"]) for objective in found["objectives"]] == [("S", "")]
    said = tocsin("drill", "rate", "T1", "S", "--format", "json")
    assert (said.code, said.error) == (1, "no_evaluator")
    assert ("maria" in said.json["message"], "olga" in said.json["hint"]) == (True, True)
    said = tocsin("drill", "rate", "T1", "P", "--as", "olga")
    assert (said.code, said.error) == (1, "note_missing")
    tocsin.done("drill", "rate", "T1", "P", "--note", "the clock of the reader was wrong", "--as", "olga")
    found = tocsin("drill", "show", "--format", "json").json["ratings"]
    (target,) = found["objectives"][0]["targets"]
    assert (found["draft"], target["proposal"], target["rating"]) == (False, "S", "P")
    assert (target["rated_by"], target["note"]) == ("olga", "the clock of the reader was wrong")
    compare("drill.show-rated", tocsin.done("drill", "show"), tocsin.home)
    said = tocsin("drill", "rate", "T9", "P", "--format", "json")
    assert (said.code, said.error) == (1, "unknown_target")
    assert all(one in said.json["hint"] for one in ("O1", "T1")), "what there is"


def test_real_world_freezes_everything_at_once(tocsin: AtDesk, exercise: Path) -> None:
    conductor = begun(tocsin, exercise)
    tocsin.done("drill", "real-world", "--reason", "a fire alarm")
    tocsin.clock.advance(timedelta(hours=1))
    incident = conductor.run()
    assert incident.drill is not None
    assert (incident.drill.stage, dict(incident.drill.released)) == ("frozen", {})
    said = tocsin("answer", "used", "yes", "--format", "json")
    assert (said.code, said.error) == (1, "exercise_stage")
    assert "open" in said.json["hint"].split(), "what is real goes into a real incident"


def test_an_exercise_sends_nothing_and_its_failed_channel_fails(tocsin: AtDesk, exercise: Path) -> None:
    conductor = begun(tocsin, exercise)
    conductor.step()
    found = tocsin("message", "list", "--format", "json").json["deliveries"]
    assert {delivery["attempts"][0]["provider_id"][:9] for delivery in found} == {"simulated"}
    assert tocsin.console == ""


def test_a_person_can_release_or_skip_an_inject(tocsin: AtDesk, exercise: Path) -> None:
    begun(tocsin, exercise)
    tocsin.done("drill", "inject", "9")
    assert shown(tocsin)["9"] == "released (hand)"
    for number, code in (("9", "already_released"), ("77", "unknown_inject")):
        said = tocsin("drill", "inject", number)
        assert (said.code, said.error) == (1, code)
    tocsin.done("drill", "leave-out", "3", "--reason", "we have seen enough")
    assert shown(tocsin)["3"] == "left out"


def test_an_exercise_is_refused_while_a_real_incident_is_open_unless_it_is_said_why(
    tocsin: AtDesk, exercise: Path
) -> None:
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    said = tocsin("drill", "run", str(exercise), "--yes")
    assert (said.code, said.error, "amber-falcon" in said.err) == (1, "real_incident", True)


def test_a_real_incident_has_no_controllers(tocsin: AtDesk, exercise: Path) -> None:
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    for words in (("pause",), ("end",), ("real-world",), ("inject", "1"), ("rate", "T1", "P")):
        said = tocsin("drill", *words)
        assert (said.code, said.error) == (1, "not_an_exercise")


@pytest.mark.parametrize(
    ("old", "new", "told", "wanted"),
    [
        ("via: phone", "vja: phone", "18:63:key", "via"),
        ("mode: accelerated", "mode: fast", "6:15:value", "accelerated"),
        ("after: block", "after: blok", "21:53:step", "block"),
        ("plays: counsel", "plays: council", "14:42:role", "counsel"),
        ("on: incident.malicious", "on: incident.malicius", "20:43:condition", "incident.malicious"),
        ('if_missed: "9"', 'if_missed: "8"', "18:150:event", "9"),
        ("mode: accelerated", "mode: real", "6:27:clock", "accelerated"),
        ("type: functional", "type: ttx", "4:7:modules", "modules"),
        ("answers: {used: no}", "answers: {usd: no}", "24:13:step", "used"),
        (
            "facts: [incident.malicious=yes]",
            "facts: [incident.malicius=yes]",
            "19:114:fact",
            "incident.malicious",
        ),
        ("participants:", "ends: {after: blok}\nparticipants:", "12:15:step", "block"),
        ("step: block, within: 15m}]}]", "fact: data.encrypted, after: block}]}]", "11:95:action", "step"),
        (
            "expected: [{step: block, within: 15m}]",
            "expected: [{step: block, after: report}]",
            "18:131:action",
            "target",
        ),
        ("{step: block, within: 15m}]}]", "{step: block, after: reprt}]}]", "11:86:step", "report"),
        ("participants:", "facts: [data.encrypted=perhaps]\nparticipants:", "12:9:fact", "yes"),
        (
            "{step: block, within: 15m}], if",
            "{step: block, fact: data.encrypted}], if",
            "18:110:action",
            "one",
        ),
    ],
)
def test_an_error_in_an_exercise_names_its_position_and_the_valid_values(
    tocsin: AtDesk, exercise: Path, old: str, new: str, told: str, wanted: str
) -> None:
    text = exercise.read_text(encoding="utf-8")
    assert old in text
    exercise.write_text(text.replace(old, new), encoding="utf-8")
    said = tocsin("playbook", "validate", str(exercise), "--format", "json")
    assert said.code == 1
    assert {problem["severity"] for problem in said.json["problems"]} == {"error"}
    first = said.json["problems"][0]
    assert f"{first['line']}:{first['column']}:{first['code']}" == told
    assert wanted in re.findall(r"\w+(?:\.\w+)*", first["hint"])


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("{message: tell, within: 1h}", "11:75:fault-after-message"),
        ("{step: block, after: block}", "11:86:order-fixed"),
        ("{step: block, after: over}", "11:86:order-fixed"),
        ("{step: over, after: tell}", ""),
        ("{step: sign, after: block}", ""),
        ("{step: used, after: block}", ""),
    ],
)
def test_a_target_that_no_play_can_miss_or_meet_is_a_warning_and_an_error_if_strict(
    tocsin: AtDesk, exercise: Path, task: str, code: str
) -> None:
    text = exercise.read_text(encoding="utf-8")
    exercise.write_text(
        text.replace("tasks: [{step: block, within: 15m}]", f"tasks: [{task}]"), encoding="utf-8"
    )
    for words, severity in (((), "warning"), (("--strict",), "error")):
        said = tocsin("playbook", "validate", str(exercise), *words, "--format", "json")
        found = {
            f"{one['line']}:{one['column']}:{one['code']}": one["severity"] for one in said.json["problems"]
        }
        assert found == ({code: severity} if code else {})
    assert tocsin("drill", "run", str(exercise), "--unattended").code == 0, "a warning stops no exercise"


@pytest.mark.parametrize(
    ("fault", "message", "warned"),
    [
        ("at: 0m", "tell", False),
        ("at: 10m", "tell", True),
        ("after: block", "tell", True),
        ("at: 10m", "later", False),
        ("after: sign", "later", False),
        ("after: over", "later", True),
        ("after: later", "later", True),
    ],
)
def test_a_fault_tests_a_message_that_is_sent_after_it_starts(
    tocsin: AtDesk, exercise: Path, fault: str, message: str, warned: bool
) -> None:
    later = PLAYBOOK.replace("after: [sign]}", "after: [later]}")
    later += "  - {id: later, message: heads-up, to: [role:counsel], after: [sign]}\n"
    (exercise.parent / "lost-badge.yaml").write_text(later, encoding="utf-8")
    text = exercise.read_text(encoding="utf-8").replace("at: 10m, via: system", f"{fault}, via: system")
    text = text.replace("tasks: [{step: block, within: 15m}]", f"tasks: [{{message: {message}}}]")
    exercise.write_text(text, encoding="utf-8")
    said = tocsin("playbook", "validate", str(exercise), "--format", "json")
    assert [one["code"] for one in said.json["problems"]] == ["fault-after-message"] * warned


NOTE = """\
  - number: "5"
    title: A note
    at: 1m
    to: [commander]
    via: document
    artefact:
      name: note.txt
      text: |
        Your badge is with us.

        Write to finder@example.net
"""


def test_an_artefact_is_released_with_its_inject_and_marked(tocsin: AtDesk, exercise: Path) -> None:
    text = exercise.read_text(encoding="utf-8").replace("script:\n", f"{NOTE}script:\n")
    exercise.write_text(text, encoding="utf-8")
    begun(tocsin, exercise)
    said = tocsin("drill", "inject", "5")
    lines = [line.strip() for line in (said.out + said.err).splitlines()]
    shown_text = ["EXERCISE_note.txt", "| Your badge is with us.", "|", "| Write to finder@example.net"]
    start = lines.index("EXERCISE_note.txt")
    assert lines[start : start + 4] == shown_text
    events = {one["number"]: one for one in tocsin("drill", "show", "--format", "json").json["events"]}
    assert events["1"]["artefact"] is None
    assert events["5"]["artefact"]["name"] == "note.txt"
    assert events["5"]["artefact"]["text"].startswith("Your badge")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("note.txt", "../note.txt", "value"),
        ("note.txt", '"-n"', "value"),
        ("Your badge", "Your \u202ebadge", "yaml-control-character"),
        ("Your badge", "x" * 20_001, "value"),
        ("text: |", 'text: " "\n      other: |', "key"),
    ],
)
def test_an_artefact_has_a_plain_name_and_a_limited_text_that_hides_nothing(
    tocsin: AtDesk, exercise: Path, old: str, new: str, code: str
) -> None:
    text = exercise.read_text(encoding="utf-8").replace("script:\n", f"{NOTE.replace(old, new)}script:\n")
    exercise.write_text(text, encoding="utf-8")
    said = tocsin("playbook", "validate", str(exercise), "--format", "json")
    assert code in [one["code"] for one in said.json["problems"]]


def test_an_inject_can_move_exercise_time_and_a_step_or_a_time_can_end_the_exercise(
    tocsin: AtDesk, exercise: Path
) -> None:
    text = exercise.read_text(encoding="utf-8").replace("after: block}", "after: block, jump_to: 26h}")
    ends = "ends: {at: 27h, after: sign}\nparticipants:"
    exercise.write_text(text.replace("participants:", ends), encoding="utf-8")
    conductor = begun(tocsin, exercise)
    conductor.step()
    tocsin.done("task", "check", "block", "--all")
    tocsin.done("task", "done", "block")
    conductor.step()
    report = tocsin("drill", "show", "--format", "json").json
    assert (report["exercise_time"], report["stage"]) == ("2026-10-06T10:00:00+02:00", "running")
    (jumped,) = [one for one in report["events"] if one["number"] == "4"]
    assert jumped["released"] == "2026-10-05T08:00:00+02:00", "it is released before the jump"
    assert tocsin("audit", "verify").code == 0
    tocsin.clock.advance(timedelta(seconds=59))
    assert conductor.step().state == "open"
    tocsin.clock.advance(timedelta(seconds=1))
    drill = conductor.step().drill
    assert drill is not None
    assert (drill.stage, tocsin("drill", "show", "--format", "json").json["exercise_time"]) == (
        "ended",
        "2026-10-06T11:00:00+02:00",
    )


def test_a_jump_never_goes_back_and_a_scripted_run_ends_with_its_step(tocsin: AtDesk, exercise: Path) -> None:
    text = exercise.read_text(encoding="utf-8").replace("after: block}", "after: over, jump_to: 0m}")
    text = text.replace("participants:", "ends: {after: over}\nparticipants:")
    late = '  - {number: "5", title: A week later, at: 7d, to: [commander], text: It was found}\n'
    exercise.write_text(text.replace("script:\n", f"{late}script:\n"), encoding="utf-8")
    said = tocsin("drill", "run", str(exercise), "--unattended", "--format", "json")
    assert said.code == 0, said.err
    states = {event["number"]: event["state"] for event in said.json["events"]}
    assert (said.json["stage"], states["4"], states["5"]) == ("ended", "released", "waiting")
    assert said.json["ended"] < "2026-10-05T09:00"


@pytest.mark.shipped
@pytest.mark.parametrize("file", exercise_files(Catalog(None)).values(), ids=lambda file: file.stem)
def test_every_shipped_exercise_is_played_to_its_end(nowhere: AtDesk, file: Path) -> None:
    assert shipped_folder() in file.parents
    said = nowhere("drill", "run", str(file), "--unattended", "--format", "json")
    assert said.code == 0, said.err
    assert said.json["stage"] == "ended"
    planned = {
        event.number
        for event in load_exercise(str(file), Catalog(None)).exercise.events
        if event.category in ("inject", "other")
    }
    waiting = {event["number"] for event in said.json["events"] if event["state"] == "waiting"}
    assert not planned & waiting, "the scenario went to its end"


class Walking(Clock):
    """A clock that goes on a little whenever somebody looks at it."""

    def now(self) -> datetime:
        self.advance(timedelta(milliseconds=1))
        return self.time


DISCUSSION = """\
schema: tocsin/exercise/v1
name: badge-table
title: A badge, talked about
type: ttx
playbook: ./lost-badge.yaml
objectives:
  - {id: O1, text: Everybody knows who blocks it, capability: Operational Coordination}
  - {id: O2, text: Everybody knows whom to call, capability: Operational Communications}
modules:
  - id: M1
    title: The call
    text: |
      A badge is gone,
      and nobody knows since when.
    questions:
      - {id: Q1, text: Who blocks it?, objective: O1}
      - {id: Q2, text: Who is called?, objective: O2}
"""


def test_a_discussion_shows_its_questions_and_recorded_answers(tocsin: AtDesk, exercise: Path) -> None:
    exercise.write_text(DISCUSSION, encoding="utf-8")
    conductor = begun(tocsin, exercise)
    assert tocsin.done("drill", "show").count("--question") == 2, "what to type for each"
    tocsin.done("drill", "observe", "the porter", "--question", "Q1", "--as", "jonas")
    compare("drill.show-discussion", tocsin.done("drill", "show"), tocsin.home)
    (module,) = tocsin("drill", "show", "--format", "json").json["modules"]
    first, second = module["questions"]
    assert [(answer["by"], answer["text"]) for answer in first["answers"]] == [("jonas", "the porter")]
    assert second["answers"] == []
    drill = conductor.step().drill
    assert drill is not None
    (kept,) = drill.observations
    assert (kept.kind, kept.objective) == ("answer", "O1"), (
        "what answers a question is an answer, of its objective"
    )


def test_a_discussion_shows_its_questions_and_the_commands_to_type(tocsin: AtDesk, exercise: Path) -> None:
    """It may take no time here, so that it is over by itself, and does not wait for one who ends it."""
    over = "safety: {max_wall_time: 0s}\nlaws: []\n"
    exercise.write_text(DISCUSSION + over, encoding="utf-8")
    tocsin.clock = Walking()
    said = tocsin("drill", "run", str(exercise), "--yes")
    assert said.code == 0, said.err
    compare("drill.run-discussion", said.err, tocsin.home)
    told = tocsin("improvement", "add", "--from", "amber-falcon", "--format", "json").json
    assert told["proposals"] == []


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("observe", "x", "--question", "Q77"), "unknown_question", ["Q77", "Q1", "Q2"]),
        (("observe", "x", "--objective", "O9"), "unknown_objective", ["O9", "O1", "O2"]),
        (("leave-out", "7", "--reason", "enough"), "unknown_inject", ["7"]),
    ],
)
def test_an_unknown_inject_or_objective_is_refused_with_the_known_ones(
    tocsin: AtDesk, exercise: Path, words: tuple[str, ...], code: str, named: list[str]
) -> None:
    exercise.write_text(DISCUSSION, encoding="utf-8")
    begun(tocsin, exercise)
    said = tocsin("drill", *words, "--format", "json")
    assert (said.code, said.error) == (1, code)
    assert "badge-table" in said.json["message"]
    assert re.findall(r"\b[A-Z]?\d+\b", f"{said.json['message']} {said.json['hint']}") == named


def test_an_unattended_scenario_runs_to_its_end_after_all_steps_are_done(
    tocsin: AtDesk, exercise: Path
) -> None:
    late = '  - {number: "5", title: A week later, at: 7d, to: [commander], text: It was found}\n'
    text = exercise.read_text(encoding="utf-8").replace("script:\n", late + "script:\n")
    exercise.write_text(text, encoding="utf-8")
    said = tocsin("drill", "run", str(exercise), "--unattended", "--format", "json")
    states = {event["number"]: event["state"] for event in said.json["events"]}
    assert (states["2"], states["5"]) == ("released", "released")
    assert said.json["exercise_time"] == "2026-10-12T08:00:10+02:00", "a deed takes ten seconds"


def test_an_unattended_step_can_take_time_while_others_run(tocsin: AtDesk, exercise: Path) -> None:
    text = exercise.read_text(encoding="utf-8")
    slow = "  answers: {used: no}\n  takes: {block: 20m, used: 3m}\n"
    exercise.write_text(text.replace("  answers: {used: no}\n", slow), encoding="utf-8")
    said = tocsin("drill", "run", str(exercise), "--unattended", "--format", "json")
    assert said.code == 0, said.err
    events = {event["number"]: event for event in said.json["events"]}
    assert events["2"]["released"] == "2026-10-05T08:10:00+02:00", "it happens while somebody is at a step"
    assert events["1"]["expected"][0]["done"] == "2026-10-05T08:20:10+02:00"
    assert (events["9"]["state"], events["9"]["cause"]) == ("released", "missed")
    (objective,) = said.json["ratings"]["objectives"]
    assert (said.json["ratings"]["scripted"], objective["proposal"], objective["rule"]) == (
        True,
        "",
        "scripted, not rated",
    )


def test_every_shipped_standalone_playbook_has_an_exercise() -> None:
    parts = {"breach-duties", "duty-lanes", "mobilise", "payment-cards", "stop-request", "substitute-notice"}
    parts |= {"client-lanes", "demand", "identity-lockout", "secrets-rotation"}
    catalog = Catalog(None)
    opened = {file.stem for file in shipped_folder().glob("*.yaml") if "@" not in file.stem} - parts
    plans = [load_exercise(str(file), catalog).exercise for file in exercise_files(catalog).values()]
    assert {plan.playbook for plan in plans} == opened


def test_a_real_incident_comes_before_an_unnamed_exercise(tocsin: AtDesk, exercise: Path) -> None:
    begun(tocsin, exercise)
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes", "--title", "The real one")
    assert tocsin("status", "--format", "json").json["title"] == "The real one"


def test_the_list_has_an_exercise_by_its_own_clock_and_says_that_it_has_ended(
    tocsin: AtDesk, exercise: Path
) -> None:
    begun(tocsin, exercise).step()
    tocsin.clock.advance(timedelta(minutes=2))
    (one,) = tocsin("list", "--format", "json").json["incidents"]
    assert (one["state"], one["stage"]) == ("open", "running")
    assert one["exercise_time"].startswith("2026-10-05T10:00:00")
    rows = [tocsin.done("list")]
    tocsin.done("drill", "pause")
    assert tocsin("list", "--format", "json").json["incidents"][0]["stage"] == "paused"
    tocsin.done("drill", "end")
    (one,) = tocsin("list", "--format", "json").json["incidents"]
    assert one["stage"] == "ended"
    rows.append(tocsin.done("list"))
    compare("list.exercise", "\n".join(rows), tocsin.home)
    tocsin.closed("--reason", "over")
    (one,) = tocsin("list", "--format", "json").json["incidents"]
    assert (one["state"], one["stage"], one["exercise_time"]) == ("closed", "", None)


def test_endex_lists_open_items_and_closes_on_request(tocsin: AtDesk, exercise: Path) -> None:
    begun(tocsin, exercise).step()
    ended = tocsin("drill", "end")
    assert ended.code == 0
    found = tocsin("status", "--format", "json").json["needs_attention"]
    assert [(one["kind"], one["command"]) for one in found] == [
        ("exercise_over", "tocsin drill end --close -i amber-falcon")
    ]
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert [one["severity"] for one in found if one["code"] == "exercise_over"] == ["warning"]
    assert "exercise_over" in {one["kind"] for one in tocsin("next", "--format", "json").json["next"]}
    said = tocsin("drill", "end")
    assert (said.code, said.error) == (1, "exercise_stage")
    tocsin.done("drill", "rate", "T1", "N/O", "--as", "olga")
    closed = tocsin("drill", "end", "--close")
    assert (closed.code, "T1" in closed.err, "--close" in closed.err) == (0, False, False)
    compare("drill.end", "\n".join((ended.out, ended.err, closed.out, closed.err)), tocsin.home)
    assert tocsin("list", "--format", "json").json["incidents"][0]["state"] == "closed"


def test_an_exercise_is_ended_and_closed_in_one_go_and_can_be_rated_after_that(
    tocsin: AtDesk, exercise: Path
) -> None:
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end", "--close")
    assert tocsin("drill", "show", "-i", "amber-falcon", "--format", "json").json["stage"] == "ended"
    tocsin.done("drill", "rate", "T1", "N/O", "--as", "olga", "-i", "amber-falcon")
    assert tocsin("list", "--format", "json").json["incidents"][0]["state"] == "closed"


def test_an_exercise_inherits_the_usual_answers_of_the_called_playbooks(
    tocsin: AtDesk, exercise: Path, tmp_path: Path
) -> None:
    text = EXERCISE.replace("lost-badge", "caller").replace("script:\n  answers: {used: no}\n", "")
    for step in ("step: block", "after: block"):
        text = text.replace(step, step.replace("block", "badge.block"))
    exercise.write_text(text, encoding="utf-8")
    (tmp_path / "caller.yaml").write_text(CALLER, encoding="utf-8")
    said = tocsin("drill", "run", str(exercise), "--unattended")
    assert (said.code, said.error) == (1, "answer_missing")
    (tmp_path / "tests").mkdir()
    tests = tmp_path / "tests" / "lost-badge.yaml"
    tests.write_text(TESTS, encoding="utf-8")
    said = tocsin("drill", "run", str(exercise), "--unattended", "--format", "json")
    assert (said.code, said.json["stage"]) == (0, "ended"), said.err
    exercise.write_text(
        text.replace("laws:", "script:\n  answers: {badge.used: perhaps}\nlaws:"), encoding="utf-8"
    )
    assert tocsin("drill", "run", str(exercise), "--unattended").code != 0, (
        "its own answer replaces the usual one"
    )
