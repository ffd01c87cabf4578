"""Bundle of a playbook and every playbook that it calls, checked and pinned by a digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from runner.errors import Invalid
from runner.playbook.catalogue import Catalog
from runner.playbook.checks.check import check
from runner.playbook.checks.step_map import Map
from runner.playbook.format import Act, Bundle, Call, Playbook
from runner.playbook.plan import walk
from runner.playbook.reading import Read, read_playbook
from runner.routing.organisation import Home
from runner.yamlfile.source import Source, scan_file


def load_bundle(name: str, catalog: Catalog, home: Home | None = None) -> Bundle:
    """Return a playbook by name, ``name@version`` or path, with every included playbook.

    Raises NotFound with the nearest name, or Invalid with every problem of every file concerned. With a home, roles
    without a person are errors; without a home they are not checked.
    """
    source, read = find(name, catalog)
    near = catalog.beside_of(Path(name)) if is_path(name) else catalog
    loaded: dict[str, tuple[Source, Playbook]] = {}
    top = _checked(source, read, near, home)
    _include(top, near, home, loaded)
    authored = {one: inner.data for one, (inner, _) in sorted(loaded.items())}
    includes = {one: included for one, (_, included) in sorted(loaded.items())}
    # the action templates that steps use, and those that undo them
    steps = (step for playbook in (top, *includes.values()) for step in walk(playbook.steps))
    used = {step.use for step in steps if isinstance(step, Act) and step.use}
    found = {template.name: (template, data) for template, data in map(near.action, sorted(used))}
    undoing = {template.undo for template, _ in found.values() if template.undo} - found.keys()
    actions = dict(sorted((found | {name: near.action(name) for name in undoing}).items()))
    return Bundle(
        playbook=top,
        includes=includes,
        digest=digest(source.data, authored, {name: data for name, (_, data) in actions.items()}),
        actions={name: template for name, (template, _) in actions.items()},
    )


def is_path(name: str) -> bool:
    """Return whether a text is a path: it has a separator or the ending of a YAML file."""
    return name.endswith((".yaml", ".yml")) or os.sep in name or "/" in name


def digest(authored: Any, includes: dict[str, Any], actions: dict[str, Any]) -> str:
    """Return ``sha256:`` of the canonical JSON (sorted keys, no spaces, UTF-8) of the authored content."""
    whole = {"playbook": authored, "includes": includes, **({"actions": actions} if actions else {})}
    return f"sha256:{hashlib.sha256(msgspec.json.encode(whole, order='deterministic')).hexdigest()}"


def find(name: str, catalog: Catalog) -> tuple[Source, Read]:
    """Return a playbook by name, ``name@version`` or path as it was read; raises NotFound with the nearest name."""
    if not is_path(name):
        return catalog.find_playbook(name)
    source = scan_file(Path(name))
    return source, read_playbook(source)


def _checked(source: Source, read: Read, catalog: Catalog, home: Home | None) -> Playbook:
    problems = check(read, source, catalog.known(home))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors or read.playbook is None:
        count = len(errors)
        raise Invalid(
            f'Playbook file "{source.file}" has {count} problem{"s" if count != 1 else ""}.',
            hint=f"tocsin playbook validate {source.file}",
            problems=tuple(errors),
            code="file_missing" if source.missing else "bad_playbook",
        )
    return read.playbook


def _include(
    playbook: Playbook, catalog: Catalog, home: Home | None, found: dict[str, tuple[Source, Playbook]]
) -> None:
    """Collect the called playbooks of a playbook, recursively; a name has one version in a bundle."""
    for place in Map(playbook).places:
        if not isinstance(place.step, Call):
            continue
        name = place.step.name
        source, read = catalog.find_playbook(place.step.playbook)
        if name in found:
            one = found[name][0]
            if one.data != source.data:
                raise Invalid(
                    f'Two versions of playbook "{name}" are used at once: {one.file} and {source.file}.',
                    hint="Use one version everywhere.",
                    code="two_versions",
                )
            continue
        included = _checked(source, read, catalog, home)
        found[name] = (source, included)
        _include(included, catalog, home, found)
