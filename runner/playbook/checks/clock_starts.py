"""Check of the questions about time: a playbook that assesses duties asks for the facts that start their clocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runner.facts.vocabulary.nested_facts import flatten
from runner.law.clock import Start
from runner.playbook.checks.step_map import Findings, Map
from runner.playbook.format import Call, Duties
from runner.playbook.lookup import Known


def check_starts(steps: Map, known: Known, found: Findings) -> None:
    """Warn of clocks whose start no step asks for, here or in a called playbook; a playbook that others call is not judged."""
    maps = [steps, *_called(steps, known).values()]
    steps_of_law = [place.step for one in maps for place in one.places if isinstance(place.step, Duties)]
    regimes = {name for step in steps_of_law for name in step.duties}
    never = _never_asked(regimes, {fact for one in maps for fact in _set(one)}, known)
    name = steps.playbook.name
    others = (known.playbook(other) for other in known.playbooks if other != name)
    if never and not any(other is not None and name in _called(Map(other), known) for other in others):
        facts = ", ".join(
            f"{fact} ({count})" for fact, count in sorted(never.items(), key=lambda one: (-one[1], one[0]))
        )
        text = f"No step asks for these facts, which start the clocks of so many duties: {facts}."
        hint = "Add a question or a field of a form for each fact."
        found.warn(("steps",), "clock-never-asked", text, hint, key=True)


def _called(steps: Map, known: Known) -> dict[str, Map]:
    """Return the playbooks that a playbook calls, also through others."""
    found: dict[str, Map] = {}
    queue = [steps]
    for one in queue:
        for place in one.places:
            called = known.playbook(place.step.playbook) if isinstance(place.step, Call) else None
            if called is not None and called.name not in found:
                found[called.name] = Map(called)
                queue.append(found[called.name])
    return found


def _set(steps: Map) -> Iterator[str]:
    """Yield the facts that a playbook asks for or assumes."""
    yield from (field.fact for place in steps.places for field in place.step.asks)
    yield from (leaf.stated.key for leaf in flatten("", steps.playbook.facts, lambda _reported: None))


def _never_asked(regimes: set[str], facts: set[str], known: Known) -> Counter[str]:
    """Count the duties for each fact that starts their clock and is not among ``facts``."""
    never: Counter[str] = Counter()
    for name in known.regimes if "all" in regimes else regimes:
        law = known.regime(name)
        if law is None or law.versions[0].standing != "in_force":
            continue
        for rule in law.versions[0].duties:
            starts = (limb.start for limb in rule.clock.limbs if limb.period is not None)
            missing = dict.fromkeys(fact for start in starts for fact in _missing(start, facts))
            never.update(() if rule.voluntary else tuple(missing)[:1])
    return never


def _missing(start: Start, facts: set[str]) -> tuple[str, ...]:
    """Return the facts that a start needs and nobody asks for; a later event is not asked for."""
    missing = tuple(fact for fact in start.facts if fact not in facts)
    enough = start.pick == "earliest" and len(missing) < len(start.facts)
    return () if start.event or enough else missing
