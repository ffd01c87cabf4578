"""Prose in the language of a notice: a text in another language is never printed in its place."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from runner.documents.notice import Item, Notice
from runner.documents.template.syntax import facts_read
from runner.documents.template.values import Kept
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Register
from runner.facts.vocabulary.translations import PREFIX, source_of
from runner.incident.notices.staleness import value_at
from runner.incident.state.incident import Incident

PROSE_LANGUAGE = "organisation.prose_language"


def bare(tag: str) -> str:
    """Return the language of a BCP 47 tag without its region, in lower case."""
    return tag.partition("-")[0].lower()


def in_language(register: Register, language: str) -> Register:
    """Return the facts with each prose in a language; a text without a translation is missing under the translation's path."""
    prefix = _prefix(register, language)
    if not prefix:
        return register
    changed = dict(register)
    for key in {name.removeprefix(prefix) for name in register}:
        path = prefix + key
        if fact_type(path) is None:
            continue
        text = register.get(path)
        value = text.value if text is not None else None
        known = register.get(key) if value is None else text
        if known is not None and known.value is not None:
            changed[key] = msgspec.structs.replace(known, key=key, value=Kept(path, value))
    return changed


def to_read(notice: Notice, body: str, incident: Incident) -> Iterator[Item]:
    """Yield an item for each translation in a notice that is unconfirmed or older than the text that it translates."""
    prefix = _prefix(incident.facts, notice.language)
    translated = [key for key in incident.facts if prefix and key.startswith(prefix)]
    read = {path.replace("[]", ".*") for path, _ in facts_read(body)} if translated else set()
    for path in sorted(translated):
        source, kind = source_of(path), fact_type(path)
        group = source.split(".", 2)[-1] if source.startswith("populations.") else source
        fact = incident.facts[path]
        if group not in read or fact.value is None or kind is None:
            continue
        old = value_at(incident, source, incident.fact_events[path])[1] if source in incident.facts else None
        if source in incident.facts and old != incident.facts[source].value:
            yield Item(ref="translation", item=f"{path} is older than {source}", of_law=True)
        elif fact.confidence != "confirmed":
            yield Item(ref="translation", item=f"{path} is an unconfirmed translation", of_law=True)


def _prefix(register: Register, language: str) -> str:
    """Return the beginning of the translations' paths; empty if the prose is written in this language."""
    fact = register.get(PROSE_LANGUAGE)
    own = bare(str(fact.value)) if fact is not None and fact.value else "en"
    return "" if own == bare(language) else f"{PREFIX}{bare(language)}."
