"""The watch over a decision not to notify: facts that came later may take its ground away.

Whoever decided did so on the verdict of that day. When the law's answer grows (from "does not apply" to "may apply" or
"applies", as when one more resident crosses a threshold or the risk is found to be high), or when the condition holds
that the decision itself named, it no longer stands: it stays on record, and the duty is open again. So it is when facts
speak against the exemption that was claimed; while they do not, its claim covers whatever else is learnt.
"""

from __future__ import annotations

from runner.facts.expressions.evaluate import truth
from runner.incident.state.incident import DutyView
from runner.law.duty import DutyStatus
from runner.law.populations import View

_RANKS = ("not_applicable", "advisory", "unknown", "applies")
_WORDS = {"unknown": "it may apply now", "applies": "it applies now"}


def watched(seen: DutyView, now: DutyStatus, facts: View) -> str:
    """Return why a decision not to notify falls, the empty string while it stands."""
    record = seen.record
    if record is None or record.kind != "decided_not_to_notify":
        return ""
    if record.watch is not None and truth(record.watch, facts) is True:
        return f"what the decision watches for has come: {record.watch.source}"
    if now.state != record.kind:
        return f"the facts speak for its ground no more: {record.ground}"
    if any(one.ground == record.ground for one in now.unless):
        return ""
    if _RANKS.index(now.verdict) > _RANKS.index(seen.verdict):
        because = "; ".join(reason.text for reason in now.because)
        return f"{_WORDS.get(now.verdict, now.verdict)}: {because}"
    return ""
