"""Where an invocation's step stands in its playbook: its path, without run, lanes and numbers."""

from __future__ import annotations

import re

_LANES = re.compile(r"\[[^\]]*\]|#\d+")


def lane_of(invocation: str) -> str:
    """Return a step's path with its lanes: ``notify[eu-gdpr-33-controller-sa/initial].sign``."""
    return invocation.partition(":")[2].rpartition("#")[0]


def path_of(invocation: str) -> str:
    """Return a step's path inside its playbook: ``notify.sign``."""
    return _LANES.sub("", invocation.partition(":")[2])
