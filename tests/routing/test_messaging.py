"""The orders and the withholding representations of messages."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.routing.message_classes import derived
from runner.routing.messaging import (
    BUILT_IN_CLASSES,
    EVIDENCE,
    Channel,
    ChannelConfig,
    Dispatch,
    HttpCall,
    proves,
    stronger,
)

RUNGS = st.sampled_from(EVIDENCE)
AT = datetime(2026, 11, 24, tzinfo=UTC)


@given(st.lists(RUNGS, min_size=1), st.randoms())
def test_receipts_in_any_order_and_number_prove_the_same(receipts, chance):
    def fold(found):
        proved = "none"
        for one in found:
            proved = stronger(proved, one)
        return proved

    shuffled = [*receipts, *receipts]
    chance.shuffle(shuffled)
    assert fold(shuffled) == fold(receipts) == max(receipts, key=EVIDENCE.index)


def test_accepted_does_not_prove_delivered():
    assert not proves("accepted", "delivered")
    assert proves("read", "delivered")


def test_every_built_in_class_is_listed_under_its_own_name():
    assert all(name == entry.name for name, entry in BUILT_IN_CLASSES.items())
    assert BUILT_IN_CLASSES["urgent-confidential"].confidentiality == "confidential"


def test_a_class_with_harmful_duplicates_asks_a_person():
    harmful = [one for one in BUILT_IN_CLASSES.values() if one.duplicate_tolerance == "harmful"]
    assert harmful
    assert {one.on_unknown for one in harmful} == {"ask"}


def test_a_class_of_its_own_that_names_only_the_harm_of_duplicates_follows_it():
    known = BUILT_IN_CLASSES
    harm = {"from": "status-update", "duplicate_tolerance": "harmful"}
    assert derived("mine", harm, known).on_unknown == "ask"
    assert derived("mine", {**harm, "on_unknown": "failover"}, known).on_unknown == "failover"
    assert derived("mine", {"from": "public-statement", "first_wave": 2}, known).on_unknown == "ask"


def test_an_unknown_key_of_a_channel_is_refused():
    with pytest.raises(msgspec.ValidationError, match="adaptor"):
        msgspec.convert({"adaptor": "smtp"}, ChannelConfig)


def test_addresses_texts_and_urls_do_not_show_in_representations():
    dispatch = Dispatch(
        delivery="d1",
        attempt=1,
        idempotency_key="K",
        kind="real",
        audience="responder",
        address="MARK@x",
        text="MARK",
        subject="MARK",
        at=AT,
    )
    call = HttpCall(
        kind="real",
        method="POST",
        url="https://x/MARK",
        allowed_hosts=frozenset({"x"}),
        idempotency_key="K",
        at=AT,
        headers={"Authorization": "MARK"},
        body=b"MARK",
    )
    for one in (dispatch, call):
        assert "MARK" not in f"{one!r} {one.__rich_repr__()}"


def test_a_channel_honours_a_key_unless_it_says_none():
    plain = Channel(
        id="c",
        adapter="a",
        address_kind="none",
        domains=frozenset(),
        confidentiality="public",
        personal_data="none",
    )
    assert not plain.honours_key
    assert msgspec.structs.replace(plain, idempotency="txn").honours_key
