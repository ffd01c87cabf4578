"""What a person types for a step: its id, ``id#n``, or the row just shown; a doubt is refused with the choices."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import NotFound, Refused
from runner.model.incident import Incident, Invocation
from runner.model.vocabulary import nearest


def resolve_step(incident: Incident, text: str, rows: Sequence[str] = ()) -> str:
    """Return the invocation that ``text`` means; ``rows`` are those just shown, counted from 1.

    A bare id means its open invocation, or the newest when none is open. Raises NotFound, or Refused with the choices.
    """
    if text in incident.invocations:
        return text
    if text.isdecimal():
        if not 1 <= int(text) <= len(rows):
            raise NotFound(f"there is no row {text}", hint="see: tocsin status", code="unknown_row")
        return rows[int(text) - 1]
    found = [i for i in incident.invocations.values() if _named(i, text)]
    if not found:
        known = sorted({i.step for i in incident.invocations.values()})
        near = nearest(text, known)
        hint = f"did you mean {near}?" if near else "see: tocsin task list"
        raise NotFound(f"no step '{text}' in {incident.codename}", hint=hint, code="unknown_step")
    return _one(found, text, rows)


def _named(invocation: Invocation, text: str) -> bool:
    return text in (invocation.step, f"{invocation.step}#{invocation.n}") or invocation.id.endswith(
        (f".{text}", f":{text}", f".{text}#{invocation.n}", f":{text}#{invocation.n}")
    )


def _one(found: list[Invocation], text: str, rows: Sequence[str]) -> str:
    open_ones = [i for i in found if not i.over and i.state != "waiting"] or [i for i in found if not i.over]
    if len(open_ones) == 1:
        return open_ones[0].id
    choices = open_ones or found
    scopes = {i.scope for i in choices}
    if not open_ones and len(scopes) == 1:
        return found[-1].id
    if len(choices) == 1:
        return choices[0].id
    listed = ", ".join(_choice(i.id, rows) for i in choices[:6])
    raise Refused(
        f"'{text}' can mean {len(choices)} steps: {listed}", hint="name one of them", code="ambiguous"
    )


def _choice(name: str, rows: Sequence[str]) -> str:
    return f"{rows.index(name) + 1} ({name})" if name in rows else name
