"""A: judge all law for incidents that differ: as the engine does, or in full with every date and reason.

Its preparation also writes what peers evaluate naively: the conditions of every duty, each as Jinja and as CEL.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import protocol

if TYPE_CHECKING:
    from runner.law.grounds import Condition
    from runner.law.regime import Regime

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def facts(number: int) -> dict[str, Any]:
    """Return the facts of one incident of a shop; no two are alike."""
    return {
        "organisation": {
            "role": ["controller", "data_owner"],
            "source_of_breach": True,
            "public_body": False,
            "regulated_as": [],
            "sectors": ["retail"],
            "country": "US",
            "main_establishment": "US",
            "established_in": ["US"],
            "offers_to": [],
            "does_business_in": ["US"],
        },
        "incident": {
            "impact": ["confidentiality"],
            "vector": "hacking",
            "malicious": True,
            "discovered_at": (NOW - timedelta(hours=number % 900)).isoformat(),
        },
        "data": {
            "involved": True,
            "form": ["electronic"],
            "with_name": True,
            "elements": ["ssn", "financial", "contact"],
            "encrypted": number % 7 == 0,
        },
        "people": {
            "total": 3000 + number,
            "by_jurisdiction": {"US-CA": 1000, "US-NY": 1000, "US-TX": 1000 + number},
            "kinds": ["customers"],
            "good_faith_only": False,
        },
        "risk": {"harm": "likely", "to_people": "high"},
    }


def law(folder: Path) -> tuple[Regime, ...]:
    """Return all law as it is kept compiled."""
    from runner.playbook.catalogue import Catalog

    return Catalog(None, cache=folder / "cache").regimes()


# ------------------------------------------------------------------------------------ what the peers evaluate


def in_both(regimes: tuple[Regime, ...]) -> list[dict[str, list[str]]]:
    """Return for each duty what must hold, in both languages; what CEL has no word for is left out of both."""
    found = []
    for regime in regimes:
        version = regime.versions[0]
        for rule in version.duties:
            asked = [(one, "{}", "{}") for one in (*version.scope, *rule.only_if)]
            asked += [(one, "not ({})", "!({})") for one in rule.unless]
            both = [(j.format(jinja(one)), c.format(cel(one))) for one, j, c in asked if not one.in_words]
            pairs = [pair for pair in both if pair[1] and "instant" not in pair[1]]
            found.append({"jinja": [pair[0] for pair in pairs], "cel": [pair[1] for pair in pairs]})
    return found


def jinja(condition: Condition) -> str:
    """Return a condition as Jinja: expressions are written in its syntax."""
    parts = [f"({condition.expression.source})"] if condition.expression else []
    parts += [_any(condition.any_of, "({0} | shares({1}))", " or ")] if condition.any_of else []
    parts += [f"not {_any(condition.none_of, '({0} | shares({1}))', ' or ')}"] if condition.none_of else []
    return " and ".join(parts)


def cel(condition: Condition) -> str:
    """Return a condition as CEL."""
    parts = [f"({_cel(condition.expression.tree)})"] if condition.expression else []
    shares = "(type({0}) == type([]) ? {0}.exists(x, x in {1}) : {0} in {1})"
    parts += [_any(condition.any_of, shares, " || ")] if condition.any_of else []
    parts += [f"!{_any(condition.none_of, shares, ' || ')}"] if condition.none_of else []
    return " && ".join(parts)


def _any(meets: Any, shape: str, word: str) -> str:
    return f"({word.join(shape.format(meet.fact, json.dumps(list(meet.values))) for meet in meets)})"


def _cel(node: Any) -> str:
    from runner.facts import expression as x

    match node:
        case x.Const(value):
            return json.dumps(value)
        case x.FactRef(path):
            return path
        case x.Not(item):
            return f"!({_cel(item)})"
        case x.And(items):
            return " && ".join(f"({_cel(item)})" for item in items)
        case x.Or(items):
            return " || ".join(f"({_cel(item)})" for item in items)
        case x.Compare(first, (x.Comparison(op, right),)) if op != "not in":
            return f"{_cel(first)} {op} {_cel(right)}"
        case x.ListOf(items):
            return f"[{', '.join(map(_cel, items))}]"
        case x.Apply("known", (x.FactRef(path),)):
            return f"has({path})"
        case x.Apply("empty", (item,)):
            return f"size({_cel(item)}) == 0"
        case _:
            return "instant"


# ------------------------------------------------------------------------------------------------- measuring


def judged(regimes: tuple[Regime, ...], n: int, variant: str) -> Iterator[int]:
    """Judge ``n`` incidents, each when it is asked for, and yield how many duties there were."""
    from runner.incident.law.duties import looks
    from runner.incident.state.incident import Incident
    from runner.incident.state.library import Library
    from runner.law.assessment import assess
    from runner.law.screening_index import outline

    library = Library({}, regimes, outline=outline(regimes))
    for number in range(n):
        if variant == "full":
            yield len(assess(regimes, facts(number), NOW))
            continue
        incident = Incident(id=f"i-{number}", codename="c", title="t", kind="real", opened_at=NOW)
        yield sum(1 for _ in looks(incident, facts(number), NOW, library))


def main() -> None:
    """Prepare, or judge and say how many incidents a second."""
    job = protocol.job()
    regimes = law(job.folder)
    if job.phase == "prepare":
        (job.folder / "conditions.json").write_text(json.dumps(in_both(regimes)))
        (job.folder / "facts.json").write_text(json.dumps([facts(number) for number in range(job.n)]))
        return
    next(judged(regimes, 1, job.variant))  # what is imported and outlined once for all incidents
    one = judged(regimes, job.n, job.variant)
    started = time.perf_counter()
    for count in one:
        assert count > len(regimes)
    protocol.report(job, rate=job.n / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
