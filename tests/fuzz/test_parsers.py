"""Every reader of bytes from outside refuses damaged input in words; ``make fuzz`` looks for more with atheris."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.parsers import parsers

PARSERS = parsers()
ROUNDS = 150


def damaged(chance: random.Random, sample: bytes) -> bytes:
    """Return a sample with some of its bytes changed, cut out or doubled."""
    data = bytearray(sample)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) or 1)
        match chance.randrange(4):
            case 0 if data:
                data[at % len(data)] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 9)]
            case 2:
                data[at:at] = data[at : at + chance.randrange(1, 60)] * chance.randrange(1, 4)
            case _:
                data[at:at] = chance.choice((b"\0", b"\xff", b"\n", b'"', b"{", b"-9" * 30, b"\xe2\x80\xae"))
    return bytes(data)


@pytest.mark.parametrize("name", PARSERS)
def test_a_damaged_sample_is_read_or_refused_in_words(name: str) -> None:
    PARSERS[name].run(PARSERS[name].sample)
    chance = random.Random(name)
    for _ in range(ROUNDS):
        PARSERS[name].run(damaged(chance, PARSERS[name].sample))


@pytest.mark.parametrize(
    "name", sorted(PARSERS.keys() - {"bundle", "checkpoint", "logo", "playbook", "regime"})
)
def test_a_sample_is_what_its_reader_reads(name: str) -> None:
    """Otherwise the fuzzer would begin at a refusal."""
    PARSERS[name].read(PARSERS[name].sample)


def test_a_fuzzer_that_names_no_reader_is_a_failure() -> None:
    made = [word for one in (".venv/installed", "catalogue", ".venv-atheris/servers") for word in ("-o", one)]
    words = ("make", *made, "fuzz", "BIN=/nowhere")
    done = subprocess.run(words, cwd=Path(__file__).parents[2], check=False, capture_output=True)
    assert done.returncode == 2, done.stderr
