"""Commands of exercises for controllers and evaluators."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from runner.actions import Action, Slot
from runner.cli.exercises.reports import drill_report, handbook, readiness
from runner.cli.exercises.schedules import acknowledge, run_due, schedule, schedules, unschedule
from runner.cli.framework.home_catalogue import catalog, ensure_home
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group, instant_of, one_of
from runner.cli.framework.outcome import answer, tell
from runner.cli.framework.session import Session
from runner.errors import Refused, Usage
from runner.incident.state import commands as c
from runner.incident.state.exercise import Rating
from runner.reports.core.page import Block, Cell, Cells, Page, line, table

if TYPE_CHECKING:
    from runner.app.exercises.exercises import Listed
    from runner.incident.exercises.exercise_plan import ScenarioEvent
    from runner.incident.exercises.ratings import Proposal
    from runner.incident.state.exercise import ClockChange

Exercise = Annotated[str, Argument("EXERCISE", "Name of an exercise, or a file.")]
Number = Annotated[str, Argument("NUMBER", "Number of the inject, as in tocsin drill show.")]
Why = Annotated[str, Option("--reason WHY", "Reason.")]
Seen = Literal["observation", "strength", "improvement", "answer"]
KINDS: tuple[Seen, ...] = get_args(Seen)
RATINGS: tuple[Rating, ...] = get_args(Rating)


def add(app: Commands) -> None:
    """Add ``drill …``."""
    commands = group(app, "drill", "Manage exercises: run, schedule, inject, end, observe, rate.")
    command(commands, "list", Scope.ANYWHERE)(list_)
    command(commands, "handbook", Scope.ANYWHERE)(handbook)
    command(commands, "run", Scope.HOME_WRITES)(run)
    command(commands, "show")(show)
    command(commands, "inject", Scope.WRITES)(inject)
    command(commands, "leave-out", Scope.WRITES)(leave_out)
    command(commands, "pause", Scope.WRITES)(pause)
    command(commands, "resume", Scope.WRITES)(resume)
    command(commands, "jump", Scope.WRITES)(jump)
    command(commands, "end", Scope.WRITES)(end)
    command(commands, "real-world", Scope.WRITES)(real_world)
    command(commands, "observe", Scope.WRITES)(observe)
    command(commands, "rate", Scope.WRITES)(rate)
    command(commands, "report", Scope.WRITES)(drill_report)
    command(commands, "schedule", Scope.HOME_WRITES)(schedule)
    command(commands, "unschedule", Scope.HOME_WRITES)(unschedule)
    command(commands, "schedules", Scope.ANYWHERE)(schedules)
    command(commands, "acknowledge", Scope.HOME_WRITES)(acknowledge)
    command(commands, "readiness", Scope.ANYWHERE)(readiness)


def list_(session: Session) -> None:
    """List the exercises of the home folder and of Tocsin."""
    from runner.app.exercises.exercises import listed

    exercises = listed(catalog(session))
    report = {"schema": "tocsin/exercises/v1", "exercises": exercises}
    rows = table(map(_cells, exercises), 2, indent=0) if exercises else line("No exercises", "dim")
    session.show(report, Page((rows,)))


def _cells(exercise: Listed) -> Cells:
    title = Cell(exercise.problem or exercise.title, "alarm" if exercise.problem else "plain")
    return exercise.name, Cell(exercise.exercise_type, "dim"), title, Cell(exercise.playbook, "dim")


def run(
    session: Session,
    exercise: Exercise = "",
    unattended: Annotated[bool, Option("--unattended", "Test run without people, in virtual time.")] = False,
    report: Annotated[
        Path | None, Option("--report DIR", "Folder for the report. Needs --unattended.")
    ] = None,
    go_on: Annotated[str, Option("--go-on INCIDENT", "Open exercise to continue.")] = "",
    due: Annotated[bool, Option("--due", "Run all due exercises and jobs; for cron.")] = False,
    yes: Annotated[bool, Option("--yes", "No question before the start.")] = False,
    despite: Annotated[
        str, Option("--despite WHY", "Reason to run the exercise during a real incident.")
    ] = "",
) -> int:
    """Run an exercise of a playbook in exercise time.

    Sends real messages only to people who consented.

    \b
    Examples:
      tocsin drill run lost-laptop
      tocsin drill run exercises/autumn.yaml --unattended --report reports
      tocsin drill run --go-on amber-falcon
      tocsin drill run --due
    """
    if report is not None and not unattended:
        raise Usage("--report is only for --unattended.", hint=Action("drill.report"), code="option_missing")
    if due:
        if exercise or go_on or unattended:
            raise Usage(
                "--due allows no exercise name: it runs all due exercises.",
                hint=Action("drill.run", args={"due": True}),
                code="options_conflict",
            )
        return run_due(session)
    if bool(exercise) == bool(go_on):
        raise Usage(
            "The exercise is missing, or 2 exercises are given.",
            hint=Action("drill.run", Slot("EXERCISE")),
            code="options_conflict" if go_on else "argument_missing",
        )
    if unattended:
        return _alone(session, exercise, report)
    name = _again(session, go_on) if go_on else _begin(session, exercise, despite, yes=yes)
    return _conduct(session, name)


def _tell(session: Session, event: ScenarioEvent) -> None:
    from runner.reports.exercises.exercise import handed_out, told

    for text in (told(event), *handed_out(event)):
        session.say(text)


def _again(session: Session, go_on: str) -> str:
    """Return the exercise to continue; set StartEx if a schedule opened the exercise."""
    from runner.app.exercises.exercises import set_clock

    incident = session.incident(go_on)
    if incident.drill is not None and incident.drill.stage == "planned":
        set_clock(session.service, incident.id, "begun")
    return incident.id


def _alone(session: Session, exercise: str, out: Path | None) -> int:
    from runner.app.exercises.after_action import write_report
    from runner.app.exercises.exercises import plan_of
    from runner.files.exercise_file import load_exercise
    from runner.reports.exercises.exercise import drill_page, drill_report
    from runner.settings import cache_folder
    from runner.workers.simulated_exercise import unattended

    known = catalog(session)
    loaded = load_exercise(exercise, known)
    with unattended(loaded, known, cache_folder(session.world.environ), partial(_tell, session)) as (
        service,
        incident,
    ):
        report = drill_report(incident, plan_of(service, incident), service.now_in(incident))
        session.show(report, lambda: drill_page(report))
        for file in write_report(service, incident, ("docx", "pdf"), out).files if out is not None else ():
            session.say(f"Wrote {file.path}")
    return 0


def _begin(session: Session, exercise: str, despite: str, *, yes: bool) -> str:
    """Show the recipients of messages, ask, open the exercise and set StartEx."""
    from runner.app.exercises.exercises import prepare_drill, set_clock
    from runner.app.incidents.open_incident import commit_opening
    from runner.files.exercise_file import load_exercise

    ensure_home(session)
    loaded = load_exercise(exercise, catalog(session))
    plan = loaded.exercise
    opening = prepare_drill(session.service, loaded, despite=despite)
    session.say(f"{plan.marking}: {plan.title} ({plan.type}), playbook {loaded.bundle.playbook.name}")
    session.say(
        f"Real messages are sent to: {', '.join(plan.live)}"
        if plan.live
        else "Messages are simulated. Tocsin sends no real messages."
    )
    session.say(
        f"In a real emergency, stop: say {plan.safety.real_world_word} and run tocsin drill real-world"
    )
    if not yes:
        session.confirm("Start the exercise?", "Read the plan, then repeat with --yes")
    name = commit_opening(session.service, opening).after.id
    set_clock(session.service, name, "begun")
    return name


def _conduct(session: Session, name: str) -> int:
    from runner.app.exercises.exercises import plan_of
    from runner.cli.framework.environment import stopped_by_signals
    from runner.incident.state.exercise import OVER
    from runner.reports.exercises.exercise import discussion_page, drill_page, drill_report
    from runner.workers.choice import attach
    from runner.workers.simulated_exercise import Conductor

    attach(session.service)

    before = session.incident(name)
    found = drill_report(before, plan_of(session.service, before), session.now())
    if found.modules and found.stage not in OVER:
        session.tell(discussion_page(found))
    conductor = Conductor(session.service, name, partial(_tell, session))
    with stopped_by_signals(conductor.stop):
        incident = conductor.run()
    report = drill_report(incident, plan_of(session.service, incident), session.service.now_in(incident))
    session.show(report, lambda: drill_page(report))
    if report.stage not in OVER:
        session.say(f"To continue the exercise: tocsin drill run --go-on {incident.codename}")
    return 0


def show(session: Session) -> None:
    """Show the state of an exercise, its injects and expectations."""
    from runner.app.exercises.exercises import plan_of
    from runner.reports.exercises.exercise import drill_page, drill_report

    incident = session.incident()
    report = drill_report(incident, plan_of(session.service, incident), session.now())
    session.show(report, lambda: drill_page(report))


def inject(session: Session, number: Number) -> None:
    """Release an inject now.

    \b
    Example:
      tocsin drill inject 4.1
    """
    from runner.app.exercises.exercises import release
    from runner.reports.exercises.exercise import handed_out, told

    turn, event = release(session.service, session.incident().id, number)
    answer(session, turn, f"Released {told(event)}")
    for text in handed_out(event):
        session.say(text)


def leave_out(session: Session, number: Number, reason: Why = "") -> None:
    """Skip an inject. Needs --reason."""
    from runner.app.exercises import exercises

    turn = exercises.leave_out(session.service, session.incident().id, number, reason)
    tell(session, turn, f"Inject {number} is skipped")


def _clock(session: Session, change: ClockChange, words: str, *, to: str = "", reason: str = "") -> None:
    from runner.app.exercises.exercises import next_time, plan_of, set_clock
    from runner.reports.core.header import clocked, zone_of

    before = session.incident()
    at = None
    if to:
        at = next_time(session.service, before) if to == "next" else instant_of(session, to)
        if at is None:
            raise Refused(
                "No inject has a future time.",
                hint=Action("drill.inject", Slot("NUMBER")),
                code="nothing_next",
            )
    turn = set_clock(session.service, before.id, change, to=at, reason=reason)
    if at is not None:
        words = (
            f"{words} to {clocked(at, zone_of(turn.after, plan_of(session.service, turn.after).clock.start))}"
        )
    tell(session, turn, words)


def pause(session: Session, reason: Why = "") -> None:
    """Pause exercise time and the deadlines of the exercise (PauseEx)."""
    _clock(session, "paused", "Exercise time is paused", reason=reason)


def resume(session: Session, reason: Why = "") -> None:
    """Resume exercise time (ResumeEx)."""
    _clock(session, "resumed", "Exercise time continues", reason=reason)


def jump(
    session: Session,
    to: Annotated[str, Option("--to INSTANT", "Exercise time, or next: the next inject.")] = "next",
) -> None:
    """Jump ahead in exercise time, to a time or the next inject.

    \b
    Example:
      tocsin drill jump --to 2026-10-05T14:00:00+02:00
    """
    _clock(session, "jumped", "Exercise time jumped", to=to)


def end(
    session: Session,
    reason: Why = "",
    close: Annotated[bool, Option("--close", "Also close the exercise, even if it ended before.")] = False,
) -> None:
    """End the exercise (EndEx).

    You can still add observations and ratings, also after closing.

    \b
    Examples:
      tocsin drill end
      tocsin drill end --close
    """
    from runner.app.exercises.exercises import close as closed
    from runner.app.exercises.exercises import plan_of, set_clock
    from runner.incident.state.exercise import OVER
    from runner.reports.exercises.exercise import remaining_items

    before = session.incident()
    over = before.drill is not None and before.drill.stage in OVER
    turns, done = [], []
    if not (close and over):
        turns.append(set_clock(session.service, before.id, "ended", reason=reason))
        done.append("The exercise ended")
    if close:
        turns.append(closed(session.service, before.id, reason))
        done.append("closed")
    answer(session, turns[0], *done)
    after = session.reader.incident(before.id)
    for words in remaining_items(after, plan_of(session.service, after)):
        session.say(words)


def real_world(session: Session, reason: Why = "") -> None:
    """Stop the exercise immediately for a real emergency (REAL WORLD)."""
    _clock(session, "frozen", "REAL WORLD: the exercise is stopped", reason=reason)


def observe(
    session: Session,
    text: Annotated[str, Argument("TEXT", "Text of the observation or of the answer.")],
    objective: Annotated[str, Option("--objective ID", "Objective of the exercise.")] = "",
    question: Annotated[str, Option("--question ID", "Discussion question that the text answers.")] = "",
    kind: Annotated[str, Option("--kind", ", ".join(KINDS))] = "observation",
    about: Annotated[
        str, Option("--about REFERENCE", "Plan, policy or step that the observation is about.")
    ] = "",
) -> None:
    """Record an observation, or an answer to a discussion question.

    \b
    Example:
      tocsin drill observe "counsel was reached in 4 minutes" --objective O1 --kind strength
    """
    from runner.app.exercises import exercises

    observed = one_of(kind, KINDS, "Kind", "unknown_kind")
    made = c.Observe(text=text, objective=objective, question=question, kind=observed, about=about)
    turn = exercises.observe(session.service, session.incident().id, made)
    tell(session, turn, f"Recorded: {question or observed}")


def rate(
    session: Session,
    target: Annotated[str, Argument("TARGET", "Target or objective.")],
    rating: Annotated[str, Argument("RATING", "P, S, M, U, N/A or N/O. Default: show the proposal.")] = "",
    note: Annotated[str, Option("--note", "Reason. Required if it differs from the proposal.")] = "",
) -> None:
    """Rate a target or an objective: P, S, M or U.

    P: performed without challenges. S: with some. M: with major challenges. U: unable to be performed.

    \b
    Examples:
      tocsin drill rate T1
      tocsin drill rate T1 S --note "counsel had to be called twice"
    """
    from runner.app.exercises import exercises

    incident = session.incident()
    proposal = exercises.proposed(session.service, incident, target)
    if not rating:
        report = {
            "schema": "tocsin/rating/v1",
            "target": target,
            "proposal": proposal.rating,
            "rule": proposal.rule,
        }
        session.show(report, lambda: Page(_proposal(target, proposal)))
        return
    letter = one_of(rating.upper(), RATINGS, "Rating", "unknown_rating")
    made = c.Rate(target=target, rating=letter, note=note, proposed=proposal.words)
    turn = exercises.rate(session.service, incident.id, made)
    tell(session, turn, f"{target} is rated {letter} (proposal: {proposal.words or 'none'})")


def _proposal(target: str, proposal: Proposal) -> tuple[Block, ...]:
    if not proposal.rating:
        return (line(f"{target}: no proposal ({proposal.rule})"),)
    return (
        line(f"{target}: proposed {proposal.words}"),
        line(f"Confirm or change the rating: tocsin drill rate {target} {proposal.rating}", "dim"),
    )
