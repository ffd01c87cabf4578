"""Public holidays by place, from the ``holidays`` library, computed year by year as they are asked for."""

from __future__ import annotations

from datetime import date
from functools import lru_cache


class PublicHolidays:
    """A calendar for ``runner.engine.counting``; places are ISO 3166-1 (``DE``) or 3166-2 (``US-CA``).

    A place that the library does not know has no holidays here: the count then ends earlier, which is the safe side.
    """

    def is_holiday(self, day: date, place: str) -> bool:
        """Tell whether a day is a public holiday at a place."""
        return day in _days(place, day.year)


@lru_cache(maxsize=256)
def _days(place: str, year: int) -> frozenset[date]:
    import holidays

    country, _, part = place.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
    except NotImplementedError:
        return frozenset(_country(country, year)) if part else frozenset()


def _country(country: str, year: int) -> frozenset[date]:
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()
