"""Public holidays by place, from the ``holidays`` library, cached in the home so that it is rarely imported.

Importing the library takes longer than the rest of ``tocsin status``. Its answers are plain dates, so they
are cached for each place and year with the state of the installed library: another release is asked again.
"""

from __future__ import annotations

import contextlib
import os
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import msgspec

from runner.decoding import from_json


class PublicHolidays:
    """A calendar for ``runner.law.counting``; places are ISO 3166-1 (``DE``) or 3166-2 (``US-CA``).

    A place that the library does not know has no holidays here: the count then ends earlier, which is the safe side.
    """

    def __init__(self, cache: Path | None = None) -> None:
        """Cache answers in ``cache``; None caches them only in memory."""
        self._cache = cache
        self._known: dict[tuple[str, int], frozenset[date]] = {}

    def is_holiday(self, day: date, place: str) -> bool:
        """Tell whether a day is a public holiday at a place."""
        key = (place, day.year)
        if key not in self._known:
            self._known[key] = self._days(place, day.year)
        return day in self._known[key]

    def _days(self, place: str, year: int) -> frozenset[date]:
        if self._cache is None or not place.replace("-", "").isalnum():
            return asked(place, year)
        kept = self._cache / f"holidays-{installed()}-{place}-{year}.json"
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            return from_json(kept.read_bytes(), frozenset[date])
        days = asked(place, year)
        with contextlib.suppress(OSError):
            self._cache.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_bytes(msgspec.json.encode(sorted(days)))
            part.replace(kept)
        return days


def installed() -> str:
    """Return an identifier of the installed release of the library, without importing it."""
    library = find_spec("holidays")
    if library is None or library.origin is None:
        return "none"
    state = Path(library.origin).with_name("version.py").stat()
    return f"{state.st_mtime_ns:x}-{state.st_size:x}"


def asked(place: str, year: int) -> frozenset[date]:
    """Return a place's public holidays of a year; an unknown part counts as its country."""
    import holidays

    country, _, part = place.partition("-")
    for subdivision in dict.fromkeys((part or None, None)):
        with contextlib.suppress(NotImplementedError):
            return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
    return frozenset()
