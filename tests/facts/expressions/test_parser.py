"""Reading expressions: what is allowed, and for everything else the place, the reason and the right word."""

from __future__ import annotations

import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.facts.expression import LOOP_NAMES, Apply, Expression, FactRef, ListOf, Not
from runner.facts.expressions.parser import ExpressionError, parse, parse_condition
from tests.golden_files import FOLDER, same
from tests.refusals import refused

TOO_MANY = " and ".join(["data.encrypted"] * 100)


def test_an_expression_says_everything_that_it_can_read() -> None:
    expression = parse(
        "people.by_jurisdiction[item] > 5 and step('b').done or step('a').answer == inputs.x"
        " and duty('gdpr/initial').applies and duty(item).overdue and data.encrypted and data['encrypted']"
        " and people.by_jurisdiction['US-CA'] > iteration",
        LOOP_NAMES,
    )
    assert expression.facts == ("data.encrypted", "people.by_jurisdiction", "people.by_jurisdiction.US-CA")
    assert expression.steps == ("a", "b")
    assert expression.duties == ("gdpr/initial",)
    assert expression.names == ("inputs", "item", "iteration")
    assert parse("not [-1, +2] is empty or (1 if data.encrypted else 2) == 1").facts == ("data.encrypted",)


@pytest.mark.parametrize(
    "source",
    [
        "populations",
        "known(data.encrypted)",
        "populations|length > 1",
        "populations.customers.data.encrypted",
        "populations[item].x",
        "organisation.entities.gmbh.country == 'DE'",
        "people.by_jurisdiction.DE > 1",
        "people.by_jurisdiction[item] in [1, 2]",
        "'US-CA' in people.by_jurisdiction",
        "incident.individual_notice_sent_at['*'] is known",
        "incident.recipient_notified_at['owner'] < incident.aware_at + duration('72h')",
        "incident.stage_submitted_at['eu-gdpr-33-controller-sa/initial'] is known",
        "step('a').answer.anything[0] == 'x'",
        "duties('unknown') is empty",
        "duties('applies', recipient='individuals') is not empty",
        "(data.encrypted, true) == [true, true]",
        "data.encrypted|default(false)",
        "item|d('x') == item",
        "data.elements|count == 3",
        "organisation.country in ['DE', 'FR']",
        "incident.aware_at - incident.detected_at > duration('1h') - duration('1h')",
        "duration(inputs.x) > duration('1h')",
        "-item > 3 and -duration('1h') < duration('0s')",
        "data.encrypted\n  and\tdata.involved",
        "\"a 'quoted' word\" == item",
        "1_000 > 0x10 and 1.5 < 2",
        "true if item else false",
        "item.x.y[inputs.k]",
        "people.total|default('none') == item",
        "risk.to_people not in ['risk', 'high']",
        "item == item and item in item and item + 1 < 3",
    ],
)
def test_allowed_expressions_parse_and_survive_json(source: str) -> None:
    expression = parse(source, LOOP_NAMES)
    assert msgspec.json.decode(msgspec.json.encode(expression), type=Expression) == expression


def test_tests_and_filters_become_functions() -> None:
    subject = FactRef("data.encrypted")
    assert parse("data.encrypted is undefined").tree == Not(Apply("known", (subject,)))
    assert parse("data.encrypted is not none").tree == Not(Not(Apply("known", (subject,))))
    assert parse("(data.encrypted, )").tree == ListOf((subject,))


