"""Encryption helps while the key is safe, and where nothing is lost but confidentiality: in every law, and in a home's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.law.applicability import Evaluator
from runner.law.files.regime_file import load_regime
from runner.law.grounds import Exemption
from runner.law.populations import View
from runner.playbook.catalogue import shipped_folder
from tests.cli.at_desk import AtDesk
from tests.holds_for import holds_for
from tests.law.typical import AT, changed, every, typical

ALTOGETHER = {"jp-appi-26"}
"""Laws whose words take encrypted data out of the duty, whatever became of them."""
ASSESSED = {"by": "Ana Adler", "at": AT, "grounds": "the key never left the vault"}
BY_ENCRYPTION = [
    (regime, exemption)
    for regime in every()
    for version in regime.versions
    for exemption in version.exemptions
    if exemption.by_encryption
]
SAFE = {"data.encrypted": True, "data.key_compromised": False, "incident.impact": ["confidentiality"], "incident.exfiltration": "none",
        "risk.harm_assessment": ASSESSED}  # fmt: skip


def answer(regime: Any, exemption: Exemption, **changes: Any) -> Any:
    """Say whether an exemption holds for encrypted data whose key is safe, in some ways changed."""
    told = {path.replace("__", "."): value for path, value in changes.items()}
    return Evaluator(View(changed(typical(regime), {**SAFE, **told}))).exempt(exemption)


@holds_for("regime,exemption", BY_ENCRYPTION, lambda regime, exemption: f"{regime.id} {exemption.code}")
def test_an_exemption_by_encryption_names_the_key_and_brings_nothing_back(
    regime: Any, exemption: Exemption
) -> None:
    assert exemption.names_key
    assert answer(regime, exemption) is True
    assert answer(regime, exemption, data__key_compromised=True) is False
    assert answer(regime, exemption, data__key_compromised=None).missing == ("data.key_compromised",)
    altogether = regime.id in ALTOGETHER
    assert bool(exemption.covers_citation) is altogether
    for lost in (
        ["availability"],
        ["integrity"],
        ["confidentiality", "availability"],
        ["confidentiality", "integrity"],
    ):
        assert answer(regime, exemption, incident__impact=lost) is altogether, lost
    asked = answer(regime, exemption, incident__impact=["availability"], data__encrypted=None)
    assert altogether or asked is False, "what cannot help is not asked"


def test_hardly_any_law_is_without_one() -> None:
    assert len(BY_ENCRYPTION) > 70


# ------------------------------------------------------------------------------------------------ a home's own


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine with a home."""
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    return desk


@pytest.fixture
def own(tocsin: AtDesk) -> Path:
    """A home's own copy of California's law whose exemption does not name the key."""
    tocsin.settings()
    folder = shipped_folder()
    assert folder is not None
    text = (folder / "regimes" / "us-ca-breach.yaml").read_text(encoding="utf-8")
    file = Path(tocsin.home) / "regimes" / "us-ca-breach.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        text.replace("data.encrypted and not data.key_compromised", "data.encrypted"), encoding="utf-8"
    )
    return file


def test_a_law_of_the_home_that_does_not_name_the_key_loads_never_exempts_and_is_named(
    tocsin: AtDesk, own: Path
) -> None:
    regime = load_regime(own.read_bytes(), own.name)
    [one] = [each for each in regime.versions[0].exemptions if each.by_encryption]
    assert (one.names_key, answer(regime, one)) == (False, False)
    found = tocsin("doctor", "--format", "json").json["findings"]
    assert [finding["severity"] for finding in found if finding.get("code") == "encryption_without_key"] == [
        "warning"
    ]
    said = tocsin("regime", "check", str(own), "--format", "json")
    assert (said.code, {problem["code"] for problem in said.json["problems"]}) == (1, {"regime-encryption"})


def test_covered_protection_goals_are_checked_and_shown(tocsin: AtDesk, own: Path) -> None:
    def written(covers: Any) -> Any:
        law = yaml.safe_load(own.read_text(encoding="utf-8"))
        harbour = next(
            exemption for exemption in law["exemptions"] if exemption["code"] == "encryption_safe_harbour"
        )
        harbour |= {"when": "data.encrypted and not data.key_compromised", "covers": covers}
        own.write_text(yaml.safe_dump(law, sort_keys=False), encoding="utf-8")
        return tocsin("regime", "check", str(own), "--format", "json")

    said = written({"impact": ["availability", "theft"]})
    assert (said.code, {problem["code"] for problem in said.json["problems"]}) == (
        1,
        {"regime-missing", "regime-choice"},
    )
    assert written({"impact": ["confidentiality", "integrity"], "citation": "s. 7"}).code == 0
    [one] = [
        each for each in load_regime(own.read_bytes(), own.name).versions[0].exemptions if each.by_encryption
    ]
    assert (one.covers, one.covers_citation) == (("confidentiality", "integrity"), "s. 7")
