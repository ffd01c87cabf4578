"""``tocsin drill readiness``: how ready the organisation is, from the exercises that it had."""

from __future__ import annotations

from typing import Annotated

from runner.cli.home import NEEDS_A_PERSON
from runner.cli.options import Option
from runner.cli.session import Session


def readiness(
    session: Session,
    check: Annotated[bool, Option("--check", help="Exit with 4 while something needs a person.")] = False,
) -> int:
    """Show how ready you are: what was exercised when and how, what changed since, who is reached, what is left to improve.

    Only exercises with people count.

    \b
    Examples:
      tocsin drill readiness
      tocsin drill readiness --check || mail-somebody
    """
    from runner.service.readiness import readiness as gathered
    from runner.views.readiness import readiness_page

    found = gathered(session.desk)
    session.show(found, lambda: readiness_page(found))
    return NEEDS_A_PERSON if check and found.needs_attention else 0
