"""What exercises leave behind: ``drill report``, and ``drill readiness``, how ready the organisation is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.home import NEEDS_A_PERSON
from runner.cli.options import Option
from runner.cli.session import Session
from runner.views.words import count


def report(
    session: Session,
    to: Annotated[
        list[str] | None,
        Option("--to", metavar="FORMAT", help="docx, pdf, html, txt, md; several with commas."),
    ] = None,
    out: Annotated[Path, Option("--out", metavar="DIR", help="The folder to write into.")] = Path(),
    sign: Annotated[
        bool, Option("--sign", help="Stand for the report's bytes, as evaluator; it is on record.")
    ] = False,
) -> None:
    """Write the after-action report and improvement plan of an exercise, or of a real incident.

    It is a DRAFT until every target was rated by a person; of a real incident, until it is closed.

    \b
    Examples:
      tocsin drill report --to docx,pdf --out reports
      tocsin drill report --to pdf --out reports --sign --as olga
    """
    from runner.cli.written import pulled_page
    from runner.service.after_action import write_report
    from runner.service.improvements import untaken
    from runner.service.notices import formats_of

    incident = session.incident()
    made = write_report(session.desk, incident, formats_of(to or []) or ("docx", "pdf"), out, sign=sign)
    numbers = {name: getattr(made.numbers, name) for name in made.numbers.__struct_fields__}
    answer = {"schema": "tocsin/after-action/v1", **numbers, "files": made.files}
    session.show(answer, lambda: pulled_page(made.files))
    if left := untaken(session.desk, incident):
        words = f"{count(left, 'proposal is', 'proposals are')} not in its improvement plan"
        session.say(f"{words}: tocsin improvement add --from {incident.codename}")


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
