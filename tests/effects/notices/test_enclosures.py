"""The sample of the letter to people goes with the notice to an authority, under the same approval."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from runner.documents.tree import decode, plain, runs
from runner.effects.context import EffectContext
from runner.effects.notices.render import bound_digest, render
from runner.facts.vocabulary.register import Fact, nested
from runner.incident.state.commands import Rendered
from runner.incident.state.documents import Adoption, AsItWas
from runner.incident.state.documents import Document as Made
from runner.incident.state.library import Library
from runner.incident.state.work import Render
from runner.law.assessment import assess
from tests.documents.at_law import AT, catalog, incident_of, us_facts, without

LAW = "us-ma-breach"
DUTY, LETTER = f"{LAW}/attorney_general", f"{LAW}/individuals"
FORMATS = ("txt", "html")


class Desk:
    """What effects need to write the notice of one duty, with the stored files in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.regime = catalog().regime(LAW)

    def put_blob(self, _incident: str | None, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def get_blob(self, digest: str) -> bytes:
        return self.blobs[digest]

    def written(self, facts: Mapping[str, Any], duty: str = DUTY, **state: Any) -> Rendered:
        """Return the notice of a duty, chosen by the law."""
        incident = msgspec.structs.replace(incident_of(facts), **state)
        statuses = assess((self.regime,), nested(incident.facts), AT)
        tools = SimpleNamespace(
            blobs=self,
            duties=lambda *_: statuses,
            now=lambda: AT,
            notices=catalog().notices(),
            letterhead=bytes,
            logo=lambda: None,
            privileged=False,
        )
        work = Render(incident="i", step="draft", notice="auto", duty=duty, formats=FORMATS)
        library = Library(plans={}, regimes=(self.regime,))
        made = render(work, incident, library, cast("EffectContext", tools))
        assert isinstance(made, Rendered), made
        return made


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_letter_is_among_the_files_and_under_the_digest_of_the_notice(desk: Desk) -> None:
    event = desk.written(us_facts()).event
    assert event.status == "final"
    assert sorted(event.files) == ["enclosure-1.html", "enclosure-1.txt", "html", "txt"]
    assert event.digest == bound_digest(dict(event.files))
    letter = desk.blobs[event.files["enclosure-1.txt"]].decode()
    assert us_facts()["risk"]["advice"] in " ".join(letter.split())
    assert "Notice of Data Breach" in " ".join(desk.blobs[event.files["txt"]].decode().split())


def test_a_fact_of_the_letter_alone_changes_the_digest_and_is_watched(desk: Desk) -> None:
    facts = us_facts()
    before = desk.written(facts).event
    facts["risk"]["advice"] = "Call your bank."
    after = desk.written(facts).event
    assert before.files["txt"] == after.files["txt"]
    assert before.digest != after.digest
    assert "risk.advice" in after.facts


def test_missing_information_of_the_letter_keeps_the_notice_a_draft(desk: Desk) -> None:
    facts = without(us_facts(), "organisation.hotline")
    facts["organisation"]["contact"].pop("phone")
    made = desk.written(facts)
    assert made.event.status == "draft"
    assert "missing: organisation.hotline.phone" in made.event.gaps
    assert made.items


def edited_letter(desk: Desk, **facts: int) -> Made:
    """Return the letter in counsel's words; ``facts`` are the entries behind what it read."""
    event = desk.written(us_facts(), LETTER).event
    kept = decode(desk.blobs[event.tree])
    edited = msgspec.structs.replace(kept.document, blocks=kept.document.blocks[:3], edited=True)
    tree = desk.put_blob("i", msgspec.json.encode(msgspec.structs.replace(kept, document=edited)))
    return Made(
        id="letter/us-letter",
        step="letter",
        notice=event.notice,
        version=event.version,
        digest=event.digest,
        files=event.files,
        gaps=(),
        facts={f"risk.{name}": entry for name, entry in facts.items()},
        at=AT,
        duty=LETTER,
        status="final",
        tree=tree,
        adoption=Adoption(by="ada", at=AT, file="0", base=event.digest),
    )


def test_a_letter_that_counsel_edited_is_enclosed_in_counsels_words(desk: Desk) -> None:
    standing = edited_letter(desk)
    made = desk.written(us_facts(), documents={standing.id: standing})
    letter = desk.blobs[made.event.files["enclosure-1.txt"]].decode()
    title = plain(next(iter(runs(decode(desk.blobs[standing.tree]).document.blocks))))
    assert title.split("\n")[0] in letter
    assert us_facts()["risk"]["advice"] not in " ".join(letter.split())
    assert not [item for item in made.items if "risk.advice" in item]


def test_an_edited_letter_keeps_the_notice_a_draft_while_facts_of_it_have_changed(desk: Desk) -> None:
    standing = edited_letter(desk, advice=1)
    old = Fact(key="risk.advice", value="Call us.", at=AT)
    changed = {
        "version": 5,
        "fact_events": dict.fromkeys(incident_of(us_facts()).facts, 5),
        "superseded": {"risk.advice": ((1, old),)},
    }
    made = desk.written(us_facts(), documents={standing.id: standing}, **changed)
    assert (made.event.status, len([item for item in made.items if "risk.advice" in item])) == ("draft", 1)
    kept = AsItWas(by="ada", at=AT, reason="agreed", facts={"risk.advice": 5})
    standing = msgspec.structs.replace(standing, as_it_was=kept)
    made = desk.written(us_facts(), documents={standing.id: standing}, **changed)
    assert not [item for item in made.items if "risk.advice" in item]


def test_a_notice_without_an_enclosure_claims_none(desk: Desk) -> None:
    event = desk.written(us_facts(), f"{LAW}/data_owner").event
    assert not [name for name in event.files if name.startswith("enclosure")]
