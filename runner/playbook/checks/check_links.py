"""Does mail to affected people and the public lead to us, or to whom its class names (R28), as far as a template shows it.

What is filled in is judged again when the message is composed; without a home nobody knows which domains are ours.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.base.link_targets import counts_readers, foreign, own_domains
from runner.playbook.checks.step_map import Findings, Map
from runner.playbook.lookup import Known
from runner.routing.message_classes import laid_over
from runner.routing.rules import HELD_BACK


def check_links(steps: Map, known: Known, found: Findings) -> None:
    """Warn of links in templates that would keep their messages from leaving as mail."""
    own = own_domains(_texts(known.home.organisation)) if known.home is not None else frozenset()
    classes = laid_over(known.classes, steps.playbook.classes)
    for name, template in steps.playbook.messages.items():
        kind = classes.get(template.message_class)
        if kind is None or kind.audience not in HELD_BACK:
            continue
        where = ("messages", name, "text")
        for host in foreign(template.text, (*own, *kind.links)):
            hint = "name its domain in the class (links), or the organisation's own address in tocsin.yaml"
            found.warn(where, "R28", f"a link leads to {host}, which is not known to be ours", hint)
        if counts_readers(template.text):
            found.warn(where, "R28", "a link counts who follows it", "take the counter out of the address")


def _texts(part: object) -> Iterator[str]:
    match part:
        case str():
            yield part
        case dict():
            for one in part.values():
                yield from _texts(one)
        case list():
            for one in part:
                yield from _texts(one)
        case _:
            pass
