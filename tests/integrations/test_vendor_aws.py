"""moto's server as a stand-in for AWS, held against botocore: signatures, policies, keys and the sessions of a role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.servers.aws import REVOKE, Aws
from tests.servers.vendors import VendorError


@pytest.fixture(scope="module")
def aws(clients):
    with Aws(clients) as running:
        yield running


def refused(aws: Aws, what: str, **args: Any) -> tuple[int, str]:
    with pytest.raises(VendorError) as error:
        aws.responder(what, **args)
    return error.value.status, error.value.code


def test_boto_deactivates_a_key_and_takes_it_back(aws):
    for state in ("Inactive", "Active"):
        aws.responder("update_access_key", UserName="eve", AccessKeyId=aws.leaked, Status=state)
        assert aws.key_state() == state


def test_boto_puts_a_policy_on_a_role(aws):
    aws.responder(
        "put_role_policy", RoleName="build", PolicyName="AWSRevokeOlderSessions", PolicyDocument=REVOKE
    )
    assert aws.policy() == json.loads(REVOKE)


def test_boto_reads_the_refusals(aws):
    assert refused(aws, "list_users") == (403, "AccessDenied")
    assert (
        refused(aws, "update_access_key", UserName="nobody", AccessKeyId=aws.leaked, Status="Inactive")[0]
        == 404
    )
    with pytest.raises(VendorError) as error:
        aws.ask("list_users", "AKIAIOSFODNN7EXAMPLE", "wrong")
    assert (error.value.status, error.value.code) == (403, "InvalidClientTokenId")


def test_a_wrong_signature_is_found(aws):
    with pytest.raises(VendorError) as error:
        aws.ask(
            "update_access_key", aws.key, "wrong", UserName="eve", AccessKeyId=aws.leaked, Status="Inactive"
        )
    assert (error.value.status, error.value.code) == (403, "SignatureDoesNotMatch")
