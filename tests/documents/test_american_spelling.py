"""American papers have American spelling: in the fixed text of templates, in labels, in the words of the law that sheets print."""

from __future__ import annotations

import re

from runner.documents.notice import Notice
from runner.documents.wording.labels import label, table
from tests.documents.at_law import catalog
from tests.golden_files import FOLDER

BRITISH = re.compile(
    r"\b\w*(?:organis|authoris|recognis|minimis|apologis|categoris|utilis|prioritis|summaris|finalis|specialis|standardis"
    r"|anonymis|computeris|materialis|customis|penalis|emphasise|analys(?:e|ed|ing)\b|behaviour|colour|favour|honour|labour"
    r"|neighbour|licenc|offence|defence|enrol(?:s|ment|ments)?\b|fulfil(?:s|ment)?\b|cheque|centre|catalogue|cancelled"
    r"|judgement|acknowledgement|whilst|amongst|learnt|practise|programme|ageing)\w*",
    re.IGNORECASE,
)
NOT_PROSE = re.compile(r"\{[{%].*?[%}]\}|\[(?:MISSING|UNDECIDED): [^\]]*\]|\b\w+(?:\.\w+)+", re.DOTALL)
"""Expressions of templates, marks of missing information, and paths of facts."""
PAPERS = sorted((FOLDER / "notices" / "us").glob("*.txt"))
TEMPLATES = [name for name, (notice, _) in catalog().notices().items() if notice.language == "en-US"]
LAW = [name for name in sorted(catalog().regime_files) if name.startswith("us-")]


def british(text: str) -> list[str]:
    """Return the British words of a text for people."""
    return [found[0] for found in BRITISH.finditer(NOT_PROSE.sub(" ", text))]


def fixed(notice: Notice) -> list[str]:
    """Return the required items of a notice, and the titles and names of its form."""
    fields = [field.name for section in notice.sections for field in section.fields]
    return [*(one.item for one in notice.requires), *(section.title for section in notice.sections), *fields]


def test_the_search_finds_british_words_and_no_facts() -> None:
    assert british(
        "Unauthorised access by an organisation. {{ organisation.name }} [MISSING: organisation.x]"
    ) == [
        "Unauthorised",
        "organisation",
    ]


def test_the_labels_for_american_readers_have_american_spelling() -> None:
    labels = {code: british(label(code, "en-US")) for code in table("labels.csv")["en"]}
    assert {code: words for code, words in labels.items() if words} == {}


def test_the_fixed_text_of_american_templates_has_american_spelling() -> None:
    assert len(TEMPLATES) > 15
    found = {
        name: british(" ".join((notice.title, *notice.headings, *fixed(notice), body)))
        for name in TEMPLATES
        for notice, body in (catalog().notice(name),)
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_the_golden_american_papers_have_american_spelling() -> None:
    assert len(PAPERS) > 50
    found = {path.name: british(path.read_text(encoding="utf-8")) for path in PAPERS}
    assert {name: words for name, words in found.items() if words and name != "board-brief.draft.txt"} == {}


def test_the_items_of_american_law_have_american_spelling() -> None:
    found = {
        f"{name}/{rule.slug}": british(" ".join(one.item for one in (*rule.content, *rule.forbidden)))
        for name in LAW
        for version in catalog().regime(name).versions
        for rule in version.duties
    }
    assert {name: words for name, words in found.items() if words} == {}
