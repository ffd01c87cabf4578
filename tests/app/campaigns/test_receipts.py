"""Effects of a receipt on a listed person and on the counters, which count people and not attempts."""

from __future__ import annotations

from typing import Any

import pytest

from runner.incident.campaigns.campaign import BulkReceipt, Counters, Owed
from runner.incident.campaigns.transitions import folded


def standing(**changes: Any) -> Owed:
    known: dict[str, Any] = {
        "campaign": "b-1",
        "n": 1,
        "group": 0,
        "state": "unknown",
        "ways": ("email", "post"),
        "evidence": "none",
        "tries": 1,
        "hit": 0,
        "chunk": 1,
        "address": b"a",
        "domain": b"d",
    }
    return Owed(**(known | changes))


@pytest.mark.parametrize(
    ("state", "sent"),
    [("unknown", 0), ("notified", 0), ("ready", 1), ("post", 0)],
)
def test_a_late_receipt_counts_a_person_as_sent_again(state: str, sent: int) -> None:
    turned = folded(BulkReceipt(kind="delivered", key="k"), standing(state=state))
    assert turned is not None
    after = turned.owed
    assert (after.state, after.evidence, turned.counted) == ("notified", "delivered", Counters(sent=sent))


def test_a_proof_that_says_nothing_new_counts_nothing() -> None:
    known = standing(state="notified", evidence="delivered")
    assert folded(BulkReceipt(kind="accepted", key="k"), known) is None


def test_a_bounce_reverses_the_sent_state() -> None:
    turned = folded(BulkReceipt(kind="failed", key="k", code="5.1.1"), standing())
    assert turned is not None
    assert (turned.owed.state, turned.counted) == ("post", Counters(sent=-1, bounced=1))
