"""cel-python and Jinja2's ``compile_expression``: A, the conditions of every duty for every incident, and nothing else.

Naive: each condition is compiled once and evaluated wherever a duty asks it, up to the first that fails; what raises
because a fact is missing counts as unknown. No clock, no threshold, no exemption, no reason.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from protocol import Job, job, report

HERE = Path(__file__).parent.parent
Question = Callable[[object], bool]


def prepare(here: Job) -> None:
    """Have our side write the conditions and the facts."""
    python = HERE.parent.parent / ".venv" / "bin" / "python"
    words = [here.workload, "--n", str(here.n), "--folder", str(here.folder), "--phase", "prepare"]
    subprocess.run([str(python), str(HERE / "ours" / "assess.py"), *words], check=True)


def in_jinja(texts: set[str]) -> tuple[dict[str, Question], Callable[[dict], object]]:
    """Return the compiled expressions."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.tests["known"] = environment.tests["defined"]
    environment.tests["empty"] = lambda value: not value
    environment.filters["shares"] = lambda value, of: (
        value in of if isinstance(value, str) else any(one in of for one in value)
    )
    compiled = {text: environment.compile_expression(text, undefined_to_none=False) for text in texts}
    return compiled, lambda facts: facts


def in_cel(texts: set[str]) -> tuple[dict[str, Question], Callable[[dict], object]]:
    """Return the programs."""
    import celpy

    environment = celpy.Environment()
    made = {text: environment.program(environment.compile(text)).evaluate for text in texts}
    return made, lambda facts: {key: celpy.json_to_cel(value) for key, value in facts.items()}


def answer(questions: list[Question], facts: object) -> str:
    """Return the verdict on one duty."""
    unknown = False
    for question in questions:
        try:
            if not question(facts):
                return "not_applicable"
        except Exception:  # noqa: BLE001 - whatever it raises, it has no answer
            unknown = True
    return "unknown" if unknown else "applies"


def main() -> None:
    """Prepare, or evaluate and say how many incidents a second."""
    here = job()
    if here.phase == "prepare":
        prepare(here)
        return
    duties = [load[here.variant] for load in json.loads((here.folder / "conditions.json").read_text())]
    incidents = json.loads((here.folder / "facts.json").read_text())[: here.n]
    texts = {text for duty in duties for text in duty}
    made, shaped = in_cel(texts) if here.variant == "cel" else in_jinja(texts)
    asked = [[made[text] for text in duty] for duty in duties]
    started = time.perf_counter()
    for incident in incidents:
        facts = shaped(incident)
        found = [answer(duty, facts) for duty in asked]
        assert {"applies", "not_applicable"} <= set(found)
    report(here, rate=here.n / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
