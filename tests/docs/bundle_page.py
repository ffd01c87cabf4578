"""docs/reference/bundle.md: the files of a bundle and the fields of its JSON and CSV, from bundles that the program writes.

What a field means stands in ``bundle_fields.csv``; a field without a meaning, and a meaning without a field, are missing in one of them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.app.bundles.papers import _kind, described
from tests.cli.bundles.bundled import bundled
from tests.docs.consoles import ROOT

PAGE = ROOT / "docs" / "reference" / "bundle.md"
TABLE = Path(__file__).with_name("bundle_fields.csv")
BUNDLES = (("counsel", "documents,evidence,messages"), ("regulator", "documents"))
"""Together they have every file but those of a timestamp."""
LOOSE = ("files", "value", "wrong")
"""What has other keys or types in each bundle: keys are names here, and are not listed."""
TEXTS = ("header", "leaf")
"""JSON in a text, because its bytes are hashed."""
TYPES: Mapping[type, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "object",
    type(None): "null",
}
ABOUT = """\
# Evidence bundle

The files of a bundle that `tocsin audit export` writes, with the fields of its JSON and CSV. [](../how-to/hand-over-evidence.md) says how to make and verify one.
`data` has the payload; the other files prove it. The audience decides which files and entries there are. Digests are SHA-256 in hexadecimal, instants RFC 3339, and in
UTC without a zone. `[]` is each entry of a list. `text (JSON)` is JSON in a text: its bytes are hashed as they are. This page is written from bundles of the program.
"""


def meanings() -> dict[tuple[str, str], dict[str, str]]:
    """Return file and field → type, if these bundles do not show all, and meaning; the field is empty for the file itself."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["field"]): row for row in csv.DictReader(file)}


def found(folder: Path) -> dict[str, dict[str, set[str]]]:
    """Return file → field → types, over the bundles."""
    made = bundled(folder)
    files: dict[str, dict[str, set[str]]] = {}
    for audience, parts in BUNDLES:
        made.export(f"{audience}.zip", "--for", audience, "--with", parts)
        top = made.unpacked(f"{audience}.zip")
        for path in sorted(one for one in top.rglob("*") if one.is_file()):
            fields = files.setdefault(_name(path.relative_to(top).as_posix()), {})
            for field, type_ in _fields(path):
                fields.setdefault(field, set()).add(type_)
    made.desk.close()
    return files


def _name(path: str) -> str:
    """Return a file's name without what differs from bundle to bundle."""
    folder, _, name = path.rpartition("/")
    if folder.startswith("data/evidence"):
        return "data/evidence/ID/NAME"
    if folder == "data/documents":
        return "data/documents/SHA256.FORMAT"
    if folder == "data/law" and name != "law.json":
        return "data/law/LAW.json"
    return "data/legal/custody-N.pdf" if name.startswith("custody-") else path


def _fields(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from ((head, "text") for head in next(csv.reader(file)))
    elif path.suffix == ".jsonl":
        for line in path.read_text(encoding="utf-8").splitlines():
            yield from _json(json.loads(line))
    elif (
        path.suffix == ".json"
        and "data" in path.parts
        and (path.name == "law.json" or path.parent.name != "law")
    ):
        yield from _json(json.loads(path.read_text(encoding="utf-8")))


def _json(value: Any, before: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _json(one, f"{before}[]")
    for key, one in value.items() if isinstance(value, dict) else ():
        field = f"{before}.{key}".lstrip(".")
        yield field, "text (JSON)" if key in TEXTS else "any" if key == "value" else TYPES[type(one)]
        if key in TEXTS:
            yield from _json(json.loads(one), field)
        elif key not in LOOSE:
            yield from _json(one, field)


def _row(field: str, types: set[str], row: Mapping[str, str]) -> str:
    return f"| `{field}` | {row['type'] or ' or '.join(sorted(types))} | {row['meaning']} |"


def page(folder: Path) -> str:
    """Return the page; raises AssertionError for a field without a meaning, and for a meaning without a field."""
    files, said = found(folder), meanings()
    listed = {(name, field) for name, fields in files.items() for field in fields}
    assert listed <= said.keys(), listed - said.keys()
    rest = {key for key in said.keys() - listed if key[1] and not said[key]["type"]}
    assert not rest, rest
    for name, field in said:
        files.setdefault(name, {}).setdefault(field, set()) if field else files.setdefault(name, {})
    blocks = [ABOUT]
    for name in sorted(files, key=lambda one: (not one.startswith("data/"), one)):
        short = name.removeprefix("data/")
        own = said.get((name, ""))
        about = own["meaning"] if own else described(short, _kind(short))
        assert about, name
        blocks.append(f"## `{name}`\n\n{about}.\n")
        rows = [
            _row(field, files[name][field], row) for (of, field), row in said.items() if of == name and field
        ]
        if rows:
            blocks.append("\n".join(["| field | type | meaning |", "|---|---|---|", *rows, ""]))
    return "\n".join(blocks)
