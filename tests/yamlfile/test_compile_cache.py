"""Compiled law is cached between commands; a damaged cache never changes the law."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.app.home.open_home import SETTINGS_CODE
from runner.law.regime import Regime
from runner.playbook.catalogue import Catalog
from runner.playbook.pinned import Catalogue
from runner.yamlfile.compile_cache import NEWEST, compiled, fingerprint, sources
from tests.imports import loaded_by
from tests.refusals import refused

REGIMES = Path(__file__).parents[2] / "playbooks" / "regimes"


@functools.cache
def fresh() -> tuple[Regime, ...]:
    """Return the shipped law, compiled from its files; not while tests are collected, since each process does that."""
    return Catalog(None, anew=True).regimes()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache that nobody changes, in which the shipped law was kept as it was compiled."""
    folder = tmp_path_factory.mktemp("filled") / "cache"
    Catalog(None, cache=folder, anew=True).regimes()
    return folder


@pytest.fixture
def cache(tmp_path: Path, filled: Path) -> Path:
    """Return a cache in which the shipped law is kept."""
    return shutil.copytree(filled, tmp_path / "cache")


def kept(cache: Path) -> Path:
    (found,) = cache.glob("shipped-regimes-*.json")
    return found


def never() -> tuple[Regime, ...]:
    raise AssertionError("it was compiled although it is kept")


def test_a_cached_result_is_read_and_not_compiled_again(cache: Path) -> None:
    files = Catalog(None).law_files
    found, body = compiled(cache, "shipped-regimes", files, tuple[Regime, ...], never)
    assert found == fresh() == Catalog(None, cache=cache, anew=True).regimes()
    assert kept(cache).read_bytes().endswith(b"\n" + body)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content.replace(b"72", b"96", 1),
        lambda content: content.partition(b"\n")[2],
        lambda content: b"\xff" * 100,
    ],
    ids=["empty", "cut short", "edited", "without its digest", "something else"],
)
def test_a_damaged_cache_file_is_compiled_and_stored_again(
    cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    place = kept(cache)
    good = place.read_bytes()
    assert damage(good) != good
    place.write_bytes(damage(good))
    assert Catalog(None, cache=cache, anew=True).regimes() == fresh()
    assert place.read_bytes() == good


def test_a_cache_file_of_another_type_is_compiled_again(cache: Path) -> None:
    files = Catalog(None).law_files
    compiled(cache, "shipped-regimes", files, int, lambda: 7)
    place = kept(cache)
    place.unlink()
    compiled(cache, "shipped-regimes", files, int, lambda: 7)
    assert kept(cache) == place
    assert Catalog(None, cache=cache, anew=True).regimes() == fresh()


def test_another_text_is_another_name(cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "home" / "regimes"
    own.mkdir(parents=True)
    shipped = REGIMES / "us-ca-breach.yaml"
    (own / shipped.name).write_text(shipped.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    catalog = Catalog(tmp_path / "home", cache=cache, anew=True)
    assert fingerprint(catalog.law_files) != fingerprint(Catalog(None).law_files)
    assert catalog.regimes() == Catalog(tmp_path / "home", anew=True).regimes() != fresh()
    assert len([*cache.glob("*.json")]) == 2


def test_a_file_with_problems_is_reported_and_nothing_is_kept(tmp_path: Path) -> None:
    own = tmp_path / "home" / "regimes"
    own.mkdir(parents=True)
    (own / "bad.yaml").write_text("schema: tocsin/regime/v1\n", encoding="utf-8")
    with refused("bad_regime") as found:
        Catalog(tmp_path / "home", cache=tmp_path / "cache", anew=True).regimes()
    assert {problem.file for problem in found.value.problems} == {str(own / "bad.yaml")}
    assert not [*(tmp_path / "cache").glob("regimes-*.json")]


def test_an_unwritable_cache_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    assert Catalog(None, cache=tmp_path / "cache", anew=True).regimes() == fresh()


def test_without_a_cache_nothing_is_kept_and_the_json_is_the_same(tmp_path: Path, cache: Path) -> None:
    files = Catalog(None).law_files
    _, body = compiled(None, "regimes", files, tuple[Regime, ...], fresh)
    assert compiled(cache, "shipped-regimes", files, tuple[Regime, ...], never)[1] == body


def test_the_newest_few_files_of_each_kind_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    for number in range(NEWEST + 3):
        file.write_text(str(number), encoding="utf-8")
        compiled(tmp_path / "cache", "regimes", {"one": file}, int, lambda: 1)
    compiled(tmp_path / "cache", "law", {"one": file}, Catalogue, Catalogue)
    names = sorted(one.name.partition("-")[0] for one in (tmp_path / "cache").glob("*.json"))
    assert names == ["law", *["regimes"] * NEWEST]


def test_shipped_files_are_read_first_and_nothing_is_written(cache: Path, tmp_path: Path) -> None:
    own, files = tmp_path / "own", Catalog(None).law_files
    found, _ = compiled(own, "shipped-regimes", files, tuple[Regime, ...], never, shipped=cache)
    again, _ = compiled(None, "shipped-regimes", files, tuple[Regime, ...], never, shipped=cache)
    assert found == again == fresh()
    assert not [*own.glob("*.json")]


def test_damaged_shipped_files_are_compiled_into_the_cache(cache: Path, tmp_path: Path) -> None:
    place = kept(cache)
    damaged = place.read_bytes().replace(b"72", b"96", 1)
    place.write_bytes(damaged)
    own, files = tmp_path / "own", Catalog(None).law_files
    assert compiled(own, "shipped-regimes", files, tuple[Regime, ...], fresh, shipped=cache)[0] == fresh()
    assert (kept(own).name, place.read_bytes()) == (place.name, damaged)


def test_the_cache_name_does_not_depend_on_dates(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("a law", encoding="utf-8")
    before = fingerprint({"one": file})
    os.utime(file, (1, 1))
    assert fingerprint({"one": file}) == before
    file.write_text("a low", encoding="utf-8")
    assert fingerprint({"one": file}) != before


def test_the_cache_name_covers_every_module_that_compiles() -> None:
    named = {Path(entry.path) for entry in sources()}
    compiling = loaded_by(
        "runner.playbook.catalogue", "runner.law.files.regime_file", "runner.documents.files.notice_file"
    )
    assert {path for path in compiling if path.parent.name != "runner"} <= named


def test_the_name_of_kept_settings_covers_every_module_that_reads_them() -> None:
    named = {Path(entry.path) for entry in sources(SETTINGS_CODE)}
    reading = loaded_by("runner.files.settings_file")
    assert {path for path in reading if path.parent.name != "runner"} <= named


def test_values_that_json_cannot_express_are_not_stored(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("1", encoding="utf-8")
    found, _ = compiled(tmp_path / "cache", "settings", {"one": file}, float, lambda: float("nan"))
    assert found != found  # as nothing but that value is
    assert not [*(tmp_path / "cache").glob("*.json")]


def test_a_file_that_changes_during_reading_is_not_stored(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("1", encoding="utf-8")

    def make() -> int:
        file.write_text("2", encoding="utf-8")
        return 2

    assert compiled(tmp_path / "cache", "settings", {"one": file}, int, make)[0] == 2
    assert not [*(tmp_path / "cache").glob("*.json")]
