"""An account of AWS in moto's server: a leaked key, a role, and a responder who may do what the actions do, and no more."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

from tests.servers.vendors import Moto, VendorClients

MAY = ["iam:UpdateAccessKey", "iam:PutRolePolicy", "iam:DeleteRolePolicy"]
REVOKE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": ["*"],
                "Resource": ["*"],
                "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-28T09:00:00Z"}},
            }
        ],
    }
)
"""The policy with which AWS ends the sessions of a role that were issued before."""


class Aws:
    """A context. ``owner`` may do everything and looks at what was done; ``responder`` has the key of the actions."""

    def __init__(self, clients: VendorClients) -> None:
        """Use botocore of ``clients``."""
        self._clients = clients
        self._moto = Moto()

    def __enter__(self) -> Self:
        """Start the server and set up the account."""
        self._moto.__enter__()
        self.url = self._moto.url
        self._owner = ("AKIAMADEUP", "made-up")
        self.ask("create_user", *self._owner, UserName="owner")
        self.ask("create_user", *self._owner, UserName="eve")
        self.ask("create_user", *self._owner, UserName="responder")
        self._allow("owner", ["iam:*"])
        self._allow("responder", MAY)
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.ask("create_role", *self._owner, RoleName="build", AssumeRolePolicyDocument=trust)
        self.leaked = self._new_key("eve")[0]
        self.key, self.secret = self._new_key("responder")
        self._owner = self._new_key("owner")
        self._moto.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        self._moto.__exit__(kind, error, trace)

    def ask(self, what: str, key: str, secret: str, **args: Any) -> Any:
        """Make one call of IAM."""
        return self._clients.ask("iam", url=self.url, key=key, secret=secret, what=what, **args)

    def responder(self, what: str, **args: Any) -> Any:
        """Make one call with the key of the actions."""
        return self.ask(what, self.key, self.secret, **args)

    def key_state(self) -> str:
        """Return the state of the leaked key."""
        [found] = self.ask("list_access_keys", *self._owner, UserName="eve")["AccessKeyMetadata"]
        return str(found["Status"])

    def policy(self) -> Any:
        """Return the policy that ends the sessions of the role."""
        named = {"RoleName": "build", "PolicyName": "AWSRevokeOlderSessions"}
        return self.ask("get_role_policy", *self._owner, **named)["PolicyDocument"]

    def _allow(self, user: str, actions: list[str]) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.ask("put_user_policy", *self._owner, UserName=user, PolicyName="may", PolicyDocument=policy)

    def _new_key(self, user: str) -> tuple[str, str]:
        made = self.ask("create_access_key", *self._owner, UserName=user)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]
