"""The signed webhook against a real receiver: what it can check, and what it cannot be tricked into."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from integrations import webhook
from integrations.http import json_object
from integrations.port import Accepted, Callback, NotSent, Rejected, Unauthentic
from integrations.testing.chaos import ChaosServer, Talk, closed_port
from integrations.testing.conformance import answer, outbound
from runner.effects.gateway.translation import Held

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
SECRETS = {"signing": Held(SECRET)}
AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
MESSAGE = outbound("oncall")


def says_yes(body: bytes = b"{}"):
    def script(talk: Talk) -> None:
        while talk.hear_until(b"\r\n\r\n"):
            talk.hear_request()
            talk.lines.append(talk.heard)
            talk.heard = b""
            talk.say(answer("200 OK", body=body))

    return script


def settings(server, path: str = "/in") -> webhook.Settings:
    return webhook.Settings(url=f"http://127.0.0.1:{server.port}{path}")


def request(raw: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, value in fields}, body


def test_the_receiver_can_check_the_signature_over_id_timestamp_and_body():
    with ChaosServer(says_yes()) as server:
        assert webhook.send(MESSAGE, settings(server), SECRETS) == Accepted("")
        headers, body = request(server.talks[0].lines[0])
    identifier, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    assert identifier == MESSAGE.idempotency_key
    assert timestamp == str(int(MESSAGE.at.timestamp()))
    signed = f"{identifier}.{timestamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(body)["to"] == "oncall"
    assert headers["user-agent"] == "Tocsin"


def test_the_signature_is_that_of_the_published_example():
    # From the Standard Webhooks specification's reference libraries.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_keys_change_both_signatures_are_sent():
    both = {**SECRETS, "signing_previous": Held(base64.b64encode(b"p" * 32).decode())}
    with ChaosServer(says_yes()) as server:
        webhook.send(MESSAGE, settings(server), both)
        headers, _ = request(server.talks[0].lines[0])
    assert [one[:3] for one in headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]


def test_every_attempt_of_the_same_send_has_the_same_id_and_body():
    again = msgspec.structs.replace(MESSAGE, attempt=2, at=MESSAGE.at + timedelta(minutes=1))
    with ChaosServer(says_yes()) as server:
        for one in (MESSAGE, again):
            assert webhook.send(one, settings(server), SECRETS) == Accepted("")
        (first, body), (second, same) = (request(raw) for talk in server.talks for raw in talk.lines)
    assert body == same
    assert first["webhook-id"] == second["webhook-id"]
    assert (first["tocsin-attempt"], second["tocsin-attempt"]) == ("1", "2")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"id": "rcv-77_a"}', "rcv-77_a"),
        (b'{"id": "a b\\n"}', ""),
        (b'{"id": 7}', ""),
        (b"[]", ""),
        (b"", ""),
    ],
)
def test_the_receivers_own_id_is_kept_where_it_is_one(body, wanted):
    with ChaosServer(says_yes(body)) as server:
        assert webhook.send(MESSAGE, settings(server), SECRETS) == Accepted(wanted)


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "plain-marker-text"])
def test_an_unusable_secret_is_said_before_anything_is_sent_and_not_repeated(secret):
    given = {} if secret is None else {"signing": Held(secret)}
    outcome = webhook.send(MESSAGE, webhook.Settings(url=f"http://127.0.0.1:{closed_port()}/"), given)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.about) == ("secret", "account")
    assert "plain-marker-text" not in repr(outcome)
    assert [one.severity for one in webhook.lint(webhook.Settings(url="https://x/"), given)] == ["error"]


def test_redirects_are_not_followed_so_that_no_signature_goes_elsewhere():
    with ChaosServer(says_yes()) as elsewhere:

        def moved(talk: Talk) -> None:
            talk.hear_request()
            talk.say(answer("307 Moved", f"Location: http://127.0.0.1:{elsewhere.port}/"))

        with ChaosServer(moved) as server:
            outcome = webhook.send(MESSAGE, settings(server), SECRETS)
        assert elsewhere.talks == []
    assert isinstance(outcome, Rejected)
    assert outcome.about == "account"


class Yes(BaseHTTPRequestHandler):
    """Takes a post and says yes, with a length."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_) -> None:
        """Say nothing."""


