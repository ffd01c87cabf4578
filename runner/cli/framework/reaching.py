"""What follows for messages under way when somebody's contacts have changed."""

from __future__ import annotations

from runner.cli.framework.session import Session


def reach(session: Session, person: str) -> None:
    """Have what is under way to somebody use their new contacts, and say what was given up before they had them."""
    from runner.app.messages.messages import plan_anew
    from runner.cli.framework.outcome import work

    asked, given_up = plan_anew(session.machine, person)
    if asked:
        work(session)
        session.say(f"messages to {person} are planned anew in {', '.join(asked)}")
    for delivery in given_up:
        session.say(f"was given up: tocsin message retry {delivery} --reason 'new contact'")
