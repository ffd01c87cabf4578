"""Playbooks as charts: nothing lies on anything else, every edge leads down, all is there once, hostile text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given

from runner.playbook import format as p
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog
from runner.reports.charts.chart_svg import svg
from runner.reports.charts.chart_text import mermaid
from runner.reports.charts.layers import place
from runner.reports.charts.layout import Drawn, broken, columns, everything, layout
from runner.reports.charts.playbook_chart import Chart, chart, nodes
from runner.reports.charts.run_progress import progress
from tests import scenario as s
from tests.drawn import INNER, bodies
from tests.golden_files import same
from tests.reports.scenes import GOLDEN, lost_device, signing

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert(1)</script>"]; click n1 "x" %%{init}%% `#quot;` \u202eevil & more'


def drawn(*steps: p.AnyStep) -> Chart:
    return chart(s.bundle(s.playbook(*steps), INNER))


def bodies_of(whole: Drawn) -> Iterator[Drawn]:
    yield whole
    yield from (drawn for drawn in everything(whole) if drawn.inside)


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)  # noqa: S314  our own text


def apart(one: Drawn, other: Drawn) -> bool:
    beside = one.x + one.width < other.x or other.x + other.width < one.x
    return beside or one.y + one.height < other.y or other.y + other.height < one.y


@given(bodies())
def test_no_two_steps_overlap_and_boxes_contain_their_steps(steps: tuple[p.AnyStep, ...]) -> None:
    for box in bodies_of(layout(drawn(*steps))):
        assert all(apart(one, other) for one, other in combinations(box.inside, 2))
        for one in box.inside:
            assert box.x <= one.x
            assert one.x + one.width <= box.x + box.width
            assert box.y <= one.y
            assert one.y + one.height <= box.y + box.height


@given(bodies())
def test_every_edge_leads_downwards_from_its_step_to_its_follower_and_through_no_other(
    steps: tuple[p.AnyStep, ...],
) -> None:
    for box in bodies_of(layout(drawn(*steps))):
        for (start, end), way in zip(box.node.edges, box.ways, strict=True):
            first, last = box.inside[start], box.inside[end]
            assert way[0] == (first.x + first.width // 2, first.y + first.height)
            assert way[-1] == (last.x + last.width // 2, last.y)
            heights = [y for _, y in way]
            assert heights == sorted(heights)
            assert way[0][1] < way[-1][1]
            for one in box.inside:
                assert not any(
                    one.x <= left <= one.x + one.width and top < one.y + one.height and bottom > one.y
                    for (left, top), (_, bottom) in pairwise(way)
                )


@given(bodies())
def test_every_step_and_every_edge_is_drawn_once(steps: tuple[p.AnyStep, ...]) -> None:
    chart = drawn(*steps)
    root = parsed(svg(chart))
    paths = sorted("/".join(node.path) for node in nodes(chart.top))
    assert (
        sorted(one.attrib["data-step"] for one in root.iter(f"{SVG}g") if "data-step" in one.attrib) == paths
    )
    edges = sum(len(one.edges) for one in (chart.top, *nodes(chart.top)))
    arrows = [one.attrib["data-edge"] for one in root.iter(f"{SVG}path") if "data-edge" in one.attrib]
    assert (len(arrows), len(set(arrows))) == (edges, edges)
    text = mermaid(chart)
    assert len(re.findall(r"^ *(?:subgraph )?n\d+\[", text, re.MULTILINE)) == len(paths)
    assert text.count("-->") == edges
    assert text.count("subgraph ") == len(re.findall(r"^ *end$", text, re.MULTILINE))


def test_sixty_steps_side_by_side_are_put_in_rows() -> None:
    placed = place([(200, 80)] * 60, [(0, one) for one in range(1, 60)], 1200)
    assert placed.width <= 1700
    assert len({top for _, top in placed.corners}) > 10


def test_steps_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        place([(10, 10)] * 2, [(0, 1), (1, 0)], 100)


def test_a_playbook_that_runs_itself_is_drawn_once_inside() -> None:
    inner = s.playbook(s.task("a"), s.call("again", "inner"), name="inner")
    made = chart(s.bundle(s.playbook(s.call("run", "inner")), inner))
    assert ["/".join(node.path) for node in nodes(made.top)] == ["run", "run/a", "run/again"]


def test_hostile_titles_stay_text() -> None:
    chart = drawn(s.task("end", task=HOSTILE, role="lead"), s.group("box", s.task("x"), title=HOSTILE))
    picture = svg(chart)
    root = parsed(picture)
    assert "script" not in {one.tag.removeprefix(SVG) for one in root.iter()}
    assert "\u202e" not in picture
    assert "U+202E" in picture
    labels = re.findall(r'\["(.*?)"\]', mermaid(chart))
    assert len(labels) == 3
    assert not any(set(label.replace("<br/>", "")) & set('<>"`{}%&[]') for label in labels)


def test_joins_conditions_roles_and_due_times_are_said_in_words() -> None:
    chart = drawn(
        s.task("a", role="lead", due=p.Due(offset=2 * s.HOUR)),
        s.task("b", due=p.Due(offset=-s.HOUR, anchor="step", ref="a"), assignee="ann"),
        s.approve(
            "c", "a", "lead counsel", 2, after=p.After(steps=("a", "b"), join="any"), when="data.encrypted"
        ),
    )
    a, b, c = nodes(chart.top)
    assert a.notes == ("role: lead", "due 2 h")
    assert b.notes == ("person: ann", "due 1 h before the end of a")
    assert (c.gate, c.notes) == (("after any of 2", "if data.encrypted"), ("2 of: lead, counsel",))
    assert '-->|"any, if data.encrypted"|' in mermaid(chart)


def test_a_message_names_its_recipients_from_the_step_or_its_text() -> None:
    text = p.MessageTemplate(message_class="task-notice", text="x", to=("role:lead", "person:ann"))
    steps = (s.message("a", message="tell", to=()), s.message("b", message="tell", to=("role:counsel",)))
    made = chart(s.bundle(msgspec.structs.replace(s.playbook(*steps), messages={"tell": text})))
    assert [node.notes for node in nodes(made.top)] == [("to: lead, person:ann",), ("to: counsel",)]


def test_text_is_split_into_lines_that_fit_and_long_text_is_cut() -> None:
    text = (
        "a word, duty('eu-gdpr-33-controller-sa/initial').applies and 個人情報の漏えい等が発生した場合の報告"
    )
    lines = broken(text, 20)
    assert all(columns(line) <= 20 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert broken("word " * 200, 20)[-1] == "…"


def test_a_run_colours_each_step_and_says_the_same_in_words() -> None:
    world = signing()
    run = next(iter(world.incident.runs.values()))
    made = chart(
        s.bundle(s.playbook(*lost_device())), progress(world.incident, run.id), "amber-falcon", "EXERCISE"
    )
    found = {"/".join(node.path): node.progress for node in nodes(made.top) if node.progress is not None}
    assert found["wipe"].words in ("done", "done late")
    assert found["notices/sign"].state == "ready"
    picture = svg(made)
    words = {one.text for one in parsed(picture).iter(f"{SVG}text")}
    assert {one.words for one in found.values()} | {"EXERCISE", "amber-falcon"} <= words
    assert "EXERCISE" in mermaid(made)


def test_lanes_are_counted_and_the_most_pressing_gives_the_colour() -> None:
    group = s.group("lanes", s.task("one"), s.task("two", after="one"), for_each="['a', 'b']")
    world = s.World(group)
    world.done("lanes[a].one")
    run = next(iter(world.incident.runs))
    found = progress(world.incident, run)
    assert found[("lanes", "one")].words == "1 to do, 1 done"
    assert found[("lanes", "two")].state == "ready"
    assert found[("lanes",)].words == "in progress"


@pytest.mark.parametrize("name", ["lost-device"])
def test_a_shipped_playbook_is_drawn_as_it_was(name: str) -> None:
    made = chart(load_bundle(name, Catalog(None)))
    for ending, text in (("svg", svg(made)), ("mmd", mermaid(made))):
        same(GOLDEN / f"chart.{name}.{ending}", text)
