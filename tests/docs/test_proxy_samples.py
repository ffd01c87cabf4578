"""The configurations of reverse proxies in the docs are valid for the programs themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.docs.consoles import ROOT
from tests.servers.keys import certificate_pem, private_pem
from tests.servers.needed import absent

NGINX = "/usr/sbin/nginx"


def sample(page: str, language: str) -> str:
    """Return the one block of a page in a language."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(found)


def accepted(*words: str | Path) -> None:
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["give-people-accounts.md", "receive-callbacks.md"])
def test_nginx_accepts_its_sample(tmp_path: Path, page: str) -> None:
    if shutil.which(NGINX) is None:
        absent("nginx", "Debian: apt-get install nginx-light")
    (tmp_path / "cert.pem").write_text(certificate_pem())
    (tmp_path / "key.pem").write_text(private_pem())
    with_key = f"ssl_certificate {tmp_path}/cert.pem; ssl_certificate_key {tmp_path}/key.pem;"
    server = sample(page, "nginx").replace("# ssl_certificate …", with_key)
    logs = f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}"
    (tmp_path / "nginx.conf").write_text(f"{logs}\nhttp {{ access_log off;\n{server}}}\n")
    accepted(NGINX, "-t", "-q", "-c", tmp_path / "nginx.conf")


def test_caddy_accepts_its_sample(tmp_path: Path) -> None:
    if shutil.which("caddy") is None:
        absent("caddy", "Debian: apt-get install caddy")
    (tmp_path / "Caddyfile").write_text(sample("give-people-accounts.md", "caddy"))
    accepted("caddy", "adapt", "--validate", "--config", tmp_path / "Caddyfile")
