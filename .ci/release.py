"""Make a release of the last commit: wheel, sdist, wheels for machines without network, SBOM, provenance, checksums.

``python .ci/release.py FOLDER [KEY]``. The same commit and lock give the same bytes. KEY is a secret key of SSH, which signs the
checksums and the provenance. Nothing is published.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV, TOOLS = ROOT / ".uv/bin/uv", ROOT / ".venv-release/bin"
EXTRAS = ("web", "postgres", "backup", "dns", "timestamps")
PYTHONS = ("3.11", "3.12", "3.13")
"""Of Debian 12, Ubuntu 24.04 and Debian 13."""
GLIBC = ("2_34", "2_28", "2_17", "2_12", "2_5")
"""Versions that wheels are built for, up to that of the oldest of these systems."""
MACHINE = platform.machine()


def output(*words: str | Path, cwd: Path = ROOT) -> bytes:
    """Run a program that must succeed, and return what it printed."""
    return subprocess.run(words, cwd=cwd, check=True, stdout=subprocess.PIPE).stdout


def run(*words: str | Path, cwd: Path = ROOT) -> str:
    """Return what a program printed, as one text."""
    return output(*words, cwd=cwd).decode().strip()


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def locked(source: Path, to: Path, *options: str) -> None:
    """Write the packages of Tocsin as requirements.lock pins them, with their hashes."""
    extras = [f"--extra={one}" for one in EXTRAS]
    plain = ("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")
    words = ("pip", "compile", "--quiet", "--generate-hashes", *plain, *extras, *options)
    run(UV, *words, "--constraint=requirements.lock", "pyproject.toml", "--output-file", to, cwd=source)


def offline(source: Path, wheel: Path, to: Path, at: int) -> None:
    """Write an archive with Tocsin, all packages it needs for each Python, and a program that installs them."""
    name = to.name.removesuffix(".tar.gz")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, name)
        (folder / "wheels").mkdir(parents=True)
        (folder / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
        (folder / "install.sh").write_bytes((source / ".ci/install.sh").read_bytes())
        fetch = (str(TOOLS / "python"), "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes")
        platforms = [f"--platform=manylinux_{one}_{MACHINE}" for one in GLIBC]
        for python in PYTHONS:
            lock = folder / f"requirements-{python}.txt"
            locked(source, lock, "--python-version", python, "--python-platform=linux")
            given: tuple[str | Path, ...] = (
                "--only-binary=:all:",
                f"--python-version={python}",
                *platforms,
                "--requirement",
                lock,
            )
            run(*fetch, *given, "--dest", folder / "wheels")
            version = wheel.name.split("-")[1]
            lock.write_text(
                f"{lock.read_text()}tocsin=={version} --hash=sha256:{sha256(wheel)}\n", encoding="utf-8"
            )
        text = (source / ".ci/release.lock").read_text(encoding="utf-8")
        Path(place, "pip.txt").write_text(text[text.index("\npip==") :].split("\npip-")[0], encoding="utf-8")
        run(*fetch, "--requirement", Path(place, "pip.txt"), "--dest", folder)
        with (
            to.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
            tarfile.open(mode="w", fileobj=packed) as archive,
        ):
            for path in sorted(folder.rglob("*")):
                entry = archive.gettarinfo(path, str(path.relative_to(place)))
                entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime = 0, 0, "", "", at
                entry.mode = 0o755 if path.is_dir() or path.suffix == ".sh" else 0o644
                archive.addfile(entry, io.BytesIO(path.read_bytes()) if path.is_file() else None)


def provenance(files: list[Path], commit: str) -> str:
    """Return an in-toto statement with SLSA provenance: what was built, from which commit, with which tools."""
    tools = {"python": platform.python_version(), "uv": run(UV, "--version").split()[1]}
    materials = [{"uri": "git+commit", "digest": {"gitCommit": commit}}]
    for lock in ("requirements.lock", ".ci/release.lock"):
        digest = hashlib.sha256(output("git", "show", f"{commit}:{lock}")).hexdigest()
        materials.append({"uri": lock, "digest": {"sha256": digest}})
    build = {
        "buildType": "urn:tocsin:make-release:v1",
        "externalParameters": {"command": "make release"},
        "internalParameters": {**tools, "machine": MACHINE, "extras": EXTRAS},
        "resolvedDependencies": materials,
    }
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": {"sha256": sha256(file)}} for file in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": build,
            "runDetails": {"builder": {"id": "urn:tocsin:own-machine:v1"}},
        },
    }
    return json.dumps(statement, indent=2) + "\n"


def main(to: Path, key: str = "") -> None:
    """Build everything into an empty folder."""
    to = to.absolute()
    to.mkdir(parents=True, exist_ok=True)
    if [*to.iterdir()]:
        sys.exit(f"release: {to} is not empty")
    commit, at = run("git", "rev-parse", "HEAD"), run("git", "log", "-1", "--format=%ct")
    os.environ["SOURCE_DATE_EPOCH"] = at
    with tempfile.TemporaryDirectory() as place:
        source = Path(place)
        with tarfile.open(fileobj=io.BytesIO(output("git", "archive", commit))) as files:
            files.extractall(source, filter="data")
        run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", to, cwd=source)
        (wheel,) = to.glob("*.whl")
        version = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        locked(source, source / "runtime.lock", "--universal", "--python-version", PYTHONS[0])
        bom = ("requirements", "--pyproject", "pyproject.toml", "--output-reproducible", "--validate")
        given = ("runtime.lock", "--output-file", to / f"tocsin-{version}.cdx.json")
        run(TOOLS / "cyclonedx-py", *bom, *given, cwd=source)
        offline(source, wheel, to / f"tocsin-{version}-offline-linux-{MACHINE}.tar.gz", int(at))
    made = sorted(to.iterdir())
    (to / "provenance.json").write_text(provenance(made, commit), encoding="utf-8")
    sums = [f"{sha256(file)}  {file.name}\n" for file in sorted(to.iterdir())]
    (to / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    if key:
        for name in ("SHA256SUMS", "provenance.json"):
            run("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", key, to / name)
    print("".join(sums), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
