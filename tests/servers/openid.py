"""An OpenID provider that is not ours: npm's ``oidc-provider``, where Node and the package are there (``make servers``)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.patience import PATIENCE
from tests.servers.needed import absent

SERVERS = Path(__file__).parent


@contextmanager
def running_provider(back: str) -> Iterator[str]:
    """Run the provider until the end of the block; yield its issuer. ``back`` is where a login leads back."""
    node = shutil.which("node")
    if node is None or not (SERVERS / "node_modules" / "oidc-provider").is_dir():
        absent("oidc-provider", "install Node, then make servers")
    command = [node, "openid.mjs", back]
    with subprocess.Popen(
        command, cwd=SERVERS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def logged_in_at(target: str, name: str, back: str) -> str:
    """Log in at the provider as a browser does, and agree; return the address to which it leads back."""
    browser, form = requests.Session(), {"prompt": "login", "login": name, "password": "any"}
    for _ in range(20):
        answer = browser.get(target, allow_redirects=False, timeout=PATIENCE)
        if answer.status_code == 200:
            action = re.findall(r'action="([^"]+)"', answer.text)[0]
            answer = browser.post(action, data=form, allow_redirects=False, timeout=PATIENCE)
            form = {"prompt": "consent"}
        target = requests.compat.urljoin(answer.url, answer.headers["location"])
        if target.startswith(back):
            return target
    raise AssertionError(target)
