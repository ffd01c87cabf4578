"""The reference page of the JSON answers holds every schema, with the keys that the program prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.answers import PAGE, page, short, skeleton
from tests.docs.consoles import ROOT
from tests.golden_files import UPDATES

_BLOCK = re.compile(r"^## (\S+)\n.*?```json\n(.*?)```", re.DOTALL | re.MULTILINE)
_TAG = re.compile(r'"(tocsin/[a-z-]+/v\d+)"')
FILES = {
    "tocsin/playbook/v1",
    "tocsin/playbook-test/v1",
    "tocsin/exercise/v1",
    "tocsin/regime/v1",
    "tocsin/notice/v1",
    "tocsin/authorities/v1",
    "tocsin/contract/v1",
    "tocsin/facts/v1",
    "tocsin/home/v1",
    "tocsin/alert-mapping/v1",
}
"""Schemas of what people write."""
KEPT = {
    "tocsin/bundle-scope/v1",
    "tocsin/home-log/v1",
    "tocsin/manifest/v1",
    "tocsin/journal/v1",
    "tocsin/letters/v1",
    "tocsin/letters-run/v1",
}
"""Schemas of what is kept, not answered."""
SEALED = {"tocsin/break-glass/v1", "tocsin/mark/v1"}
"""Schemas of the code of sealed rows, and of what needs somebody who can log in: the passphrase and the secret of an app."""
AFAR = {"tocsin/channel-keys/v1"}
"""Schemas of what needs a server of others; the guide of channels has the keys."""
API = {"tocsin/events/v1", "tocsin/event-feed/v1"}
"""Schemas of the API alone: its description has them."""
BULK = {f"tocsin/bulk-{name}/v1" for name in ("plan", "sent", "status", "receipts", "done")}
"""Schemas that have a page of their own, compared by ``test_bulk_page``."""

ROOM = {"tocsin/approvals/v1", "tocsin/notice-changes/v1"}
"""Schemas that only the API answers with; its description has them."""


def documents(text: str) -> dict[str, object]:
    return {schema: json.loads(block) for schema, block in _BLOCK.findall(text)}


@pytest.mark.timeout(1800)  # some 170 commands, each a process
def test_the_page_shows_the_keys_that_the_program_prints() -> None:
    if UPDATES:
        PAGE.write_text(page(), encoding="utf-8")
    shown, true = documents(PAGE.read_text(encoding="utf-8")), documents(page())
    assert skeleton(shown) == skeleton(true), "write the page with TOCSIN_UPDATE_GOLDEN=1"


def test_every_schema_that_the_program_can_answer_with_is_on_the_page() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for room in ("base", "cli", "incident", "law", "app", "reports")
        for path in sorted((ROOT / "runner" / room).rglob("*.py"))
    )
    said = set(_TAG.findall(sources)) - FILES - KEPT - SEALED - AFAR - BULK - API - ROOM
    assert said <= set(documents(PAGE.read_text(encoding="utf-8")))


def test_no_answer_has_the_name_of_a_kind_of_file() -> None:
    assert not set(documents(PAGE.read_text(encoding="utf-8"))) & FILES


def test_a_document_is_cut_to_its_first_entries_and_keeps_its_keys(tmp_path: Path) -> None:
    assert short({"a": [1, 2], "b": {"c": "x" * 99}}) == {"a": [1], "b": {"c": "x" * 72 + "…"}}
