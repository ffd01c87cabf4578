"""Three-valued expressions: true, false, or unknown with the missing facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.facts.expression import LOOP_NAMES, Apply, Const, DutyRef, Expression, Unknown, Value
from runner.facts.expressions.evaluate import added, apply, compared, evaluate, negated, part, truth
from runner.facts.expressions.parser import parse
from tests.golden_files import FOLDER, same

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Known(msgspec.Struct):
    """A view over plain mappings: what is not there is unknown and names itself."""

    facts: Mapping[str, Value] = {}
    steps: Mapping[str, Mapping[str, Value]] = {}
    duty_parts: Mapping[str, Mapping[str, Value]] = {}
    names: Mapping[str, Value] = {}

    def fact(self, path: str) -> Value:
        return self.facts.get(path, Unknown((path,)))

    def step(self, step: str) -> Mapping[str, Value] | Unknown:
        return self.steps.get(step, Unknown((f"step('{step}')",)))

    def duty(self, duty: str) -> Mapping[str, Value] | Unknown:
        return self.duty_parts.get(duty, Unknown((f"duty('{duty}')",)))

    def duties(self, verdict: str, recipient: str = "") -> tuple[str, ...]:
        return tuple(sorted(one for one, parts in self.duty_parts.items() if parts.get("verdict") == verdict))

    def name(self, name: str) -> Value:
        return self.names.get(name, Unknown((name,)))


SOME = Known(
    facts={
        "data.encrypted": False,
        "data.elements": ("ssn", "name"),
        "people.total": 600,
        "people.by_jurisdiction": {"DE": 500},
        "people.by_jurisdiction.DE": 500,
        "risk.to_people": "high",
        "incident.aware_at": NOON,
        "incident.summary": "A laptop",
        "organisation.role": (),
    },
    steps={"wipe": {"done": True, "state": "done", "ended_at": NOON}},
    duty_parts={"gdpr/initial": {"applies": True, "verdict": "applies", "due": NOON + timedelta(hours=72)}},
    names={"item": "DE", "inputs": {"tenant": "m365"}, "iteration": 2},
)


def ask(source: str, view: Known = SOME) -> Value:
    return evaluate(parse(source, LOOP_NAMES), view)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("true", True),
        ("not data.encrypted", True),
        ("data.encrypted", False),
        ("people.total > 500", True),
        ("people.total >= 600 and people.total <= 600", True),
        ("people.total < 500.5", False),
        ("500 < people.total <= 600", True),
        ("500 < people.total < 600", False),
        ("people.by_jurisdiction['DE'] == 500", True),
        ("people.by_jurisdiction[item] == 500", True),
        ("'DE' in people.by_jurisdiction", True),
        ("'ssn' in data.elements", True),
        ("'passport' in data.elements", False),
        ("'passport' not in data.elements", True),
        ("risk.to_people in ['risk', 'high']", True),
        ("risk.to_people != 'high'", False),
        ("data.elements == ['name', 'ssn']", True),
        ("data.elements == ['name']", False),
        ("organisation.role is empty", True),
        ("data.elements is not empty", True),
        ("data.elements|length", 2),
        ("incident.summary|length", 8),
        ("incident.summary|lower", "a laptop"),
        ("incident.summary|upper == 'A LAPTOP'", True),
        ("people.total + 1 - 2", 599),
        ("-people.total", -600),
        ("+people.total", 600),
        ("-duration('1h') + duration('2h')", timedelta(hours=1)),
        ("incident.aware_at + duration('72h')", NOON + timedelta(hours=72)),
        ("duration('1h') + incident.aware_at", NOON + timedelta(hours=1)),
        ("incident.aware_at - duration('1h')", NOON - timedelta(hours=1)),
        ("incident.aware_at - instant('2026-11-24T11:00:00Z')", timedelta(hours=1)),
        ("incident.aware_at < instant('2026-11-24T13:00:00+01:00')", False),
        ("duration('60m') == duration('1h') and duration('1h') < duration('2h')", True),
        ("step('wipe').done", True),
        ("step('wipe').ended_at == incident.aware_at", True),
        ("duty('gdpr/initial').applies", True),
        ("duty('gdpr/initial').due - duration('4h')", NOON + timedelta(hours=68)),
        ("duties('applies')", ("gdpr/initial",)),
        ("inputs.tenant", "m365"),
        ("inputs['tenant'] == 'm365'", True),
        ("iteration == 2", True),
        ("[1, people.total]", (1, 600)),
        ("3 if data.encrypted else 4", 4),
        ("known(data.encrypted)", True),
        ("known(data.involved)", False),
        ("data.involved is unknown and data.involved is not defined", True),
        ("data.involved|default(true)", True),
        ("data.encrypted|default(true)", False),
    ],
)
def test_expressions_over_known_facts_give_their_value(source: str, value: Value) -> None:
    assert ask(source) == value


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("false and data.involved", False),
        ("data.involved and false", False),
        ("true or data.involved", True),
        ("data.involved or true", True),
        ("true and data.involved", Unknown(("data.involved",))),
        ("false or data.involved", Unknown(("data.involved",))),
        ("not data.involved", Unknown(("data.involved",))),
        ("data.involved and data.with_name", Unknown(("data.involved", "data.with_name"))),
        ("data.with_name and data.involved and data.with_name", Unknown(("data.involved", "data.with_name"))),
        ("(data.involved and data.encrypted) or data.retrieved", Unknown(("data.retrieved",))),
        ("people.minimum > 3", Unknown(("people.minimum",))),
        ("3 == people.minimum", Unknown(("people.minimum",))),
        ("3 != people.minimum", Unknown(("people.minimum",))),
        ("people.total < 5 < people.minimum", False),
        ("people.total in [1, people.minimum]", Unknown(("people.minimum",))),
        ("people.total in [600, people.minimum]", True),
        ("people.minimum in [1]", Unknown(("people.minimum",))),
        ("people.minimum in []", False),
        ("'health' in organisation.sectors", Unknown(("organisation.sectors",))),
        ("'FR' in people.by_jurisdiction", Unknown(("people.by_jurisdiction.FR",))),
        ("organisation.country in people.by_jurisdiction", Unknown(("organisation.country",))),
        ("people.by_jurisdiction['FR'] > 1", Unknown(("people.by_jurisdiction.FR",))),
        ("people.by_jurisdiction[organisation.country] > 1", Unknown(("organisation.country",))),
        ("people.unreachable[item] > 1", Unknown(("people.unreachable.DE",))),
        ("[1, people.minimum] == [1, 2]", Unknown(("people.minimum",))),
        ("people.minimum + 1", Unknown(("people.minimum",))),
        ("-people.minimum", Unknown(("people.minimum",))),
        ("[people.minimum]|length", Unknown(("people.minimum",))),
        ("[people.minimum] is empty", False),
        ("known([people.minimum])", False),
        ("data.elements|length > people.minimum", Unknown(("people.minimum",))),
        ("1 if data.involved else 2", Unknown(("data.involved",))),
        ("step('wipe').answer", Unknown(("step('wipe').answer",))),
        ("step('other').done", Unknown(("step('other')",))),
        ("duty('other/x').applies", Unknown(("duty('other/x')",))),
        ("duty(inputs.other).applies", Unknown(("inputs.other",))),
        ("duty('gdpr/initial').overdue", Unknown(("duty('gdpr/initial').overdue",))),
        ("inputs.a.b", Unknown(("inputs.a",))),
        ("inputs[data.form]", Unknown(("data.form",))),
        ("inputs['a']", Unknown(("inputs['a']",))),
        ("(iteration, 1) == (iteration, people.minimum)", Unknown(("people.minimum",))),
    ],
)
def test_unknown_expressions_name_only_the_facts_that_matter(source: str, answer: Value) -> None:
    assert ask(source) == answer


UNFIT = (
    "item",
    "item and true",
    "item == 3",
    "inputs == inputs",
    "item < 3",
    "item > inputs.tenant",
    "3 in item",
    "3 in inputs",
    "item + 3",
    "iteration + item",
    "incident.aware_at + inputs",
    "duration('1h') + item",
    "duration('1h') - step('wipe').answer|default(3)",
    "-item",
    "item.x",
    "iteration['x']",
    "duty(iteration).applies",
    "duration(item)",
    "instant(item)",
    "iteration|length",
    "iteration|lower",
    "inputs is empty",
    "instant('2199-12-31T00:00:00Z') + duration('99999w') + duration('99999w') "
    "+ duration('99999w') + duration('99999w') + duration('99999w')",
)


def test_values_that_do_not_fit_are_unknown_with_a_problem_and_never_an_exception() -> None:
    answers = [(source, truth(parse(source, LOOP_NAMES), SOME)) for source in UNFIT]
    rows = [f"{source[:60]!r}\n  {', '.join(problems_of(answer))}\n" for source, answer in answers]
    same(FOLDER / "loading" / "expression-values.txt", "".join(rows))


def problems_of(answer: object) -> tuple[str, ...]:
    """Return the problems of an unknown value that misses no fact."""
    assert isinstance(answer, Unknown)
    assert answer.problems
    assert answer.missing == ()
    return answer.problems


def test_a_list_is_read_by_position_and_past_its_end_is_unknown() -> None:
    view = Known(names={"item": ("a", "b")})
    assert ask("item[1]", view) == "b"
    assert ask("item[2]", view) == Unknown(("item[2]",))
    assert problems_of(ask("item[true]", view))
    assert ask("item['x']", Known()) == Unknown(("item",))


def test_nested_unnamed_parts_are_reported_as_the_expression() -> None:
    view = Known(names={"item": {"a": {"b": 1}}, "inputs": "a"})
    assert ask("item[inputs].c", view) == Unknown(("the expression.c",))


def test_a_local_time_does_not_compare_with_an_instant() -> None:
    local = datetime(2026, 11, 24, 12)  # noqa: DTZ001
    assert problems_of(compared(3, "==", "x", ""))
    assert problems_of(compared(local, "<", NOON, ""))


def test_a_duration_and_a_number_have_signs_and_a_truth_has_none() -> None:
    assert negated(timedelta(hours=1)) == timedelta(hours=-1)
    assert problems_of(negated(True))
    assert problems_of(added(True, True, False))
    assert problems_of(apply("lower", []))
    assert problems_of(apply("lower", ["a", Unknown()]))
    assert part({"x": None}, "x", "told") == Unknown(("told",))  # type: ignore[dict-item]


def test_the_boolean_value_of_logic_is_strictly_true_or_false() -> None:
    assert truth(parse("people.total > 1 and not data.encrypted"), SOME) is True
    assert ask("true and false") is False


def test_a_tree_survives_json_and_answers_the_same() -> None:
    expression = parse(
        "people.by_jurisdiction[item] > 1 and 'ssn' in data.elements or duty(item).due > step('a').ended_at",
        LOOP_NAMES,
    )
    again = msgspec.json.decode(msgspec.json.encode(expression), type=Expression)
    assert again == expression
    assert evaluate(again, SOME) == evaluate(expression, SOME)


PATHS = (
    "data.involved",
    "data.encrypted",
    "people.total",
    "people.minimum",
    "risk.to_people",
    "data.elements",
)
LITERALS = (
    "true",
    "false",
    "1",
    "600",
    "'high'",
    "'ssn'",
    "item",
    "['ssn', 'name']",
    "duration('1h')",
    "incident.aware_at",
)
LEAVES = st.sampled_from([*PATHS, *LITERALS])


def _compound(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["and", "or", "==", "!=", "<", ">=", "in", "not in", "+", "-"])
    return st.one_of(
        st.builds("({} {} {})".format, below, operators, below),
        st.builds("(not {})".format, below),
        st.builds("(-{})".format, below),
        st.builds("({} if {} else {})".format, below, below, below),
        st.builds("[{}, {}]".format, below, below),
        st.builds("({}|length)".format, below),
        st.builds("({} is empty)".format, below),
    )


SOURCES = st.recursive(LEAVES, _compound, max_leaves=8)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
    st.lists(st.sampled_from(["ssn", "name"]), max_size=2).map(tuple),
    st.just({"DE": 1}),
    st.just(Unknown(("item",))),
)


def _tree(source: str) -> Expression:
    """Read without the check of kinds, so that the evaluator meets every mismatch."""
    from runner.facts.expressions.parser import syntax
    from runner.facts.expressions.tree import read_tree

    return read_tree(source, syntax(source), LOOP_NAMES)


@given(source=SOURCES, facts=st.dictionaries(st.sampled_from(PATHS), VALUES), item=VALUES)
def test_evaluation_never_raises(source: str, facts: dict[str, Value], item: Value) -> None:
    view = Known(facts=facts, names={"item": item})
    evaluate(_tree(source), view)
    assert isinstance(truth(_tree(source), view), bool | Unknown)


FITTING: dict[str, st.SearchStrategy[Value]] = {
    "data.involved": st.booleans(),
    "data.encrypted": st.booleans(),
    "people.total": st.integers(0, 700),
    "people.minimum": st.integers(0, 700),
    "risk.to_people": st.sampled_from(["risk", "high"]),
    "data.elements": st.lists(st.sampled_from(["ssn", "name"]), max_size=2).map(tuple),
}


@given(source=SOURCES, facts=st.fixed_dictionaries(FITTING), hidden=st.sets(st.sampled_from(PATHS)))
def test_learning_a_fact_never_changes_a_definite_answer(
    source: str, facts: dict[str, Value], hidden: set[str]
) -> None:
    expression = _tree(source)
    before = truth(expression, Known(facts={path: facts[path] for path in facts if path not in hidden}))
    if not isinstance(before, Unknown):
        assert truth(expression, Known(facts=facts)) == before


@given(source=SOURCES, facts=st.fixed_dictionaries(FITTING))
def test_an_unknown_answer_over_known_facts_names_problems_or_missing_items(
    source: str, facts: dict[str, Value]
) -> None:
    answer = truth(_tree(source), Known(facts=facts))
    if isinstance(answer, Unknown):
        assert answer.problems or set(answer.missing) <= {"item", "incident.aware_at"}


def test_nodes_that_the_parser_never_builds_are_answered_too() -> None:
    bare = Expression("x", Apply("duties", (Const(3),)))
    assert problems_of(evaluate(bare, SOME))
    assert problems_of(evaluate(Expression("x", DutyRef(Const(True))), SOME))
