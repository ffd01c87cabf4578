"""Use cases of checks of the law: a named person opened the official page of a duty, or of a whole law."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner.app.core import organisation_journal
from runner.base.text import nearest
from runner.errors import NotFound, Refused
from runner.incident.law.verifications import JOURNAL, LawChecked, rule_digest
from runner.law.regime import DutyRule, Regime
from runner.playbook.catalogue import Catalog
from runner.playbook.parts import host_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_SECRET = re.compile(r"[?&#;][^=&#]*(token|key|auth|pass|pwd|secret|session|sid|sig)[^=&#]*=", re.IGNORECASE)
"""A parameter that may open a page for everybody who has the address."""


def verify(
    service: IncidentService, catalog: Catalog, name: str, *, by: str, url: str, reason: str = ""
) -> LawChecked:
    """Record that a person opened the official page of a duty or a law today.

    ``by`` is a person of the contact list, or the full name of another. A whole law means its conditions, its exemptions
    and every duty of its newest version. Raises NotFound or Refused.
    """
    law, _, slug = name.partition("/")
    regime = catalog.regime(law)
    rules = {f"{law}/{rule.slug}": rule for rule in regime.versions[0].duties if slug in ("", rule.slug)}
    if slug and not rules:
        hint = f"Use one of: {', '.join(f'{law}/{one.slug}' for one in regime.versions[0].duties)}"
        raise NotFound(f'Duty "{name}" does not exist.', hint=hint, code="unknown_duty")
    digests = {one: rule_digest(rule) for one, rule in rules.items()}
    checked = LawChecked(
        rules=digests if slug else {law: rule_digest(regime.versions[0]), **digests},
        by=_person(service, by),
        on=organisation_journal.today(service),
        url=_address(url, () if reason.strip() else _hosts(regime, rules.values())),
        reason=reason.strip(),
        recorded_by=service.principal.person,
    )
    organisation_journal.change(service, JOURNAL, type(service).law_checks, lambda _: (checked,))
    return checked


def _person(service: IncidentService, by: str) -> str:
    name = " ".join(by.split())
    if name in service.directory.people or " " in name:
        return name
    near = nearest(name, service.directory.people)
    hint = f"Use {near or 'a full name for a person outside'}"
    raise NotFound(f'Person "{name}" is not in the contact list.', hint=hint, code="unknown_person")


def _hosts(regime: Regime, rules: Iterable[DutyRule]) -> tuple[str, ...]:
    """Return the hosts of the pages that the law file names for a law and its duties."""
    words = [*regime.words, *(one for rule in rules for one in rule.words)]
    return tuple(dict.fromkeys(map(host_of, (regime.source.url, *(one.url for one in words)))))


def _address(url: str, hosts: tuple[str, ...]) -> str:
    """Return the address of an official page; raises Refused for a home page, another host, or a private address.

    Without ``hosts`` every host is accepted: the person gave a reason.
    """
    host, secret = host_of(url), _SECRET.search(url)
    page = host and url.startswith("https://") and (urlsplit(url).path.strip("/") or urlsplit(url).query)
    hint = "Use the public address of the page with the text of the law: --source https://…"
    if secret:
        raise Refused("The source contains a session or a secret.", hint=hint, code="secret_in_source")
    if not page:
        raise Refused("The source is not the https address of a page.", hint=hint, code="bad_source")
    if hosts and host not in hosts:
        hint = f"Use a page of {' or '.join(filter(None, hosts))}. Or add --reason WHY"
        raise Refused(f'The law file names no page of "{host}".', hint=hint, code="other_source")
    return url
