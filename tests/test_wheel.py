"""The wheel, installed into a clean environment with only what it declares, is a working program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from runner.app.incidents.catalogue_pinning import compile_shipped

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.slow]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that must succeed, without this process's Python settings; return what it printed."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "TOCSIN"))
    }
    done = subprocess.run(command, cwd=cwd, env=clean, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def closure(name: str) -> set[str]:
    """Return what ``name`` needs at run time, without extras, pinned to what is installed here."""
    pins: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [(name, frozenset[str]())]
    while queue:
        current, extras = queue.pop()
        if (current, extras) in seen:
            continue
        seen.add((current, extras))
        for text in metadata.requires(current) or []:
            need = Requirement(text)
            wanted = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if need.marker is None or any(need.marker.evaluate(environment) for environment in wanted):
                found = canonicalize_name(need.name)
                pins.add(f"{found}=={metadata.version(found)}")
                queue.append((found, frozenset(need.extras)))
    return pins


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the tools that are here."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    return next(folder.glob("tocsin-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; return that environment's folder of programs."""
    uv = next(
        (found for found in (ROOT / ".uv/bin/uv", shutil.which("uv")) if found and Path(found).exists()), None
    )
    if uv is None:
        pytest.skip("uv is not here: run the tests with `make test`")
    folder = tmp_path_factory.mktemp("clean")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python",
        programs / "python",
        wheel,
        *closure("tocsin"),
    ]
    try:
        run(*install, "--offline", cwd=folder)
    except AssertionError:
        run(*install, cwd=folder)
    return programs


def test_the_wheel_holds_the_program_its_data_and_its_licence_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "runner",
        "integrations",
        "playbooks",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.startswith("playbooks/") and name.endswith(".yaml") for name in names)
    assert {"runner/web/room/templates/page.html", "runner/web/room/static/room.js"} <= set(names)


def test_the_wheel_is_the_same_bytes_when_it_is_built_again(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_the_law_and_the_notices_as_they_compile_now(wheel: Path, tmp_path: Path):
    anew = tmp_path / "compiled"
    compile_shipped(anew)
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if "/compiled/" in name}
    assert held == {f"playbooks/compiled/{file.name}": file.read_bytes() for file in anew.iterdir()}


def test_the_first_incident_of_a_new_home_compiles_no_law(installed: Path, tmp_path: Path):
    run(installed / "tocsin", "init", "--home", tmp_path / "home", cwd=tmp_path)
    words = ("open", "lost-device", "--yes", "--no-worker", "--home", tmp_path / "home")
    run(installed / "tocsin", *words, cwd=tmp_path)
    assert [*(tmp_path / "home" / "cache").glob("pin.*")]
    kept = {file.name.partition("-")[0] for file in (tmp_path / "home" / "cache").glob("*.json")}
    assert kept <= {"settings"}


def test_the_installed_program_says_its_version(installed: Path, tmp_path: Path):
    assert metadata.version("tocsin") in run(installed / "tocsin", "version", cwd=tmp_path)


def test_the_declared_dependencies_are_enough_to_import_every_module(installed: Path, tmp_path: Path):
    extras = ("psycopg", "procrastinate", "keyring", "dns", "anyio", "starlette", "uvicorn")
    script = f"""
import importlib, pkgutil, integrations, runner
for package in (runner, integrations):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as missing:
            if missing.name.split(".")[0] not in {extras!r}:
                raise
"""
    run(installed / "python", "-I", "-c", script, cwd=tmp_path)
