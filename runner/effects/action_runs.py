"""Do one attempt of an action template on one item: its call, or the read that verifies it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runner.decoding import from_json
from runner.effects.action_auth import AuthContext, auth_headers, forget
from runner.effects.context import EffectContext
from runner.errors import TocsinError
from runner.facts.vocabulary.register import FactChange
from runner.incident.state.action_items import requests_of
from runner.incident.state.incident import ActionItem, Incident
from runner.incident.state.work import DoAct
from runner.playbook.action_template import (
    ActionTemplate,
    Filled,
    Request,
    at_path,
    late,
)
from runner.playbook.checks.action_calls import allowed_hosts
from runner.routing.messaging import CallResult, HttpCall, SendResult, refused

MOST_EACH = 100
"""How many calls one item may need, such as the rules of a mailbox."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt on one item."""

    work: DoAct
    template: ActionTemplate
    item: ActionItem
    incident: Incident
    tools: EffectContext


def run_template(run: Run) -> tuple[SendResult, tuple[FactChange, ...]]:
    """Make the attempt; return its outcome and the facts from its answer."""
    template, work, tools = run.template, run.work, run.tools
    invocation = run.incident.invocations[work.step]
    keys = [(key, request) for (key,), request in template.requests()]
    filled = requests_of(template, run.item, run.incident, invocation, tools.acting)
    requests = {key: (request, one) for (key, request), one in zip(keys, filled, strict=True)}
    values = {"now": tools.wall().strftime("%Y-%m-%dT%H:%M:%SZ"), "receipt": work.receipt}
    try:
        if work.verifies:
            result, _ = _judged(run, *requests["verify"], values)
            if result.state == "rejected" and result.code == "mismatch":
                return SendResult(state="throttled", reason="the effect is not visible yet"), ()
            return result, ()
        if template.each is not None:
            return _each(run, requests, values), ()
        result, answer = _judged(run, *requests["http"], values)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message), ()
    if result.state != "accepted":
        return result, ()
    receipt = at_path(answer, template.receipt) if template.receipt else None
    if isinstance(receipt, str | int):
        result = msgspec.structs.replace(result, provider_id=str(receipt)[:200])
    return result, tuple(_facts(template, answer))


def _facts(template: ActionTemplate, answer: Any) -> list[FactChange]:
    found = {fact: at_path(answer, path) for fact, path in template.save.items()}
    return [
        FactChange(
            key=fact,
            value=msgspec.Raw(msgspec.json.encode(str(value)[:200])),
            source=f"action {template.used}",
        )
        for fact, value in found.items()
        if isinstance(value, str | int)
    ]


def _each(run: Run, requests: Mapping[str, tuple[Request, Filled]], values: Mapping[str, str]) -> SendResult:
    """Make the call for every value that a read lists; the first failure ends the attempt, and a retry lists again."""
    each = run.template.each
    result, answer = _judged(run, *requests["each"], values)
    if each is None or result.state != "accepted":
        return result
    listed = at_path(answer, each.items)
    found = [str(at_path(one, each.value)) for one in listed] if isinstance(listed, list) else []
    if len(found) > MOST_EACH:
        return refused(f"the service lists {len(found)} entries, more than {MOST_EACH}")
    for done, value in enumerate(found):
        result, _ = _judged(run, *requests["http"], {**values, "each": value})
        if result.state != "accepted":
            why = f"{done} of {len(found)} done, then: {result.reason}"
            return msgspec.structs.replace(result, reason=why)
    return SendResult(state="accepted", provider_id=f"{len(found)} calls")


def _judged(run: Run, request: Request, filled: Filled, values: Mapping[str, str]) -> tuple[SendResult, Any]:
    """Make one call; return its outcome by the template's rules, and the answer."""
    secrets = {
        name: run.tools.given_secret(value).reveal()
        for name, value in run.item.inputs.items()
        if run.template.expects[name].kind == "secret"
    }
    one = late(filled, {**values, **secrets})
    done = _called(run, one)
    if done.status == 401 and run.template.auth and forget(_auth(run, _request(run, one))):
        done = _called(run, one)  # the token was withdrawn before its end
    if done.status in (401, 403):
        wanted = ", ".join(run.template.permission) or "access"
        why = "does not accept the credentials of" if done.status == 401 else f"needs {wanted} for"
        profile = f"profile {run.template.auth}" if run.template.auth else "the call"
        return refused(f"{done.status}: the service {why} {profile}", str(done.status)), None
    known = done.outcome.state == "accepted" or done.status in request.expect
    if not known or done.outcome.state == "unknown":
        return done.outcome, None
    if done.status not in request.expect:
        return refused(f"the status was {done.status}"), None
    answer = _json(done.body)
    for path, value in request.expect_json.items():
        if at_path(answer, path) != value:
            return refused(f"the answer does not have the required {path}", "mismatch"), answer
    return SendResult(state="accepted", provider_id=str(done.status)), answer


def _json(body: bytes) -> Any:
    try:
        return from_json(body)
    except msgspec.DecodeError:
        return None


def _request(run: Run, filled: Filled) -> HttpCall:
    return HttpCall(
        kind=run.incident.kind,
        method=filled.method,
        url=filled.url,
        allowed_hosts=allowed_hosts(run.template, run.tools.acting),
        idempotency_key=run.work.key,
        at=run.tools.now(),
        time_limit=run.work.time_limit,
        body=filled.body,
    )


def _auth(run: Run, request: HttpCall) -> AuthContext:
    name = run.template.auth
    return AuthContext(name, run.tools.acting.auth[name], request, run.tools)


def _called(run: Run, filled: Filled) -> CallResult:
    request, headers = _request(run, filled), dict(filled.headers)
    if filled.content_type:
        headers["Content-Type"] = filled.content_type
    if run.template.auth:
        headers |= auth_headers(_auth(run, request), filled)
    return run.tools.call(msgspec.structs.replace(request, headers=headers))
