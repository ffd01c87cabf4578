"""Every shipped YAML file can be read by other YAML tools, with the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from runner.files.validate import validate_source
from runner.playbook.catalogue import Catalog, shipped_folder
from runner.yamlfile.source import scan


class _Constructor(SafeConstructor):
    """Times stay text, as in the core schema of YAML 1.2."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def shipped() -> list[Path]:
    folder = shipped_folder()
    assert folder is not None
    return sorted(folder.rglob("*.yaml"))


def read(path: Path) -> Any:
    """Return the data of a file by another parser."""
    parser = YAML(typ="safe", pure=True)
    parser.Constructor = _Constructor
    return parser.load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", shipped(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_other_parsers_read_a_shipped_file_with_the_same_data(path: Path) -> None:
    assert read(path) == scan(path.read_bytes(), path.name).data
    assert list(yaml.parse(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader))


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a: {ask: When?, b: c}", [10]),
        ("a: [What is it?, why]", [5]),
        ("a: {b: [{c: d?}]}", [13]),
        ("a: When?", []),
        ('a: {ask: "When?"}', []),
        ("a: {b: c}\nd: e?", []),
    ],
)
def test_an_unquoted_question_in_brackets_is_a_warning(text: str, columns: list[int]) -> None:
    problems = validate_source(scan(text, "a.yaml"), Catalog(None))
    found = [problem for problem in problems if problem.code == "yaml-portability"]
    assert [(problem.severity, problem.column) for problem in found] == [("warning", c) for c in columns]
