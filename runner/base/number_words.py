"""Numbers in texts: figures, English words such as "twelve thousand", and both together: "2.4 million"."""

from __future__ import annotations

import re

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: n for n, word in enumerate(_ONES)} | {word: n * 10 for n, word in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_SCALE = "|".join(_SCALES)
_WORD = f"(?:{'|'.join((*sorted(_SMALL, key=len, reverse=True), *_SCALES))})"
_AND = r"(?:(?<=hundred)|(?<=thousand)|(?<=million))\s+and\s+"
NUMBER = rf"(?:\d[\d.,:/\u00a0\u202f-]*\d|\d)(?:\s+(?:{_SCALE})\b)?|\b{_WORD}(?:(?:{_AND}|-|\s+){_WORD})*\b"
"""A pattern, without regard to case."""
_SCALED = re.compile(rf"(\d+(?:,\d{{3}})*(?:\.\d+)?)\s+({_SCALE})", re.IGNORECASE)


def number_of(shown: str) -> int:
    """Return the value of a text that the pattern found."""
    if found := _SCALED.fullmatch(shown):
        return round(float(found[1].replace(",", "")) * _SCALES[found[2].lower()])
    if shown[0].isdigit():
        return int(re.sub(r"\D", "", shown))
    total = current = 0
    for word in re.split(r"[\s-]+", shown.lower()):
        scale = _SCALES.get(word, 0)
        if scale == 100:
            current = max(current, 1) * scale
        elif scale:
            total, current = total + max(current, 1) * scale, 0
        else:
            current += _SMALL.get(word, 0)  # "and" counts nothing
    return total + current
