"""Which template ``notice: auto`` takes: by the law, by the duty, by what fits, and in which language."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.documents.notice import Notice
from runner.effects.context import EffectContext
from runner.effects.notices.legal_basis import apply_duty, languages_of
from runner.effects.notices.render import _american, template_for
from runner.incident.state.work import Render
from tests.documents.at_law import catalog, incident_of, of_duty
from tests.documents.europe import europe_facts

INITIAL = "eu-gdpr-33-controller-sa/initial"


def tools(**own: Notice) -> EffectContext:
    """Return tools that hold nothing but the shipped templates and these."""
    none: Any = None
    kept = (
        "blobs",
        "sender",
        "call",
        "directory",
        "acting",
        "secret",
        "given_secret",
        "now",
        "wall",
        "new_id",
        "duties",
    )
    return EffectContext(
        notices={**catalog().notices(), **{one.id: (one, "# Own\n") for one in own.values()}},
        **cast("dict[str, Any]", dict.fromkeys(kept, none)),
    )


def chosen(duty: str, language: str | None = None, **own: Notice) -> str:
    facts = europe_facts()
    if language is not None:
        facts["organisation"]["language"] = language
    work = Render(incident="i", step="draft", notice="auto", duty=duty, formats=("txt",))
    return template_for(work, tools(**own), of_duty(duty, incident_of(facts)))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (None, "gdpr-33-initial"),
        ("en", "gdpr-33-initial"),
        ("de", "gdpr-33-initial-de"),
        ("de-AT", "gdpr-33-initial-de"),
        ("FR-fr", "gdpr-33-initial-fr"),
        ("es-ES", "gdpr-33-initial-es"),
        ("pl", "gdpr-33-initial-pl"),
        ("nl-BE", "gdpr-33-initial-nl"),
        ("pt", "gdpr-33-initial"),
    ],
)
def test_the_organisations_language_chooses_among_translations(language: str | None, expected: str) -> None:
    assert chosen(INITIAL, language) == expected


def test_the_authoritys_only_language_chooses_if_the_organisation_has_none() -> None:
    facts = europe_facts()
    facts["organisation"] |= {"country": "DE", "main_establishment": "DE-BE"}
    incident = incident_of(facts)
    brief = of_duty(INITIAL, incident)
    assert languages_of(brief) == ("de",)
    work = Render(incident="i", step="draft", notice="auto", duty=INITIAL, formats=("txt",))
    assert template_for(work, tools(), brief) == "gdpr-33-initial-de"
    for name, foreign in (("gdpr-33-supplementary", True), ("gdpr-33-initial-de", False)):
        refs = {item.ref for item in apply_duty(catalog().notices()[name][0], brief).requires}
        assert ("language" in refs) is foreign


def test_a_translation_of_ones_own_is_found_and_its_region_comes_first() -> None:
    swiss = Notice(
        id="our-33-ch", version="1.0.0", title="Own", translates="gdpr-33-initial", language="de-CH"
    )
    assert chosen(INITIAL, "de-CH", swiss=swiss) == "our-33-ch"
    assert chosen(INITIAL, "de-DE", swiss=swiss) == "gdpr-33-initial-de"


def test_a_notice_that_has_no_translation_is_taken_as_it_is() -> None:
    assert chosen("eu-nis2-23/early_warning", "de") == "nis2-early-warning"


def test_the_laws_choice_comes_before_another_that_fulfils_the_same_duty() -> None:
    assert chosen("eu-gdpr-33-controller-sa/phases") == "gdpr-33-supplementary"


def test_the_template_for_the_duty_is_chosen_before_a_fitting_one() -> None:
    assert chosen("ca-pipeda-10-1/individuals") == "individual-letter"
    duty = "eu-nis2-23/progress"
    assert chosen(duty) == "authority-form"
    own = Notice(id="our-progress", version="1.0.0", title="Own", duties=(duty,))
    assert chosen(duty, own=own) == "our-progress"


def test_a_notice_under_a_contract_is_american_if_the_organisation_is() -> None:
    notice = catalog().notices()["insurer-notice"][0]
    brief = cast("Any", SimpleNamespace(status=SimpleNamespace(jurisdiction="contract")))
    assert _american(notice, brief, {"organisation": {"country": "US"}}) == "en-US"
    assert _american(notice, brief, {"organisation": {"country": "GB"}}) == ""
