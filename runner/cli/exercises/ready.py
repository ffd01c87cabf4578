"""``tocsin drill readiness``: how ready the organisation is, from the exercises that it had."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import NEEDS_A_PERSON, Option
from runner.cli.framework.session import Session


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
    from runner.app.exercises.readiness import readiness as gathered
    from runner.reports.exercises.readiness import readiness_page

    found = gathered(session.desk)
    session.show(found, lambda: readiness_page(found))
    return NEEDS_A_PERSON if check and found.needs_attention else 0
