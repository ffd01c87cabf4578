"""Rules for every notice to affected people, whatever the law: R16 and R28 of the rule book.

The words of R16 are searched in the languages of the shipped notices; if they are missing a person must check, because a text may
have other words. A link that breaks R28 is certain, so it keeps the notice a draft. External pictures and
tracking pixels are impossible in a notice: its text has no form for them (``runner.documents.template.markdown``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from runner.base.link_targets import counts_readers, foreign, own_domains
from runner.documents.notice import Coverage, CoverageState, Notice
from runner.documents.tree import Block, Document, Link, plain, runs, walk_inlines

_REACHED = tuple(
    f"organisation.{who}.{how}"
    for who in ("hotline", "contact", "dpo")
    for how in ("phone", "email", "url", "address")
)
_SERVICES = ("organisation.", "risk.monitoring.")
"""Facts whose addresses are allowed because they are recorded: the organisation's own, and the service that the law requires."""
_LAWFUL = (
    *("gov", "gov.uk", "mil", "europa.eu"),
    *("annualcreditreport.com", "equifax.com", "experian.com", "transunion.com"),
)
"""Governments, and services that American law requires in such letters (15 USC 1681j and the states' breach laws)."""
_NEVER: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "en": (r"\b(?:never|not)\b", r"\b(?:ask|give|tell)\b", r"\bpasswords?\b"),
        "de": (r"\b(?:nie|niemand\w*|niemals|nicht|kein\w*)\b", r"\b(?:geben|fragen|bitten|verlangen)\b", r"\b(?:passw[oö]rt\w*|kennw[oö]rt\w*)\b"),
        "fr": (r"\b(?:jamais|pas|aucun|personne)\b", r"\b(?:demand|donn)\w+\b", r"\bmots? de passe\b"),
        "nl": (r"\b(?:nooit|niet|niemand)\b", r"\b(?:geef|vrag\w+|verzoek\w+)\b", r"\bwachtwoord\w*\b"),
        "it": (r"\b(?:mai|non)\b", r"\b(?:dia|chied\w+|richied\w+)\b", r"\bpassword\b"),
        "pl": (r"\b(?:nigdy|nie)\b", r"\b(?:popros\w+|prosi\w+)\b", r"\bhas(?:ło|ła|eł)\b"),
        "es": (r"\b(?:nunca|jamás|no)\b", r"\b(?:dé|ped\w+|solicit\w+)\b", r"\bcontraseñas?\b"),
    }
)  # fmt: skip
"""By language: groups of words, one of each, in the sentence that no password is requested, or is to be given to anyone."""
_SENTENCE = re.compile(r"[.!?]\s|\n\n")


def judged(notice: Notice, document: Document) -> Iterator[Coverage]:
    """Yield the result of each rule that applies to the notice's audience."""
    if notice.audience == "individuals":
        yield _reachable(document)
        yield _no_password(document)
    if notice.audience in ("individuals", "public"):
        yield _links(notice, document)


def _reachable(document: Document) -> Coverage:
    printed = {used.path for used in document.facts_used if used.printed}
    absent = printed.isdisjoint(_REACHED)
    note = "to verify: the text contains no contact fact of the organisation" if absent else ""
    state: CoverageState = "to_check" if absent else "covered"
    return Coverage(ref="R16", item="Contact of the organisation", state=state, note=note)


def _no_password(document: Document) -> Coverage:
    words = _NEVER.get(document.language.partition("-")[0].lower())
    patterns = [re.compile(word, re.IGNORECASE) for word in words or ()]
    sentences = (part for text in _texts(document.blocks) for part in _SENTENCE.split(text))
    if words is None:
        note = "to verify: no check exists for this language"
    elif any(all(pattern.search(sentence) for pattern in patterns) for sentence in sentences):
        note = ""
    else:
        note = "to verify: no sentence such as “Do not give your password to anyone.” was found"
    item = "Advice to give no password to anyone"
    return Coverage(ref="R16", item=item, state="to_check" if note else "covered", note=note)


def _links(notice: Notice, document: Document) -> Coverage:
    item = "must not say: links other than to the organisation, authorities and services of the template; counters of readers"
    own = own_domains(
        used for fact in document.facts_used if fact.path.startswith(_SERVICES) for used in fact.texts
    )
    named = (*own, *notice.links, *_LAWFUL)
    texts = (*_texts(document.blocks), *_addresses(document.blocks))
    hosts = dict.fromkeys(host for text in texts for host in foreign(text, named))
    why = [f"leads to {host}" for host in hosts]
    if any(map(counts_readers, texts)):
        why.append("an address counts its readers")
    return Coverage(ref="R28", item=item, state="forbidden" if why else "covered", note="; ".join(why))


def _texts(blocks: tuple[Block, ...]) -> Iterator[str]:
    return map(plain, runs(blocks))


def _addresses(blocks: tuple[Block, ...]) -> Iterator[str]:
    for node in (node for inlines in runs(blocks) for node in walk_inlines(inlines)):
        if isinstance(node, Link) and not node.href.startswith(("mailto:", "tel:")):
            yield node.href
