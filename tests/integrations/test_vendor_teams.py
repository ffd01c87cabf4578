"""Teams' cards by Microsoft's own description of them: ``microsoft-teams-cards`` is made from what Teams and others show.

A webhook of the Workflows app has no client and no published description of its answers: what is checked here is the
card, element by element. The models allow what they do not know, so that an unknown name is looked for here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from microsoft_teams.cards import AdaptiveCard, core
from pydantic import BaseModel, ValidationError

from integrations import teams
from integrations.port import Accepted
from integrations.testing.conformance import outbound
from runner.effects.gateway.translation import Held
from tests.servers.stand_ins.posts import SIGNATURE, Teams

CARDS = {"signature": Held(SIGNATURE)}
MESSAGE = outbound("Maria in Legal")


def described() -> Iterator[Any]:
    """Yield Microsoft's models of what has a type: cards, elements, actions."""
    for found in vars(core).values():
        model: Any = found
        if isinstance(found, type) and issubclass(found, BaseModel) and "type" in model.model_fields:
            yield model


MODELS = {model.model_fields["type"].default: model for model in described()}


def sent(message) -> dict:
    with Teams() as server:
        settings = teams.Settings(url=f"{server.url}{server.path}?{server.query}")
        assert isinstance(teams.send(message, settings, CARDS), Accepted)
        [card] = server.cards
    assert isinstance(card, dict)
    return card


def problems(said: object, place: str = "card") -> Iterator[str]:
    """Yield where a card is not what Microsoft describes: a value, a name, or an element that is none."""
    if isinstance(said, list):
        for n, one in enumerate(said):
            yield from problems(one, f"{place}[{n}]")
    if not isinstance(said, dict):
        return
    if "type" in said:
        model = MODELS.get(said["type"])
        if model is None:
            yield f"{place} is of no known type"
            return
        try:
            held = model.model_validate(said)
        except ValidationError as error:
            yield from (f"{place}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            return
        yield from (f"{place}.{name} is unknown" for name in unknown(held, frozenset({"$schema"})))
    for name, value in said.items():
        yield from problems(value, f"{place}.{name}")


def unknown(held: Any, allowed: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names that a model does not know, in it and in the models right below it that have no type."""
    yield from (name for name in held.model_extra or {} if name not in allowed)
    for name in held.__class__.model_fields:
        value = getattr(held, name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, BaseModel) and "type" not in (one.model_extra or {}):
                yield from (f"{name}.{inner}" for inner in unknown(one))


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        msgspec.structs.replace(MESSAGE, recipient="maria@corp.example"),
        msgspec.structs.replace(MESSAGE, text="- a list\n\n**bold** <at>nobody</at> [x](y)\n" * 20),
        msgspec.structs.replace(MESSAGE, subject="", text="", marking="", footer=""),
    ],
    ids=["name", "mention", "markup", "empty"],
)
def test_each_element_of_our_card_is_one_that_teams_shows(message):
    card = sent(message)
    assert list(problems(card)) == []
    assert AdaptiveCard.model_validate(card).version == "1.4"


def test_a_mention_is_in_a_text_of_the_card_as_teams_requires():
    card = AdaptiveCard.model_validate(sent(msgspec.structs.replace(MESSAGE, recipient="maria@corp.example")))
    [mention] = card.msteams.entities
    assert mention.type == "mention"
    assert mention.mentioned.id == mention.mentioned.name == "maria@corp.example"
    texts = [one.text for one in card.body if getattr(one, "text", None)]
    assert mention.text in texts


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"body": [{"type": "TextBlok", "text": "x"}]}, "card.body[0] is of no known type"),
        ({"body": [{"type": "TextBlock", "txt": "x"}]}, "card.body[0].txt is unknown"),
        ({"msteams": {"width": "full", "entitys": []}}, "card.msteams.entitys is unknown"),
        ({"fallbackTxt": "x"}, "card.fallbackTxt is unknown"),
    ],
)
def test_a_card_that_is_none_would_be_found(broken, place):
    assert list(problems({**sent(MESSAGE), **broken})) == [place]


def test_a_value_that_teams_does_not_know_would_be_found():
    [found] = problems({**sent(MESSAGE), "msteams": {"width": "Wide"}})
    assert found.startswith("card.msteams.width: Input should be 'full'")
