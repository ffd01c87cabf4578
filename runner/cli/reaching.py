"""What follows for messages under way when somebody's contacts have changed."""

from __future__ import annotations

from runner.cli.session import Session


def reach(session: Session, person: str) -> None:
    """Have what is under way to somebody use their new contacts, and say what was given up before they had them."""
    from runner.cli.outcome import work
    from runner.service.messages import plan_anew

    asked, given_up = plan_anew(session.machine, person)
    if asked:
        work(session)
        session.say(f"messages to {person} are planned anew in {', '.join(asked)}")
    for delivery in given_up:
        session.say(f"was given up: tocsin message retry {delivery} --reason 'new contact'")
