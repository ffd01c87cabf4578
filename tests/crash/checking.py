"""What must hold between a journal and what servers outside of the program received, whatever was killed when."""

from __future__ import annotations

from collections import Counter

from runner.model.incident import Attempt, Incident
from tests.servers.receivers import HttpReceiver, MailServer


def check_world(mail: MailServer, http: HttpReceiver, incident: Incident, where: str) -> int:
    """Compare the receivers with the journal of an incident that is over; return how many attempts were in doubt."""
    pages = calls(http, "/page", attempts(incident, "page"))
    assert len(pages) <= 1, f"{where}: a call that may not be repeated was repeated"
    isolating = attempts(incident, "isolate")
    isolations = set(calls(http, "/isolate", isolating))
    answered = any(attempt.state == "accepted" and not attempt.resolved_by for attempt in isolating)
    assert len(isolations) <= 1, f"{where}: one logical call, one key"
    assert isolations or not answered, f"{where}: accepted, but never called: {isolating}"
    mails = Counter(message_id for _, message_id, _ in mail.mails)
    doubtful = 0
    for delivery in incident.deliveries.values():
        assert delivery.state == "satisfied", where
        tries = [a for a in delivery.attempts if a.channel == "mail"]
        doubtful += sum(a.state == "unknown" for a in tries)
        sent = sum(count for message_id, count in mails.items() if any(a.key in message_id for a in tries))
        assert sent <= len(tries), f"{where}: more mails than attempts"
        assert sent >= sum(a.state == "accepted" for a in tries), f"{where}: accepted, but never sent"
    return doubtful + sum(a.state == "unknown" for i in incident.invocations.values() for a in i.attempts)


def attempts(incident: Incident, step: str) -> tuple[Attempt, ...]:
    """Return the attempts of an automatic action."""
    return incident.invocations[f"crash:{step}#1"].attempts


def calls(http: HttpReceiver, path: str, tries: tuple[Attempt, ...]) -> list[str]:
    """Return the key of each request to a path that belongs to one of these attempts."""
    keys = {attempt.key for attempt in tries}
    found = [headers["idempotency-key"] for asked, headers, _ in http.posts if asked == path]
    return [key for key in found if key in keys]
