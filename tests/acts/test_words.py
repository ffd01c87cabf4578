"""The words of acts: each field has a row, each row a field, and each file of words belongs to a subject."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from runner.acts import act as acts
from runner.acts.act import Act, Subject, View, Words, parameters, read_fields, words_of
from runner.acts.duties import DUTY, DUTY_SHOW
from runner.acts.tasks import TASK, TASK_SHOW

FOLDER = Path(acts.__file__).parent
SUBJECTS = {"tasks": (TASK, TASK_SHOW), "duties": (DUTY, DUTY_SHOW)}
DRAWN = {"done": {"instead.N"}}
"""Fields of an act that only its state makes: the row stands for all of them."""


def handlers(subject: Subject, view: View) -> dict[str, tuple[Words, Callable[..., Any]]]:
    made = {verb: (act.words, act.make) for verb, act in subject.acts.items()}
    return {**made, "show": (view.words, view.report)}


def test_each_file_of_words_belongs_to_a_subject() -> None:
    files = {path.stem for path in FOLDER.glob("*.toml")}
    assert files == SUBJECTS.keys() | {"common"}
    assert all(import_module(f"runner.acts.{name}") for name in SUBJECTS)


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_verb_has_words_and_each_row_a_verb(name: str) -> None:
    assert words_of(name).keys() == handlers(*SUBJECTS[name]).keys()


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_field_has_a_row_and_each_row_is_a_field(name: str) -> None:
    for verb, (words, make) in handlers(*SUBJECTS[name]).items():
        fields = {parameter.name for parameter in parameters(words, make)}
        assert words.fields.keys() - DRAWN.get(verb, set()) == fields, verb


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_field_is_on_a_form_or_on_the_command_line(name: str) -> None:
    for verb, act in SUBJECTS[name][0].acts.items():
        for field, words in act.words.fields.items():
            assert words.usage or not words.terminal, (verb, field)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_field_of_a_choice_offers_words_only_where_it_is_a_field(name: str) -> None:
    for act in SUBJECTS[name][0].acts.values():
        assert act.choices.keys() <= act.words.fields.keys()


def test_a_program_may_only_do_what_forms_offer_without_a_preview() -> None:
    every: list[Act] = [act for subject, _ in SUBJECTS.values() for act in subject.acts.values()]
    assert any(act.program for act in every)
    assert not [
        act.words.button for act in every if act.program and (act.preview or act.binds or not act.form)
    ]


def test_a_field_that_nobody_gives_has_its_default() -> None:
    nobody: Any = None
    words, make = TASK.acts["check"].words, TASK.acts["check"].make
    assert read_fields(parameters(words, make), nobody, {}) == {"row": (), "everything": False, "done": "yes"}


def test_numbers_come_from_a_line_or_from_a_form() -> None:
    nobody: Any = None
    fields = parameters(TASK.acts["uncheck"].words, TASK.acts["uncheck"].make)
    for given in ([1, 3], "1 3", "1, 3"):
        assert read_fields(fields, nobody, {"row": given}) == {"row": (1, 3)}
