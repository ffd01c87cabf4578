"""What a person can choose on a page: all of it is in the address, so that a link or a bookmark shows the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runner.reports.incidents.event_descriptions import KINDS
from runner.web.room.acts.forms import TIME, Field
from runner.web.room.pages import Asked

_ANY = ("", "any")


def _timeline(asked: Asked) -> Sequence[Field]:
    people = sorted((name, one.name) for name, one in asked.service.directory.people.items())
    return (
        Field("search", "Text"),
        Field("kind", "Kind", "choice", (_ANY, *((kind, kind) for kind in KINDS))),
        Field("by", "By or for", "choice", (_ANY, *people, ("tocsin", "Tocsin"))),
        Field("since", "From", help=TIME),
        Field("until", "To", help=TIME),
    )


def _facts(asked: Asked) -> Sequence[Field]:
    return (Field("at", "As known at", help=TIME),)


FILTERS: Mapping[str, Callable[[Asked], Sequence[Field]]] = {"timeline": _timeline, "facts": _facts}
"""By the operation of the page."""
NAMES = ("all", "why", "kind", "by", "search", "since", "until", "at", "in")
"""What an address can choose on a page."""
