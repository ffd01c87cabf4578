"""The chain by itself: what it commits to, byte for byte, and how each kind of break is named."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.base.actor import Actor
from runner.store import chain, rows
from runner.store.port import Head, Link, NewEvent
from tests.store.journals import ACTOR, T0, event

STAMP = rows.Stamp(T0 + timedelta(seconds=1), None, lambda size: b"s" * size)


def chained(payloads: list[bytes], incident: str = "i") -> list[Link]:
    """Return a whole journal of these payloads, with salts that differ."""
    place = chain.Place(incident, 0, chain.genesis(incident))
    links = []
    for number, payload in enumerate(payloads, start=1):
        salt = hashlib.sha256(b"%d" % number).digest()[: chain.SALT_BYTES]
        header, head = chain.append_link(place, event(payload), STAMP, salt)
        links.append(Link(seq=number, header=header, hash=head, salt=salt, payload=payload))
        place = chain.Place(incident, number, head)
    return links


def replaced(link: Link, **changes) -> Link:
    return msgspec.structs.replace(link, **changes)


def head_of(links: list[Link]) -> Head:
    return Head(len(links), links[-1].hash.hex())


def test_the_genesis_ties_a_chain_to_its_incident():
    expected = hashlib.sha256(b'{"chain":"tocsin/journal/v1","incident":"i"}').digest()
    assert chain.genesis("i") == expected
    assert chain.genesis("j") != expected


def test_an_event_commits_to_exactly_these_bytes():
    actor = Actor(claimed="ada", host="desk", on_behalf_of="grace", os_user="ada", proven_by="key:1")
    given_event = NewEvent(
        type="StepDone",
        stream="privileged",
        at=datetime(2026, 11, 24, 9, 10, 0, 5, tzinfo=UTC),
        exercise_at=T0,
        actor=actor,
        payload=b"payload",
        personal=True,
    )
    stamp = rows.Stamp(T0, -12, STAMP.chance)
    header, head = chain.append_link(chain.Place("i", 6, b"p" * 32), given_event, stamp, b"s" * 16)
    digest = hashlib.sha256(b"s" * 16 + b"payload").hexdigest()
    assert header.decode() == (
        '{"actor":{"claimed":"ada","host":"desk","on_behalf_of":"grace","os_user":"ada","proven_by":"key:1"},'
        '"at":"2026-11-24T09:10:00.000005Z","clock_offset_ms":-12,"exercise_at":"2026-11-24T09:10:00Z",'
        f'"incident":"i","payload_digest":"{digest}","personal":true,"recorded":"2026-11-24T09:10:00Z","seq":7,'
        '"stream":"privileged","type":"StepDone"}'
    )
    assert head == hashlib.sha256(b"p" * 32 + header).digest()


@given(
    claimed=st.text(),
    kind=st.text(),
    offset=st.none() | st.integers(-(2**53), 2**53),
    at=st.datetimes(timezones=st.timezones()),
)
def test_a_header_is_canonical_json(claimed, kind, offset, at):
    actor = msgspec.structs.replace(ACTOR, claimed=claimed)
    header, _ = chain.append_link(
        chain.Place("i", 0, b""),
        event(type=kind, actor=actor, at=at),
        rows.Stamp(T0, offset, STAMP.chance),
        b"",
    )
    parsed = json.loads(header)
    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # RFC 8785 leaves U+007F as it is, as json does.
    assert header.decode() == canonical
    assert parsed["actor"]["claimed"] == claimed


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_the_chain_verifies_with_and_without_payloads(payloads):
    links = chained(payloads)
    whole = chain.check("i", links)
    bare = chain.check("i", [Link(seq=link.seq, header=link.header, hash=link.hash) for link in links])
    assert whole.ok
    assert bare.ok
    assert (whole.head, whole.events) == (bare.head, bare.events)
    assert (whole.unread, bare.unread) == (0, len(links))


@given(
    payloads=st.lists(st.binary(max_size=20), min_size=1, max_size=6),
    data=st.data(),
)
def test_any_changed_byte_is_found_at_its_event(payloads, data):
    links = chained(payloads)
    at = data.draw(st.integers(0, len(links) - 1))
    fields = ["header", "hash", "salt"] + (["payload"] if links[at].payload else [])
    field = data.draw(st.sampled_from(fields))
    old = getattr(links[at], field)
    position = data.draw(st.integers(0, len(old) - 1))
    flipped = old[position] ^ data.draw(st.integers(1, 255))
    links[at] = replaced(links[at], **{field: old[:position] + bytes([flipped]) + old[position + 1 :]})
    found = chain.check("i", links, witness=head_of(chained(payloads)))
    assert found.broken is not None
    assert found.broken.seq == at + 1
    assert found.events == at


@given(
    payloads=st.lists(st.binary(max_size=8), min_size=1, max_size=8),
    data=st.data(),
)
def test_any_missing_event_is_found_at_its_place(payloads, data):
    links = chained(payloads)
    at = data.draw(st.integers(0, len(links) - 1))
    found = chain.check("i", links[:at] + links[at + 1 :], witness=head_of(links))
    assert found.broken is not None
    assert found.broken.seq == at + 1
    assert found.broken.kind == ("truncated" if at == len(links) - 1 else "removed")


@given(st.permutations(range(6)))
def test_any_other_order_is_found_and_called_so(order):
    links = chained([b"%d" % number for number in range(6)])
    # As someone would who exchanges the rows: each stands in its place and bears another's content.
    moved = [replaced(links[source], seq=place) for place, source in enumerate(order, start=1)]
    found = chain.check("i", moved, witness=head_of(links))
    if order == sorted(order):
        assert found.ok
        return
    first = next(place for place, source in enumerate(order) if place != source)
    assert found.broken is not None
    assert (found.broken.kind, found.broken.seq) == ("reordered", first + 1)


def test_an_edited_payload_is_named():
    links = chained([b"a", b"b", b"c"])
    links[1] = replaced(links[1], payload=b"B")
    found = chain.check("i", links)
    assert found.broken is not None
    assert found.broken.why == "entry 2 was changed: the payload differs from its digest"


def test_a_gap_is_named():
    links = chained([b"%d" % number for number in range(6)])
    found = chain.check("i", links[:2] + links[4:])
    assert found.broken is not None
    assert found.broken.why == "entries 3 to 4 are missing"


def test_renumbering_after_a_removal_does_not_hide_it():
    links = chained([b"a", b"b", b"c", b"d"])
    moved = [links[0], replaced(links[2], seq=2), replaced(links[3], seq=3)]
    found = chain.check("i", moved)
    assert found.broken is not None
    assert (found.broken.kind, found.broken.seq) == ("removed", 2)


def test_a_missing_end_is_known_from_the_row():
    links = chained([b"a", b"b", b"c"])
    assert chain.check("i", links[:1]).ok
    found = chain.check("i", links[:1], witness=head_of(links))
    assert found.broken is not None
    assert (
        found.broken.why == "entries 2 to 3 are missing from the end: the row of the incident has 3 entries"
    )


def test_a_journal_that_is_all_gone_is_known_from_the_row():
    found = chain.check("i", [], witness=Head(2, "00"))
    assert found.broken is not None
    assert (found.broken.kind, found.broken.seq) == ("truncated", 1)


def test_a_whole_new_chain_is_known_from_a_head_that_left_the_house():
    old, forged = chained([b"a", b"b", b"c"]), chained([b"a", b"B", b"c"])
    assert chain.check("i", forged, witness=head_of(forged)).ok
    anchor = Head(2, old[1].hash.hex())
    assert chain.check("i", old, anchor=anchor).ok
    found = chain.check("i", forged, witness=head_of(forged), anchor=anchor)
    assert found.broken is not None
    assert found.broken.why == "entry 2 or an earlier one was rewritten: the head from another source differs"


def test_a_chain_shorter_than_an_anchor_was_cut():
    links = chained([b"a", b"b", b"c"])
    found = chain.check("i", links[:2], witness=head_of(links[:2]), anchor=head_of(links))
    assert found.broken is not None
    assert (found.broken.kind, found.broken.seq) == ("truncated", 3)


def test_an_event_behind_the_rows_head_was_added():
    links = chained([b"a", b"b"])
    found = chain.check("i", links, witness=head_of(links[:1]))
    assert found.broken is not None
    assert found.broken.why == "the row of the incident has 1 entries, the journal has 2"


def test_an_event_of_another_incident_does_not_fit():
    found = chain.check("i", chained([b"a"], incident="j"))
    assert found.broken is not None
    assert found.broken.seq == 1


def test_a_well_hashed_header_in_the_wrong_place_does_not_fit():
    header, _ = chain.append_link(chain.Place("i", 4, b""), event(), STAMP, b"")
    head = hashlib.sha256(chain.genesis("i") + header).digest()
    found = chain.check("i", [Link(seq=1, header=header, hash=head)])
    assert found.broken is not None
    assert found.broken.why == "entry 1 is missing: entry 5 is at its place"


@pytest.mark.parametrize("header", [b"no json", b"{}", b"[]"])
def test_a_header_that_is_none_does_not_fit(header):
    head = hashlib.sha256(chain.genesis("i") + header).digest()
    found = chain.check("i", [Link(seq=1, header=header, hash=head)])
    assert found.broken is not None
    assert "the envelope is not valid" in found.broken.why


def test_a_later_version_may_add_to_a_header():
    place = chain.Place("i", 0, chain.genesis("i"))
    header, _ = chain.append_link(place, event(b"a"), STAMP, b"salt")
    grown = header[:-1] + b',"zone":"Europe/Berlin"}'
    link = Link(
        seq=1, header=grown, hash=hashlib.sha256(place.hash + grown).digest(), salt=b"salt", payload=b"a"
    )
    assert chain.check("i", [link]).ok
    assert chain.event_of(link).type == "StepDone"
