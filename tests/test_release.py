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
UNITS = "tocsin-worker tocsin-scheduler tocsin-serve tocsin-callbacks"
INSTALL = f"""
set -e
sh /srv/*/install.sh /opt/tocsin
useradd --system --home-dir /var/lib/tocsin tocsin
install -d -o tocsin -g tocsin -m 700 /var/lib/tocsin
cd /var/lib/tocsin
setpriv --reuid=tocsin --regid=tocsin --clear-groups --reset-env /opt/tocsin/bin/tocsin init --home /var/lib/tocsin
sed -i 's/^worker: .*/worker: manual/; s/^master_key: .*/master_key: credential:master.key/' tocsin.yaml
/opt/tocsin/bin/tocsin service install --home /var/lib/tocsin
systemctl enable {UNITS} check
systemctl mask systemd-networkd systemd-networkd-wait-online
"""
CHECK_UNIT = """
[Service]
Type=oneshot
ExecStart=sh /check.sh
ExecStopPost=systemctl poweroff
[Install]
WantedBy=multi-user.target
"""
CHECK = rf"""
mkdir -p /etc/credstore.encrypted
systemd-creds encrypt --name=master.key /var/lib/tocsin/master.key /etc/credstore.encrypted/master.key
rm /var/lib/tocsin/master.key
systemctl restart {UNITS}
systemctl is-active {UNITS} >/result
# Commands with the protections of the worker: a PDF file is made by compiled code, a backup is written.
sed -n '/^\[Service\]/,/^\[Install\]/p' /etc/systemd/system/tocsin-worker.service |
  grep -E '^[A-Z]' | grep -vE '^(ExecStart|Type|Restart|RestartSec|WatchdogSec|TimeoutStopSec)=' >/properties
protected() {{
  set -- /opt/tocsin/bin/tocsin "$@"
  while IFS= read -r line; do set -- -p "$line" "$@"; done </properties
  systemd-run --quiet --pipe --wait "$@" </dev/null >/dev/null && echo done >>/result
}}
protected open personal-data-breach --yes --fact incident.summary=Test
protected report --to pdf --out /var/lib/tocsin/report
protected backup --to /var/lib/tocsin/backup
systemctl stop {UNITS}
systemctl is-failed {UNITS} >>/result
"""

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
    run(sys.executable, ROOT / ".ci/release.py", folder.name, key, cwd=folder.parent)
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


def test_systemd_runs_the_services_with_all_protections(release: Path, tmp_path: Path) -> None:
    """Debian in a container, without network: systemd starts the units as ``service install`` writes them."""
    if os.geteuid() or not (shutil.which("systemd-nspawn") and shutil.which("mmdebstrap")):
        pytest.skip("needs root (Debian: apt-get install systemd-container mmdebstrap)")
    root = tmp_path / "root"
    packages = "python3,ca-certificates,tzdata,systemd-sysv,dbus"
    run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "trixie", root)
    (archive,) = release.glob("*-offline-*.tar.gz")
    run("tar", "xzf", archive, "-C", root / "srv")
    (root / "install").write_text(INSTALL)
    (root / "check.sh").write_text(CHECK)
    (root / "etc/systemd/system/check.service").write_text(CHECK_UNIT)
    run("unshare", "-n", "chroot", root, "sh", "/install")
    boot = f"systemd-nspawn -D {root} --private-network --boot --register=no --keep-unit --console=pipe"
    unified = "if test -d /sys/fs/cgroup/unified; then mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup; fi"
    run(
        "timeout",
        "300",
        "unshare",
        "-m",
        "sh",
        "-c",
        f"{unified}; SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec {boot}",
    )
    assert (root / "result").read_text().split() == ["active"] * 4 + ["done"] * 3 + ["inactive"] * 4
