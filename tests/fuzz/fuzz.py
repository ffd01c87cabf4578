"""Give one reader bytes that coverage leads to, with atheris: ``python -m tests.fuzz.fuzz NAME [OPTIONS OF LIBFUZZER]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # in an environment of its own: make fuzz

with atheris.instrument_imports(include=["runner", "integrations"]):
    from tests.fuzz.parsers import parsers


def main(arguments: list[str]) -> None:
    """Fuzz the reader that is named first; without a name, print the names."""
    if not arguments:
        sys.stdout.write("\n".join(parsers()) + "\n")
        return
    parser = parsers()[arguments[0]]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sample").write_bytes(parser.sample)
        atheris.Setup([sys.argv[0], "-timeout=10", "-rss_limit_mb=2048", *arguments[1:], folder], parser.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
