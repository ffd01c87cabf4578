"""YAML as a person writes it at three in the morning: nothing is misread silently, nothing explodes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.yamlfile.source import MAX_BYTES, checked, load, parse, scan, scan_file
from runner.yamlfile.yaml_builder import MAX_DEPTH
from tests.refusals import refused


def codes(text: str | bytes) -> list[str]:
    return [problem.code for problem in scan(text, "f.yaml").problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("+7", 7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-x", "-x"),
        ("12:30:45", "12:30:45"),
        ("2026-11-24", "2026-11-24"),
        ("2026-11-24T09:30:00Z", "2026-11-24T09:30:00Z"),
        ("1_000", "1_000"),
        ("0b101", "0b101"),
        ("1.2.0", "1.2.0"),
        (".nanx", ".nanx"),
        ("'010'", "010"),
        ('"true"', "true"),
        ("! 010", "010"),
        ("!!str 010", "010"),
    ],
)
def test_a_scalar_has_its_yaml_1_2_value(written: str, meant: object) -> None:
    for loader in (None, yaml.SafeLoader):
        source = scan(f"key: {written}\n", "f.yaml", loader=loader)
        assert source.problems == ()
        assert source.data == {"key": meant}
        assert type(source.data["key"]) is type(meant)


def test_positions_of_values_and_keys_count_from_one() -> None:
    source = parse("a: 1\nsteps:\n  - {id: x, task: Do it}\n  - id: y\n    task: |\n      One\n", "f.yaml")
    assert source.position(()) == (1, 1)
    assert source.position(("a",)) == (1, 4)
    assert source.position(("a",), key=True) == (1, 1)
    assert source.position(("steps", 0, "task")) == (3, 19)
    assert source.position(("steps", 0, "task"), key=True) == (3, 13)
    assert source.position(("steps", 1), key=True) == (4, 5)


def test_a_place_that_is_not_there_is_its_nearest_parent() -> None:
    source = parse("steps:\n  - {id: x}\n", "f.yaml")
    assert source.position(("steps", 0, "due")) == (2, 5)
    assert source.position(("steps", 9, "due")) == (2, 3)
    assert source.position(("nothing", "at", "all")) == (1, 1)
    assert source.position(("steps", "x")) == (2, 3)


def test_an_offset_into_a_text_moves_the_column_past_its_quote_and_not_into_folded_text() -> None:
    source = parse("a: plain text\nb: 'quoted text'\nc: |\n  block text\n", "f.yaml")
    columns = [source.problem((key,), "x", "y", offset=6).column for key in ("a", "b", "c")]
    assert columns == [10, 11, 4]
    assert source.problem(("a",), "x", "y", offset=600).column == 4
    assert source.problem(("a",), "x", "y", key=True, offset=3).column == 1


def test_an_alias_has_its_own_position_and_its_parts_those_of_the_anchor() -> None:
    source = parse("one: &one {a: 1}\ntwo: *one\nkey: &k text\n*k : value\n", "f.yaml")
    assert source.data == {"one": {"a": 1}, "two": {"a": 1}, "key": "text", "text": "value"}
    assert source.position(("two",)) == (2, 6)
    assert source.position(("two", "a")) == (1, 15)


def test_an_anchor_may_name_a_key() -> None:
    assert parse("&k name: *k\n", "f.yaml").data == {"name": "name"}


def test_a_list_cannot_be_a_key_even_through_an_alias() -> None:
    assert codes("a: &x [1]\n*x : 2\nb: 3\n") == ["yaml-key"]
    assert codes("{[1]: 2}") == ["yaml-key"]


def test_a_refused_key_is_dropped_with_its_value_and_reading_continues() -> None:
    source = scan("a: 1\na: {b: [2]}\n<<: {c: 3}\nd: 4\n", "f.yaml")
    assert source.data == {"a": 1, "d": 4}
    assert [problem.code for problem in source.problems] == ["yaml-duplicate-key", "yaml-merge-key"]


def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    assert parse("'<<': 1\n", "f.yaml").data == {"<<": 1}


def test_keys_are_text_however_they_look() -> None:
    assert parse("1: a\ntrue: b\n~: c\n", "f.yaml").data == {"1": "a", "true": "b", "~": "c"}


def test_a_utf_8_byte_order_mark_is_accepted() -> None:
    assert parse("a: 1\n".encode("utf-8-sig"), "f.yaml").data == {"a": 1}


def test_five_megabytes_are_refused_politely() -> None:
    (problem,) = scan("a: " + "x" * 5_000_000, "f.yaml").problems
    assert (problem.file, problem.line, problem.severity) == ("f.yaml", 0, "error")
    assert (problem.code, bool(problem.hint)) == ("yaml-too-large", True)
    assert f"{MAX_BYTES:,}" in problem.message
    before, after = str(problem).split(problem.message)
    assert (before.split(), after.split(problem.hint)[0].split()) == (
        ["f.yaml:", "error:"],
        ["[yaml-too-large]", "("],
    )


@pytest.mark.parametrize(
    "text", ["[" * 200 + "]" * 200, "- " * 200 + "x", "{a: " * 200 + "}" * 200, "[" * 5000]
)
def test_depth_200_is_refused_politely(text: str) -> None:
    assert codes(text) == ["yaml-too-deep"]


def test_the_greatest_depth_is_read() -> None:
    assert codes("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []


def test_a_hundred_problems_are_enough() -> None:
    assert len(codes("a: 1\n" + "a: 2\n" * 500)) == 100


def test_a_file_is_read_and_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n", encoding="utf-8")
    assert load(path, name="short.yaml").file == "short.yaml"
    assert load(path).data == {"a": 1}


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    with big.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    found = [scan_file(path).problems[0] for path in (tmp_path / "none.yaml", tmp_path, big, Path("a\0b"))]
    assert [problem.code for problem in found] == [
        "file-missing",
        "file-unreadable",
        "yaml-too-large",
        "file-unreadable",
    ]
    locked = tmp_path / "sub" / "x.yaml"
    (tmp_path / "sub").write_text("not a folder", encoding="utf-8")
    assert scan_file(locked).problems[0].code == "file-unreadable"


def test_an_unreadable_file_raises_with_every_problem() -> None:
    with refused("bad_file", Invalid) as two:
        parse("a: 1\na: 2\na: 3\n", "f.yaml")
    with refused("bad_file", Invalid) as one:
        checked(scan("a: 1\na: 2\n", "f.yaml"))
    for caught, count in ((two, 2), (one, 1)):
        assert [problem.code for problem in caught.value.problems] == ["yaml-duplicate-key"] * count
        assert ("f.yaml" in caught.value.message, str(count) in caught.value.message) == (True, True)


def test_an_unusual_complaint_of_the_parser_is_passed_on() -> None:
    (problem,) = scan("%YAML 3.0\n---\na: 1\n", "f.yaml").problems
    assert (problem.code, "incompatible" in problem.message) == ("yaml-syntax", True)


@pytest.mark.parametrize("text", ["a: &x 1\nb: &x 2\nc: *x\n", "a: *x\n"])
def test_both_parsers_agree_about_anchors(text: str) -> None:
    ours, pure = scan(text, "f"), scan(text, "f", loader=yaml.SafeLoader)
    assert [problem.code for problem in ours.problems] == [problem.code for problem in pure.problems]


@given(st.text(alphabet=st.sampled_from("ab:-[]{},&*!|>'\"#%@ \n\t\\?~.0123<\ufeff\x00é"), max_size=60))
def test_no_text_at_all_makes_reading_raise(text: str) -> None:
    source = scan(text, "f.yaml")
    assert source.problems or source.data is not None or "~" in text or text.strip()


@given(st.binary(max_size=60))
def test_no_bytes_at_all_make_reading_raise(content: bytes) -> None:
    scan(content, "f.yaml")
