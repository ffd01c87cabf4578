"""Checks of the texts of messages and calls: template syntax, and variables that are facts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from runner.base.link_targets import counts_readers, foreign, own_domains
from runner.decoding import from_json
from runner.documents.template.syntax import is_template
from runner.documents.template.values import Budget
from runner.errors import Invalid
from runner.facts.vocabulary.lookup import find, path_hint, roots, step_into
from runner.playbook.checks.step_map import Findings, Map
from runner.playbook.format import Act
from runner.playbook.lookup import Known
from runner.routing.message_classes import laid_over
from runner.routing.rules import HELD_BACK
from runner.yamlfile.source import Where

ABOUT = frozenset(
    {
        "incident.codename",
        "incident.id",
        "incident.kind",
        "incident.title",
        "step.id",
        "step.title",
        "step.due",
        "item",
        "next_update",
    }
)
"""Names that a message can read besides facts."""


def check_texts(steps: Map, found: Findings) -> None:
    """Report every invalid template; jinja2 is imported only for a template.

    Each is filled once without facts; together they may cost as much as one.
    """
    budget = Budget()
    for name, template in steps.playbook.messages.items():
        for key in ("subject", "text"):
            text = getattr(template, key)
            if is_template(text):
                _template(text, ("messages", name, key), found, budget)
    for place in steps.places:
        if isinstance(place.step, Act) and place.step.http is not None and place.step.http.json is not None:
            body = from_json(msgspec.json.encode(place.step.http.json))
            for where, text in _texts(body, (*place.where, "http", "json")):
                if is_template(text):
                    _template(text, where, found, budget)


def _texts(part: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """Yield the texts in a value with their positions, without keys."""
    match part:
        case str():
            yield where, part
        case dict():
            yield from chain.from_iterable(_texts(one, (*where, key)) for key, one in part.items())
        case list():
            yield from chain.from_iterable(_texts(one, (*where, n)) for n, one in enumerate(part))
        case _:
            pass


def _template(text: str, where: Where, found: Findings, budget: Budget) -> None:
    from runner.documents.template.syntax import facts_read
    from runner.documents.template.template import fill_template

    if budget.spent:
        return
    try:
        fill_template(text, {}, language="en", zone="UTC", name="message", budget=budget)
        read = facts_read(text)
    except Invalid as error:
        for problem in error.problems:
            if problem.code == "template-cost":
                found.error(where, problem.code, problem.message, "Write fewer or shorter loops.")
            else:
                found.error(where, "template", problem.message, "Write a variable as {{ incident.summary }}.")
        return
    for path, _line in read:
        name = path.replace("[]", ".*") if "[]" in path else path
        if not _known(name):
            first = name.split(".")[0]
            message = f'The text reads "{path}", which is not a fact.'
            hint = (
                f"Remove {path}: a text reads only facts." if first in ("step", "item") else path_hint(name)
            )
            found.error(where, "unknown-fact", message, hint, offset=max(0, text.find(path)))


def _known(path: str) -> bool:
    """Return whether a template may read a path: a fact, a group of facts, or basic data of the incident."""
    if path in ABOUT or find(path) is not None:
        return True
    branch: Any = roots()
    for segment in path.split("."):
        branch = getattr(branch, "member", None) if segment == "*" else step_into(branch, segment)
        if branch is None:
            return False
    return True


def check_links(steps: Map, known: Known, found: Findings) -> None:
    """Warn of links in templates that block their messages over email."""
    texts = (text for _, text in _texts(known.home.organisation if known.home is not None else None, ()))
    own = own_domains(texts)
    classes = laid_over(known.classes, steps.playbook.classes)
    for name, template in steps.playbook.messages.items():
        kind = classes.get(template.message_class)
        if kind is None or kind.audience not in HELD_BACK:
            continue
        where = ("messages", name, "text")
        for host in foreign(template.text, (*own, *kind.links)):
            hint = "Add the domain to `links` of the message class, or to the organisation's addresses in tocsin.yaml."
            found.warn(where, "R28", f'The link to "{host}" leads outside the organisation.', hint)
        if counts_readers(template.text):
            found.warn(where, "R28", "The link counts its readers.", "Remove the counter from the address.")
