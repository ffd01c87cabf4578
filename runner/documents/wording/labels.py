"""Labels of the vocabulary's codes, by language: data types, vectors, kinds of people, losses, and offices.

Two tables beside this module have one row for each code and one column for each language: ``labels.csv``, and ``offices.csv``
for the authorities whose names differ from their codes. A code without a label in a language has the English label. A code in
neither table is shown with spaces for its underscores.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from runner.base.table_file import table_rows


def label(code: str, language: str) -> str:
    """Return the label of a code, the region's first; a code without a label has spaces for its underscores."""
    labels = table("labels.csv")
    tags = (language, language.split("-")[0].lower(), "en")
    own = (labels[tag][code] for tag in tags if code in labels.get(tag, ()))
    return next(own, "") or office(code) or code.replace("_", " ")


def office(code: str) -> str:
    """Return the name of an authority for letters; empty if the code itself is the name."""
    return table("offices.csv")["en"].get(code, "")


@cache
def table(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return a table of labels beside this module: language, then code, then words (a constant, read once)."""
    rows = table_rows("runner.documents.wording", name)
    languages = [head for head in rows[0] if head != "code"]
    return {language: {row["code"]: row[language] for row in rows if row[language]} for language in languages}
