"""A device, a pipe or an endless file is refused at once in place of a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from runner.app.campaigns.receipts import read_receipts
from runner.errors import TocsinError
from runner.files.people_lists.list_rows import open_people
from runner.routing.organisation import Paper
from runner.vault.secrets import resolve
from runner.yamlfile.limited_files import LONGEST_LINE, TooLarge, read_file
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.refusals import refused

READERS = {
    "playbook validate": ("playbook", "validate", "FILE.yaml"),
    "a notice": ("playbook", "validate", "FILE.md"),
    "playbook show": ("playbook", "show", "FILE.yaml"),
    "playbook test": ("playbook", "test", "FILE.yaml"),
    "open": ("open", "FILE.yaml", "--yes"),
    "facts": ("open", "PLAYBOOK", "--yes", "--facts", "FILE.yaml"),
    "a VERIS record": ("open", "PLAYBOOK", "--yes", "--facts", "veris:FILE.json"),
    "duties": ("duties", "--facts", "FILE.yaml"),
    "attach": ("attach", "FILE.bin"),
    "regime show": ("regime", "show", "FILE.yaml"),
    "regime import": ("regime", "import", "FILE.csv"),
    "a contact list": ("person", "import", "FILE.csv"),
    "vCards": ("person", "import", "FILE.vcf"),
    "people in YAML": ("person", "import", "FILE.yaml"),
    "a stop list": ("bulk", "suppress", "FILE.txt"),
    "an exercise": ("drill", "run", "FILE.yaml"),
}


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    """Make a file of a terabyte that takes no room."""
    with path.open("wb") as file:
        file.truncate(2**40)


ODD = pytest.mark.parametrize("odd", [device, pipe, huge])
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="devices and pipes are files elsewhere")


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory: pytest.TempPathFactory) -> AtDesk:
    folder = tmp_path_factory.mktemp("odd")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    (folder / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    desk.done("open", str(folder / "badge.yaml"), "--yes", "--no-work", "--fact", "incident.summary=x")
    return desk


@ODD
@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
def test_it_is_refused_at_once(
    tocsin: AtDesk, tmp_path: Path, words: tuple[str, ...], odd: Callable[[Path], None]
) -> None:
    (name,) = (word.removeprefix("veris:") for word in words if "FILE" in word)
    odd(tmp_path / name)
    playbook = str(tocsin.home.parent / "badge.yaml")
    said = tocsin(*(w.replace(name, str(tmp_path / name)).replace("PLAYBOOK", playbook) for w in words))
    assert said.code == 1, said
    assert said.error or words[1] == "validate", said


@ODD
def test_receipts_letterheads_and_secrets_are_read_like_that_too(
    tocsin: AtDesk, tmp_path: Path, odd: Callable[[Path], None]
) -> None:
    odd(tmp_path / "odd.csv")
    with pytest.raises(TocsinError):
        list(read_receipts(tmp_path / "odd.csv"))
    with refused("secret_missing"):
        resolve("file:odd.csv", base=tmp_path)
    desk = tocsin.office()
    desk.home = msgspec.structs.replace(desk.home, stationery=Paper(letterhead=str(tmp_path / "odd.csv")))
    with refused("file_unreadable"):
        desk.letterhead()
    tocsin.close()


def test_a_file_that_says_it_is_empty_is_still_read_no_further_than_the_limit() -> None:
    growing = Path("/proc/kallsyms")
    if not growing.exists() or growing.stat().st_size:
        pytest.skip("no file here says that it is empty and is not")
    with pytest.raises(TooLarge):
        read_file(growing, 1_000)


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"x" * 1_000)
    assert read_file(tmp_path / "full", 1_000) == b"x" * 1_000
    with pytest.raises(TooLarge):
        read_file(tmp_path / "full", 999)


def test_a_list_with_a_line_that_does_not_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,address\n" + "x" * LONGEST_LINE, encoding="utf-8")
    with refused("people"):
        list(open_people(tmp_path / "people.csv").rows())
