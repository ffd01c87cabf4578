"""Twilio's own OpenAPI description, against what we send and what the stand-in answers.

``@twilio-alpha/mcp`` of npm, by Twilio, carries it as a file. The client is made from it too, but a client drops what
it does not know and believes what it is given; here each name, type, pattern and format has to hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import msgspec
import pytest

from integrations.port import Accepted
from integrations.testing.conformance import AT, outbound
from integrations.twilio import sms, voice
from runner.effects.gateway.translation import Held
from tests.servers.needed import absent
from tests.servers.stand_ins.stand_in import Heard
from tests.servers.stand_ins.twilio import ACCOUNT, TOKEN, Twilio

FILE = Path(__file__).parents[1] / (
    "servers/node_modules/@twilio-alpha/mcp/twilio-oai/spec/json/twilio_api_v2010.json"
)
SECRETS = {"auth_token": Held(TOKEN)}
TO, FROM, OURS = "+15005550010", "+15005550006", "https://tocsin.example/callbacks/sms"
MESSAGE = msgspec.structs.replace(outbound(TO), deadline=AT + timedelta(hours=9))
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("uri")
def is_uri(given: object) -> bool:
    return not isinstance(given, str) or bool(urlsplit(given).scheme and urlsplit(given).hostname)


@FORMATS.checks("date-time-rfc-2822", raises=ValueError)
def is_date(given: object) -> bool:
    return not isinstance(given, str) or parsedate_to_datetime(given).tzinfo is not None


@FORMATS.checks("phone-number")
def is_number(given: object) -> bool:
    return not isinstance(given, str) or re.fullmatch(r"\+[1-9][0-9]{6,14}", given) is not None


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    if not FILE.is_file():
        absent("twilio-description", "make servers")
    found = _plain(json.loads(FILE.read_text(encoding="utf-8")))
    assert isinstance(found, dict)
    return found


def _plain(said: Any) -> Any:
    """Return OpenAPI 3.0 as JSON Schema says it: what may be null is of type null as well, and nothing unnamed is in an object."""
    if isinstance(said, list):
        return [_plain(one) for one in said]
    if not isinstance(said, dict):
        return said
    plain = {name: _plain(one) for name, one in said.items()}
    if plain.pop("nullable", False) is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    if isinstance(plain.get("properties"), dict) and plain.get("type") == "object":
        plain["additionalProperties"] = False
    return plain


def operation(described: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """Return what is described for the address and method of a request."""
    for path, operations in described["paths"].items():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(path)), heard.path):
            found = operations[heard.method.lower()]
            assert isinstance(found, dict)
            return found
    raise AssertionError(f"{heard.path} is described nowhere")


def problems(described: dict[str, Any], schema: dict[str, Any], value: object) -> Iterator[str]:
    root = {**schema, "components": described["components"]}
    for error in jsonschema.Draft202012Validator(root, format_checker=FORMATS).iter_errors(value):
        yield f"{error.json_path}: {error.message}"


def read(form: dict[str, str], properties: dict[str, Any]) -> dict[str, object]:
    """Return the fields of a form in the types that are described for them: a form itself has strings alone."""
    types = {
        "integer": int,
        "number": float,
        "boolean": lambda text: text == "true",
        "array": lambda one: [one],
    }
    return {name: types.get(properties.get(name, {}).get("type"), str)(text) for name, text in form.items()}


def texting(server: Twilio) -> sms.Settings:
    return sms.Settings(account=ACCOUNT, api=server.url, sender=FROM, callback_url=OURS)


def calling(server: Twilio) -> voice.Settings:
    return voice.Settings(account=ACCOUNT, api=server.url, sender=FROM, callback_url=OURS)


def test_our_send_requests_match_the_twilio_description(described):
    with Twilio() as server:
        service = sms.Settings(account=ACCOUNT, api=server.url, messaging_service="MG" + "0a" * 16)
        assert isinstance(sms.send(MESSAGE, texting(server), SECRETS), Accepted)
        assert isinstance(sms.send(MESSAGE, service, SECRETS), Accepted)
        made = voice.send(outbound(TO), calling(server), SECRETS)
        assert isinstance(made, Accepted)
        assert isinstance(voice.recall(outbound(TO), made.provider_id, calling(server), SECRETS), Accepted)
    assert len(server.heard) == 4
    for heard in server.heard:
        body = operation(described, heard)["requestBody"]["content"]["application/x-www-form-urlencoded"]
        schema = {**body["schema"], "additionalProperties": False}
        assert list(problems(described, schema, read(heard.form, schema["properties"]))) == []


def test_our_queries_match_the_twilio_description(described):
    with Twilio() as server:
        sms.reconcile(MESSAGE, texting(server), SECRETS)
        [heard] = server.heard
    known = {
        parameter["name"]: parameter["schema"] for parameter in operation(described, heard)["parameters"]
    }
    properties = {"type": "object", "properties": known, "additionalProperties": False}
    assert list(problems(described, properties, read(heard.query, known))) == []


def test_answers_of_the_simulated_server_match_the_twilio_description(described):
    with Twilio() as server:
        sms.send(MESSAGE, texting(server), SECRETS)
        voice.send(outbound(TO), calling(server), SECRETS)
        sms.reconcile(MESSAGE, texting(server), SECRETS)
        heards = list(server.heard)
        for sid in list(server.things):
            what = "Messages" if sid.startswith("SM") else "Calls"
            path = f"/2010-04-01/Accounts/{ACCOUNT}/{what}/{sid}.json"
            heards.append(msgspec.structs.replace(heards[2], path=path, query={}))
        answers = [(heard, server.take(heard)) for heard in heards]
    assert len(answers) == 5
    for heard, (status, said) in answers:
        schema = operation(described, heard)["responses"][str(status)]["content"]["application/json"][
            "schema"
        ]
        assert list(problems(described, schema, said)) == []


def test_an_answer_that_twilio_would_not_give_would_be_found(described):
    schema = {"$ref": "#/components/schemas/api.v2010.account.message"}
    good = {"sid": "SM" + "0a" * 16, "status": "queued", "date_created": "Tue, 24 Nov 2026 14:02:00 +0000"}
    assert list(problems(described, schema, good)) == []
    for broken in (
        {"sid": "CA" + "0a" * 16},
        {"status": "lost"},
        {"date_created": "2026-11-24"},
        {"callback": OURS},
        {"num_segments": 1},
    ):
        assert len(list(problems(described, schema, {**good, **broken}))) == 1, broken
