"""A playbook with everything that it includes, under one digest of what their authors wrote."""

from __future__ import annotations

import hashlib

import msgspec

from runner.errors import Invalid, Refused
from runner.loading.catalog import Catalog, check_version
from runner.loading.reading import read_playbook
from runner.loading.source import parse
from runner.model.playbook import AnyStep, Bundle, Call, Group, Playbook, Repeat


def load_bundle(reference: str, catalog: Catalog) -> Bundle:
    """Return a playbook by path or name with its includes; raises NotFound, or Invalid with every problem."""
    playbook, authored = _read(reference, catalog)
    includes: dict[str, Playbook] = {}
    texts: dict[str, object] = {}
    _include(playbook, catalog, includes, texts, (playbook.name,))
    content = msgspec.json.encode([authored, sorted(texts.items())], order="sorted")
    return Bundle(
        playbook=playbook, includes=includes, digest=f"sha256:{hashlib.sha256(content).hexdigest()}"
    )


def _read(reference: str, catalog: Catalog) -> tuple[Playbook, object]:
    file = catalog.playbook_file(reference)
    source = parse(file.content, file.shown)
    read = read_playbook(source)
    errors = [problem for problem in read.problems if problem.severity == "error"]
    if errors or read.playbook is None:
        raise Invalid(
            f"{file.shown} has {len(errors)} problem(s)",
            hint=f"tocsin playbook validate {reference}",
            problems=errors,
        )
    check_version(reference, read.playbook.version)
    return read.playbook, source.data


def _include(
    playbook: Playbook,
    catalog: Catalog,
    includes: dict[str, Playbook],
    texts: dict[str, object],
    way: tuple[str, ...],
) -> None:
    for call in _calls(playbook.steps):
        name = call.playbook.partition("@")[0]
        if name in way:
            raise Refused(
                f"playbooks call one another in a circle: {' → '.join((*way, name))}", code="circle"
            )
        if name not in includes:
            includes[name], texts[name] = _read(call.playbook, catalog)
            _include(includes[name], catalog, includes, texts, (*way, name))


def _calls(steps: tuple[AnyStep, ...]) -> list[Call]:
    found: list[Call] = []
    for step in steps:
        if isinstance(step, Call):
            found.append(step)
        elif isinstance(step, Group | Repeat):
            found.extend(_calls(step.steps))
    return found
