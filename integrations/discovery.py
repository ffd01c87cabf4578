"""Discovery of integrations: built-in ones by name, others by the entry-point group ``tocsin.integrations``.

Built-in integrations are found without the metadata of installed distributions, which is slow and missing in a bare
checkout; and a foreign ``smtp`` cannot replace the built-in one.
"""

from __future__ import annotations

import importlib
from typing import cast

from integrations.port import Integration, UnknownIntegration

GROUP = "tocsin.integrations"

BUILT_IN: dict[str, str] = {
    "smtp": "integrations.smtp",
    "webhook": "integrations.webhook",
    "console": "integrations.console",
    "slack": "integrations.slack",
    "teams": "integrations.teams",
    "mattermost": "integrations.mattermost",
    "pagerduty": "integrations.pagerduty",
    "jsm": "integrations.jsm",
    "alert_source": "integrations.alert_source",
    "ntfy": "integrations.ntfy",
    "matrix": "integrations.matrix",
    "apprise": "integrations.apprise",
    "twilio_sms": "integrations.twilio.sms",
    "twilio_voice": "integrations.twilio.voice",
    "whatsapp": "integrations.whatsapp",
    "signal": "integrations.signal",
    "smpp": "integrations.smpp",
    "threema": "integrations.threema",
    "modem": "integrations.modem",
    "web_push": "integrations.web_push",
}
"""Adapter name to module, as ``pyproject.toml`` declares them too."""


def names() -> tuple[str, ...]:
    """Return the name of every integration that can be loaded, sorted."""
    return tuple(sorted(BUILT_IN.keys() | _installed().keys()))


def load(name: str) -> Integration:
    """Import and return one integration; ``UnknownIntegration`` has the nearest name."""
    if name in BUILT_IN:
        return cast(Integration, importlib.import_module(BUILT_IN[name]))
    installed = _installed()
    if name not in installed:
        known = tuple(sorted(BUILT_IN.keys() | installed.keys()))
        import difflib

        near = difflib.get_close_matches(name.lower(), known, n=1)
        raise UnknownIntegration(name, known, near[0] if near else "")
    module, _, attribute = installed[name].partition(":")
    found: object = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return cast(Integration, found)


def _installed() -> dict[str, str]:
    """Return the declarations of other distributions, name to ``module[:attribute]``."""
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=GROUP) if entry.name not in BUILT_IN}
