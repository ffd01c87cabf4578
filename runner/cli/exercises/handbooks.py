"""``drill handbook``: the players' handbook, that of controllers and evaluators, and the feedback form, before the exercise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.framework.options import Argument, Option
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.settings import CONFIG


def handbook(
    session: Session,
    exercise: Annotated[str, Argument(metavar="EXERCISE", help="A name, or a file.")],
    reader: Annotated[
        str, Option("--for", metavar="WHOM", help="players, controllers (and evaluators), or feedback.")
    ] = "",
    to: Annotated[
        list[str] | None,
        Option("--to", metavar="FORMAT", help="docx, pdf, html, txt, md; several with commas."),
    ] = None,
    out: Annotated[Path, Option("--out", metavar="DIR", help="The folder to write into.")] = Path(),
) -> None:
    """Write a book of an exercise: for players without what will happen, for controllers and evaluators with it.

    The players' book has how it begins, objectives, roles, rules, the word for a real emergency and the schedule. The
    controllers' has the scenario as a list, what is expected, and a guide to rate each objective by. With --for feedback:
    the form that everybody fills in after it.

    \b
    Examples:
      tocsin drill handbook lost-laptop --for players --to pdf --out books
      tocsin drill handbook exercises/autumn.yaml --for controllers --out books
    """
    from runner.app.exercises.handbooks import MADE, write_handbook
    from runner.app.notices.notices import formats_of
    from runner.cli.framework.catalogs import catalog
    from runner.cli.framework.output_files import show_pulled
    from runner.files.exercise_file import load_exercise

    chosen = next((one for one in MADE if one == reader), None)
    if chosen is None:
        said = f"there is no book for '{reader}'" if reader else "say for whom the book is"
        raise Usage(
            said, hint=f"--for {' | '.join(MADE)}", code="unknown_reader" if reader else "option_missing"
        )
    formats = formats_of(to or []) or ("docx", "pdf")
    loaded = load_exercise(exercise, catalog(session))
    desk = session.desk if (session.folder / CONFIG).exists() else None
    show_pulled(session, write_handbook(loaded, chosen, desk, session.world.clock.now(), formats, out))
