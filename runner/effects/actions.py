"""Do one attempt of an automatic action: one HTTP call, or one local command as a list of arguments."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any

import msgspec

from runner.decoding import from_json
from runner.documents.template.syntax import is_template
from runner.documents.template.values import Budget
from runner.effects.context import EffectContext
from runner.effects.messages.compose import readable
from runner.effects.simulated import simulated_result
from runner.errors import TocsinError
from runner.facts.vocabulary.register import FactChange
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.state.commands import AttemptDone
from runner.incident.state.incident import Incident
from runner.incident.state.steps import step_path
from runner.incident.state.work import DoAct
from runner.playbook.format import HttpCall as Http
from runner.playbook.format import is_bad_reference, secret_in
from runner.routing.messaging import HttpCall, SendResult, refused

ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SYSTEMROOT", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),  # most programs need these on Windows
)
"""The environment variables for a local command; other variables may have secrets of channels."""


def act(work: DoAct, incident: Incident, tools: EffectContext) -> AttemptDone:
    """Make the attempt and return its outcome."""
    facts: tuple[FactChange, ...] = ()
    if incident.drill is not None:
        result = _scripted(work, incident, tools)
    elif work.run is not None and work.item is not None:
        from runner.effects.action_runs import run_template

        result, facts = run_template(work, work.run, work.item, tools)
    elif work.action.http is not None:
        result = _http(work, work.action.http, incident, tools)
    elif work.action.command:
        result = _command(work, incident, tools)
    else:
        result = refused("the action has neither an HTTP call nor a command")
    return AttemptDone(effect=work.step, n=work.n, result=result, facts=facts)


def _scripted(work: DoAct, incident: Incident, tools: EffectContext) -> SendResult:
    """Return the answer of the exercise's script: nothing leaves, whatever the playbook says."""
    plan = incident.drill.plan if incident.drill is not None else ""
    script = from_json(tools.blobs.get_blob(plan), Exercise).script.acts if plan else {}
    answers = script.get(step_path(work.step), ())
    effect = answers[min(work.n, len(answers)) - 1] if answers else "accepted"
    return simulated_result(effect, "simulated")


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
