"""Words and numbers that a notice must not contain, from the facts of the incident and for the notice's language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from runner.documents.contents.forbidden import stemmed
from runner.documents.notice import Ban, Notice
from runner.documents.wording.labels import label
from runner.effects.notices.legal_basis import Brief, apply_duty
from runner.effects.notices.translations import to_read
from runner.facts.vocabulary.lookup import fact_type
from runner.incident.notices.staleness import recorded_as
from runner.incident.state.incident import Incident

_WORD = re.compile(r"[^\W\d_]{5,}")
_HOW = frozenset({"incident.vector", "incident.summary"})
_SYSTEMS = ("incident.hosts", "incident.apps", "incident.devices", "incident.product.name")
_PLACE = "people.by_jurisdiction."
_STOP_WORDS = """
about above after again also another because been before being below between both could during every first from
having here into itself later might more most other over possibly several should since some still than that their
them then there these they this those through today under until using were what when where which while whose will
with within without would years
einem einen einer eines durch gegen nicht sowie unter wurde wurden haben hatte zwischen während außen
cette celui entre après avant aucun depuis leurs notre nous pendant pouvoir était étaient dans avec extérieur
desde hasta sobre según también había fueron donde cuando nuestra nuestro
"""
_COMMON = frozenset(_STOP_WORDS.split())


def requirements(notice: Notice, body: str, incident: Incident, found: Brief | None) -> Notice:
    """Return a notice with the requirements of its duty, the translations to verify, and the words that its text must not contain."""
    notice = apply_duty(notice, found)
    requires = (*notice.requires, *to_read(notice, body, incident))
    return sought(msgspec.structs.replace(notice, requires=requires), body, incident)


def sought(notice: Notice, body: str, incident: Incident) -> Notice:
    """Return a notice whose bans name the present words and numbers; words of the template's own text do not count."""
    fixed = {stemmed(word) for word in _words(body)}
    figures = {int(figure) for figure in re.findall(r"(?<![\w.])\d+(?![\w])", body)}
    bans = tuple(_filled(ban, fixed, figures, notice.language, incident) for ban in notice.forbids)
    return msgspec.structs.replace(notice, forbids=bans)


def _filled(ban: Ban, fixed: set[str], figures: set[int], language: str, incident: Incident) -> Ban:
    names: dict[str, None] = {}
    prose: dict[str, None] = {}
    numbers: dict[int, None] = {}
    paths = (*ban.facts, *(_SYSTEMS if _HOW & set(ban.facts) else ()))
    people = ("people.total",) if any(path.startswith(_PLACE) for path in ban.facts) else ()
    for path in (*paths, *people):
        kind = fact_type(path)
        values = list(_values(path, incident))
        if kind is None:
            continue
        if kind.kind == "int":
            counts = [value for value in values if type(value) is int]
            numbers.update(dict.fromkeys((*counts, sum(counts))))
        elif path in _SYSTEMS:
            names.update(dict.fromkeys(str(value) for value in values))
        elif kind.kind == "choice":
            codes = [str(value) for value in values]
            names.update(dict.fromkeys(word for code in codes for word in _words(code.replace("_", " "))))
            labels = (label(code, spoken) for code in codes for spoken in (language, "en"))
            prose.update(dict.fromkeys(word for text in labels for word in _words(text)))
        elif kind.kind in ("prose", "text"):
            prose.update(dict.fromkeys(word for value in values for word in _words(str(value))))
    numbers.pop(0, None)
    return msgspec.structs.replace(
        ban,
        names=tuple(name for name in names if stemmed(name.lower()) not in fixed),
        prose=tuple(word for word in prose if word not in names and stemmed(word) not in fixed),
        numbers=tuple(number for number in numbers if number not in figures),
        common=tuple(number for number in numbers if number in figures),
    )


def _values(path: str, incident: Incident) -> Iterator[object]:
    """Yield the known values of a fact, of the incident and of each affected group, in all languages."""
    keys = [
        key
        for key in incident.facts
        if re.fullmatch(rf"(translations\.[^.]+\.)?(populations\.[^.]+\.)?{re.escape(path)}", key)
    ]
    for key in (*keys, *(found for found in recorded_as(path, incident.facts) if found not in keys)):
        value = incident.facts[key].value
        yield from value if isinstance(value, (list, tuple)) else () if value is None else (value,)


def _words(text: str) -> list[str]:
    """Return the distinctive words of a text, in lower case."""
    return [word for word in map(str.lower, _WORD.findall(text)) if word not in _COMMON]
