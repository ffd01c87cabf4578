"""Checks of the flow of a playbook: facts known in time, approved documents, loops that end, actions that are valid."""

from __future__ import annotations

from runner.base.instants import parse_instant
from runner.base.text import nearest, sentence
from runner.facts.expression import (
    Apply,
    Attribute,
    Choose,
    Expression,
    FactRef,
    Index,
    ListOf,
    NameRef,
    Node,
)
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find
from runner.playbook.checks.action_calls import host_of, secrets_of
from runner.playbook.checks.order import always
from runner.playbook.checks.step_map import Findings, Map, Place, walk
from runner.playbook.format import (
    Act,
    Approve,
    Ask,
    File,
    Group,
    HttpCall,
    Notice,
    Repeat,
    Task,
    Wait,
    is_bad_reference,
    secret_in,
)
from runner.playbook.lookup import Known
from runner.yamlfile.source import Where

_SECRET_HEADERS = ("authorization", "cookie", "x-api-key", "api-key", "x-auth-token")
_LIST_IT = "Write secret:NAME, and in tocsin.yaml act: {secrets: {NAME: env:VARIABLE}}."


def check_flow(steps: Map, known: Known, found: Findings) -> None:
    """Report steps that would wait for ever, approve nothing, or do what settings forbid."""
    for place in steps.places:
        _times(place, steps, found)
        match place.step:
            case Approve(approve=name):
                _product(place, (*place.where, "approve"), name, (Notice, Task, Ask), steps, found)
            case File(file=name):
                _product(place, (*place.where, "file"), name, (Notice,), steps, found)
            case Act() if place.where not in steps.guessed:
                _action(place.step, place.where, known, found)
            case Group(for_each=Expression() as items):
                _items(items, (*place.where, "for_each"), found)
            case Repeat():
                _repeat(place, place.step, steps, found)
            case _:
                pass
    asks = _asks(steps)
    for place, where, expression in steps.expressions():
        _known_by_then(place, where, expression, asks, steps, found)


def _times(place: Place, steps: Map, found: Findings) -> None:
    step, where = place.step, place.where
    if step.on_overdue is not None and step.due is None:
        text = "`on_overdue` has no effect: the step has no due time."
        found.error((*where, "on_overdue"), "overdue-without-due", text, "Add `due:`.", key=True)
    if step.timeout is not None and not isinstance(step, Act):
        text = "`timeout` has no effect here: only actions have a timeout."
        hint = (
            "Write `expires:`." if isinstance(step, Approve) else "Write `due:` and `on_overdue:` for people."
        )
        found.error((*where, "timeout"), "timeout-without-action", text, hint, key=True)
    if step.due is not None and step.due.anchor == "step":
        other = steps.find(step.due.ref, place)
        if other is not None and (other is place or steps.perhaps_before(place, other)):
            text = f'The step is due after step "{step.due.ref}", which does not end before this step.'
            found.error((*where, "due"), "due-after-later-step", text)
    if isinstance(step, Wait) and step.wait.until:
        try:
            parse_instant(step.wait.until)
        except ValueError as error:
            found.error((*where, "wait", "until"), "not-an-instant", sentence(str(error)))


def _product(
    place: Place, where: Where, name: str, kinds: tuple[type, ...], steps: Map, found: Findings
) -> None:
    """Report approvals and filings of steps that do not exist, have not ended, or produce no document."""
    verb = "filed" if isinstance(place.step, File) else "approved"
    other = steps.find(name, place)
    if other is None:
        hidden = steps.elsewhere(name)
        hint = f'Move this step into "{hidden.parent.step.id}".' if hidden and hidden.parent else ""
        text = (
            f'Step "{name}" is inside another step and not available here.'
            if hidden
            else f'Step "{name}" does not exist, so it cannot be {verb}.'
        )
        found.error(where, "other-body" if hidden else "unknown-step", text, hint)
    elif not isinstance(other.step, kinds):
        kind = other.step.__struct_config__.tag
        wanted = " or ".join(kind.__name__.lower() for kind in kinds)
        found.error(
            where,
            f"cannot-be-{verb}",
            f'A step of kind "{kind}" cannot be {verb}.',
            f"Name a step of kind {wanted}.",
        )
    elif not steps.surely_before(other, place):
        text = f'Step "{name}" may still be open when this step starts. No document would exist to be {verb}.'
        found.error(
            where, "not-ordered", text, f'Add "{name}" to `after`, or a step that starts after "{name}".'
        )


def _action(step: Act, where: Where, known: Known, found: Findings) -> None:
    """An action is one call to an allowed host, or one allowed command."""
    if (step.http is None) == (not step.command):
        text = "The action needs an HTTP call or a command, not both."
        found.error(
            where, "no-action" if step.http is None else "two-actions", text, "Write `http:` or `command:`."
        )
    allowed = known.home.act if known.home is not None else None
    if step.command and allowed is not None and not allowed.commands:
        text = "Local commands are disabled in this home folder."
        found.warn(
            (*where, "command"), "command-not-allowed", text, "Write act: {commands: true} in tocsin.yaml."
        )
    if step.http is None:
        return
    call, here = step.http, (*where, "http")
    host = host_of(call.url)
    if not host:
        found.error(
            (*here, "url"), "bad-url", "The address must begin with https:// and a host, without a password."
        )
    elif allowed is not None and host not in allowed.hosts:
        text = f'The settings do not allow calls to host "{host}".'
        found.warn(
            (*here, "url"), "host-not-allowed", text, f"Write act: {{hosts: [{host}]}} in tocsin.yaml."
        )
    if step.on_unknown == "retry" and not call.idempotent and call.method in ("POST", "PATCH"):
        text = "A call without an answer is retried. The server may perform the call twice."
        found.warn(
            (*where, "on_unknown"),
            "may-repeat",
            text,
            "Add idempotent: true if the server accepts the idempotency key.",
        )
    _headers(call, (*here, "headers"), known, found)


