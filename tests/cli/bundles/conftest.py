"""One home with a bundle for each audience, for all tests of bundles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.app.bundles.audiences import AUDIENCES
from tests.cli.bundles.bundled import Bundled, bundled

ALL = ("--with", "documents,evidence,messages")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundled]:
    found = bundled(tmp_path_factory.mktemp("bundles"))
    for audience in AUDIENCES:
        parts = ALL if audience in ("counsel", "court") else ()
        found.export(f"{audience}.zip", "--for", audience, *parts)
    for audience in ("insurer", "public"):
        found.unpacked(f"{audience}.zip")
    yield found
    found.desk.close()
