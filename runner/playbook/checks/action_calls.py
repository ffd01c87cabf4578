"""External calls of a playbook's automatic actions, and the secrets in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from runner.base.text import nearest
from runner.documents.template.syntax import is_template
from runner.playbook.action_template import ActionTemplate, with_base
from runner.playbook.checks.step_map import Findings
from runner.playbook.format import Act, Bundle, HttpCall, Playbook, is_bad_reference, secret_in
from runner.playbook.lookup import Known
from runner.playbook.parts import host_of
from runner.playbook.plan import walk
from runner.routing.organisation import Acting
from runner.yamlfile.source import Where

SECRET_HEADERS = ("authorization", "cookie", "x-api-key", "api-key", "x-auth-token")
_LIST_IT = "Write secret:NAME, and in tocsin.yaml act: {secrets: {NAME: env:VARIABLE}}."

_FILL = "Write the values, or `use:` an action template, which fills its declared inputs into the address."


class CalledHost(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call of a playbook; ``refused`` are the codes of the settings' reasons to refuse it."""

    playbook: str
    step: str
    host: str
    secrets: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        """Return the call in one line."""
        sent = f", sends secret {', '.join(self.secrets)}" if self.secrets else ""
        stopped = f" [{', '.join(self.refused)}]" if self.refused else ""
        return f"{self.playbook}/{self.step} calls {self.host}{sent}{stopped}"


def http_calls(bundles: Iterable[Bundle], acting: Acting | None) -> tuple[CalledHost, ...]:
    """Return every HTTP call of playbooks and of the playbooks that they run; without settings no call is refused."""
    calls = (
        call
        for bundle in bundles
        for playbook in (bundle.playbook, *bundle.includes.values())
        for call in _calls(playbook, bundle.actions, acting)
    )
    return tuple(dict.fromkeys(calls))


def _calls(
    playbook: Playbook, actions: Mapping[str, ActionTemplate], acting: Acting | None
) -> Iterator[CalledHost]:
    for step in walk(playbook.steps):
        if not isinstance(step, Act) or step.command:
            continue
        allowed = acting.hosts if acting is not None else frozenset()
        if step.use:  # without the profile people do it, and nothing is called
            template = actions[step.use.partition("@")[0]]
            if acting is None or not acting.integrates(template.auth, host_of(template.http.url)):
                continue
            host = host_of(with_base(template.http.url, acting.address(template.auth)))
            secrets: tuple[str, ...] = ()
            allowed = allowed_hosts(template, acting)
        elif step.http is not None:
            host, secrets = host_of(step.http.url), secrets_of(step.http)
        else:
            continue
        refused = {
            "host-not-allowed": acting is not None and host not in allowed,
            "unknown-secret": acting is not None and not acting.secrets.keys() >= set(secrets),
        }
        yield CalledHost(
            playbook=playbook.name,
            step=step.id,
            host=host,
            secrets=secrets,
            refused=tuple(code for code, is_so in refused.items() if is_so),
        )


def allowed_hosts(template: ActionTemplate, acting: Acting) -> frozenset[str]:
    """Return the hosts that an action may call: the host of its profile's address, otherwise those of the settings."""
    address = acting.address(template.auth)
    return frozenset({host_of(address)}) if address else acting.hosts


def secrets_of(call: HttpCall) -> tuple[str, ...]:
    """Return the names of the secrets in a call's headers."""
    secrets = (secret_in(value) for value in call.headers.values())
    return tuple(dict.fromkeys(secret.name for secret in secrets if secret is not None))


def check_action(step: Act, where: Where, known: Known, found: Findings) -> None:
    """Report an action that is neither a call to an allowed host nor an allowed command."""
    _ways(step, where, found)
    allowed = known.home.act if known.home is not None else None
    if step.command and allowed is not None and not allowed.commands:
        text = "Local commands are disabled in this home folder."
        found.warn(
            (*where, "command"), "command-not-allowed", text, "Write act: {commands: true} in tocsin.yaml."
        )
    if step.http is None:
        return
    call, here = step.http, (*where, "http")
    texts: dict[Where, str] = {(*here, "url"): call.url}
    texts |= {(*here, "headers", name): value for name, value in call.headers.items()}
    for at, text in texts.items():
        if is_template(text):
            found.error(
                at,
                "template-in-call",
                "Nothing fills in `{{ }}` here. The call would send the braces.",
                _FILL,
            )
    host = host_of(call.url)
    if not host:
        found.error(
            (*here, "url"), "bad-url", "The address must begin with https:// and a host, without a password."
        )
    elif allowed is not None and host not in allowed.hosts:
        text = f'The settings do not allow calls to host "{host}".'
        found.warn(
            (*here, "url"), "host-not-allowed", text, f"Write act: {{hosts: [{host}]}} in tocsin.yaml."
        )
    if step.on_unknown == "retry" and not call.idempotent and call.method in ("POST", "PATCH"):
        text = "A call without an answer is retried. The server may perform the call twice."
        found.warn(
            (*where, "on_unknown"),
            "may-repeat",
            text,
            "Add idempotent: true if the server accepts the idempotency key.",
        )
    _headers(call, (*here, "headers"), known, found)


def _ways(step: Act, where: Where, found: Findings) -> None:
    """Report an action with no way, or several ways, to do it."""
    ways = bool(step.use) + (step.http is not None) + bool(step.command)
    text, hint = (
        "The action needs one of: an action template, an HTTP call, a command.",
        "Write `use:`, `http:` or `command:`.",
    )
    if ways == 0:
        found.error(where, "no-action", text, hint)
    elif ways > 1:
        found.error(where, "two-actions", text, hint)
    if not step.use and (step.for_each is not None or step.inputs):
        text = "`for_each` and `with` need an action template."
        found.error(where, "no-template", text, "Write `use:`.")


def _headers(call: HttpCall, here: Where, known: Known, found: Findings) -> None:
    """Report a secret in another form, or one that is not in the home's list."""
    for name, value in call.headers.items():
        where, secret = (*here, name), secret_in(value)
        if is_bad_reference(value):
            text = "This text is not a reference to a secret. It would be sent unchanged."
            found.error(where, "secret-form", text, _LIST_IT)
        elif secret is None and name.lower() in SECRET_HEADERS:
            found.error(where, "secret", "The playbook contains a secret.", _LIST_IT)
        elif secret is not None and known.home is not None and secret.name not in known.home.act.secrets:
            close = nearest(secret.name, known.home.act.secrets)
            hint = f"Write secret:{close}, the nearest name." if close else _LIST_IT
            text = f'Secret "{secret.name}" is not in act.secrets of tocsin.yaml.'
            found.error(where, "unknown-secret", text, hint)
    if known.home is None and (secrets := secrets_of(call)):
        text = f"Not checked without a home folder: secret {', '.join(secrets)}."
        found.warn(here, "secret-not-checked", text, "Run tocsin init, or add --home DIR.", key=True)
