"""What a person can do on the page of a law: record that somebody compared it with the official page."""

from __future__ import annotations

from collections.abc import Sequence

from runner.acts.asked import Asked
from runner.app.incidents.home_catalogue import catalogue
from runner.app.law.verifications import verify
from runner.errors import NotFound
from runner.web.room.acts.forms import Act, Acting, Field, Form, Given, one_of, people_choices


def _rules(asked: Asked) -> tuple[str, ...]:
    """Return the law of the page and its duties, by the names of the command line; raises NotFound for a file."""
    law = catalogue(asked.service)
    if asked.ref not in law.regime_files:
        raise NotFound(
            f'Law "{asked.ref}" does not exist.', hint="Use a link of the laws", code="unknown_law"
        )
    version = law.regime(asked.ref).versions[0]
    return asked.ref, *(f"{asked.ref}/{rule.slug}" for rule in version.duties)


def _forms(asked: Asked) -> Sequence[Form]:
    law, *duties = _rules(asked)
    what = ((one, one) for one in duties)
    people = (("", "somebody else"), *people_choices(asked))
    return (
        Form(
            "verify",
            "Record a check of this law",
            (
                Field("name", "Checked", "choice", ((law, "the whole law with all its duties"), *what)),
                Field("by", "Who opened the official page", "choice", people, value=asked.principal.person),
                Field("other", "Somebody else", help="The full name of a person outside."),
                Field("source", "Official page", needed=True, help="The https address of the page."),
                Field("reason", "Reason", help="Needed if the law file names another site."),
            ),
            folded=True,
        ),
    )


def _verify(asked: Asked, given: Given) -> None:
    law = catalogue(asked.service)
    by = given["by"] or given["other"]
    name = one_of(given, "name", _rules(asked))
    verify(asked.service, law, name, by=by, url=given["source"].strip(), reason=given["reason"])


LAW = Acting(_forms, {"verify": Act("law.check", _verify, adds=True, bound=True)})
