"""The files of a release: the same bytes twice, signed, complete, and installed without network (``make release``)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]


def run(*words: str | Path, cwd: Path = ROOT, given: bytes = b"") -> str:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "TOCSIN"))
    }
    done = subprocess.run(words, cwd=cwd, env=clean, input=given, check=False, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("key") / "release"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", key)
    return key


@pytest.fixture(scope="module")
def release(key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run("make", "--no-print-directory", ".venv-release/tools")
    folder = tmp_path_factory.mktemp("release")
    run(sys.executable, ".ci/release.py", folder, key)
    return folder


def test_the_files_are_the_same_bytes_when_they_are_made_again(
    release: Path, key: Path, tmp_path: Path
) -> None:
    run(sys.executable, ".ci/release.py", tmp_path, key)
    made = {file.name: file.read_bytes() for file in release.iterdir()}
    assert len(made) == 8
    assert [name for name, data in made.items() if (tmp_path / name).read_bytes() != data] == []


def test_other_programs_check_the_digests_and_the_signatures(
    release: Path, key: Path, tmp_path: Path
) -> None:
    run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=release)
    (tmp_path / "signers").write_text(f"maria {key.with_suffix('.pub').read_text()}")
    for name in ("SHA256SUMS", "provenance.json"):
        known = ("ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", "maria", "-n", "file")
        run(*known, "-s", release / f"{name}.sig", given=(release / name).read_bytes())
    statement = json.loads((release / "provenance.json").read_bytes())
    named = {one["name"] for one in statement["subject"]}
    signed = {"SHA256SUMS", "SHA256SUMS.sig", "provenance.json", "provenance.json.sig"}
    assert named == {file.name for file in release.iterdir()} - signed


def test_the_bill_of_materials_has_what_the_lock_pins(release: Path) -> None:
    (file,) = release.glob("*.cdx.json")
    found = json.loads(file.read_bytes())
    held = {(one["name"], one["version"]) for one in found["components"]}
    pins = set(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert held <= pins
    assert {"msgspec", "cryptography", "starlette", "psycopg", "pyrage"} <= {name for name, _ in held}
    assert all(one["externalReferences"][0]["hashes"] for one in found["components"])


def test_the_archive_installs_a_working_program_without_network(release: Path, tmp_path: Path) -> None:
    apart = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("no network namespace can be made here")
    (archive,) = release.glob("*-offline-*.tar.gz")
    run("tar", "xzf", archive, cwd=tmp_path)
    (folder,) = tmp_path.iterdir()
    for version in ("3.11", "3.13"):
        python = shutil.which(f"python{version}")
        if python is None:
            continue
        place, home = tmp_path / version, tmp_path / f"home-{version}"
        run(*apart, "env", f"PYTHON={python}", "sh", folder / "install.sh", place, cwd=tmp_path)
        run(*apart, place / "bin" / "tocsin", "init", "--home", home, cwd=tmp_path)
        told = ("doctor", "--offline", "--format", "json", "--home", home)
        asked = subprocess.run([*apart, place / "bin" / "tocsin", *told], check=False, capture_output=True)
        areas = {(one["area"], one["severity"]) for one in json.loads(asked.stdout)["findings"]}
        assert {("key", "good"), ("integrity", "good"), ("settings", "good")} <= areas