MISTAKES: list[tuple[str, int | None]] = [
    # words
    ("data.encryptd", 5),
    ("encrypted", 0),
    ("dta.encrypted", 0),
    ("dutty('x').applies", 0),
    ("xyzzy()", 0),
    ("true and stepp", 9),
    ("step", 0),
    ("data.involved == yes", 17),
    ("data.involved == No", 17),
    ("data.involved == 'yes'", 0),
    ("item", 0),
    ("qqqqqq.zzzzzz", 0),
    ("people.by_jurisdiction.US-CA > 1", 26),
    ("step('x').dnoe", 10),
    ("duty('x').apply", 10),
    ("duty('x')['due']", 9),
    ("duration('1h').x", 15),
    ("step('a').done.x", 15),
    ("organisation.hotline", 0),
    ("data[1]", 4),
    ("data.elements[0]", 13),
    ("data.encrypted.x", 15),
    ("people.by_jurisdiction['us']", 22),
    ("populations['A B'].data.encrypted", 11),
    ("'a'.upper", 0),
    ("data.encrypted()", 0),
    # syntax
    ("", 0),
    ("  ", 0),
    ("a b", 2),
    ("people.total = 3", 13),
    ("data.encrypted && true", 15),
    ("data.encrypted || true", 16),
    ("!data.encrypted", 0),
    ("1 +", 3),
    ("(1", 2),
    ("1)", 1),
    ("'abc", 0),
    ("{# x #} true", 1),
    ("e }} b", 2),
    ("data.encrypted is", 17),
    ("true if true", 0),
    # what a condition has not
    ("'x' * 3", 0),
    ("4 / 2 > 1", 0),
    ("4 // 2 > 1", 0),
    ("4 % 2 > 1", 0),
    ("2 ** 9", 0),
    ("'a' ~ 'b'", 0),
    ("{'a': 1}", 0),
    ("item[1:2]", 5),
    ("data.encrypted == none", 18),
    ("data.elements|join", 14),
    ("data.elements|lenght", 14),
    ("data.encrypted is defned", 15),
    ("data.encrypted|default", 15),
    ("data.encrypted is known(1)", 15),
    ("known(data.encrypted, 1)", 0),
    ("known(x=1)", 0),
    ("known(*item)", 0),
    ("step(item).done", 0),
    ("duty(3).applies", 0),
    ("duties('apply')", 0),
    ("duties('applies', 'individuals')", 0),
    ("duties('applies', who='individuals')", 0),
    ("duties('applies', recipient=item)", 28),
    ("duties('applies', recipient='a', recipient='b')", 0),
    ("duty('a/b', recipient='individuals')", 0),
    ("duration('x')", 0),
    ("instant('2026-11-24')", 0),
    # bounds
    ("9" * 30, 0),
    ("1e999", 0),
    ("'a\\x00b'", 0),
    ("true\u202e", 0),
    ("(" * 21, 20),
    ("not " * 61 + "true", 240),
    ("1 - - - 1", 6),
    ("x" * 2001, 2000),
    ("1+" * 50 + "1", None),
    (",".join(["1"] * 600), 1),
    ("[" + "1," * 600 + "]", None),
]
"""What cannot be read, and where it stops; no place where only the whole is too large."""

MISTAKES_OF_KIND = [
    ("risk.to_people == 'hihg'", 19),
    ("'hihg' == risk.to_people", 1),
    ("risk.to_people in ['risk', 'grave']", 28),
    ("'sssn' in data.elements", 1),
    ("data.elements == ['sssn']", 19),
    ("organisation.country == 'de'", 25),
    ("'UK' in people.by_jurisdiction", 1),
    ("data.elements == 'ssn'", 0),
    ("people.total == true", 0),
    ("incident.aware_at > '2026-01-01T00:00:00Z'", 0),
    ("duration('1h') > '1h'", 0),
    ("data.encrypted > true", 0),
    ("item > 'a'", 0),
    ("1 in 'a'", 6),
    ("1 in 2", 0 + 5),
    ("people.total + 'x'", 0),
    ("people.total - incident.aware_at", 0),
    ("-data.encrypted", 1),
    ("people.total is empty", 16),
    ("people.by_jurisdiction|length", 23),
    ("not data.elements", 4),
    ("data.encrypted and people.total", 19),
    ("true if people.total else false", 8),
    ("step('a')", 0),
    ("duty('a/b')", 0),
    ("step('a').done > 1", 0),
    ("people.by_jurisdiction[item] == 'x'", 0),
    ("populations[item] == 'x'", 0),
    ("[people.total, data.encrypted + 1] is empty", 15),
]
"""What can be read, and makes no sense."""


def mistake(source: str, names: frozenset[str]) -> ExpressionError:
    with refused("expression", ExpressionError) as caught:
        parse(source, names)
    assert isinstance(caught.value, ExpressionError)
    return caught.value


