"""A fact reaches another system as a whole value, or the action does not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from runner.effects.actions import act as perform_act
from runner.incident.state.work import DoAct
from runner.playbook import format as p
from runner.routing.messaging import CallResult, SendResult
from tests.scenario import MINUTE, World, act


def _sent(body: dict[str, Any], **facts: Any) -> tuple[SendResult, Any]:
    """Return the outcome of an action with this body, and the body that left, None where none did."""
    seen: list[bytes] = []

    def call(request: Any) -> CallResult:
        seen.append(request.body)
        return CallResult(outcome=SendResult(state="accepted"), status=200)

    world = World(act("x"), facts={key.replace("__", "."): value for key, value in facts.items()})
    tools: Any = SimpleNamespace(
        acting=SimpleNamespace(hosts=frozenset()), now=lambda: world.now, call=call, secret=None
    )
    raw = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in body.items()}
    action = act("x", http=p.HttpCall(url="https://edr.example/isolate", json=raw))
    work = DoAct(incident="i1", step="main:x#1", n=1, key="k", action=action, time_limit=MINUTE)
    result = perform_act(work, world.incident, tools).result
    return result, msgspec.json.decode(seen[0]) if seen else None


@pytest.mark.parametrize(
    "summary",
    [
        'x", "disable_user": "ceo',
        'he said "no"',
        "two\nlines",
        "back\\slash",
        "{{ people.total }}",
        "<b>&amp;",
    ],
)
def test_a_fact_in_the_body_of_an_action_stays_a_value(summary: str) -> None:
    _, body = _sent({"note": "{{ incident.summary }}"}, incident__summary=summary)
    assert body == {"note": summary}


def test_a_template_in_the_body_of_an_action_may_hold_quotes() -> None:
    text = '{% if incident.summary == "x" %}"yes"{% else %}no{% endif %}'
    assert _sent({"note": text}, incident__summary="x")[1] == {"note": '"yes"'}


def test_texts_are_filled_at_any_depth_and_all_else_is_sent_as_written() -> None:
    body = {"a": [{"b": " {{ incident.summary }}! "}], "c": 3, "d": None, "e": True, "f": 1.5, "g": "plain"}
    assert _sent(body, incident__summary="x")[1] == {**body, "a": [{"b": " x! "}]}


def test_an_action_may_name_its_incident_and_step() -> None:
    _, body = _sent({"note": "{{ incident.codename }} {{ step.id }}"})
    assert body["note"].endswith(" main:x#1")
    assert "{{" not in body["note"]


@pytest.mark.parametrize("text", ["{{ incident.summary }}", "{% if incident.summary %}yes{% endif %}"])
def test_an_action_with_a_missing_fact_is_not_sent_and_names_it(text: str) -> None:
    result, body = _sent({"note": [text]})
    assert (body, result.state, result.reason) == (None, "not_sent", "Missing facts: incident.summary.")
