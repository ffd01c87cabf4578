"""Forms of a page that a test fills: what is offered, and what is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import requests

from runner.web.room.table import BY_OPERATION, act_address, address
from tests.patience import PATIENCE
from tests.web.room.room import Served


@dataclass
class Page:
    """A page about one thing, as one reader has it."""

    room: Served
    reader: requests.Session
    operation: str
    ref: str

    def text(self) -> str:
        """Return the page."""
        return self.room.get(
            self.reader, address(BY_OPERATION[self.operation], self.room.codename, self.ref)
        ).text

    def offered(self) -> set[str]:
        """Return the verbs of the forms."""
        return set(re.findall(r'data-draft="(\w+)"', self.text()))

    def mark(self) -> str:
        """Return the mark of the forms, and nothing where they have none."""
        return next(iter(re.findall(r'name="mark" value="(\w+)"', self.text())), "")

    def post(self, verb: str, files: Any = None, **given: str) -> requests.Response:
        """Send a form."""
        given.setdefault("mark", self.mark())
        target = act_address(BY_OPERATION[self.operation], verb, self.room.codename, self.ref)
        return self.reader.post(
            f"{self.room.url}{target}", data=given, files=files, allow_redirects=False, timeout=PATIENCE
        )

    def do(self, verb: str, files: Any = None, **given: str) -> requests.Response:
        """Send a form, and send it again after its preview."""
        return self.post(verb, files, **given, **sure(self.post(verb, files, **given)))


def sure(answer: requests.Response) -> dict[str, str]:
    """Return the hidden field of a form that was previewed."""
    found = re.findall(r'name="sure" value="(\w+)"', answer.text)
    assert (answer.status_code, len(found)) == (200, 1), answer.text
    return {"sure": found[0]}
