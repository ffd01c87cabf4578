"""Templates: what they may do, what they print, and how a gap is seen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runner.documents.notice import Gap, Item, Notice
from runner.documents.template.syntax import check_syntax, facts_read
from runner.documents.template.template import fill_template
from runner.documents.template.values import Budget
from runner.documents.wording.phrases import phrases
from runner.documents.write import write
from runner.errors import Invalid, Refused
from tests.documents.examples import small
from tests.refusals import refused

ENGLISH = phrases("en")
FACTS: dict[str, Any] = {
    "incident": {"summary": "text", "malicious": False, "started_at": "2026-11-20T01:00:00Z"},
    "data": {"elements": ["ssn", "name"], "records": 1234567},
    "people": {"by_jurisdiction": {"DE": 3, "US-CA": 4}},
    "populations": [{"id": "staff", "people": {"total": 5}}],
}

HOSTILE = (
    "{{ ''.__class__.__mro__ }}",
    "{{ incident.__class__ }}",
    "{{ incident['__class__'] }}",
    "{{ incident.summary.upper() }}",
    "{{ incident.summary|attr('__class__') }}",
    "{{ incident.summary|safe }}",
    "{{ incident.summary|replace('t', 'x' * 1000) }}",
    "{{ '%s'|format(incident) }}",
    "{{ 'x' * 1000000 }}",
    "{{ 2 ** 9999999 }}",
    "{{ 1 + 1 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ lipsum() }}",
    "{{ cycler('a') }}",
    "{{ joiner() }}",
    "{{ namespace(a=1) }}",
    "{{ range(999999999) }}",
    "{{ self._TemplateReference__context }}",
    "{{ self }}",
    "{{ _ledger }}",
    "{% for x in [1, 2, 3] %}{{ x }}{% endfor %}",
    "{% for x in 'abc' %}{{ x }}{% endfor %}",
    "{% include 'other' %}",
    "{% import 'other' as other %}",
    "{% extends 'other' %}",
    "{% block body %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x %}y{% endset %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f() %}{{ varargs }}{% endmacro %}{{ f(1) }}",
    "{% call f() %}{% endcall %}",
    "{{ incident }}",
    "{{ populations }}",
    "{{ data.elements }}",
    "{{ populations.people }}",
    "{{ incident.summary.deeper }}",
    "{{ incident.malicious }}",
    "{{ incident.summary|date }}",
    "{{ incident.summary|number }}",
    "{{ incident|label }}",
    "{% for x in incident.summary %}{{ x }}{% endfor %}",
    "{{ data.elements < 3 }}",
    "{{ data.elements[0:1] }}",
    "{% if incident.summary %}",
)


@pytest.mark.parametrize("source", HOSTILE)
def test_a_template_that_reaches_too_far_is_refused_with_its_line(source: str) -> None:
    with pytest.raises(Invalid) as caught:
        fill_template(f"first line\n{source}", FACTS, language="en", zone="UTC", name="bad.md")
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("bad.md", 2)
    assert problem.code in ("template-forbidden", "template-run", "template-syntax")


EIGHT = "{% set l = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] %}"


def loops(depth: int, body: str) -> str:
    """Return loops within loops over a list of eight."""
    return EIGHT + "{% for x in l %}" * depth + body + "{% endfor %}" * depth


def lists(name: str, depth: int) -> str:
    """Return a list of the same list twice, and so on: two to the power of ``depth`` words."""
    inner = "".join(f"{{% set {name} = [{name}, {name}] %}}" for _ in range(depth))
    return f"{{% set {name} = ['a', 'b'] %}}{inner}"


def macros(body: str, call: str, levels: int = 19) -> str:
    """Return macros of which each calls the one before, the last of them called ``m<levels>``."""
    first = f"{{% macro m0(p) %}}{body}{{% endmacro %}}"
    rest = (
        f"{{% macro m{n}(p) %}}{call.replace('N', str(n - 1))}{{% endmacro %}}" for n in range(1, levels + 1)
    )
    return first + "".join(rest)


COSTLY = {
    "rounds that print nothing": loops(14, ""),
    "rounds that print literal text": loops(9, "x" * 40),
    "rounds that print a long word": loops(5, "{{ '" + "x" * 50_000 + "' }}"),
    "rounds that print a fact": loops(7, "{{ incident.summary }}"),
    "rounds that ask for a gap": loops(8, "{% if risk.advice %}{% endif %}"),
    "rounds that look for something": loops(8, "{% for y in l if y == 'z' %}{% endfor %}"),
    "rounds of dates": loops(7, "{{ '2026-11-24'|date }}"),
    "macros that print": macros("x" * 1000, "{{ mN() }}{{ mN() }}") + "{{ m19() }}",
    "macros that print nothing": macros("", "{% set a = mN() %}{% set b = mN() %}")
    + "{% if m19() %}{% endif %}",
    "a word that doubles": "{% set a = 'xxxxxxxx' %}" + "{% set a = [a, a]|words %}" * 40 + "{{ a|count }}",
    "a list in words": lists("a", 40) + "{{ a|words }}",
    "a list compared": lists("a", 40) + lists("b", 40) + "{% if a == b %}{% endif %}",
    "a list looked for": lists("a", 40) + lists("b", 40) + "{% if a in [b] %}{% endif %}",
    "a long list that is searched": "{% set l = ["
    + "'a'," * 8000
    + "] %}{% for x in l %}{% if 'b' in l %}{% endif %}{% endfor %}",
}


@pytest.mark.parametrize("source", COSTLY.values(), ids=COSTLY)
def test_a_template_with_unbounded_cost_is_stopped(source: str) -> None:
    with refused("template-cost", Invalid):
        fill_template(source, FACTS, language="en", zone="UTC")


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in l %}" * 25 + "{% endfor %}" * 25,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ a" + ".b" * 5000 + " }}",
        "{% if " + "a or " * 3000 + "b %}{% endif %}",
        "{% if a %}" * 150 + "{% endif %}" * 150,
        "{% if a %}" + "{% elif b %}" * 3000 + "{% endif %}",
        "{{ " + "9" * 100_000 + " }}",
        "{% if a %}{% endif %}" * 6000,
        "{{ 1e999 }}",
    ],
)
def test_a_template_too_large_to_run_is_refused(source: str) -> None:
    with pytest.raises(Invalid) as caught:
        fill_template(source, {}, language="en", zone="UTC")
    assert caught.value.problems[0].code in ("template-size", "template-syntax", "template-forbidden")


def test_facts_are_not_followed_without_end() -> None:
    with refused("template-cost", Invalid):
        facts_read(macros("{{ p }}", "{{ mN(p.a) }}{{ mN(p.b) }}{{ mN(p.c) }}") + "{{ m19(q) }}")


def test_several_templates_share_one_cost_limit() -> None:
    budget = Budget()
    with refused("template-cost", Invalid):
        for _ in range(10_000):
            fill_template(loops(4, "x"), {}, language="en", zone="UTC", budget=budget)


def test_an_unknown_key_is_a_gap() -> None:
    source = "{% for p in people.by_jurisdiction %}{{ people.by_jurisdiction[p] }}{% endfor %}"
    assert [gap.path for gap in small(source).gaps] == ["people.by_jurisdiction"]


def test_a_template_that_is_too_long_is_refused() -> None:
    (problem,) = check_syntax("x" * 200_001)
    assert problem.code == "template-size"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ incident.started_at|date }}", "20 November 2026"),
        ("{{ incident.started_at|time }}", "02:00\u00a0(UTC+01:00)"),
        ("{{ incident.started_at|datetime }}", "20 November 2026, 02:00\u00a0(UTC+01:00)"),
        ("{{ '2026-11-24'|date }}", "24 November 2026"),
        ("{{ data.records|number }}", "1,234,567"),
        ("{{ data.elements|label|words }}", "Social Security number and name"),
        ("{{ data.elements|words|capital }}", "Ssn and name"),
        ("{{ data.elements|count }}", "2"),
        ("{{ incident.malicious|label }}", "no"),
        (
            "{% for p in people.by_jurisdiction %}{{ p }} {{ people.by_jurisdiction[p] }};{% endfor %}",
            "DE 3;US-CA 4;",
        ),
        (
            "{% for p in populations %}{{ loop.index }} {{ p.id }} {{ p.people.total }}{% endfor %}",
            "1 staff 5",
        ),
        ("{{ 'a' if 'ssn' in data.elements else 'b' }}", "a"),
        ("{% set x = incident.summary %}{{ x }}", "text"),
        ("{% if incident.malicious == false %}honest{% endif %}", "honest"),
        ("{% if data.records > 10 and data.records <= 1234567 %}many{% endif %}", "many"),
    ],
)
def test_filters_and_loops_write_readable_text(source: str, text: str) -> None:
    made = write(small(source, FACTS, status="final"), "txt").decode()
    assert text in made


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "20. November 2026, 02:00\u00a0(UTC+01:00); 1.234.567"),
        ("fr", "20 novembre 2026, 02:00\u00a0(UTC+01:00); 1\u00a0234\u00a0567"),
        ("es", "20 de noviembre de 2026, 2:00\u00a0(UTC+01:00); 1.234.567"),
        ("en-US", "November 20, 2026, 2:00\u00a0AM\u00a0(UTC+01:00); 1,234,567"),
    ],
)
def test_dates_and_numbers_follow_the_documents_language(language: str, text: str) -> None:
    source = "{{ incident.started_at|datetime }}; {{ data.records|number }}"
    assert text in write(small(source, FACTS, language=language, status="final"), "txt").decode()


@pytest.mark.parametrize(
    "source",
    [
        "{{ risk.advice }}",
        "{{ risk.advice|capital }}",
        "{% if risk.advice %}Paragraph{% endif %}",
        "{% if not risk.advice %}Paragraph{% endif %}",
        "{% if risk.advice == 'x' %}Paragraph{% endif %}",
        "{% if risk.advice != 'x' %}Paragraph{% endif %}",
        "{% if 'x' in risk.advice %}Paragraph{% endif %}",
        "{% if 'x' not in risk.advice %}Paragraph{% endif %}",
        "{% if risk.advice > 3 %}Paragraph{% endif %}",
        "{% if incident.summary == risk.advice %}Paragraph{% endif %}",
        "{% if incident.summary == 'x' %}A{% elif risk.advice %}B{% else %}C{% endif %}",
        "{{ 'a' if risk.advice else 'b' }}",
        "{% set x = 'a' if risk.advice else 'b' %}",
        "{% for x in risk.advice %}{{ x }}{% endfor %}",
        "{% for x in risk.advice if x %}y{% endfor %}",
        "{% if populations|count > 0 and risk.advice %}Paragraph{% endif %}",
    ],
)
def test_a_missing_fact_is_always_seen(source: str) -> None:
    draft = small(source, FACTS)
    assert "risk.advice" in write(draft, "txt").decode()
    assert {gap.path.removesuffix("[]") for gap in draft.gaps} == {"risk.advice"}
    with refused("notice_incomplete", Refused) as found:
        small(source, FACTS, status="final")
    assert "risk.advice" in found.value.message


def test_an_undecided_condition_shows_its_paragraph() -> None:
    text = write(
        small("Before.\n\n{% if risk.high %}\n## Heading\n\nMore.\n{% endif %}\n\nAfter."), "txt"
    ).decode()
    undecided = f"[{ENGLISH.undecided}: risk.high]"
    assert f"Before.\n\n{undecided}\n\nHeading\n-------\n\nMore.\n\nAfter." in text


def test_a_test_for_a_known_fact_is_not_a_gap() -> None:
    document = small("{% if risk.advice is known %}A{% endif %}{% if risk.advice is unknown %}B{% endif %}")
    assert document.gaps == ()


def test_null_is_unknown_and_an_empty_group_has_no_facts() -> None:
    gaps = small("{{ a.b }} {{ c.d }} {{ e }}", {"a": {"b": None}, "c": {}, "e": None}).gaps
    assert [gap.path for gap in gaps] == ["a.b", "c.d", "e"]


def test_missing_information_may_follow_where_the_law_allows_phases() -> None:
    notice = Notice(
        id="phased",
        version="1.0.0",
        title="Phased",
        phased=True,
        at_once=("organisation.name",),
        requires=(Item(ref="33(3)(c)", item="consequences", facts=("risk.consequences",)),),
    )
    document = small("{{ risk.consequences }}", notice=notice, status="final")
    assert document.gaps == (Gap("risk.consequences", "33(3)(c)", "to_follow"),)
    assert ENGLISH.to_follow in write(document, "txt").decode()
    assert b"<mark>" not in write(document, "html")
    draft = small("{{ risk.consequences }}", notice=notice)
    assert f"<mark>{ENGLISH.to_follow}</mark>" in write(draft, "html").decode()
    with refused("notice_incomplete", Refused) as found:
        small("{{ organisation.name }} {{ risk.consequences }}", notice=notice, status="final")
    assert "organisation.name" in found.value.message


def test_the_final_document_names_every_missing_fact_at_once() -> None:
    with refused("notice_incomplete", Refused) as found:
        small("{{ a.b }} {{ c.d }}", status="final")
    assert {"small", "2", "a.b", "c.d"} <= set(re.findall(r"\w+(?:\.\w+)*", found.value.message))


def test_the_facts_that_a_template_reads_are_known_without_running_it() -> None:
    source = (
        "{% macro inner(people) %}{{ people.total }}{% endmacro %}\n"
        "{% macro outer(group) %}{{ inner(group.people) }}{% endmacro %}\n"
        "{% for p in populations %}{{ outer(p) }}{{ loop.index }}{% endfor %}\n"
        "{% if a.b is known %}{{ c|date }}{% endif %}{{ m['US-CA'] }}{% set z = q.r %}{{ z }}"
    )
    assert facts_read(source) == (
        ("populations[].people.total", 1),
        ("populations[].people", 2),
        ("populations", 3),
        ("populations[]", 3),
        ("a.b", 4),
        ("c", 4),
        ("m.US-CA", 4),
        ("q.r", 4),
    )


def test_the_document_says_which_facts_were_read_and_which_were_printed() -> None:
    document = small("{% if incident.malicious == false %}{{ incident.summary }}{% endif %}", FACTS)
    assert [(used.path, used.printed) for used in document.facts_used] == [
        ("incident.malicious", False),
        ("incident.summary", True),
    ]
