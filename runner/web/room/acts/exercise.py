"""What the staff of an exercise can do on its page: conduct it, record observations, rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, get_args

from runner.acts.asked import Asked
from runner.acts.fields import TIME
from runner.app.core.incident_service import IncidentService
from runner.app.exercises import exercises as drills
from runner.app.exercises.after_action import plan_behind, sign_report, signers
from runner.errors import Refused
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.state import commands as c
from runner.incident.state.exercise import OVER, ClockChange, Rating
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page, line
from runner.reports.exercises.ratings import RATING_WORDS
from runner.web.room.acts.forms import CHOOSE, REASON, Act, Acting, Field, Form, Given, instant_of, one_of

RATINGS: tuple[Rating, ...] = get_args(Rating)
KINDS: tuple[Literal["observation", "strength", "improvement"], ...] = (
    "observation",
    "strength",
    "improvement",
)


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    drill = incident.drill
    return drill and (drill.stage, sorted(drill.released), sorted(drill.deferred), drill.ratings)


def _forms(asked: Asked) -> Sequence[Form]:
    plan = drills.conducted(asked.service, asked.principal, asked.incident)
    return tuple(_offered(asked.incident, plan))


def _offered(incident: Incident, plan: Exercise) -> Iterator[Form]:
    drill = incident.drill
    if drill is None:
        return
    stage, why = drill.stage, (Field("reason", "Reason"),)
    if incident.state in ("open", "paused") and stage not in OVER:
        if stage == "planned":
            yield Form("begun", "Start the exercise")
        else:
            yield from _conduct(plan, (*drill.released, *drill.deferred), stage)
            yield Form("ended", "End the exercise", why, folded=True)
    yield from stop_form(incident)
    if incident.state in ("open", "paused") and stage in OVER:
        yield Form("close", "Close the exercise", why, folded=True)
    if stage == "planned":
        return
    targets = tuple((name, name) for name in drills.targets_of(plan))
    goals = (("", "none"), *((one.id, f"{one.id}: {one.text}") for one in plan.objectives))
    asks = tuple((one.id, one.text) for module in plan.modules for one in module.questions)
    yield Form(
        "observe",
        "Record an observation",
        (
            Field("text", "Observation", "text", needed=True),
            Field("objective", "Objective", "choice", goals),
            Field("kind", "Kind", "choice", tuple((one, one) for one in KINDS)),
            *((Field("question", "Answers the question", "choice", (("", "none"), *asks)),) if asks else ()),
        ),
    )
    if targets and stage in OVER:
        letters = (CHOOSE, *((one, f"{one}: {RATING_WORDS[one]}") for one in RATINGS))
        yield Form(
            "rate",
            "Rate a target or an objective",
            (
                Field("target", "Target", "choice", targets, needed=True),
                Field("rating", "Rating", "choice", letters, needed=True),
                Field("note", "Note", help="Needed if the rating differs from the proposal on this page."),
            ),
        )


def stop_form(incident: Incident) -> Iterator[Form]:
    """Yield the form that stops an exercise for a real emergency, also for its players."""
    drill = incident.drill
    if drill is not None and incident.state in ("open", "paused") and drill.stage not in OVER:
        yield Form("frozen", "REAL WORLD: stop the exercise", (Field("reason", "Reason"),), folded=True)


def _conduct(plan: Exercise, over: Sequence[str], stage: str) -> Iterator[Form]:
    waiting = [(one.number, f"{one.number} {one.title}") for one in plan.events if one.number not in over]
    if waiting:
        number = Field("number", "Inject", "choice", tuple(waiting), needed=True)
        yield Form("inject", "Release an inject", (number,))
        yield Form("leave_out", "Skip an inject", (number, REASON), folded=True)
    if stage == "paused":
        yield Form("resumed", "Resume exercise time")
    else:
        yield Form("paused", "Pause exercise time", (Field("reason", "Reason"),), folded=True)
        to = Field("to", "To", help=f"{TIME} Empty: the next inject.")
        yield Form("jumped", "Jump ahead in exercise time", (to,), folded=True)


def _clock(asked: Asked, given: Given, change: ClockChange) -> None:
    service, to = asked.service, None
    if change == "jumped":
        to = instant_of(given, "to", asked.now) or drills.next_time(service, asked.incident)
        if to is None:
            raise Refused(
                "No inject has a future time.", hint="Release an inject by hand", code="nothing_next"
            )
    drills.set_clock(service, asked.incident.id, change, to=to, reason=given["reason"])


def _close(asked: Asked, given: Given) -> None:
    drills.close(asked.service, asked.incident.id, given["reason"])


def _inject(asked: Asked, given: Given) -> None:
    drills.release(asked.service, asked.incident.id, given["number"])


def _leave_out(asked: Asked, given: Given) -> None:
    drills.leave_out(asked.service, asked.incident.id, given["number"], given["reason"])


def _observe(asked: Asked, given: Given) -> None:
    made = c.Observe(
        text=given["text"],
        objective=given["objective"],
        question=given["question"],
        kind=one_of(given, "kind", KINDS),
    )
    drills.observe(asked.service, asked.incident.id, made)


def _rate(asked: Asked, given: Given) -> None:
    letter = one_of(given, "rating", RATINGS)
    proposal = drills.proposed(asked.service, asked.incident, given["target"])
    made = c.Rate(target=given["target"], rating=letter, note=given["note"], proposed=proposal.words)
    drills.rate(asked.service, asked.incident.id, made)


def _start(asked: Asked, given: Given) -> Page:
    """Show that a person releases the injects, unless the command line conducts the exercise."""
    name = asked.incident.codename
    return Page((
        line("Exercise time starts. Release each inject on this page.", "warn"),
        line(f"To release timed injects automatically, run: tocsin drill run --go-on {name}"),
    ))  # fmt: skip


def _by_staff(do: Callable[[Asked, Given], None]) -> Callable[[Asked, Given], None]:
    """Return an act that a player cannot do before the end."""

    def act(asked: Asked, given: Given) -> None:
        drills.conducted(asked.service, asked.principal, asked.incident)
        do(asked, given)

    return act


_CLOCK: Sequence[ClockChange] = ("begun", "paused", "resumed", "jumped", "ended")
_FINAL = Page((line("The exercise cannot continue afterwards. Ratings remain possible.", "warn"),))
_LOOKS = {"begun": _start, "ended": lambda asked, given: _FINAL}
# In an emergency, a form of an older state counts, too.
STOP = Act("note.add", partial(_clock, change="frozen"), adds=True)
EXERCISE = Acting(
    _forms,
    {
        **{
            name: Act("exercise.conduct", _by_staff(partial(_clock, change=name)), _LOOKS.get(name))
            for name in _CLOCK
        },
        "frozen": STOP,
        "close": Act("exercise.conduct", _by_staff(_close)),
        "inject": Act("exercise.conduct", _by_staff(_inject)),
        "leave_out": Act("exercise.conduct", _by_staff(_leave_out)),
        "observe": Act("exercise.rate", _by_staff(_observe), adds=True),
        "rate": Act("exercise.rate", _by_staff(_rate)),
    },
    _seen,
)


# --- the report -------------------------------------------------------------------------------------------


def _report_forms(asked: Asked) -> Sequence[Form]:
    """Offer the signature to those who can give it, after the end of the incident or the exercise."""
    incident, drill = asked.incident, asked.incident.drill
    over = drill.stage in OVER if drill is not None else incident.state == "closed"
    if not over or asked.principal.person not in signers(incident, plan_behind(asked.service, incident)):
        return ()
    verb = "sign" if drill is not None else "sign_real"
    return (Form(verb, "Sign the report and its annex, as they are now"),)


def _sign(asked: Asked, given: Given) -> None:
    sign_report(asked.service, asked.incident)


REPORT = Acting(
    _report_forms,
    {
        "sign": Act("exercise.rate", _by_staff(_sign), bound=True),
        "sign_real": Act("incident.lead", _sign, bound=True),
    },
    lambda service, incident, ref: incident.version,
)
