"""Do one attempt of an automatic action: one HTTP call, or one local command as a list of arguments.

For an action template it is an attempt on one item: its call, or the read that verifies it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any

import msgspec

from runner.decoding import from_json
from runner.documents.template.syntax import is_template
from runner.documents.template.values import Budget
from runner.effects.action_auth import AuthContext, auth_headers, forget
from runner.effects.context import EffectContext
from runner.effects.messages.compose import readable
from runner.effects.simulated import simulated_result
from runner.errors import TocsinError
from runner.facts.vocabulary.register import FactChange
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.state.action_items import ActionRun, ItemState
from runner.incident.state.commands import AttemptDone
from runner.incident.state.incident import Incident
from runner.incident.state.steps import step_path
from runner.incident.state.work import DoAct
from runner.playbook.action_template import DOTS, ActionTemplate, Filled, Request, at_path, late
from runner.playbook.checks.action_calls import allowed_hosts
from runner.playbook.format import HttpCall as Http
from runner.playbook.format import is_bad_reference, secret_in
from runner.routing.messaging import CallResult, HttpCall, SendResult, refused

ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SYSTEMROOT", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),  # most programs need these on Windows
)
"""The environment variables for a local command; other variables may have secrets of channels."""


def act(work: DoAct, incident: Incident, tools: EffectContext) -> AttemptDone:
    """Make the attempt and return its outcome."""
    facts: tuple[FactChange, ...] = ()
    if incident.drill is not None:
        # The exercise's script answers: nothing leaves, whatever the playbook says.
        plan = incident.drill.plan
        script = from_json(tools.blobs.get_blob(plan), Exercise).script.acts if plan else {}
        answers = script.get(step_path(work.step), ())
        effect = answers[min(work.n, len(answers)) - 1] if answers else "accepted"
        result = simulated_result(effect, "simulated")
    elif work.run is not None and work.item is not None:
        result, facts = run_template(work, work.run, work.item, tools)
    elif work.action.http is not None:
        result = _http(work, work.action.http, incident, tools)
    elif work.action.command:
        result = _command(work, incident, tools)
    else:
        result = refused("the action has neither an HTTP call nor a command")
    return AttemptDone(effect=work.step, n=work.n, result=result, facts=facts)


def _http(work: DoAct, http: Http, incident: Incident, tools: EffectContext) -> SendResult:
    if any(map(is_bad_reference, http.headers.values())):
        return refused("a header uses an old form of secret; write secret:NAME")
    try:
        headers = {name: _value(value, tools) for name, value in http.headers.items()}
        body = _body(work, http, incident)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    if body:
        headers.setdefault("Content-Type", "application/json")
    done = tools.call(
        HttpCall(
            kind=incident.kind,
            method=http.method,
            url=http.url,
            allowed_hosts=tools.acting.hosts,
            idempotency_key=work.key,
            at=tools.now(),
            headers=headers,
            body=body,
            time_limit=work.time_limit,
        )
    )
    if http.expect and done.status:
        if done.status in http.expect:
            return SendResult(state="accepted", provider_id=str(done.status))
        if done.outcome.state == "accepted":
            return refused(f"the status was {done.status}, not one of {', '.join(map(str, http.expect))}")
    return done.outcome


def _body(work: DoAct, http: Http, incident: Incident) -> bytes:
    """Return the body as JSON, or empty; raises Refused for an unknown fact."""
    if http.json is None:
        return b""
    names = readable(incident, incident.invocations[work.step], work.action)
    body = from_json(msgspec.json.encode(http.json))
    return msgspec.json.encode(_filled(body, names, Budget()))


def _filled(part: Any, names: Mapping[str, object], budget: Budget) -> Any:
    """Fill the texts of a body one by one before encoding: a fact cannot leave its text."""
    match part:
        case str() if is_template(part):
            from runner.documents.template.letter_template import fill_value

            return fill_value(part, names, budget)
        case dict():
            return {key: _filled(value, names, budget) for key, value in part.items()}
        case list():
            return [_filled(value, names, budget) for value in part]
        case _:
            return part


def _value(value: str, tools: EffectContext) -> str:
    """Return a header's value with its secret."""
    secret = secret_in(value)
    return value if secret is None else secret.scheme + tools.given_secret(secret.name).reveal()


def _command(work: DoAct, incident: Incident, tools: EffectContext) -> SendResult:
    if not tools.acting.commands:
        return refused("local commands are off: set act.commands in tocsin.yaml")
    if incident.kind != "real":
        return refused(f"an incident of kind {incident.kind} runs no local command")
    allowed = (*ENVIRONMENT, *tools.acting.environment)
    try:
        done = subprocess.run(  # noqa: S603  # an argument list that the playbook fixes, no shell
            work.action.command,
            env={name: value for name, value in os.environ.items() if name in allowed},
            # Its output is not used; its child processes must not delay the detection of its end.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=work.time_limit.total_seconds(),
            check=False,
        )
    except FileNotFoundError:
        return refused("the program does not exist")
    except subprocess.TimeoutExpired:
        return SendResult(state="unknown", reason="the program did not end in time and was stopped")
    except OSError as error:
        return SendResult(
            state="not_sent", reason=f"the program could not be started ({type(error).__name__})"
        )
    if done.returncode == 0:
        return SendResult(state="accepted", provider_id="exit 0")
    return refused(f"the program ended with {done.returncode}")


