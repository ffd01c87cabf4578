"""Labels of the vocabulary's codes, by language: data types, vectors, kinds of people, losses, and offices.

They stand in two tables, one row for each code and one column for each language: ``labels.csv`` beside this module, and
``offices.csv`` with the authorities whose codes do not read as their names. A code that a language leaves out reads as in
English, and one that is in no table reads as its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache


def label(code: str, language: str) -> str:
    """Return what a code of the vocabulary reads like; an unlisted one with its underscores opened."""
    labels = table("labels.csv")
    own = labels.get(language.split("-")[0].lower(), labels["en"])
    return own.get(code) or labels["en"].get(code) or office(code) or code.replace("_", " ")


def office(code: str) -> str:
    """Return the name of an authority for letters; empty where the code's own words fit."""
    return table("offices.csv")["en"].get(code, "")


@cache
def table(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return a table of labels beside this module: language, then code, then words (a constant, read once)."""
    import csv
    import pkgutil

    lines = (pkgutil.get_data(__package__, name) or b"").decode().splitlines()
    rows = list(csv.DictReader(lines))
    languages = [head for head in rows[0] if head != "code"]
    return {language: {row["code"]: row[language] for row in rows if row[language]} for language in languages}
