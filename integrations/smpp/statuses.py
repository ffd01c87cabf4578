"""Meaning of SMSC statuses (SMPP v3.4, 5.1.3): retry, permanent failure, or unknown."""

from __future__ import annotations

from integrations.port import About, Outcome, Rejected, Throttled, Unknown

_LATER = frozenset({0x14, 0x58})
"""ESME_RMSGQFUL, ESME_RTHROTTLED."""
_UNCERTAIN = frozenset({0x08, 0xFF})
"""ESME_RSYSERR, ESME_RUNKNOWNERR: it failed inside, perhaps after it had taken the message."""
_ABOUT: dict[int, About] = {
    **dict.fromkeys((0x0B, 0x50, 0x51), "recipient"),
    **dict.fromkeys((0x04, 0x0A, 0x0D, 0x0E, 0x0F, 0x15, 0x48, 0x49, 0x53), "account"),
}
"""Destination address, type and plan; and state, source, bind, password, system id, service, source type, system type."""


def at_bind(status: int) -> Outcome:
    """Return what a refused bind means: the message has not left, whatever the reason."""
    code = f"0x{status:08X}"
    if status in _LATER | _UNCERTAIN | {0x05}:
        return Throttled(None, f"the SMSC refused the bind with {code}: retry later", code)
    return Rejected(code, f"the SMSC refused the bind with {code}", about="account")


def at_submission(status: int) -> Outcome:
    """Return what a refused submission means; codes of one vendor's own may be of the moment."""
    code = f"0x{status:08X}"
    if status in _LATER:
        return Throttled(None, f"the SMSC refused the message with {code}: retry later", code)
    if status in _UNCERTAIN:
        return Unknown(f"the SMSC failed with {code}: the outcome is unknown", "answer")
    about = _ABOUT.get(status, "message")
    return Rejected(code, f"the SMSC refused the message with {code}", permanent=status < 0x400, about=about)