MOST_EACH = 100
"""How many calls one item may need, such as the rules of a mailbox."""
_Outcome = tuple[SendResult, tuple[FactChange, ...]]


def run_template(work: DoAct, run: ActionRun, item: ItemState, tools: EffectContext) -> _Outcome:
    """Make the attempt; return its outcome and the facts from its answer."""
    try:
        return _Attempt(work, run, item, tools).outcome()
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message), ()


class _Attempt:
    """One attempt on one item, with its requests; raises a TocsinError if one cannot be sent."""

    def __init__(self, work: DoAct, run: ActionRun, item: ItemState, tools: EffectContext) -> None:
        self._work, self._item, self._tools = work, item, tools
        self._template: ActionTemplate = run.template
        inputs = run.invocation.items[item.place]
        filled = zip(self._template.requests(), run.requests(inputs), strict=True)
        self._requests = {key: (request, one) for ((key,), request), one in filled}
        secrets = {
            name: tools.given_secret(value).reveal()
            for name, value in inputs.inputs.items()
            if self._template.expects[name].kind == "secret"
        }
        now = tools.wall().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._values = {"now": now, "receipt": item.receipt, **secrets}
        self._kind = run.incident.kind

    def outcome(self) -> _Outcome:
        """Make the read that verifies, or the call, or the call for each listed value."""
        if self._item.verifies:
            result, _ = self._judged("verify")
            if result.code == "mismatch":
                result = SendResult(state="throttled", reason="the effect is not visible yet")
            return result, ()
        if self._template.each is not None:
            return self._each(self._template.each.items, self._template.each.value), ()
        result, answer = self._judged("http")
        if result.state != "accepted":
            return result, ()
        receipt = at_path(answer, self._template.receipt) if self._template.receipt else None
        if isinstance(receipt, str | int):
            result = msgspec.structs.replace(result, provider_id=str(receipt)[:200])
        return result, tuple(self._facts(answer))

    def _facts(self, answer: Any) -> list[FactChange]:
        source = f"action {self._template.used}"
        found = {fact: at_path(answer, path) for fact, path in self._template.save.items()}
        return [
            FactChange(key=fact, value=msgspec.Raw(msgspec.json.encode(str(value)[:200])), source=source)
            for fact, value in found.items()
            if isinstance(value, str | int)
        ]

    def _each(self, items: str, value: str) -> SendResult:
        """Make the call for every listed value; the first failure ends the attempt, and a retry lists again."""
        result, answer = self._judged("each")
        if result.state != "accepted":
            return result
        listed = at_path(answer, items)
        if listed is None and isinstance(answer, dict):
            listed = []  # services leave out an empty list
        found = [at_path(one, value) for one in listed] if isinstance(listed, list) else [None]
        if any(not isinstance(one, str | int) or one in ("", *DOTS) for one in found):
            return refused(f"the answer has no list {items} with a {value} in each entry")
        if len(found) > MOST_EACH:
            return refused(f"the service lists {len(found)} entries, more than {MOST_EACH}")
        for done, one in enumerate(found):
            result, _ = self._judged("http", {"each": str(one)})
            if result.state != "accepted":
                why = f"{done} of {len(found)} done, then: {result.reason}"
                return msgspec.structs.replace(result, reason=why)
        return SendResult(state="accepted", provider_id=f"{len(found)} calls")

    def _judged(self, key: str, more: Mapping[str, str] = {}) -> tuple[SendResult, Any]:
        """Make one call; return its outcome by the template's rules, and the answer."""
        template = self._template
        request, filled = self._requests[key]
        done = self._called(request, late(filled, {**self._values, **more}))
        if done.status in (401, 403):
            wanted = ", ".join(template.permission) or "access"
            why = "does not accept the credentials of" if done.status == 401 else f"needs {wanted} for"
            profile = f"profile {template.auth}" if template.auth else "the call"
            return refused(f"{done.status}: the service {why} {profile}", str(done.status)), None
        known = done.outcome.state == "accepted" or done.status in request.expect
        if not known or done.outcome.state == "unknown":
            return done.outcome, None
        if done.status not in request.expect:
            return refused(f"the status was {done.status}"), None
        try:
            answer = from_json(done.body)
        except msgspec.DecodeError:
            answer = None
        for path, value in request.expect_json.items():
            if at_path(answer, path) != value:
                return refused(f"the answer does not have the required {path}", "mismatch"), answer
        return SendResult(state="accepted", provider_id=str(done.status)), answer

    def _called(self, request: Request, filled: Filled) -> CallResult:
        """Make the call; a token that was withdrawn before its end is renewed once."""
        tools, name = self._tools, self._template.auth
        call = HttpCall(
            kind=self._kind,
            method=filled.method,
            url=filled.url,
            allowed_hosts=allowed_hosts(self._template, tools.acting),
            idempotency_key=self._work.key,
            at=tools.now(),
            time_limit=self._work.time_limit,
            headers={
                **request.headers,
                **({"Content-Type": filled.content_type} if filled.content_type else {}),
            },
            body=filled.body,
        )
        if not name:
            return tools.call(call)
        context = AuthContext(name, tools.acting.auth[name], call, tools)
        done = self._signed(context, filled)
        return self._signed(context, filled) if done.status == 401 and forget(context) else done

    def _signed(self, context: AuthContext, filled: Filled) -> CallResult:
        headers = {**context.request.headers, **auth_headers(context, filled)}
        return self._tools.call(msgspec.structs.replace(context.request, headers=headers))
