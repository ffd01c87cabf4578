"""Reference page of the fact vocabulary, generated from the vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runner.facts.vocabulary.fact_types import Branch, FactType, Keyed
from runner.facts.vocabulary.lookup import roots

_INTRODUCTION = """\
# Facts

Conditions, laws, notices, imports and reports read these names and no others. This page is generated from the vocabulary.

A fact that nobody has stated is **unknown**, which is not the same as false. Every recorded fact carries its source, who recorded it,
when, whether it is confirmed or estimated, and what it replaced.

| how it is written | what it is |
|---|---|
| `data.encrypted` | one fact |
| `people.by_jurisdiction.US-CA` | one entry of a map; in a condition `people.by_jurisdiction['US-CA']`. An entry that is absent is unknown, not zero |
| `populations.customers.data.elements` | a fact of one member of a list, by the member's id |
| `data.elements=ssn,name` | a set, complete |
| `data.elements=ssn,?` | an open set: these, and perhaps more. `data.elements+=medical` adds, `data.elements-=?` closes |
| `data.encrypted=?` | unknown again |

| type | what a person writes |
|---|---|
| text | one line, up to 500 characters, nothing invisible |
| prose | text of several lines, up to 20,000 characters |
| yes/no | `true` or `false`; on the command line also `yes` or `no` |
| whole number, number | digits, `1200` or `1200.5`; no separators |
| instant | RFC 3339 with an offset, `2026-11-24T09:30:00+01:00`; a date is refused, and so is a local time in a file; commands and forms read a local time in `organisation.zone`. One to come is refused, unless it is planned (`individual_notice_planned_at`, `hold.from`, `hold.until`, `enrol_until`) |
| zone | a time zone by name, `Europe/Berlin` |
| jurisdiction | ISO 3166: a country as `DE`, a state as `US-CA` |
| one of, set of | words of the list, never free text |

`data` and `people` at the top are the short form for one population. Where `populations` are recorded, a condition that reads
`data.encrypted` gets what all of them agree on, a set gives their union, and where they differ the answer is unknown and says so.
"""
_WORDS = {
    "bool": "yes/no",
    "int": "whole number",
    "choice": "one of",
}


_LONG = 8
"""Words of a list from which on it stands once, at the end of the page, when several facts take it."""


_TRANSLATED = (
    "`translations.LANGUAGE.PATH` for each fact of the type prose that notices print, as `translations.de.incident.summary`.\n"
    "Postal addresses and claims have no translation. How notices use these facts: "
    "[Write notices in several languages](../how-to/write-notices-in-several-languages.md).\n"
)


def reference_page() -> str:
    """Return the whole page as Markdown: one section for each root, then the lists that several facts share."""
    facts = [
        (path, fact)
        for name, branch in roots().items()
        for path, fact in _facts(name, branch)
        if name != "translations"
    ]
    times = Counter(fact.choices for _, fact in facts if fact.choices)
    shared = {choices: "" for choices, count in times.items() if count > 1 and len(choices) > _LONG}
    for path, fact in facts:
        if shared.get(fact.choices) == "":
            shared[fact.choices] = path
    sections = [_section(name, branch, shared) for name, branch in roots().items()]
    lists = [f"### values of {path}\n\n{_listed(choices)}\n" for choices, path in shared.items()]
    return "\n".join([_INTRODUCTION, *sections, "## Lists of several facts\n", *lists])


def _facts(path: str, branch: Branch) -> Iterator[tuple[str, FactType]]:
    match branch:
        case FactType():
            yield path, branch
        case Keyed(_, key, member):
            yield from _facts(f"{path}.{key.upper()}", member)
        case _:
            for name, below in branch.items():
                if not (path.startswith("populations.") and name in ("data", "people")):
                    yield from _facts(f"{path}.{name}", below)


def _listed(choices: tuple[str, ...]) -> str:
    return ", ".join(f"`{choice}`" for choice in choices)


def _section(name: str, branch: Branch, shared: dict[tuple[str, ...], str]) -> str:
    title = f"{branch.title}.\n\n" if isinstance(branch, Keyed) else ""
    if name == "translations":
        return f"## {name}\n\n{title}{_TRANSLATED}"
    head = f"## {name}\n\n{title}| fact | type | what it says |\n|---|---|---|\n"
    return head + "".join(_rows(name, branch, shared))


def _rows(path: str, branch: Branch, shared: dict[tuple[str, ...], str]) -> Iterator[str]:
    match branch:
        case FactType(title, kind, choices, many, optional=optional):
            word = f"{_WORDS.get(kind, kind)}{' or `none`' if optional else ''}"
            if many:
                word = "set of" if choices else f"set of {word}"
            words = f": {_listed(choices)}" if choices else ""
            if choices in shared:
                anchor = shared[choices].lower().replace(".", "")
                words = f" [values of {shared[choices]}](#values-of-{anchor})"
            yield f"| `{path}` | {word}{words} | {title} |\n"
        case Keyed(_, key, member):
            yield from _rows(f"{path}.{key.upper()}", member, shared)
        case _:
            for name, below in branch.items():
                if path.startswith("populations.") and name in ("data", "people"):
                    yield f"| `{path}.{name}` | as `{name}` | The same facts as under `{name}`, of this population |\n"
                else:
                    yield from _rows(f"{path}.{name}", below, shared)
