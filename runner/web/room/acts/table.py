"""The one table of acts: by the page that has their forms. An act that is not in it does not exist."""

from __future__ import annotations

from collections.abc import Mapping

from runner.web.room.acts.facts import FACT, FACTS, MISSING
from runner.web.room.acts.forms import Acting
from runner.web.room.acts.task import TASK
from runner.web.room.acts.timeline import TIMELINE

ACTING: Mapping[str, Acting] = {
    "task": TASK,
    "facts": FACTS,
    "fact": FACT,
    "missing": MISSING,
    "timeline": TIMELINE,
}
"""By the operation of the page in the table of pages."""
