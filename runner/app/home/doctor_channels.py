"""Checks of channels: their settings, their secrets, and connections to their servers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from runner.app.home.doctor_reachability import Finding, of_error
from runner.errors import TocsinError
from runner.routing.organisation import Home

PATIENCE = 3.0
"""Seconds that looking up a name and connecting may take together."""
Server = tuple[str, int]
"""A host and a port."""


def channels(folder: Path, home: Home, now: datetime, dns: bool, offline: bool) -> Iterator[Finding]:
    """Lint every channel with its secrets and connect to its server; a secret that is not here is a finding of its own."""
    from runner.effects.gateway.gateway import Gateway
    from runner.vault.secrets import resolve

    gateway = Gateway(base=folder)
    servers: dict[str, Server] = {}
    for name, config in home.channels.items():
        secrets: dict[str, str] = {}
        lacking: list[Finding] = []
        absent: list[str] = []
        for secret, reference in config.secrets.items():
            try:
                secrets[secret] = resolve(reference, base=folder).reveal()
            except TocsinError as error:
                absent.append(f"secret {secret}")
                lacking += [
                    msgspec.structs.replace(finding, what=f"{name}: {finding.what}")
                    for finding in of_error("channels", error)
                ]
        try:
            channel = gateway.channel(name, config)
            linted = gateway.lint(channel, secrets, now)
            if server := gateway.server(channel):
                servers[name] = server
            if dns:
                linted += gateway.look_up(channel)
        except TocsinError as error:
            yield from of_error("channels", error)
            continue
        findings = [
            Finding(
                area="channels",
                severity="error" if finding.severity == "error" else "warning",
                what=f"{finding.channel}: {finding.what}",
                hint=finding.hint,
            )
            for finding in linted
            if not any(words in finding.what for words in absent)
        ]
        yield from lacking
        yield from findings
        if not lacking and not findings:
            yield Finding(area="channels", severity="good", what=f"{name} ({config.adapter}): valid")
    if offline and servers:
        what = "the servers of the channels were not tested (--offline)"
        yield Finding(area="servers", severity="good", what=what)
    elif servers:
        yield from _connected(servers)


def _connected(servers: Mapping[str, Server]) -> Iterator[Finding]:
    """Connect to the server of each channel, send nothing, and yield what came of it."""
    why = dict.fromkeys(servers, "no answer")

    def connect(channel: str, server: Server) -> None:
        try:
            socket.create_connection(server, PATIENCE).close()
            why[channel] = ""
        except OSError as error:
            why[channel] = error.strerror or "no answer"

    # Looking up a name has no time limit of its own: a thread that still does it is left behind.
    looking = [threading.Thread(target=connect, args=item, daemon=True) for item in servers.items()]
    for thread in looking:
        thread.start()
    for thread in looking:
        thread.join(PATIENCE)
    for channel, (host, port) in servers.items():
        if not (told := why[channel]):
            yield Finding(area="servers", severity="good", what=f"{channel}: connected to {host}:{port}")
        else:
            yield Finding(
                area="servers",
                code="channel_unreachable",
                severity="error",
                what=f"{channel}: no connection to {host}:{port} ({told})",
                hint="Check the server, the network and the settings.",
                ref=channel,
            )
