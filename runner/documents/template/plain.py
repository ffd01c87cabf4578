"""Does a text need Jinja2 at all? Asked of every text, so it stands apart from all that filling one imports."""

from __future__ import annotations


def is_template(text: str) -> bool:
    """Tell whether a text has anything to fill in; what has not needs no Jinja2."""
    return "{{" in text or "{%" in text
