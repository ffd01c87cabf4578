"""External calls of a playbook's automatic actions, and the secrets in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import msgspec

from runner.playbook.format import Act, Bundle, HttpCall, Playbook, secret_in
from runner.playbook.plan import walk
from runner.routing.organisation import Acting


class CalledHost(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call of a playbook; ``refused`` holds the codes for which these settings would not let it out."""

    playbook: str
    step: str
    host: str
    secrets: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        """Return the call in one line."""
        sent = f", sends secret {', '.join(self.secrets)}" if self.secrets else ""
        stopped = f" [{', '.join(self.refused)}]" if self.refused else ""
        return f"{self.playbook}/{self.step} calls {self.host}{sent}{stopped}"


def http_calls(bundles: Iterable[Bundle], acting: Acting | None) -> tuple[CalledHost, ...]:
    """Return every HTTP call of playbooks and of all that they run; without settings nothing is known to be refused."""
    playbooks = (playbook for bundle in bundles for playbook in (bundle.playbook, *bundle.includes.values()))
    return tuple(dict.fromkeys(call for playbook in playbooks for call in _calls(playbook, acting)))


def _calls(playbook: Playbook, acting: Acting | None) -> Iterator[CalledHost]:
    for step in walk(playbook.steps):
        if isinstance(step, Act) and step.http is not None:
            host, secrets = host_of(step.http.url), secrets_of(step.http)
            refused = {
                "host-not-allowed": acting is not None and host not in acting.hosts,
                "unknown-secret": acting is not None and not acting.secrets.keys() >= set(secrets),
            }
            yield CalledHost(
                playbook=playbook.name,
                step=step.id,
                host=host,
                secrets=secrets,
                refused=tuple(code for code, is_so in refused.items() if is_so),
            )


def secrets_of(call: HttpCall) -> tuple[str, ...]:
    """Return the names of the secrets in a call's headers."""
    secrets = (secret_in(value) for value in call.headers.values())
    return tuple(dict.fromkeys(secret.name for secret in secrets if secret is not None))


def host_of(url: str) -> str:
    """Return the host of an address of the web, empty where it is none or holds a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return (parts.hostname or "") if good else ""
