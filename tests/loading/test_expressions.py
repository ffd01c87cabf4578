"""Reading expressions: what is allowed, and for everything else the place, the reason and the right word."""

from __future__ import annotations

import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.loading.expressions import ExpressionError, parse, parse_condition
from runner.model.expressions import LOOP_NAMES, Apply, Expression, FactRef, ListOf, Not

TOO_MANY = " and ".join(["data.encrypted"] * 100)


def test_an_expression_says_everything_that_it_can_read() -> None:
    read = parse(
        "people.by_jurisdiction[item] > 5 and step('b').done or step('a').answer == inputs.x"
        " and duty('gdpr/initial').applies and duty(item).overdue and data.encrypted and data['encrypted']"
        " and people.by_jurisdiction['US-CA'] > iteration",
        LOOP_NAMES,
    )
    assert read.facts == ("data.encrypted", "people.by_jurisdiction", "people.by_jurisdiction.US-CA")
    assert read.steps == ("a", "b")
    assert read.duties == ("gdpr/initial",)
    assert read.names == ("inputs", "item", "iteration")
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
def test_what_is_on_the_list_is_read_and_survives_json(source: str) -> None:
    read = parse(source, LOOP_NAMES)
    assert msgspec.json.decode(msgspec.json.encode(read), type=Expression) == read


def test_tests_and_filters_become_functions() -> None:
    subject = FactRef("data.encrypted")
    assert parse("data.encrypted is undefined").tree == Not(Apply("known", (subject,)))
    assert parse("data.encrypted is not none").tree == Not(Not(Apply("known", (subject,))))
    assert parse("(data.encrypted, )").tree == ListOf((subject,))