def _headers(call: HttpCall, here: Where, known: Known, found: Findings) -> None:
    """A secret is named in one form, and is one of the home's list."""
    for name, value in call.headers.items():
        where, secret = (*here, name), secret_in(value)
        if is_bad_reference(value):
            text = "This text is not a reference to a secret. It would be sent unchanged."
            found.error(where, "secret-form", text, _LIST_IT)
        elif secret is None and name.lower() in _SECRET_HEADERS:
            found.error(where, "secret", "The playbook contains a secret.", _LIST_IT)
        elif secret is not None and known.home is not None and secret.name not in known.home.act.secrets:
            close = nearest(secret.name, known.home.act.secrets)
            hint = f"Write secret:{close}, the nearest name." if close else _LIST_IT
            text = f'Secret "{secret.name}" is not in act.secrets of tocsin.yaml.'
            found.error(where, "unknown-secret", text, hint)
    if known.home is None and (secrets := secrets_of(call)):
        text = f"Not checked without a home folder: secret {', '.join(secrets)}."
        found.warn(here, "secret-not-checked", text, "Run tocsin init, or add --home DIR.", key=True)


def _items(items: Expression, where: Where, found: Findings) -> None:
    """A lane needs names: duties, the members of a set, or a list written out."""
    if not _is_list(items.tree):
        hint = "Write duties('applies'), or a fact that is a set, such as data.elements."
        found.error(where, "not-a-list", "`for_each` needs a list of names.", hint)


def _is_list(node: Node) -> bool:
    """Tell whether an expression can return a list; one that is known only at run time can."""
    match node:
        case Apply("duties") | ListOf() | NameRef() | Attribute() | Index():
            return True
        case Apply("default", (first, _)):
            return _is_list(first)
        case Choose(_, then, otherwise):
            return _is_list(then) and _is_list(otherwise)
        case FactRef(path):
            fact = find(path)
            return isinstance(fact, FactType) and fact.many
        case _:
            return False


def _repeat(place: Place, step: Repeat, steps: Map, found: Findings) -> None:
    """Something must be able to make the end come true."""
    where = (*place.where, "until")
    if always(step.until) is False:
        found.error(where, "never-true", "This condition is never true, so the step never ends.")
        return
    inner = [inner for inner in steps.places if inner is not place and steps.inside(inner, place)]
    later = (other for other in steps.places if not steps.surely_before(other, place))
    sets = {standing.step.sets for standing in later if isinstance(standing.step, Ask)}
    ids = {standing.step.id for standing in inner}
    moves = sets.intersection(step.until.facts) or ids.intersection(step.until.steps)
    if not moves and not step.until.duties and not step.until.names and always(step.until) is None:
        text = "No step inside changes this condition. Every round ends like the round before."
        found.warn(
            where,
            "may-not-end",
            text,
            "Add an `ask` step for a fact of the condition, or read step('id').answer.",
        )


def _asks(steps: Map) -> dict[str, list[Place]]:
    """Return the steps that set each fact."""
    asks: dict[str, list[Place]] = {}
    for place in steps.places:
        if isinstance(place.step, Ask):
            asks.setdefault(place.step.sets, []).append(place)
    return asks


def _known_by_then(
    place: Place,
    where: Where,
    expression: Expression,
    asks: dict[str, list[Place]],
    steps: Map,
    found: Findings,
) -> None:
    """A condition reads steps that have ended, and no fact that only a later step asks for."""
    until = where[-1] == "until"
    for name in expression.steps:
        other = steps.find(name, place)
        if until and other is None:
            other = steps.siblings.get(place, {}).get(name)
        if other is None:
            _unseen(name, where, steps, found)
        elif not (steps.perhaps_before(other, place) or (until and steps.inside(other, place))):
            text = f'Step "{name}" may still be open when this condition is read.'
            found.error(where, "read-too-early", text, f'Add "{name}" to `after`.')
    for path in _needed(expression) if not until else ():
        setters = asks.get(path, ())
        if setters and all(setter is place or steps.surely_before(place, setter) for setter in setters):
            names = ", ".join(setter.step.id for setter in setters)
            text = f'Step "{names}" asks for {path} only after this step.'
            found.error(where, "read-too-early", text, "Ask earlier, or start this step after the answer.")


def _unseen(name: str, where: Where, steps: Map, found: Findings) -> None:
    hidden = steps.elsewhere(name)
    if hidden is not None and hidden.parent is not None:
        container = hidden.parent.step.id
        found.error(
            where, "other-body", f'Step "{name}" is inside step "{container}".', f"Read step('{container}')."
        )
        return
    close = nearest(name, [place.step.id for place in steps.places])
    found.error(
        where,
        "unknown-step",
        f'Step "{name}" does not exist.',
        f'Write "{close}", the nearest name.' if close else "",
    )


def _needed(expression: Expression) -> list[str]:
    """Return the facts without which there is no answer: not those of which it only asks whether they are known."""
    optional = {
        inner.path
        for node in walk(expression.tree)
        if isinstance(node, Apply) and node.function in ("known", "default")
        for inner in walk(node)
        if isinstance(inner, FactRef)
    }
    return [path for path in expression.facts if path not in optional]