def test_over_tls_the_certificate_is_checked_against_the_channels_own_authority(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Yes) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}/in"
        trusting = webhook.Settings(url=url, ca_file=str(certificate[0]))
        found = [webhook.send(MESSAGE, one, SECRETS) for one in (trusting, webhook.Settings(url=url))]
        server.shutdown()
        thread.join()
    assert found == [Accepted(""), NotSent("the certificate of the service is not valid")]


def callback(body: bytes = b"{}", *, at: datetime = AT, key: bytes = KEY, **headers: str) -> Callback:
    stamp = int(AT.timestamp())
    given = {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": webhook.signature(key, "msg-1", stamp, body),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Callback(method="POST", path="/", headers=given, body=body, at=at)


def test_a_callback_is_believed_only_with_its_signature_and_in_its_window():
    target = webhook.Settings(url="https://x/")

    def parsed(one: Callback, secrets=SECRETS):
        return webhook.parse_callback(one, target, secrets)

    assert parsed(callback()) == ()
    assert parsed(callback(at=AT + timedelta(minutes=5))) == ()
    assert parsed(callback(webhook_signature="v1,nonsense " + callback().headers["webhook-signature"])) == ()
    forged = [
        callback(key=b"x" * 32),
        callback(webhook_id="msg-2"),
        callback(webhook_signature=""),
        callback(webhook_signature="v1,é"),
        callback(webhook_signature="v1,\udcff"),
        callback(webhook_timestamp="soon"),
        callback(webhook_timestamp="9" * 400),
        callback(at=AT + timedelta(minutes=6)),
        callback(at=AT - timedelta(minutes=6)),
        msgspec.structs.replace(callback(), body=b"{} "),
    ]
    assert all(isinstance(parsed(one), Unauthentic) for one in forged)
    assert isinstance(parsed(callback(), {}), Unauthentic)


def test_capabilities_depend_on_the_url_and_the_memory_of_the_receiver():
    secure = webhook.capabilities(webhook.Settings(url="https://pager.example/x"))
    assert (secure.confidentiality, secure.idempotency) == ("confidential", "key")
    assert secure.key_lifetime == timedelta(hours=24)
    assert secure.domains == {"host:pager.example:443"}
    assert secure.hosts == {"host:pager.example"}
    assert webhook.capabilities(webhook.Settings(url="http://pager.example/x")).confidentiality == "public"
    assert (
        webhook.capabilities(webhook.Settings(url="http://127.0.0.1:1/x")).confidentiality == "confidential"
    )
    forgets = webhook.Settings(url="https://x/", remembers_ids=timedelta(0))
    assert webhook.capabilities(forgets).idempotency == "none"
    assert webhook.capabilities(webhook.Settings(url="https://x/", remembers_ids=None)).key_lifetime is None


def test_the_lint_finds_urls_that_fail_or_leak():
    def found(url: str):
        return [(one.severity, one.what) for one in webhook.lint(webhook.Settings(url=url), SECRETS)]

    assert found("https://pager.example/x") == []
    assert found("http://pager.example/x") == [
        ("warning", "the URL is http: others on the network can read and drop messages")
    ]
    assert found("https://user:marker@pager.example/x") == [
        ("error", "the URL contains a user or a password: use a secret")
    ]


def test_handles_are_short_and_printable():
    assert webhook.address_problem("oncall") == ""
    assert webhook.address_problem("") != ""
    assert webhook.address_problem("a\nb") != ""
    assert webhook.address_problem("a" * 201) != ""


def test_the_self_test_uses_a_handle_without_a_person():
    with ChaosServer(says_yes()) as server:
        assert webhook.self_test(MESSAGE, settings(server), SECRETS) == Accepted("")
        _, body = request(server.talks[0].lines[0])
    assert json_object(body)["to"] == "tocsin-self-test"
