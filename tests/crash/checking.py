"""What must hold between a journal and what servers outside of the program received, whatever was killed when."""

from __future__ import annotations

from collections import Counter

from runner.incident.state.incident import Attempt, Incident
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
    assert {delivery.state for delivery in incident.deliveries.values()} <= {"satisfied"}, where
    told = check_told(mail, http, incident, where)
    return told + sum(a.state == "unknown" for i in incident.invocations.values() for a in i.attempts)


def check_told(mail: MailServer, http: HttpReceiver, incident: Incident, where: str) -> int:
    """Compare what people received with the attempts of the journal; return how many of these are in doubt.

    A key is one logical send: it is tried again only where its class or its channel allows, and after what may have
    failed. What was accepted was received.
    """
    mails = Counter(message_id for _, message_id, _ in mail.mails)
    posts = Counter(headers["webhook-id"] for _, headers, _ in http.posts if "webhook-id" in headers)
    doubtful = 0
    for delivery in incident.deliveries.values():
        policy = incident.messages[delivery.message].message_class.on_unknown
        for key in dict.fromkeys(a.key for a in delivery.attempts):
            tries = [a for a in delivery.attempts if a.key == key]
            received = sum(count for name, count in mails.items() if key in name) + posts[key]
            states = [a.state for a in tries]
            assert "sending" not in states, f"{where}: an attempt was forgotten: {tries}"
            assert received <= len(tries), f"{where}: more was sent than was tried: {tries}"
            assert received >= states.count("accepted"), f"{where}: accepted, but never sent: {tries}"
            repeated = "accepted" in states[:-1] or ("unknown" in states[:-1] and policy == "failover")
            keeps = tries[0].channel in delivery.key_lifetimes
            assert keeps or not repeated, f"{where}: told twice, which its class does not allow: {tries}"
            doubtful += states.count("unknown")
    return doubtful


def attempts(incident: Incident, step: str) -> tuple[Attempt, ...]:
    """Return the attempts of an automatic action."""
    return incident.invocations[f"crash:{step}#1"].attempts


def calls(http: HttpReceiver, path: str, tries: tuple[Attempt, ...]) -> list[str]:
    """Return the key of each request to a path that belongs to one of these attempts."""
    keys = {attempt.key for attempt in tries}
    found = [headers["idempotency-key"] for asked, headers, _ in http.posts if asked == path]
    return [key for key in found if key in keys]
