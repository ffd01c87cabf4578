"""The one definition of the format, seen twice: as types that decode, and as the JSON Schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from msgspec.inspect import type_info

from runner.errors import Bug
from runner.files.validate import EDITOR_SCHEMAS
from runner.playbook.format import KINDS, Playbook
from runner.playbook.normalise import lower
from runner.playbook.parts import Phase
from runner.playbook.schema import as_text, playbook_schema, scalar_schema
from runner.yamlfile.source import parse, scan
from tests.golden_files import same

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "playbooks" / "schemas" / "playbook.v1.json"
CORPUS = sorted((ROOT / "tests" / "golden" / "validate").glob("*.yaml")) + sorted(
    (ROOT / "playbooks").glob("*.yaml")
)


@pytest.mark.parametrize("kind", EDITOR_SCHEMAS)
def test_the_committed_schema_is_the_one_that_the_types_give(kind: str) -> None:
    committed = COMMITTED.with_name(f"{kind}.v1.json")
    same(committed, as_text(EDITOR_SCHEMAS[kind]()))
    jsonschema.Draft202012Validator.check_schema(json.loads(committed.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "file", sorted((ROOT / "playbooks" / "tests").glob("*.yaml")), ids=lambda file: file.stem
)
def test_the_shipped_tests_fit_the_schema_of_tests(file: Path) -> None:
    jsonschema.validate(scan(file.read_bytes(), file.name).data, EDITOR_SCHEMAS["playbook-test"]())


def test_every_kind_of_step_has_a_branch_with_its_key_right_after_the_id() -> None:
    schema = playbook_schema()
    assert schema["$defs"]["step"]["oneOf"] == [{"$ref": f"#/$defs/{kind}"} for kind in KINDS]
    for kind in KINDS:
        branch = schema["$defs"][kind]
        assert list(branch["properties"])[:2] == ["id", kind]
        assert {"id", kind} <= set(branch["required"])
        assert branch["additionalProperties"] is False


def test_phases_are_offered_to_editors() -> None:
    assert playbook_schema()["$defs"]["task"]["properties"]["phase"] == {"enum": sorted(get_args(Phase))}


def test_a_type_that_no_file_can_hold_is_our_own_mistake() -> None:
    with pytest.raises(Bug):
        scalar_schema(type_info(bytes))


VALIDATOR = jsonschema.Draft202012Validator(playbook_schema())


def decodes(data: Any) -> bool:
    """The fast path: lowering and decoding."""
    source = (
        parse(msgspec.json.encode(data), "f.yaml") if not isinstance(data, str) else parse(data, "f.yaml")
    )
    lowered = lower(source)
    try:
        msgspec.convert(lowered.data, Playbook)
    except msgspec.ValidationError:
        return False
    return lowered.shaped


def conforms(data: Any) -> bool:
    return bool(VALIDATOR.is_valid(data))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_fast_path_and_the_schema_accept_and_refuse_the_same_files(path: Path) -> None:
    source = scan(path.read_bytes(), path.name)
    if not source.problems and not any(problem.code == "too-deep" for problem in lower(source).problems):
        assert decodes(source.data) == conforms(source.data)


STEP: dict[str, Any] = {"id": "a", "task": "A"}
BASE: dict[str, Any] = {
    "schema": "tocsin/playbook/v1",
    "name": "x",
    "version": "1.0.0",
    "title": "X",
    "steps": [STEP],
}
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    7,
    1.5,
    "",
    " ",
    "x",
    "1h",
    "x\n",
    [],
    ["x"],
    [1],
    {},
    {"x": 1},
    {"any": ["x"]},
    "0h",
]


@pytest.mark.parametrize(
    "key", sorted(set(BASE) | {"roles", "messages", "inputs", "description", "assume_compromised"})
)
def test_they_agree_about_every_value_at_the_top(key: str) -> None:
    for value in VALUES:
        data = {**BASE, key: value}
        assert decodes(data) == conforms(data), (key, value)
    without = {name: value for name, value in BASE.items() if name != key}
    assert decodes(without) == conforms(without)


FULL: dict[str, dict[str, Any]] = {
    "task": {"task": "A"},
    "ask": {"ask": "A?", "sets": "data.involved"},
    "form": {"form": "F", "fields": [{"fact": "data.involved", "ask": "A?", "when": "data.involved"}]},
    "approve": {"approve": "x", "by": {"roles": ["r"]}},
    "message": {"message": "m"},
    "notice": {"notice": "n"},
    "file": {"file": "x"},
    "duties": {"duties": "all"},
    "act": {"act": "A", "http": {"url": "https://x.example", "json": {"a": 1}}},
    "wait": {"wait": "1h"},
    "playbook": {"playbook": "x", "inputs": {"a": "1"}},
    "group": {"group": "G", "steps": [STEP]},
    "repeat": {"repeat": "R", "steps": [STEP], "until": "data.involved"},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_they_agree_about_every_value_of_every_key_of_a_step(kind: str) -> None:
    whole = {"id": "a", **FULL[kind]}
    assert decodes({**BASE, "steps": [whole]})
    assert conforms({**BASE, "steps": [whole]})
    for key in [*KINDS[kind].__struct_fields__, "kind", "rol"]:
        for value in VALUES:
            data = {**BASE, "steps": [{**whole, key: value}]}
            assert decodes(data) == conforms(data), (kind, key, value)
        data = {**BASE, "steps": [{name: value for name, value in whole.items() if name != key}]}
        assert decodes(data) == conforms(data), (kind, key)


NESTED: dict[str, list[Any]] = {
    "after": [
        {"all": ["x"]},
        {"any": []},
        {"all": ["x"], "any": ["y"]},
        {"steps": ["x"]},
        {"all": "x"},
        {"all": [1]},
    ],
    "due": ["1h after step('x')", "1h before step('x')", {"offset": 3}, "2h before duty(item).due", "PT1H"],
    "retry": [
        {"times": 3},
        {"times": 101},
        {"wait": "PT3S"},
        {"wait": "3s"},
        {"factor": 2},
        {"factor": "2"},
        {"x": 1},
    ],
    "on_overdue": [{"remind": "1h"}, {"remind": 1}, {"escalate": "r"}, {"times": 21}, {"remind": None}],
    "when": ["data.involved", {"source": "x", "tree": {"type": "const", "value": True}}],
    "csf": [["RS.CO-02"], ["RS.CO"], ["rs.co"], ["RS.CO-02\n"]],
}


@pytest.mark.parametrize("key", sorted(NESTED))
def test_schema_and_decoder_agree_where_file_and_memory_forms_differ(key: str) -> None:
    for value in NESTED[key]:
        data = {**BASE, "steps": [{**STEP, key: value}]}
        assert decodes(data) == conforms(data), (key, value)


@pytest.mark.parametrize(
    "wait",
    [
        {"until": "x"},
        {"fact": "x"},
        {"duty": "x"},
        {"duty": "x", "state": "filed"},
        {"duty": "x", "state": "done"},
        {"state": "filed"},
        {"duration": "1h"},
        {"duration": "PT1H"},
        {"until": 3},
        {"until": "x", "fact": "y"},
    ],
)
def test_they_agree_about_waits(wait: Any) -> None:
    data = {**BASE, "steps": [{"id": "a", "wait": wait}]}
    assert decodes(data) == conforms(data)


@pytest.mark.parametrize(
    "http", [None, {"url": "u", "json": None}, {"url": "u", "json": [1]}, {"url": "u", "expect": [99]}, {}]
)
def test_they_agree_about_calls(http: Any) -> None:
    data = {**BASE, "steps": [{"id": "a", "act": "A", "http": http}]}
    assert decodes(data) == conforms(data)
