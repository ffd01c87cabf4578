"""The one table of acts: by the page that has their forms. An act that is not in it does not exist."""

from __future__ import annotations

from collections.abc import Mapping

from runner.web.room.acts.duty import DUTY, FILE
from runner.web.room.acts.forms import Acting
from runner.web.room.acts.notice import NOTICE
from runner.web.room.acts.sign import SIGN
from runner.web.room.acts.task import TASK

ACTING: Mapping[str, Acting] = {
    "task": TASK,
    "duty": DUTY,
    "file": FILE,
    "notice": NOTICE,
    "sign": SIGN,
}
"""By the operation of the page in the table of pages."""
