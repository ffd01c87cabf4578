"""Reader of the tables beside modules: CSV files with one row for each entry, which people can check without reading code."""

from __future__ import annotations

from functools import cache


@cache
def table_rows(package: str, name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a CSV file in a package, each by the heads of its columns (a constant, read once)."""
    import csv
    import pkgutil

    lines = (pkgutil.get_data(package, name) or b"").decode().splitlines()
    return tuple(csv.DictReader(lines))
