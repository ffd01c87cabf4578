"""Reader of contact lists in vCard format, version 3 or 4 (RFC 2426, RFC 6350): names, email addresses, phone numbers, time zone.

The short name is the first NICKNAME, else derived from FN: Maria Muster becomes maria-muster. Of several addresses of one kind the
preferred one is first; numbers for fax, pager and text telephone are ignored. vCards of address books have no roles.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from runner.base.text import clean
from runner.errors import Invalid, Problem, unreadable
from runner.files.contacts.contact_entries import Entry, Listing, Spot
from runner.routing.messaging import ContactPoint
from runner.yamlfile.limited_files import TooLarge, read_file
from runner.yamlfile.source import MAX_BYTES

VERSIONS = ("3.0", "4.0")
_GROUP = re.compile(r"^[A-Za-z0-9-]+\.(?=[A-Za-z])")
_NOISE = re.compile(r"[\s()./-]")
_PREFERENCE = re.compile(r"[0-9]{1,3}")
_SILENT = frozenset({"fax", "pager", "textphone", "modem"})
_LAST = 101
"""A rank after every valid preference (1 to 100)."""


class _Line(NamedTuple):
    """One property: its name in capitals, its parameters, its text, and its position."""

    name: str
    parameters: Any
    text: str
    spot: Spot

    @property
    def types(self) -> frozenset[str]:
        """Return its types in lower case."""
        parameter = self.parameters.get("TYPE", ())
        names = [parameter] if isinstance(parameter, str) else parameter
        return frozenset(word for name in names for word in name.lower().split(","))

    @property
    def preference(self) -> int:
        """Return its preference: 1 is the highest."""
        written = str(self.parameters.get("PREF", ""))
        if _PREFERENCE.fullmatch(written):
            return int(written)
        return 1 if "pref" in self.types else _LAST


def read_vcards(path: Path) -> Listing:
    """Return the people of a file, with a problem for each unreadable person; raises Invalid if it is not text."""
    empty = Listing(file=str(path))
    problems: list[Problem] = []
    entries: list[Entry] = []
    card: list[_Line] | None = None
    begun: Spot = (1, 1)
    for line in _lines(path, empty, problems):
        match line.name, line.text.upper():
            case "BEGIN", "VCARD":
                if card is not None:
                    problems.append(empty.problem(begun, "The card has no end.", "Add END:VCARD."))
                card, begun = [], line.spot
            case "END", "VCARD" if card is not None:
                problems.extend(_wrong(empty, card, begun))
                entries.append(_entry(card, begun))
                card = None
            case _ if card is not None:
                card.append(line)
            case _:
                problems.append(empty.problem(line.spot, "This line is outside a card.", "Add BEGIN:VCARD."))
    if card is not None:
        problems.append(empty.problem(begun, "The card has no end.", "Add END:VCARD."))
    return Listing(file=str(path), entries=tuple(entries), problems=tuple(problems))


def _lines(path: Path, empty: Listing, problems: list[Problem]) -> Iterator[_Line]:
    from icalendar.parser import Contentline

    read: Any = Contentline
    for number, text in _unfolded(_content(path)):
        try:
            name, parameters, value = read(_GROUP.sub("", text, count=1)).parts()
        except ValueError:
            problems.append(
                empty.problem((number, 1), "This line is not a line of a vCard.", "Write NAME:VALUE.")
            )
            continue
        yield _Line(name.upper(), parameters, clean(str(value)), (number, 1))


def _content(path: Path) -> str:
    try:
        return read_file(path, MAX_BYTES).decode("utf-8-sig")
    except TooLarge:
        raise Invalid(
            f'File "{path}" has more than {MAX_BYTES:,} bytes.',
            hint="Export fewer people.",
            code="file_too_large",
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeDecodeError:
        raise Invalid(
            f'File "{path}" is not UTF-8.', hint="Export the file as vCard 3.0 or 4.0.", code="contact-list"
        ) from None


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield unfolded lines with the number of their first; a line that begins with a space or tab continues the line before."""
    begun, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line[:1] in (" ", "\t") and begun:
            whole += line[1:]
            continue
        if whole.strip():
            yield begun, whole
        begun, whole = number, line
    if whole.strip():
        yield begun, whole


def _wrong(empty: Listing, card: list[_Line], begun: Spot) -> Iterator[Problem]:
    version = next((line for line in card if line.name == "VERSION"), None)
    if version is None or version.text not in VERSIONS:
        spot = begun if version is None else version.spot
        yield empty.problem(
            spot,
            "The version of the card is not supported.",
            f"Export the card as version {' or '.join(VERSIONS)}.",
        )
    if not any(line.name == "FN" and line.text for line in card):
        yield empty.problem(begun, "The card has no name.", "Add a line such as FN:Maria Muster.")


def _entry(card: list[_Line], begun: Spot) -> Entry:
    named = next((line for line in card if line.name == "FN"), None)
    nick = next((line for line in card if line.name == "NICKNAME"), None)
    zone = next((line.text for line in card if line.name == "TZ" and "/" in line.text), "")
    ways = sorted(
        (line for line in card if line.name == "EMAIL" or (line.name == "TEL" and not line.types & _SILENT)),
        key=lambda line: line.preference,
    )
    called = named or nick
    return Entry(
        person=clean(nick.text.partition(",")[0])
        if nick is not None
        else _short(named.text if named else ""),
        name=named.text if named is not None else "",
        contacts=tuple(_contact(line) for line in ways),
        zone=zone,
        spots={
            "person": called.spot if called is not None else begun,
            **{str(index): line.spot for index, line in enumerate(ways)},
        },
    )


def _contact(line: _Line) -> ContactPoint:
    if line.name == "EMAIL":
        return ContactPoint(channel="email", address=line.text)
    number = line.text.removeprefix("tel:").partition(";")[0]
    return ContactPoint(channel="phone", address=_NOISE.sub("", number))


def _short(name: str) -> str:
    """Return the short name of a full name: lower-case Latin letters, joined by hyphens."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))