def in_scope(source: str) -> frozenset[str]:
    return LOOP_NAMES if source.startswith(("item[", "step(item", "known(*")) else frozenset()


@pytest.mark.parametrize(("source", "offset"), MISTAKES)
def test_forbidden_expressions_are_refused_with_their_position(source: str, offset: int | None) -> None:
    error = mistake(source, in_scope(source))
    assert offset is None or error.offset == offset


@pytest.mark.parametrize(("source", "offset"), MISTAKES_OF_KIND)
def test_a_plain_mistake_of_kind_is_found_before_anything_runs(source: str, offset: int) -> None:
    assert mistake(source, LOOP_NAMES).offset == offset


def test_every_mistake_has_its_reason_and_where_there_is_one_the_right_word() -> None:
    found = [(source, mistake(source, in_scope(source))) for source, _ in MISTAKES]
    found += [(source, mistake(source, LOOP_NAMES)) for source, _ in MISTAKES_OF_KIND]
    rows = [f"{source[:60]!r}\n  {one.message}\n  → {one.hint or '-'}\n" for source, one in found]
    same(FOLDER / "loading" / "expressions.txt", "".join(rows))


@pytest.mark.parametrize(
    "source", ["people.total", "'x'", "populations", "data.elements|length", "incident.aware_at"]
)
def test_a_condition_must_be_true_or_false(source: str) -> None:
    parse(source)
    with refused("expression", ExpressionError):
        parse_condition(source)


@pytest.mark.parametrize(
    "source", ["data.encrypted", "step('a').answer", "true", "1 < 2", "true if data.encrypted else false"]
)
def test_a_condition_may_be_anything_that_is_true_or_false_or_known_later(source: str) -> None:
    assert parse_condition(source).source == source


def test_the_first_error_position_is_reported_across_lines() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("data.encrypted\n  and\n  data.foo")
    assert caught.value.offset == len("data.encrypted\n  and\n  data.")


PIECES = st.sampled_from(
    (
        *(
            "data.encrypted",
            "people.total",
            "populations",
            ".customers",
            "item",
            "step('a')",
            ".done",
            "duty(",
            "'x'",
        ),
        *(
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            "and",
            "or",
            "not",
            "if",
            "else",
            "in",
            "is",
            "==",
            "<",
            "-",
            "+",
            "*",
            "|",
        ),
        *(
            "length",
            ",",
            ".",
            ":",
            "~",
            "%",
            "1",
            "1e400",
            "none",
            "true",
            '"',
            "'",
            "#",
            "{%",
            "}}",
            "@",
            "é",
            "\x00",
        ),
        "\\",
    )
)


@given(
    source=st.one_of(
        st.lists(PIECES, max_size=25).map(" ".join),
        st.lists(PIECES, max_size=25).map("".join),
        st.text(max_size=60),
    )
)
def test_any_text_is_read_or_refused_with_a_place_inside_it(source: str) -> None:
    expression = _read(source)
    if isinstance(expression, ExpressionError):
        assert 0 <= expression.offset <= len(source)
        assert expression.message
    else:
        assert msgspec.json.decode(msgspec.json.encode(expression), type=Expression) == expression


def _read(source: str) -> Expression | ExpressionError:
    try:
        return parse(source, LOOP_NAMES)
    except ExpressionError as error:
        return error


@pytest.mark.parametrize(
    "tower", ["(", "[", "not ", "-", "+", "a.", "1 if 1 else ", "f(", "1 if (", "x|", "x[", "a is ", "{1:"]
)
def test_towers_of_any_kind_are_refused_without_exhausting_the_stack(tower: str) -> None:
    for source in (tower * 1990, (tower * (1990 // len(tower)))[:1990] + "1"):
        with pytest.raises(ExpressionError):
            parse(source[:2000])


def test_the_trees_that_are_pinned_need_no_jinja2() -> None:
    import subprocess

    program = (
        "import sys; from runner.facts.expressions.evaluate import evaluate; from runner.facts import expression;"
        " sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
