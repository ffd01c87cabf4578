"""A position of counsel that no law knows does nothing, and is told with the nearest that one knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.law.test_register import KNOWN

CLAIM = """\
schema: tocsin/facts/v1
source: counsel
claims:
  - {id: c1, regime: %s, position: %s, by: Ada Adler, grounds: passwords were reset}
"""
LAW = "eu-gdpr-34-data-subjects"


KNOWN_TO_IT = ("breach", "high_risk", "risk_removed", "territory")


@pytest.mark.parametrize(
    ("regime", "position", "about", "offered"),
    [
        ("eu-gdpr-34-data-subject", "risk_removed", "claims.c1.regime", (LAW,)),
        (LAW, "risk_remove", "claims.c1.position", ("risk_removed",)),
        (LAW, "not high-risk", "claims.c1.position", ("not high_risk",)),
        (LAW, "zebra", "claims.c1.position", KNOWN_TO_IT),
    ],
)
def test_a_misspelt_position_is_reported_with_the_nearest_one(
    regime: str, position: str, about: str, offered: tuple[str, ...], nowhere: AtDesk, tmp_path: Path
) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(CLAIM % (regime, position), encoding="utf-8")
    said = nowhere("duties", "--facts", str(file), "--format", "json")
    assert said.code == 0
    [told] = said.json["warnings"]
    wrong = regime if about.endswith("regime") else position
    assert told.startswith(f"{about}: ")
    assert wrong in told
    assert all(one in told for one in offered), told
    assert ("territory" in told) is ("territory" in offered), "all that it knows only where none is near"
    text = nowhere("duties", "--facts", str(file))
    assert told in " ".join(text.out.split())


@pytest.mark.parametrize("position", ["risk_removed", "not high_risk", "high_risk", "unintelligible"])
def test_a_position_known_to_the_law_gives_no_warning(position: str, nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(CLAIM % (LAW, position), encoding="utf-8")
    assert nowhere("duties", "--facts", str(file), "--format", "json").json.get("warnings") is None


def test_a_claim_without_an_author_is_warned_about(nowhere: AtDesk, tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text((CLAIM % (LAW, "risk_removed")).replace("by: Ada Adler, ", ""), encoding="utf-8")
    [told] = nowhere("duties", "--facts", str(file), "--format", "json").json["warnings"]
    assert {"claims.c1", "by"} <= set(told.split())


def test_a_claim_for_an_unknown_law_is_reported_at_once(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["maria"]})
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
    assert (said.code, said.warnings) == (0, ["claim_misread"])
    assert "us-ca-breach" in said.err, "the nearest"
    assert "us-ca-braech" in " ".join(tocsin.done("duties").split()), (
        "also while it waits for a second person"
    )
