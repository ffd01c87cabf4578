"""The first line of a new YAML file, which tells an editor the schema of the file. It works without a network."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

FOLDER = "schemas"
_MARK = "# yaml-language-server:"


def with_modeline(text: str, kind: str, file: Path, home: Path) -> str:
    """Return the text of a new file with its modeline, and write the schema into the home folder.

    ``kind`` is a key of ``EDITOR_SCHEMAS``. A file outside of the home folder gets none: it may be passed on.
    """
    text = text.partition("\n")[2] if text.startswith(_MARK) else text
    if home.resolve() not in file.resolve().parents:
        return text
    schema = home / FOLDER / f"{kind}.v1.json"
    schema.parent.mkdir(mode=0o700, exist_ok=True)
    schema.write_bytes(resources.files("playbooks").joinpath(FOLDER, schema.name).read_bytes())
    where = Path(os.path.relpath(schema.resolve(), file.resolve().parent)).as_posix()
    return f"{_MARK} $schema={where}\n{text}"
