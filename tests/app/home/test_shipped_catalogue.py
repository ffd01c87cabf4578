"""Laws and notices compiled by the build are used only if they match their files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.app.incidents.catalogue_pinning import compile_shipped, kept_catalogue
from runner.playbook.catalogue import COMPILED, Catalog

SHIPPED = Path(__file__).parents[3] / "playbooks"
LAWS = ("eu-gdpr-33-controller-sa", "us-ca-breach")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a folder as the program ships it: two laws, no notices, and both compiled."""
    folder = tmp_path / "playbooks"
    (folder / "regimes").mkdir(parents=True)
    shutil.copytree(SHIPPED / "law", folder / "law")
    for law in LAWS:
        shutil.copy(SHIPPED / "regimes" / f"{law}.yaml", folder / "regimes")
    compile_shipped(folder / COMPILED, folder)
    return folder


def compiled_laws(built: Path, home: Path | None = None) -> tuple[str, ...]:
    """Return what is written into the cache of a home when its catalogue is pinned."""
    cache = built.parent / "cache"
    catalog = Catalog(home, built_in=built)
    found, _ = kept_catalogue(cache, catalog)
    anew, _ = kept_catalogue(built.parent / "anew", Catalog(home, built_in=built, anew=True))
    assert found == anew
    return tuple(sorted(file.name.rpartition("-")[0] for file in cache.glob("*.json")))


def test_laws_compiled_by_the_build_are_not_compiled_again(built: Path) -> None:
    assert compiled_laws(built) == ()


def changed(built: Path) -> None:
    law = built / "regimes" / "us-ca-breach.yaml"
    law.write_text(f"{law.read_text(encoding='utf-8')}# corrected\n", encoding="utf-8")


def added(built: Path) -> None:
    shutil.copy(SHIPPED / "regimes" / "us-ny-breach.yaml", built / "regimes")


def removed(built: Path) -> None:
    (built / "regimes" / "us-ca-breach.yaml").unlink()


def damaged(built: Path) -> None:
    for file in (built / COMPILED).iterdir():
        file.write_bytes(file.read_bytes().replace(b"72", b"96"))


def missing(built: Path) -> None:
    shutil.rmtree(built / COMPILED)


@pytest.mark.parametrize("change", [changed, added, removed, damaged, missing])
def test_compiled_files_that_do_not_match_are_compiled_again(
    built: Path, change: Callable[[Path], None]
) -> None:
    change(built)
    assert "law" in compiled_laws(built)
    if change not in (damaged, missing):
        compile_shipped(built / COMPILED, built)
        shutil.rmtree(built.parent / "cache")
        assert compiled_laws(built) == ()
        assert len([*(built / COMPILED).iterdir()]) == 5


def test_a_law_of_the_homes_own_is_compiled_and_the_others_are_not(built: Path, tmp_path: Path) -> None:
    own = tmp_path / "home" / "regimes"
    own.mkdir(parents=True)
    text = (built / "regimes" / "us-ca-breach.yaml").read_text(encoding="utf-8")
    (own / "us-ca-breach.yaml").write_text(f"{text}# corrected\n", encoding="utf-8")
    assert compiled_laws(built, tmp_path / "home") == ("law", "regimes")


def test_a_folder_that_is_up_to_date_is_left_alone(built: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in (built / COMPILED).iterdir()}
    compile_shipped(built / COMPILED, built)
    assert {file.name: file.stat().st_mtime_ns for file in (built / COMPILED).iterdir()} == before
    assert sorted(name.rpartition("-")[0] for name in before) == [
        "law",
        "pin",
        "shipped-notices",
        "shipped-playbooks",
        "shipped-regimes",
    ]
