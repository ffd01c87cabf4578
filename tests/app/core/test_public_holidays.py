"""Public holidays come from the library once, and from the home afterwards."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

from runner.app.core.public_holidays import PublicHolidays


def test_a_country_and_its_part_have_their_own_holidays(tmp_path):
    calendar = PublicHolidays(tmp_path)
    assert calendar.is_holiday(date(2026, 10, 3), "DE")
    assert not calendar.is_holiday(date(2026, 11, 1), "DE")
    assert calendar.is_holiday(date(2026, 11, 1), "DE-BY")


def test_an_unknown_place_has_no_holidays():
    assert not PublicHolidays().is_holiday(date(2026, 12, 25), "ZZ")


def test_an_unknown_region_has_the_holidays_of_its_country():
    assert PublicHolidays().is_holiday(date(2026, 12, 25), "US-ZZ")


def test_a_cached_holiday_is_answered_without_the_library(tmp_path):
    PublicHolidays(tmp_path).is_holiday(date(2026, 12, 25), "NL")
    code = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from runner.app.core.public_holidays import PublicHolidays\n"
        "print(PublicHolidays(Path(sys.argv[1])).is_holiday(date(2026, 12, 25), 'NL'), 'holidays' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]
