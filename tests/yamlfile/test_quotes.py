"""A quote that is not closed is named where it opens, however far the text runs that it swallows."""

from __future__ import annotations

import pytest
import yaml

from runner.yamlfile.source import scan


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a: 1\nb: "x\nc: 2\n', (2, 4)),
        ('a: "x\nb: "y"\n', (1, 4)),
        ('a: "x\nb: 1\nc: "y: z"\n', (1, 4)),
        ("a: 1\nb: 'x\nc: 'y'\nd: 1\n", (2, 4)),
        ('a: "x\nb: ""\nc: 1\n', (1, 4)),
        ('steps:\n  - {id: a, ask: "Was it?, role: r}\n  - {id: b, ask: "Else?", role: r}\n', (2, 18)),
        ('- "x\n- "y"\n- z\n', (1, 3)),
        ('a: "x\n  y"\nb: "z" w\n', (3, 8)),
        ('a: "x\n  y"\n b: 1\n', (3, 2)),
        ('{a: "x\n  y", ]\n', (2, 7)),
    ],
)
def test_the_place_of_a_broken_quote_is_where_it_opens(
    text: str, place: tuple[int, int], loader: type
) -> None:
    (problem,) = scan(text, "f.yaml", loader=loader).problems
    assert (problem.code, problem.line, problem.column) == ("yaml-syntax", *place)
