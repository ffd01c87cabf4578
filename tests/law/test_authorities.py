"""The authority directory: its entries fit the laws, and the law names the authority of the organisation's place."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.app.home.doctor_checks import own_laws
from runner.effects.notices.legal_basis import _office
from runner.law.assessment import assess
from runner.law.duty import DutyStatus, Office
from runner.law.files.authority_file import load_authorities
from runner.law.offices import with_authorities
from runner.playbook.catalogue import Catalog
from runner.reports.law.authority import entry_words
from runner.reports.law.duties import duties, duties_page
from tests.refusals import refused

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
CATALOG = Catalog(None)
LAWS = {law.id: law for law in CATALOG.regimes()}
ART_33 = "eu-gdpr-33-controller-sa/initial"
OWN = """schema: tocsin/authorities/v1
authorities:
  - id: de-he-hbdi
    email: breach@example.org
    checked: {date: 2026-11-28, by: Petra Vos}
"""


def breach(**organisation: Any) -> DutyStatus:
    facts = {
        "organisation": {"role": ["controller"], **organisation},
        "incident": {"discovered_at": "2026-11-27T10:00:00Z", "impact": ["confidentiality"]},
        "data": {"involved": True},
    }
    return next(duty for duty in assess((LAWS[ART_33.partition("/")[0]],), facts, NOW) if duty.id == ART_33)


def test_every_entry_serves_a_law_of_its_place() -> None:
    named = {(one.id, recipient) for one in CATALOG.authorities.values() for recipient in one.serves}
    used = {
        (one.id, recipient)
        for law in LAWS.values()
        for one in law.authorities
        for version in law.versions
        for rule in version.duties
        for recipient in (rule.recipient, f"{law.id}/{rule.slug}")
    }
    assert named <= used


def test_every_entry_can_be_reached_or_says_how() -> None:
    for entry in CATALOG.authorities.values():
        assert entry.form_url or entry.url or entry.email or entry.accepts or entry.languages
        assert entry.checked is None or entry.checked.date <= NOW.date()
        assert entry.name
        assert entry.place


def test_every_state_of_the_european_economic_area_has_its_supervisory_authority() -> None:
    served = {one.place.partition("-")[0] for one in LAWS["eu-gdpr-33-controller-sa"].authorities}
    assert len(served) == 30
    lands = {one.place for one in CATALOG.authorities.values() if one.place.startswith("DE-")}
    assert len(lands) == 16


def test_no_law_has_addresses_of_its_own() -> None:
    for file in (Path(__file__).parents[2] / "playbooks" / "regimes").glob("*.yaml"):
        assert not re.search(r"^authorities:|\bportal: ", file.read_text(encoding="utf-8"), re.MULTILINE), (
            file.name
        )


@pytest.mark.parametrize(
    ("organisation", "short", "asks"),
    [
        ({"country": "NL"}, "AP", ""),
        ({"country": "DE"}, "", "organisation.main_establishment"),
        ({"country": "DE", "main_establishment": "DE-HE"}, "HBDI", ""),
        ({"country": "US", "main_establishment": "DE-HH"}, "HmbBfDI", ""),
        ({"country": "DE", "main_establishment": "DE-BY"}, "", "organisation.public_body"),
        ({"country": "DE", "main_establishment": "DE-BY", "public_body": False}, "BayLDA", ""),
        ({"country": "DE", "main_establishment": "DE-BY", "public_body": True}, "BayLfD", ""),
        ({"country": "US", "offers_to": ["FR"]}, "", ""),
    ],
)
def test_the_authority_is_that_of_the_main_establishment(
    organisation: dict[str, Any], short: str, asks: str
) -> None:
    authority = breach(**organisation).authority
    assert authority is not None
    assert (authority.short, authority.asks) == (short, asks)


def test_a_template_reads_known_values_and_the_others_are_unknown() -> None:
    office = _office(breach(country="DE", main_establishment="DE-HE").authority)
    assert office["address"] == ("Gustav-Stresemann-Ring 1", "65189 Wiesbaden")
    assert office["checked"] == date(2026, 5, 31)
    assert office["portal"] is office["hours"] is None
    assert set(_office(None).values()) == {None}


def test_an_old_or_unopened_entry_asks_to_check_the_link() -> None:
    office = Office(url="https://example.org/", checked=NOW.date(), checked_by="Petra Vos")
    old = msgspec.structs.replace(office, checked=NOW.date() - timedelta(days=200))
    planned = msgspec.structs.replace(office, next_check=NOW.date())
    unopened = msgspec.structs.replace(office, checked=None)
    assert [entry_words(each, NOW)[1] for each in (office, old, planned, unopened, Office())] == [
        "dim",
        *["warn"] * 4,
    ]


def test_the_home_corrects_an_entry_by_the_keys_that_differ(tmp_path: Path) -> None:
    (tmp_path / "authorities").mkdir()
    (tmp_path / "authorities" / "mine.yaml").write_text(OWN, encoding="utf-8")
    catalog = Catalog(tmp_path, cache=tmp_path / "cache")
    before, after = CATALOG.authorities["de-he-hbdi"], catalog.authorities["de-he-hbdi"]
    assert (after.email, after.address) == ("breach@example.org", before.address)
    law = next(law for law in catalog.regimes() if law.id == "eu-gdpr-33-controller-sa")
    assert after in law.authorities
    assert before not in law.authorities
    assert law == with_authorities(law, catalog.authorities.values())


def test_a_file_of_the_home_with_problems_blocks_nothing_and_doctor_reports_it(tmp_path: Path) -> None:
    (tmp_path / "authorities").mkdir()
    bad = tmp_path / "authorities" / "de.yaml"
    bad.write_text(OWN.replace("email: breach", "email: breach at "), encoding="utf-8")
    assert Catalog(tmp_path).authorities == CATALOG.authorities
    assert [finding.code for finding in own_laws(tmp_path)] == ["bad_authorities"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("authorities/v1", "regime/v1"), "regime-schema"),
        (("id: de-he-hbdi", "id: de-new"), "regime-missing"),
        (("email: breach", "email: bre ach"), "regime-text"),
        (("email:", "mail:"), "regime-key"),
        (("email: breach@example.org", "zone: Mars/Base"), "regime-text"),
        (("email: breach@example.org", "cut_off: '25:00'"), "regime-text"),
        (("email: breach@example.org", "form_url: example.org"), "regime-text"),
        (("2026-11-28", "yesterday"), "regime-date"),
    ],
)
def test_every_problem_of_a_file_has_its_line(change: tuple[str, str], code: str) -> None:
    with refused("bad_authorities") as found:
        load_authorities(OWN.replace(*change).encode(), "de.yaml", CATALOG.authorities)
    assert code in {problem.code for problem in found.value.problems}
    assert all(problem.line for problem in found.value.problems)


def test_an_entry_given_twice_is_a_problem() -> None:
    twice = OWN + "  - id: de-he-hbdi\n    phone: '1'\n"
    with refused("bad_authorities") as found:
        load_authorities(twice.encode(), "de.yaml", CATALOG.authorities)
    assert [problem.code for problem in found.value.problems] == ["regime-duplicate"]


def test_the_page_asks_for_the_land() -> None:
    page = duties_page(duties([breach(country="DE")], NOW))
    actions = [cell.action for block in page.blocks for cell in getattr(block, "cells", ()) if cell.action]
    assert "organisation.main_establishment" in {action.ref for action in actions}