@pytest.mark.parametrize(
    ("source", "offset", "message", "hint"),
    [
        # words
        ("data.encryptd", 5, "there is no fact data.encryptd", "did you mean data.encrypted?"),
        ("encrypted", 0, "nothing is called 'encrypted'", "did you mean data.encrypted?"),
        ("dta.encrypted", 0, "nothing is called 'dta'", "did you mean data.encrypted?"),
        ("dutty('x').applies", 0, "there is no function 'dutty'", "did you mean duty?"),
        (
            "xyzzy()",
            0,
            "there is no function 'xyzzy'",
            "there are: step, duty, duties, duration, instant, known",
        ),
        ("true and stepp", 9, "nothing is called 'stepp'", "did you mean step?"),
        ("step", 0, "nothing is called 'step'", "write step('...')"),
        ("data.involved == yes", 17, "nothing is called 'yes'", "write true"),
        ("data.involved == No", 17, "nothing is called 'No'", "write false"),
        (
            "data.involved == 'yes'",
            0,
            "true or false never compares with text",
            "write true or false, without quotes",
        ),
        (
            "item",
            0,
            "nothing is called 'item'",
            "'item' exists only inside for_each, repeat or a sub-playbook",
        ),
        (
            "qqqqqq.zzzzzz",
            0,
            "nothing is called 'qqqqqq'",
            "facts begin with one of: organisation, incident, "
            "populations, data, people, risk, law_enforcement, claims",
        ),
        (
            "people.by_jurisdiction.US-CA > 1",
            26,
            "nothing is called 'CA'",
            "a key with a hyphen needs brackets, as people.by_jurisdiction['US-CA']",
        ),
        ("step('x').dnoe", 10, "a step has no part 'dnoe'", "did you mean done?"),
        ("duty('x').apply", 10, "a duty has no part 'apply'", "did you mean applies?"),
        (
            "duty('x')['due']",
            9,
            "a duty has no part ''",
            "there are: applies, unknown, verdict, due, overdue, filed",
        ),
        ("duration('1h').x", 15, "it has no part 'x'", ""),
        ("step('a').done.x", 15, "done is a single value and has no parts", ""),
        (
            "organisation.hotline",
            0,
            "organisation.hotline is a group of facts",
            "read one of: phone, hours, url",
        ),
        ("data[1]", 4, "data needs a name here", ""),
        (
            "data.elements[0]",
            13,
            "data.elements is a single fact and has no parts",
            "write: 'x' in data.elements",
        ),
        ("data.encrypted.x", 15, "data.encrypted is a single fact and has no parts", ""),
        ("people.by_jurisdiction['us']", 22, "'us' is no jurisdiction: write US", ""),
        ("populations['A B'].data.encrypted", 11, "'A B' is no id: write it as customers", ""),
        ("'a'.upper", 0, "only facts, steps, duties and names in scope have parts", ""),
        (
            "data.encrypted()",
            0,
            "only a function can be called",
            "there are: step, duty, duties, duration, instant, known",
        ),
        # syntax
        ("", 0, "the expression is empty", ""),
        ("  ", 0, "the expression is empty", ""),
        ("a b", 2, "unexpected 'b' after the expression", ""),
        ("people.total = 3", 13, "unexpected '= 3' after the expression", "write == to compare"),
        ("data.encrypted && true", 15, "unexpected character '&'", "write 'and'"),
        (
            "data.encrypted || true",
            16,
            "expected token 'name', got '|'",
            "write 'or'; a single | applies a filter, as in data.elements|length",
        ),
        ("!data.encrypted", 0, "unexpected character '!'", "write 'not', or != to compare"),
        ("1 +", 3, "the expression ends too early", ""),
        ("(1", 2, "the expression ends too early", ""),
        ("1)", 1, "unexpected ')'", ""),
        ("'abc", 0, "the quoted text does not end", ""),
        ("{# x #} true", 1, "unexpected character '#'", ""),
        ("e }} b", 2, "unexpected '}} b' after the expression", ""),
        ("data.encrypted is", 17, "the expression ends too early", ""),
        (
            "true if true",
            0,
            "'if' without 'else' has no value when it is false",
            "write: A if condition else B",
        ),
        # what a condition has not
        ("'x' * 3", 0, "there is no multiplication in a condition", ""),
        ("4 / 2 > 1", 0, "there is no division in a condition", ""),
        ("4 // 2 > 1", 0, "there is no division in a condition", ""),
        ("4 % 2 > 1", 0, "there is no remainder in a condition", ""),
        ("2 ** 9", 0, "there are no powers in a condition", ""),
        ("'a' ~ 'b'", 0, "text cannot be joined with ~ in a condition", ""),
        ("{'a': 1}", 0, "a condition has no dictionaries", ""),
        ("item[1:2]", 5, "a list cannot be sliced in a condition", ""),
        (
            "data.encrypted == none",
            18,
            "there is no null: a fact that nobody has said is unknown",
            "write known(x) or 'x is known'",
        ),
        (
            "data.elements|join",
            14,
            "there is no filter 'join'",
            "there are: length, count, lower, upper, default, d",
        ),
        ("data.elements|lenght", 14, "there is no filter 'lenght'", "did you mean length?"),
        ("data.encrypted is defned", 15, "there is no test 'is defned'", "did you mean defined?"),
        ("data.encrypted|default", 15, "it takes one argument", ""),
        ("data.encrypted is known(1)", 15, "it takes no arguments", ""),
        ("known(data.encrypted, 1)", 0, "it takes one argument", ""),
        ("known(x=1)", 0, "it takes one argument", ""),
        ("known(*item)", 0, "it takes one argument", ""),
        ("step(item).done", 0, "step() takes a step's id in quotes, as step('wipe')", ""),
        (
            "duty(3).applies",
            0,
            "duty() takes an id in quotes, as duty('eu-gdpr-33-controller-sa/initial')",
            "",
        ),
        (
            "duties('apply')",
            0,
            "duties() takes a verdict in quotes",
            "one of applies, unknown, not_applicable, advisory",
        ),
        ("duration('x')", 0, "not a duration: write numbers with w, d, h, m or s, as 90m, 2h or 1d12h", ""),
        (
            "instant('2026-11-24')",
            0,
            "a date without a time is not an instant: write 2026-11-24T09:30:00+01:00",
            "",
        ),
        # bounds
        ("9" * 30, 0, "the number is too large", "2^53 is the largest whole number"),
        ("1e999", 0, "the number is too large", ""),
        ("'a\\x00b'", 0, "the text has a character that cannot be shown, U+0000, at position 2", ""),
        ("true\u202e", 0, "the text has a character that cannot be shown, U+202E, at position 5", ""),
        ("(" * 21, 20, "the expression is nested too deeply", "split it with 'ask' steps"),
        ("not " * 61 + "true", 240, "the expression is nested too deeply", "split it with 'ask' steps"),
        ("1 - - - 1", 6, "the expression is nested too deeply", "split it with 'ask' steps"),
        (
            "x" * 2001,
            2000,
            "the expression has 2001 characters, more than 2000",
            "answer a part of it in an 'ask' step that sets a fact, and read that fact",
        ),
        ("1+" * 50 + "1", 0, "the expression is too large", "split it with 'ask' steps that set facts"),
        (",".join(["1"] * 600), 1, "unexpected ',1,1,1,1,1,1,1,1,1,1' after the expression", ""),
        (
            "[" + "1," * 600 + "]",
            0,
            "the expression is too large",
            "split it with 'ask' steps that set facts",
        ),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_place_and_a_hint(
    source: str, offset: int, message: str, hint: str
) -> None:
    names = LOOP_NAMES if source.startswith(("item[", "step(item", "known(*")) else frozenset()
    with pytest.raises(ExpressionError) as caught:
        parse(source, names)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    if message != "the expression is too large":
        assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("source", "offset", "message", "hint"),
    [
        ("risk.to_people == 'hihg'", 19, "risk.to_people is never 'hihg'", "did you mean 'high'?"),
        ("'hihg' == risk.to_people", 1, "risk.to_people is never 'hihg'", "did you mean 'high'?"),
        (
            "risk.to_people in ['risk', 'grave']",
            28,
            "risk.to_people is never 'grave'",
            "it is one of: unlikely, risk, high",
        ),
        ("'sssn' in data.elements", 1, "data.elements is never 'sssn'", "did you mean 'ssn'?"),
        ("data.elements == ['sssn']", 19, "data.elements is never 'sssn'", "did you mean 'ssn'?"),
        ("organisation.country == 'de'", 25, "'de' is no jurisdiction: write DE", ""),
        ("'UK' in people.by_jurisdiction", 1, "'UK' is not the ISO code: write GB", ""),
        ("data.elements == 'ssn'", 0, "a list never compares with text", "write: ... in data.elements"),
        ("people.total == true", 0, "a number never compares with true or false", ""),
        (
            "incident.aware_at > '2026-01-01T00:00:00Z'",
            0,
            "an instant never compares with text",
            "write instant('2026-11-24T09:30:00+01:00')",
        ),
        ("duration('1h') > '1h'", 0, "a duration never compares with text", "write duration('72h')"),
        ("data.encrypted > true", 0, "true or false has no order", ""),
        ("item > 'a'", 0, "anything has no order", ""),
        ("1 in 'a'", 6, "'in' needs a list or a map, and a is text", "compare with =="),
        ("1 in 2", 0 + 5, "'in' needs a list or a map, and 2 is a number", ""),
        ("people.total + 'x'", 0, "text cannot be added to a number", "write duration('2h')"),
        ("people.total - incident.aware_at", 0, "an instant cannot be subtracted from a number", ""),
        ("-data.encrypted", 1, "true or false has no sign", ""),
        ("people.total is empty", 16, "empty takes a list or text, not a number", ""),
        ("people.by_jurisdiction|length", 23, "length takes a list or text, not a map", ""),
        ("not data.elements", 4, "data.elements is a list, not true or false", "write: ... is not empty"),
        (
            "data.encrypted and people.total",
            19,
            "people.total is a number, not true or false",
            "compare it with something",
        ),
        (
            "true if people.total else false",
            8,
            "people.total is a number, not true or false",
            "compare it with something",
        ),
        ("step('a')", 0, "step('a') needs a part", "as step('a').done"),
        ("duty('a/b')", 0, "duty('a/b') needs a part", "as duty('a/b').applies"),
        ("step('a').done > 1", 0, "true or false never compares with a number", ""),
        ("people.by_jurisdiction[item] == 'x'", 0, "a number never compares with text", ""),
        ("populations[item] == 'x'", 0, "a map never compares with text", ""),
        ("[people.total, data.encrypted + 1] is empty", 15, "a number cannot be added to true or false", ""),
    ],
)
def test_a_plain_mistake_of_kind_is_found_before_anything_runs(
    source: str, offset: int, message: str, hint: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(source, LOOP_NAMES)
    assert (caught.value.offset, caught.value.message, caught.value.hint) == (offset, message, hint)


@pytest.mark.parametrize(
    "source", ["people.total", "'x'", "populations", "data.elements|length", "incident.aware_at"]
)
def test_a_condition_must_be_true_or_false(source: str) -> None:
    parse(source)
    with pytest.raises(ExpressionError, match="not true or false"):
        parse_condition(source)


@pytest.mark.parametrize(
    "source", ["data.encrypted", "step('a').answer", "true", "1 < 2", "true if data.encrypted else false"]
)
def test_a_condition_may_be_anything_that_is_true_or_false_or_known_later(source: str) -> None:
    assert parse_condition(source).source == source


def test_the_first_place_is_told_across_lines() -> None:
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
    read = _read(source)
    if isinstance(read, ExpressionError):
        assert 0 <= read.offset <= len(source)
        assert read.message
    else:
        assert msgspec.json.decode(msgspec.json.encode(read), type=Expression) == read


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
        "import sys; from runner.engine.conditions import evaluate; from runner.loading import expressions;"
        " sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
