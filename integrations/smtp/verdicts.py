"""Cause of a mail server's refusal, from its code and text: the recipient, the message, or the account.

One code has different meanings: 5.7.1 is one reader's own rule or a block of the sending server, and only the words distinguish them. The
first matching row of ``bounces.csv`` decides, each with a sample. Without a matching row the phase of the refusal decides.
"""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from typing import NamedTuple

from integrations.port import About, Address


class Verdict(NamedTuple):
    """Its subject, and its finding about the address."""

    about: About
    address: Address = ""


class Row(NamedTuple):
    """Codes and words that belong together, and an example reply."""

    codes: str
    words: str
    verdict: Verdict
    sample: str


TABLE = tuple(
    Row(row["codes"], row["words"], Verdict(row["about"], row["address"]), row["sample"])  # type: ignore[arg-type]
    for row in csv.DictReader(
        files("integrations.smtp").joinpath("bounces.csv").read_text("utf-8").splitlines()
    )
)


def verdict(code: str, words: str) -> Verdict | None:
    """Return the subject of a refusal; None without a matching row."""
    whole = f"{code} {words}"
    return next((row.verdict for row in TABLE if fits(row, whole)), None)


def fits(row: Row, whole: str) -> bool:
    """Whether a reply has a code of this row, not within another number, and its words."""
    coded = re.search(rf"(?<![\d.])(?:{row.codes})(?!\.?\d)", whole)
    return bool(coded and re.search(row.words, whole, re.IGNORECASE))
