"""Use cases of checks of the law: a named person opened the official page of a duty, or of a whole law."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from runner.app.core import organisation_journal
from runner.base.text import nearest
from runner.errors import NotFound, Refused, Usage
from runner.incident.law.verifications import JOURNAL, Checks, LawChecked, rule_digest
from runner.law.regime import Regime
from runner.playbook.catalogue import Catalog
from runner.playbook.parts import host_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_SECRET = frozenset(
    [
        "access_token",
        "api_key",
        "apikey",
        "auth",
        "jsessionid",
        "key",
        "password",
        "passwd",
        "pwd",
        "secret",
        "session",
        "sessionid",
        "sid",
        "sig",
        "signature",
        "token",
    ]
)
"""Query parameters that open a page for whoever has the address."""


def verify(
    service: IncidentService,
    catalog: Catalog,
    name: str,
    *,
    by: str,
    url: str = "",
    on: date | None = None,
    reason: str = "",
    withdraw: bool = False,
) -> LawChecked:
    """Record that a person opened the official page of a duty or a law, or withdraw such a check.

    ``by`` is a person of the contact list, or the full name of another. A whole law means its conditions, its exemptions
    and every duty of its newest version. Raises NotFound, Refused or Usage.
    """
    today = organisation_journal.today(service)
    checked = LawChecked(
        rules=dict(_rules(catalog, name)),
        by=_person(service, by),
        on=on or today,
        url="" if withdraw else _address(url, () if reason.strip() else _hosts(catalog, name)),
        reason=reason.strip(),
        recorded_by=service.principal.person,
        withdrawn=withdraw,
    )
    if checked.on > today:
        raise Usage(f"The date {on} is in the future.", hint="Use --on with a past date", code="bad_date")

    def decide(before: Checks) -> tuple[LawChecked, ...]:
        if withdraw and not any(rule in before.found for rule in checked.rules):
            raise NotFound(
                f'Nobody recorded a check of "{name}".', hint="tocsin regime check", code="no_check"
            )
        return (checked,)

    return organisation_journal.change(service, JOURNAL, type(service).law_checks, decide)[0]


def _rules(catalog: Catalog, name: str) -> Iterator[tuple[str, str]]:
    law, _, slug = name.partition("/")
    regime: Regime = catalog.regime(law)
    newest = regime.versions[0]
    slugs = [rule.slug for rule in newest.duties]
    if slug and slug not in slugs:
        hint = f"Use one of: {', '.join(f'{law}/{one}' for one in slugs)}"
        raise NotFound(f'Duty "{name}" does not exist.', hint=hint, code="unknown_duty")
    if not slug:
        yield law, rule_digest(newest)
    for rule in newest.duties:
        if slug in ("", rule.slug):
            yield f"{law}/{rule.slug}", rule_digest(rule)


def _person(service: IncidentService, by: str) -> str:
    name = " ".join(by.split())
    if name in service.directory.people or " " in name:
        return name
    near = nearest(name, service.directory.people)
    hint = (
        f"Use {near}, or a full name" if near else 'For a person outside, use the full name: --by "Jane Roe"'
    )
    raise NotFound(f'Person "{name}" is not in the contact list.', hint=hint, code="unknown_person")


def _hosts(catalog: Catalog, name: str) -> tuple[str, ...]:
    """Return the hosts of the pages that the law file names for a duty or a law."""
    law, _, slug = name.partition("/")
    regime: Regime = catalog.regime(law)
    rules = [rule for rule in regime.versions[0].duties if slug in ("", rule.slug)]
    words = [*regime.words, *(one for rule in rules for one in rule.words)]
    return tuple(dict.fromkeys(map(host_of, (regime.source.url, *(one.url for one in words)))))


def _address(url: str, hosts: tuple[str, ...]) -> str:
    """Return the address of an official page; raises Refused for a home page, another host, or something private.

    Without ``hosts`` every host is accepted: the person gave a reason.
    """
    if not url.startswith("https://") or not host_of(url):
        hint = "Use the address of the official page, without a user name: --source https://…"
        raise Refused("The source is not an https address of a page.", hint=hint, code="bad_source")
    parts = urlsplit(url)
    if not parts.path.strip("/") and not parts.query:
        hint = "Use the address of the page with the text of the law."
        raise Refused("The source is the home page of a site.", hint=hint, code="bad_source")
    if hosts and parts.hostname not in hosts:
        hint = f"Use a page of {' or '.join(filter(None, hosts))}. Or add --reason WHY"
        raise Refused(f'The law file names no page of "{parts.hostname}".', hint=hint, code="other_source")
    named = {key.lower() for key, _ in (*parse_qsl(parts.query, True), *parse_qsl(parts.fragment, True))}
    if named & _SECRET or ";jsessionid=" in parts.path.lower():
        hint = "Use the public address of the page, without the parameter."
        raise Refused("The source contains a session or a secret.", hint=hint, code="secret_in_source")
    return url
