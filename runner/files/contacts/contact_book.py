"""Read a contact list by its ending: CSV, vCards, or YAML in the form of ``tocsin.yaml``."""

from __future__ import annotations

from pathlib import Path

from runner.errors import NotFound, Usage
from runner.files.contacts.contact_entries import Listing, Ways

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".vcf": "vcard",
    ".vcard": "vcard",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def read_list(path: Path, ways: Ways) -> Listing:
    """Return what a list says; raises NotFound, Usage for another ending, or Invalid where it cannot be read at all."""
    form = ENDINGS.get(path.suffix.lower())
    if form is None:
        raise Usage(
            f"{path} has none of the endings {', '.join(ENDINGS)}",
            hint="export it as CSV or vCard",
            code="unknown_ending",
        )
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check the path", code="file_missing")
    match form:
        case "csv":
            from runner.files.contacts.csv_contacts import read_csv

            return read_csv(path, ways)
        case "vcard":
            from runner.files.contacts.vcard_contacts import read_vcards

            return read_vcards(path)
        case _:
            from runner.files.contacts.contact_list import read_yaml

            return read_yaml(path)
