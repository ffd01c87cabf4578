"""The reference of notices to many people holds every key that its answers have."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from runner.app.campaigns.receipts import Taken
from runner.reports.campaigns.campaigns import BulkPlan, BulkStatus, PlaceStanding, Sent, Standing
from tests.docs.consoles import ROOT

PAGE = (ROOT / "docs" / "reference" / "bulk.md").read_text(encoding="utf-8")
ANSWERS: dict[str, type[msgspec.Struct]] = {
    "tocsin/bulk-plan/v1": BulkPlan,
    "tocsin/bulk-sent/v1": Sent,
    "tocsin/bulk-status/v1": BulkStatus,
    "tocsin/bulk-receipts/v1": Taken,
}


def shown() -> dict[str, Any]:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    return {document["schema"]: document for document in map(json.loads, blocks)}


def test_every_json_answer_is_on_the_page_with_its_keys() -> None:
    found = shown()
    for schema, answer in ANSWERS.items():
        assert [*found[schema]] == ["schema", *answer.__struct_encode_fields__], schema
    status = found["tocsin/bulk-status/v1"]
    assert [*status["standing"]] == [*Standing.__struct_encode_fields__]
    assert [*status["places"][0]] == [*PlaceStanding.__struct_encode_fields__]
    assert "tocsin/bulk-done/v1" in found
