"""A playbook as a typed value: what kinds, durations, due times and conditions become, and what a mistake costs."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.files.validate import validate_source
from runner.playbook.catalogue import Catalog
from runner.playbook.format import After, Call, Due, Group, Playbook, Repeat, Task, Wait, WaitFor
from runner.playbook.reading import read_playbook
from runner.yamlfile.source import scan

ROOT = Path(__file__).parents[2]
CATALOG = Catalog()
HEAD = "schema: tocsin/playbook/v1\nname: x\nversion: 1.0.0\ntitle: X\n"


def read(text: str) -> Playbook:
    found = read_playbook(scan(HEAD + text, "f.yaml"))
    assert found.problems == ()
    assert found.playbook is not None
    return found.playbook


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("90m", Due(offset=timedelta(minutes=90))),
        ("1h30m", Due(offset=timedelta(minutes=90))),
        ("2d", Due(offset=timedelta(days=2))),
        ("30m after opened", Due(offset=timedelta(minutes=30), anchor="opened")),
        (
            "2h after fact('incident.aware_at')",
            Due(offset=timedelta(hours=2), anchor="fact", ref="incident.aware_at"),
        ),
        (
            "0m after fact('incident.aware_at')",
            Due(offset=timedelta(0), anchor="fact", ref="incident.aware_at"),
        ),
        ('1h after step("b")', Due(offset=timedelta(hours=1), anchor="step", ref="b")),
        ("4h before duty('r/d').due", Due(offset=-timedelta(hours=4), anchor="duty", ref="r/d")),
        ("4h before duty(item).due", Due(offset=-timedelta(hours=4), anchor="duty", ref="item")),
    ],
)
def test_a_due_time_becomes_an_offset_from_an_anchor(written: str, due: Due) -> None:
    assert read(f"steps:\n  - id: a\n    task: A\n    due: {written}\n").steps[0].due == due


@pytest.mark.parametrize(
    ("written", "after"),
    [
        ("[a, b]", After(steps=("a", "b"))),
        ("{all: [a, b]}", After(steps=("a", "b"))),
        ("{any: [a, b]}", After(steps=("a", "b"), join="any")),
    ],
)
def test_after_joins_all_or_any(written: str, after: After) -> None:
    assert read(f"steps:\n  - {{id: c, task: C, after: {written}}}\n").steps[0].after == after


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("2h", WaitFor(duration=timedelta(hours=2))),
        ("{until: 2026-11-24T09:00:00Z}", WaitFor(until="2026-11-24T09:00:00Z")),
        ("{fact: data.involved}", WaitFor(fact="data.involved")),
        ("{fact: data.involved, at_most: 4h}", WaitFor(fact="data.involved", duration=timedelta(hours=4))),
        ("{duty: r/d, state: waived}", WaitFor(duty="r/d", state="waived")),
    ],
)
def test_a_wait_is_for_one_thing(written: str, wait: WaitFor) -> None:
    step = read(f"steps:\n  - {{id: a, wait: {written}}}\n").steps[0]
    assert isinstance(step, Wait)
    assert step.wait == wait


def test_loop_names_are_known_inside_and_only_there() -> None:
    playbook = read(
        "inputs: {device: what}\n"
        "steps:\n"
        "  - id: g\n    group: G\n    for_each: duties('applies')\n"
        "    steps: [{id: a, task: A, when: duty(item).overdue}]\n"
        "  - id: r\n    repeat: R\n    until: iteration > 2 or step('b').done\n    steps: [{id: b, task: B}]\n"
        "  - {id: c, playbook: lost-device, inputs: {device: inputs.device, n: '1'}}\n"
    )
    group, repeat, call = playbook.steps
    assert isinstance(group, Group)
    assert isinstance(repeat, Repeat)
    assert isinstance(call, Call)
    assert group.steps[0].when is not None
    assert group.steps[0].when.names == ("item",)
    assert repeat.until.names == ("iteration",)
    assert call.inputs["device"].names == ("inputs",)


def test_the_same_condition_is_parsed_once() -> None:
    playbook = read(
        "steps:\n  - {id: a, task: A, when: data.involved}\n  - {id: b, task: B, when: data.involved}\n"
    )
    assert playbook.steps[0].when is playbook.steps[1].when


def test_a_mistake_costs_its_own_step_and_no_other() -> None:
    read = read_playbook(
        scan(
            HEAD + "steps:\n  - {id: a, task: A, due: soon, role: r}\n  - {id: b, gizmo: B}\n  - 3\n",
            "f.yaml",
        )
    )
    assert read.playbook is not None
    first, second, third = read.playbook.steps
    assert (first.id, isinstance(first, Task) and first.role, first.due) == ("a", "r", None)
    assert (second.id, third.id) == ("b", "")
    assert read.guessed == {("steps", 0), ("steps", 1), ("steps", 2)}


def test_a_file_that_is_not_a_mapping_gives_no_playbook() -> None:
    assert read_playbook(scan("[1]", "f.yaml")).playbook is None
    assert read_playbook(scan("a: 1\na: 2", "f.yaml")).playbook is None


def test_invalid_top_level_parts_are_replaced_by_placeholders() -> None:
    text = (
        "schema: tocsin/playbook/v1\nname: [x]\nversion: 1\nroles: {r: {titel: R}, 3: x}\nmessages: {m: 3}\n"
        "inputs: {a: 1}\nassume_compromised: x\nsteps: 3\n"
    )
    read = read_playbook(scan(text, "f.yaml"))
    assert read.playbook is not None
    assert (read.playbook.name, read.playbook.roles["r"].title, read.playbook.steps) == (
        "unnamed",
        "?",
        (),
    )


WORDS = [
    *(
        "schema",
        "tocsin/playbook/v1",
        "name",
        "version",
        "1.0.0",
        "title",
        "steps",
        "roles",
        "messages",
        "inputs",
    ),
    *(
        "id",
        "a",
        "b",
        "task",
        "ask",
        "sets",
        "data.involved",
        "approve",
        "by",
        "distinct",
        "message",
        "to",
        "role:a",
    ),
    *(
        "notice",
        "auto",
        "duty",
        "item",
        "file",
        "duties",
        "all",
        "act",
        "http",
        "url",
        "json",
        "command",
        "wait",
    ),
    *(
        "until",
        "fact",
        "playbook",
        "lost-device",
        "group",
        "for_each",
        "duties('applies')",
        "repeat",
        "at_most",
    ),
    *(
        "after",
        "any",
        "when",
        "due",
        "1h",
        "1h after step('a')",
        "on_overdue",
        "remind",
        "escalate",
        "retry",
        "times",
    ),
    *(
        "class",
        "status-update",
        "text",
        "{{ incident.title }}",
        "{{ x",
        "step('a').done",
        "kind",
        "phase",
        "csf",
    ),
]
TREES = st.recursive(
    st.sampled_from(WORDS) | st.integers(-2, 5) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(WORDS), TREES, max_size=6), TREES)
def test_validation_never_raises_whatever_a_file_holds(data: dict[str, object], steps: object) -> None:
    whole = {"schema": "tocsin/playbook/v1", **data, "steps": steps}
    validate_source(scan(msgspec.json.encode(whole), "f.yaml"), CATALOG)


STEP_TREES = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "c"])},
    optional={
        "task": st.just("T"),
        "group": st.just("G"),
        "repeat": st.just("R"),
        "approve": st.sampled_from(["a", "b"]),
        "file": st.sampled_from(["a", "b"]),
        "steps": st.lists(
            st.fixed_dictionaries({"id": st.sampled_from(["a", "d"]), "task": st.just("T")}), max_size=2
        ),
        "until": st.sampled_from(["data.involved", "step('a').done", "1"]),
        "after": st.lists(st.sampled_from(["a", "b", "c", "d", "z"]), max_size=3),
        "when": st.sampled_from(["data.involved", "step('b').done", "duty(item).applies", "1 > 2"]),
        "due": st.sampled_from(["1h", "1h after step('b')", "1h before duty('a/b').due"]),
        "duty": st.sampled_from(["item", "eu-gdpr-33-controller-sa/initial", "a/b"]),
        "by": st.just({"roles": ["r"]}),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP_TREES, max_size=5))
def test_validation_never_raises_whatever_order_steps_are_in(steps: list[dict[str, object]]) -> None:
    validate_source(
        scan(msgspec.json.encode({"schema": "tocsin/playbook/v1", "steps": steps}), "f.yaml"), CATALOG
    )


def big(steps: int) -> str:
    rows = [f"  - {{id: s{n}, task: Do {n}, role: r, due: 1h, after: [s{n - 1}]}}" for n in range(1, steps)]
    return (
        f"{HEAD}roles: {{r: {{title: R}}}}\nsteps:\n  - {{id: s0, task: Do 0, role: r}}\n"
        + "\n".join(rows)
        + "\n"
    )


def test_a_valid_playbook_without_conditions_needs_neither_jinja2_nor_jsonschema(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_text(big(200), encoding="utf-8")
    script = (
        "import sys, pathlib\n"
        "from runner.playbook.catalogue import Catalog\n"
        "from runner.files.validate import validate\n"
        "found = validate([pathlib.Path(sys.argv[1])], Catalog())\n"
        "assert [one.severity for one in found] == ['warning'], found\n"
        "heavy = {'jinja2', 'jsonschema', 'requests', 'cryptography', 'babel', 'holidays', 'rich', 'typst'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_two_thousand_steps_in_a_row_are_no_trouble() -> None:
    problems = validate_source(scan(big(2000), "f.yaml"), Catalog())
    assert [problem.code for problem in problems] == ["people-not-checked"]
