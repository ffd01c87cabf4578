"""WhatsApp by Meta's Cloud API: an approved template, or text to people who wrote within 24 hours.

A business can start a conversation only with an approved template; free text is refused (131047) unless the person wrote
within the last 24 hours. So register a template before the incident, or have Meta enable Direct Send: then a text of the
category *utility* needs no template, and Meta makes one of it. The idempotency key is sent as
``biz_opaque_callback_data`` and returned in every status: the first status settles a lost answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from integrations.http import Reply, json_object, judge
from integrations.http.service import findings, identifier, listed, member, private, send_json, usable
from integrations.port import (
    PHONES,
    About,
    Answer,
    Callback,
    CallbackReply,
    Capabilities,
    Finding,
    Outbound,
    Outcome,
    Parsed,
    Receipt,
    Rejected,
    Secrets,
    Throttled,
    Unauthentic,
    fitted,
    named,
    phone_problem,
    plain_body,
    self_test_to,
)

LONGEST_TEXT = 4096
LONGEST_TEMPLATE = 1024
"""Characters of a template's body, with its parameters; also of a text by Direct Send."""
SHORTEST_LIFE, LONGEST_LIFE = timedelta(seconds=30), timedelta(hours=12)
"""Limits of the life of a message by Direct Send."""
ENDS = {
    "v21.0": datetime(2027, 1, 21, tzinfo=UTC),
    "v22.0": datetime(2027, 5, 20, tzinfo=UTC),
    "v23.0": datetime(2027, 10, 8, tzinfo=UTC),
}
"""When Meta ends a version (changelog of the Graph API, as of November 2026); earlier ones ended before the first date."""
SOON = timedelta(days=180)
AROUND = 300
"""Usual characters of subject, marking and footer; if these are longer, the text is cut."""
Part = Literal["subject", "text", "marking", "footer", "body"]
_LATER = frozenset({4, 80007, 130429, 131048, 131056, 131064})
"""Too many calls, messages, or messages to this person."""
NOT_ENABLED = 100
"""A parameter that Meta does not accept, among them the category of an account without Direct Send."""
_ABOUT: dict[int, About] = {
    **dict.fromkeys((130472, 130497, 131021, 131026, 131030, 131049, 131050, 131062), "recipient"),
    # 200 to 299 are permissions that were not granted or were revoked.
    **dict.fromkeys(
        (0, 3, 10, 190, *range(200, 300), 368, 131005, 131031, 131037, 131042, 131045), "account"
    ),
    **dict.fromkeys((131057, 132001, 132015, 132016, 133010, 139200), "account"),
}
_USER = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)
"""Meta's own name for a person towards one business, for people who do not share their number."""
_OLD = re.compile(r"v(1?[0-9]|20)\.[0-9]", re.ASCII)
_KINDS: dict[str, Literal["accepted", "delivered", "read", "failed"]] = {
    "sent": "accepted",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A business number. The secrets: ``token`` sends, ``app_secret`` signs callbacks, ``verify_token`` activates callbacks."""

    phone_number_id: str
    """Meta's name for the sending number, digits only; not the number itself."""
    template: str = ""
    """The name of an approved template of the category *utility*; empty means text, to people who wrote within 24 hours."""
    direct: bool = False
    """Text by Direct Send, for accounts that Meta enabled; ``template`` then names the template that Meta makes."""
    language: str = "en_US"
    parameters: tuple[Part, ...] | dict[str, Part] = ("body",)
    """The values for the template's {{1}}, {{2}} and so on, or by name for a template with named parameters."""
    api: str = "https://graph.facebook.com/v26.0"
    own_number: str = ""
    """An own telephone number for test messages."""


def capabilities(settings: Settings) -> Capabilities:
    """Not end to end encrypted: Meta's servers have the business's end. And a number can be taken over."""
    return Capabilities(
        address_kind="phone",
        domains=frozenset({"whatsapp", "meta"}),
        confidentiality="internal",
        personal_data="contact",
        receipts=frozenset({"accepted", "delivered", "read"}),
        ack="reply",
        ack_strength="seen",
        sim_swappable=True,
        max_length=_longest(settings) - AROUND,
        push=PHONES,
        called_back=True,
        secrets=frozenset({"token"}),
        optional_secrets=frozenset({"app_secret", "verify_token"}),
    )


def _longest(settings: Settings) -> int:
    return LONGEST_TEMPLATE if settings.template or settings.direct else LONGEST_TEXT


def address_problem(address: str) -> str:
    """A telephone number in the international form, or Meta's own name for the person."""
    return "" if _USER.fullmatch(address) else phone_problem(address)


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Pass one message to Meta."""
    if problem := address_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    longest, make = _longest(settings), _template if settings.template and not settings.direct else _text
    shown = fitted(outbound, longest - AROUND, lambda one: make(one, settings) is not None)
    content = make(shown, settings) if shown is not None else None
    if content is None:
        return Rejected("length", f"the message has more than {longest} characters")
    try:
        token = usable(secrets, "token")
        url = _url(settings)
    except ValueError as error:
        return Rejected("settings", str(error), about="account")
    envelope = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "recipient" if _USER.fullmatch(outbound.recipient) else "to": outbound.recipient,
        "biz_opaque_callback_data": outbound.idempotency_key,
    }
    reply = send_json(outbound, url, {**envelope, **content}, token=token)
    return _outcome(reply, outbound.at, settings) if isinstance(reply, Reply) else reply


def _url(settings: Settings) -> str:
    number = settings.phone_number_id
    if not number.isascii() or not number.isdigit():
        raise ValueError("phone_number_id is not digits only")
    if not private(settings.api):
        raise ValueError("api is http: others on the network can read the token")
    return f"{settings.api}/{number}/messages"


def _text(outbound: Outbound, settings: Settings) -> dict[str, object] | None:
    """Return the content; None where it is too long."""
    body = f"{outbound.subject}\n\n{plain_body(outbound).rstrip()}"
    if len(body) > _longest(settings):
        return None
    content: dict[str, object] = {"type": "text", "text": {"preview_url": False, "body": body}}
    return {**content, **_direct(outbound, settings)} if settings.direct else content


def _direct(outbound: Outbound, settings: Settings) -> dict[str, object]:
    """Return the further fields of Direct Send: it can expire a message that has become useless."""
    more: dict[str, object] = {"category": "utility"}
    if outbound.deadline is not None:
        life = min(max(outbound.deadline - outbound.at, SHORTEST_LIFE), LONGEST_LIFE)
        more["ttl_seconds"] = int(life.total_seconds())
    if settings.template:
        more["direct_send_config"] = {"template_name": settings.template}
    return more


def _template(outbound: Outbound, settings: Settings) -> dict[str, object] | None:
    """Return the content; None where it is too long."""
    parts = {
        "subject": outbound.subject,
        "text": outbound.text,
        "marking": outbound.marking,
        "footer": outbound.footer,
        "body": plain_body(outbound),
    }
    # Meta refuses parameters with line ends, tabs or runs of blanks, and empty ones.
    wanted = settings.parameters
    names = wanted if isinstance(wanted, dict) else dict(enumerate(wanted))
    filled = {name: " ".join(parts[part].split()) or "-" for name, part in names.items()}
    if sum(map(len, filled.values())) > LONGEST_TEMPLATE:
        return None
    parameters = [
        {"type": "text", "text": text, **({"parameter_name": name} if isinstance(name, str) else {})}
        for name, text in filled.items()
    ]
    components = [{"type": "body", "parameters": parameters}] if parameters else []
    template = {
        "name": settings.template,
        "language": {"code": settings.language},
        "components": components,
    }
    return {"type": "template", "template": template}


def _outcome(reply: Reply, at: datetime, settings: Settings) -> Outcome:
    """Return the outcome of an answer: mostly from Meta's own code, whatever the status."""
    said = json_object(reply.body)
    code = member(said, "error", "code")
    judged = judge(reply, at)
    if isinstance(judged, Rejected) and isinstance(code, int) and not isinstance(code, bool):
        reason = f"the service refused the message with {code}"
        if code in _LATER:
            return Throttled(None, f"{reason}: retry later", str(code))
        if code == NOT_ENABLED and settings.direct:
            reason = f"the service refused the message with {code}: is Direct Send enabled for the account?"
            return Rejected(str(code), reason, about="account")
        about = _ABOUT.get(code, "message" if reply.status == 400 else judged.about)
        return Rejected(str(code), reason, about=about)
    first = next(iter(listed(member(said, "messages"))), None)
    return judged or named(_name(member(first, "id")), "the service reported success without a message id")


def _name(given: object) -> str:
    """Return a message's name if it has the valid form: ``wamid.`` and base64."""
    name = identifier(given, "-_.+/=")
    return name if name.startswith("wamid.") else ""


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Read signed statuses and replies; a GET is Meta's verification of this address."""
    if callback.method == "GET":
        return () if _asked(callback, secrets) else Unauthentic(reason="the verify token is not valid")
    if "app_secret" not in secrets:
        return Unauthentic(reason="the secret app_secret is missing")
    key = secrets["app_secret"].reveal().strip().encode()
    wanted = "sha256=" + hmac.new(key, callback.body, hashlib.sha256).hexdigest()
    header = callback.headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(wanted.encode(), header.encode()):
        return Unauthentic(reason="the signature is not valid")
    return tuple(_events(json_object(callback.body), settings))


def _asked(callback: Callback, secrets: Secrets) -> str:
    """Return the challenge of Meta's verification if it has the verify token, else the empty string."""
    query = dict(parse_qsl(urlsplit(callback.path).query))
    if "verify_token" not in secrets or query.get("hub.mode") != "subscribe":
        return ""
    wanted = secrets["verify_token"].reveal().strip().encode()
    holds = hmac.compare_digest(wanted, query.get("hub.verify_token", "").encode())
    return identifier(query.get("hub.challenge")) if holds else ""


def reply(callback: Callback, settings: Settings, secrets: Secrets) -> CallbackReply:
    """Answer Meta's verification with its challenge; any other request needs no body."""
    challenge = _asked(callback, secrets) if callback.method == "GET" else ""
    return CallbackReply(content_type="text/plain", body=challenge.encode())


def _events(said: dict[str, object], settings: Settings) -> Iterator[Receipt | Answer]:
    for entry in listed(member(said, "entry")):
        for change in listed(member(entry, "changes")):
            value = member(change, "value")
            # One address serves every number of the business: messages of other numbers are ignored.
            if member(value, "metadata", "phone_number_id") != settings.phone_number_id:
                continue
            yield from filter(None, map(_receipt, listed(member(value, "statuses"))))
            numbers = {
                member(contact, "user_id"): member(contact, "wa_id")
                for contact in listed(member(value, "contacts"))
            }
            yield from filter(
                None, (_answer(message, numbers) for message in listed(member(value, "messages")))
            )


def _receipt(status: object) -> Receipt | None:
    kind = _KINDS.get(str(member(status, "status")))
    name = _name(member(status, "id"))
    if kind is None or not name:
        return None
    errors = listed(member(status, "errors"))
    code = member(errors[0], "code") if errors else None
    return Receipt(
        kind=kind,
        event_id=f"{name}:{kind}",
        provider_id=name,
        idempotency_key=identifier(member(status, "biz_opaque_callback_data")),
        at=_instant(member(status, "timestamp")),
        code=str(code) if isinstance(code, int) else "",
    )


def _answer(message: object, numbers: Mapping[object, object]) -> Answer | None:
    """Read a reply: written, or by a button; or Meta's report that the person's number or name changed.

    It names the answered message, if the person did. A person with a user name may have no number, then Meta's own name
    is used.
    """
    user = member(message, "from_user_id")
    name = _name(member(message, "id"))
    number = identifier(member(message, "from") or numbers.get(user))
    own = identifier(user, ".")
    sender = f"+{number}" if number else own
    moved = member(message, "system", "type") in _MOVED
    written = (("text", "body"), ("button", "text"), ("interactive", "button_reply", "title"))
    text = next(filter(None, (member(message, *path) for path in written)), None)
    text = "" if moved else text
    if not name or not sender or not isinstance(text, str):
        return None
    return Answer(
        event_id=name,
        sender=sender,
        also=own if number else "",
        moved=moved,
        text=text,
        provider_id=_name(member(message, "context", "id")),
        at=_instant(member(message, "timestamp")),
    )


_MOVED = ("user_changed_number", "user_changed_user_id")


def _instant(given: object) -> datetime | None:
    if not isinstance(given, str) or not given.isascii() or not given.isdigit() or len(given) > 11:
        return None
    return datetime.fromtimestamp(int(given), UTC)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = list(findings(settings.api, secrets, "token"))
    if not settings.phone_number_id.isdigit():
        found.append(Finding("error", "phone_number_id is not digits only"))
    if not settings.template and not settings.direct:
        what = "without a template, only people who wrote within the last 24 hours can be reached"
        found.append(Finding("warning", what, "Get a template approved, and set its name."))
    if "app_secret" not in secrets:
        what = "without app_secret, receipts and answers cannot be verified"
        found.append(Finding("warning", what, "secrets: {app_secret: env:NAME}"))
    if settings.own_number and (problem := phone_problem(settings.own_number)):
        found.append(Finding("error", f"own_number: {problem}", "+15005550006"))
    return tuple(found)


def lint_at(at: datetime, settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find a version of the interface that has ended, or ends soon."""
    version = settings.api.rstrip("/").rpartition("/")[2]
    oldest = min(ENDS.values())
    ends = ENDS.get(version, oldest if _OLD.fullmatch(version) else None)
    if ends is None or at < ends - SOON:
        return ()
    what = f"Meta ends version {version} of its interface on {ends:%Y-%m-%d}"
    hint = "Remove api from the settings, then test the channel."
    return (Finding("error" if at >= ends else "warning", what, hint),)


self_test = self_test_to(send, "own_number", "own_number")
