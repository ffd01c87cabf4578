"""The run card: a playbook on paper, with numbers in clear where there is a home and with roles alone where there is none."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.cli.at_desk import AtDesk, compare


def test_the_card_lists_people_tasks_due_times_and_numbers(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("person", "add", "maria", "--contact", "phone=+15005550006")
    card = tocsin.done("playbook", "card", str(playbook))
    compare("playbook.card", card, tocsin.home)
    assert "+15005550006" in card


def test_without_a_home_it_names_roles_alone_and_makes_none(nowhere: AtDesk, playbook: Path) -> None:
    compare("playbook.card.roles", nowhere.done("playbook", "card", str(playbook)), nowhere.home)
    assert "dpo" in nowhere.done("playbook", "card", "lost-device").split()
    assert not nowhere.home.exists()


def test_it_is_written_for_its_owner_alone(tocsin: AtDesk, playbook: Path) -> None:
    for name, begin in (("card.pdf", b"%PDF"), ("card.txt", b"")):
        path = playbook.with_name(name)
        said = tocsin("playbook", "card", str(playbook), "--out", str(path))
        assert said.code == 0
        compare("playbook.card.written", said.err.replace(str(path), "CARD"), tocsin.home)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().startswith(begin)
        assert path.stat().st_size > 500


def test_a_pdf_is_not_printed_on_a_terminal_and_nothing_else_is_made(tocsin: AtDesk) -> None:
    for words, code in (
        (("--to", "pdf"), "option_missing"),
        (("--to", "docx"), "unknown_format"),
        (("--format", "json"), "unknown_format"),
    ):
        said = tocsin("playbook", "card", "lost-device", *words)
        assert (said.code, said.error) == (2, code)
