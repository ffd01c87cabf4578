"""Dates in texts are read in the order of their language; with two readings a person decides."""

from __future__ import annotations

from datetime import date

import pytest

from runner.documents.contents.awareness import dates_in

NOW = date(2027, 1, 15)


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en-US", "On 11/05/2026 we became aware.", ["2026-11-05"]),
        ("en-US", "On 27/11/2026 we became aware.", ["2026-11-27"]),
        ("en-GB", "On 27/11/2026 we became aware.", ["2026-11-27"]),
        ("en", "On 05/11/2026 we became aware.", ["05/11/2026"]),
        ("en", "On 05.11.2026 we became aware.", ["2026-11-05"]),
        ("de", "Am 5.11.2026 wurde es bekannt.", ["2026-11-05"]),
        ("fr", "Le 05/11/2026", ["2026-11-05"]),
        ("en", "On 11/11/2026", ["2026-11-11"]),
        ("en", "on 25 November", ["2026-11-25"]),
        ("en", "on January 3", ["2027-01-03"]),
        ("en", "from 23 to 25 November 2026", ["2026-11-23", "2026-11-25"]),
        ("de", "vom 23. bis 25. November 2026", ["2026-11-23", "2026-11-25"]),
        ("en", "November 23–25, 2026", ["2026-11-23", "2026-11-25"]),
        ("en", "23 Nov 2026 and 31 February 2026", ["2026-11-23"]),
        ("en", "in May 2026, by 12 marchers", []),
        ("en", "version 1.2.3, 10.0.0.12", []),
    ],
)
def test_dates(language: str, text: str, found: list[str]) -> None:
    assert [day for _, day in dates_in(text, language, NOW)] == found
