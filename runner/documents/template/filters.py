"""Filters of templates: dates, numbers and words in the document's language and zone.

A missing fact passes each filter unchanged, so that its gap is at the place of its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from runner.base.jurisdictions import US_NAMES
from runner.documents.template.values import Group, Leaf, Missing, Series, Value, Wrong
from runner.documents.wording.labels import label
from runner.documents.wording.phrases import joined, phrases

Filter = Callable[..., Any]
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")


def filters(language: str, zone: str) -> Mapping[str, Filter]:
    """Return the allow-list: every filter that exists, bound to a language tag and an IANA zone."""
    return {
        "date": _over(lambda value: day(value, language, zone)),
        "time": _over(lambda value: _clock(value, language, zone)),
        "datetime": _over(
            lambda value: f"{day(value, language, zone)}, {_clock(value, language, zone)}",
        ),
        "number": _over(lambda value: _number(value, language)),
        "label": _over(lambda value: _labels(value, language)),
        "words": _over(lambda value: _words(value, language)),
        "described": lambda elements, data: _described(elements, data, language),
        "said": _over(lambda value: said(value, language, zone)),
        "place": _over(lambda value: _places(value, language)),
        "capital": _over(lambda value: str(value)[:1].upper() + str(value)[1:]),
        "count": lambda value: len(value) if isinstance(value, Series) else _over(len)(value),
    }


def _over(change: Callable[[Any], Any]) -> Filter:
    def apply(value: Any) -> Any:
        match value:
            case Missing():
                return value
            case Leaf():
                return value.with_(change(value.value_))
            case Group() | Value():
                raise Wrong("The filter needs one value, not a group of facts.")
            case _:
                return change(value)

    return apply


def _instant(value: Any, zone: str) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise Wrong("The value is not a date and time with a UTC offset.") from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Wrong("The date and time has no UTC offset.")
    return value.astimezone(ZoneInfo(zone))


def day(value: Any, language: str, zone: str) -> str:
    """Return a day in words; an instant is that day in the zone."""
    from babel.dates import format_date

    if isinstance(value, str) and len(value) == len("2026-11-24"):
        value = date.fromisoformat(value)
    day = value if type(value) is date else _instant(value, zone).date()
    return str(format_date(day, format="long", locale=_locale(language)))


def _clock(value: Any, language: str, zone: str) -> str:
    """Return the time of day with its zone's offset, as ``10:10 (UTC+01:00)``."""
    from babel.dates import format_time

    moment = _instant(value, zone)
    clock = format_time(moment, format="short", locale=_locale(language)).replace("\u202f", "\u00a0")
    offset = moment.strftime("%z")
    return f"{clock}\u00a0(UTC{'' if offset == '+0000' else f'{offset[:3]}:{offset[3:5]}'})"


def _number(value: Any, language: str) -> str:
    from babel.numbers import format_decimal

    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Wrong("The value is not a number.")
    return str(format_decimal(value, locale=_locale(language))).replace("\u202f", "\u00a0")


def said(value: Any, language: str, zone: str) -> str:
    """Print a fact of any kind as a reader wants it: a date, a number, yes or no, a list in words, text as it is."""
    if isinstance(value, bool):
        return str(_labels(value, language))
    if isinstance(value, (int, float)):
        return _number(value, language)
    if isinstance(value, (list, tuple)):
        return _words(_labels(value, language), language)
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return f"{day(value, language, zone)}, {_clock(value, language, zone)}"
    return label(str(value), language) if _CODE.fullmatch(str(value)) else str(value)


def _places(value: Any, language: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [place_name(str(entry), language) for entry in value]
    return place_name(str(value), language)


def place_name(code: str, language: str) -> str:
    """Return what a country or a part of the United States or Germany is called; other parts keep their code."""
    country, _, part = code.partition("-")
    if country == "US" and part in US_NAMES:
        return US_NAMES[part]
    if part:
        name = label(code, language)
        return name if name == code else f"{name}, {place_name(country, language)}"
    if code == "EU":
        return phrases(language).union
    from babel import Locale

    return str(Locale.parse(_locale(language)).territories.get(code, code))


def _labels(value: Any, language: str) -> Any:
    if isinstance(value, bool):
        return phrases(language).yes if value else phrases(language).no
    if isinstance(value, (list, tuple)):
        return [label(str(entry), language) for entry in value]
    return label(str(value), language)


def _described(elements: Any, data: Value, language: str) -> Any:
    """Return the words for data types; accounts by their kinds, passwords with how they were stored, if that is known."""
    if not isinstance(elements, Leaf):
        return elements
    kinds, stored = data.child_("account_kinds"), data.child_("passwords")
    found: list[str] = []
    for element in map(str, elements.value_):
        if element.startswith("account_number_") and isinstance(kinds, Leaf) and kinds.value_:
            code = label("with_code", language) if element == "account_number_with_code" else ""
            found += [f"{label(f'number_of_{kind}', language)}{code}" for kind in map(str, kinds.value_)]
        elif element == "online_credentials" and isinstance(stored, Leaf):
            found.append(f"{label(element, language)} ({label(f'stored_{stored.value_}', language)})")
        else:
            found.append(label(element, language))
    return elements.with_(list(dict.fromkeys(found)))


def _words(value: Any, language: str) -> str:
    return joined(list(map(str, value)), language) if isinstance(value, (list, tuple)) else str(value)


def _locale(language: str) -> str:
    return language.replace("-", "_")
