"""Our own parser of plain expressions reads nothing otherwise than jinja2 does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from runner.loading.expression_plain import Written, parse_plain
from runner.loading.expressions import syntax


def outline(node: Any) -> Any:
    """Return a tree of either parser as plain tuples, without places."""
    match node:
        case Written():
            fields = {name: value for name, value in vars(node).items() if name not in ("kind", "lineno")}
            return node.kind, {
                name: outline(value) for name, value in fields.items() if name != "name" or value
            }
        case nodes.Node():
            fields = {name: getattr(node, name) for name in node.fields if name != "ctx"}
            return type(node).__name__, {name: outline(value) for name, value in fields.items()}
        case list() | tuple():
            return [outline(one) for one in node]
        case _:
            return type(node).__name__, node


def agrees(source: str) -> bool:
    """Tell whether a text is plain; if it is, both parsers must see the same in it."""
    found = parse_plain(source)
    if found is None:
        return False
    assert outline(found) == outline(syntax(source))
    return True


@pytest.mark.parametrize(
    "source",
    [
        "data.encrypted",
        "not data.encrypted or data.records > 100",
        "duty('eu-gdpr-33-controller-sa/initial').applies and step('a').done",
        "people.by_jurisdiction['US-CA'] >= 500",
        "incident.aware_at + duration('72h') < instant('2026-11-24T09:30:00Z')",
        "'health' in data.elements and data.elements|length > 2",
        "data.elements is not known or organisation.country not in ['DE', \"AT\"]",
        "1 < people.total <= 5.25",
        "1 if data.encrypted is known else -2 - +3",
        "populations[item].people.total|default(0) == (1)",
        "organisation.country in ('DE', 'AT')\n  and true",
        "a.b(c, 1).d[0]|lower|default('x') is known",
        "not a == b and not c in d",
        "[]",
    ],
)
def test_what_conditions_are_mostly_made_of_is_plain(source: str) -> None:
    assert agrees(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "a ~ b",
        "a * b",
        "a == ",
        "a b",
        "'a' 'b'",
        "'a\\n'",
        "'a\nb'",
        "007",
        "1_000",
        "1e5",
        "1.x",
        "a.1",
        "a['x':'y']",
        "(a, b,)",
        "()",
        "a(b=1)",
        "a(*b)",
        "a is divisibleby 3",
        "a is sameas(b)",
        "a is eq b",
        "a is none",
        "a if b",
        "x is known if y else z",
        "none",
        "- -1",
        "not not a",
        "é",
        "a.in",
        "a|x.y",
        "{'a': 1}",
        "(" * 13 + "a" + ")" * 13,
        "not a and " * 31 + "a",
    ],
)
def test_what_is_not_plain_is_left_to_jinja2(source: str) -> None:
    assert parse_plain(source) is None


NAMES = st.sampled_from(["a", "data", "true", "False", "known", "x1", "_y", "nota", "iff", "is_", "in"])
ATOMS = st.one_of(NAMES, st.sampled_from(["0", "1", "23", "1.5", "0.25", "'x'", '"y z"', "'it\u0301'", "''"]))


def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return expressions made of smaller ones."""
    signs = ["and", "or", "+", "-", "==", "!=", "<", "<=", ">", ">=", "in", "not in", " \n and"]
    return st.one_of(
        st.tuples(inner, st.sampled_from(signs), inner).map(" ".join),
        st.tuples(st.sampled_from(["not ", "-", "+", "not  "]), inner).map("".join),
        inner.map(lambda one: f"({one})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: f"[{', '.join(some)}]"),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"({','.join(some)})"),
        st.tuples(inner, NAMES).map(".".join),
        st.tuples(inner, inner).map(lambda two: f"{two[0]}[{two[1]}]"),
        st.tuples(inner, inner).map(lambda two: f"{two[0]}({two[1]})"),
        st.tuples(inner, NAMES, inner).map(lambda three: f"{three[0]}|{three[1]}({three[2]})"),
        st.tuples(inner, st.sampled_from(["|", " is ", " is not "]), NAMES).map("".join),
        st.tuples(inner, inner, inner).map(lambda three: "{} if {} else {}".format(*three)),
    )


@settings(max_examples=600, deadline=None)
@given(st.recursive(ATOMS, wider, max_leaves=8))
def test_both_parsers_see_the_same_in_every_expression(source: str) -> None:
    agrees(source)


PIECES = st.sampled_from(
    [
        "a",
        "data",
        "true",
        "none",
        "not",
        "and",
        "or",
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
        "||",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        "'",
        '"',
        "'x'",
        "1",
        "2.5",
        "0",
        "00",
        "1.",
        ".5",
        "é",
        "~",
        "%",
        "=",
    ]
)


@settings(max_examples=600, deadline=None)
@given(
    st.tuples(st.lists(PIECES, max_size=12), st.sampled_from(["", " "])).map(lambda two: two[1].join(two[0]))
)
def test_a_heap_of_words_is_plain_only_where_jinja2_sees_the_same(source: str) -> None:
    agrees(source)
