"""The words of a notice."""

from __future__ import annotations

from runner.documents.notice import Item, Notice


def test_a_notice_names_each_required_fact_once_and_in_order() -> None:
    notice = Notice(
        id="a",
        version="1.0.0",
        title="A",
        facts=("z",),
        requires=(
            Item(ref="1", item="one", facts=("b", ("c", "d")), known=("k",)),
            Item(ref="2", item="two", facts=("c", "z")),
        ),
    )
    assert notice.required_facts() == ("z", "b", "c", "d", "k")
