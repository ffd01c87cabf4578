"""A position of counsel that no law knows does nothing, and is told with the nearest that one knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.test_register import KNOWN

CLAIM = """\
schema: tocsin/facts/v1
source: counsel
claims:
  - {id: c1, regime: %s, position: %s, by: Ada Adler, grounds: passwords were reset}
"""
LAW = "eu-gdpr-34-data-subjects"


@pytest.mark.parametrize(
    ("regime", "position", "told"),
    [
        ("eu-gdpr-34-data-subject", "risk_removed", f"claims.c1.regime: no law is called 'eu-gdpr-34-data-subject', did you mean {LAW}?"),
        (LAW, "risk_remove", f"claims.c1.position: {LAW} knows no position 'risk_remove', did you mean risk_removed?"),
        (LAW, "not high-risk", f"claims.c1.position: {LAW} knows no position 'not high-risk', did you mean not high_risk?"),
        (LAW, "zebra", f"claims.c1.position: {LAW} knows no position 'zebra', it knows: "),
    ],
)  # fmt: skip
def test_a_misspelt_position_is_told_with_the_nearest(
    regime: str, position: str, told: str, nowhere: AtDesk, tmp_path: Path
) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(CLAIM % (regime, position), encoding="utf-8")
    said = nowhere("duties", "--facts", str(file), "--format", "json")
    assert said.code == 0
    assert any(one.startswith(told) for one in said.json["warnings"]), said.json["warnings"]
    text = nowhere("duties", "--facts", str(file))
    assert told.split(",")[0] in " ".join(text.out.split())


@pytest.mark.parametrize("position", ["risk_removed", "not high_risk", "high_risk", "unintelligible"])
def test_a_position_that_the_law_knows_is_no_mistake(position: str, nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(CLAIM % (LAW, position), encoding="utf-8")
    assert nowhere("duties", "--facts", str(file), "--format", "json").json.get("warnings") is None


def test_one_without_its_author_is_told_as_well(nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text((CLAIM % (LAW, "risk_removed")).replace("by: Ada Adler, ", ""), encoding="utf-8")
    [told] = nowhere("duties", "--facts", str(file), "--format", "json").json["warnings"]
    assert told == "claims.c1 counts for nothing without its by"


def test_whoever_records_it_in_an_incident_is_told_at_once(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.settings()
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    facts = [word for fact in KNOWN for word in ("--fact", fact)]
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=lost", *facts)
    words = (
        "claims.c1.regime=us-ca-braech",
        "claims.c1.position=x",
        "claims.c1.by=Ada",
        "claims.c1.grounds=y",
    )
    said = tocsin("fact", "set", *words, "--source", "counsel")
    assert said.code == 0
    assert "no law is called 'us-ca-braech', did you mean us-ca-breach?" in " ".join(said.err.split())
    assert "us-ca-braech" in " ".join(tocsin.done("duties").split())
