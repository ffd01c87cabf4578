"""One environment per peer under .bench/, made with uv from peers.toml and made again when its line changes."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PEERS = ROOT / ".bench"


def programs(environment: str) -> Path:
    """Return the folder of programs of ``environment``."""
    return (ROOT if environment == ".venv" else PEERS) / environment / "bin"


def prepare(environment: str, uv: str) -> None:
    """Make the environment of a peer, unless it is there as peers.toml says.

    Raises CalledProcessError when a peer cannot be installed; uv has said why.
    """
    if environment == ".venv":
        return
    wanted = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))[environment]["requirements"]
    stamp = PEERS / environment / "requirements.txt"
    text = "\n".join(wanted) + "\n"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == text:
        return
    print(f"preparing {environment} ({', '.join(wanted)})", file=sys.stderr)
    folder = PEERS / environment
    if not (folder / "bin/python").exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *wanted], check=True
    )
    stamp.write_text(text, encoding="utf-8")
