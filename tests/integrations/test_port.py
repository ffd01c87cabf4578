"""What the port itself says of telephones."""

from __future__ import annotations

import msgspec
import pytest

from integrations.port import narrow_body, phone_problem
from integrations.testing.conformance import outbound


@pytest.mark.parametrize("number", ["+15005550006", "+4915112345678", "+1234567"])
def test_a_number_is_international(number):
    assert phone_problem(number) == ""


@pytest.mark.parametrize(
    "number",
    ["", "+", "15005550006", "+1 500 5550006", "+0123456789", "+123456", "+1234567890123456", "+١٢٣٤٥٦٧"],
)
def test_anything_else_is_refused_without_repeating_it(number):
    problem = phone_problem(number)
    assert problem != ""
    assert number == "" or number == "+" or number not in problem


def test_the_footer_of_a_text_message_needs_no_wide_alphabet_and_its_text_stays():
    message = msgspec.structs.replace(outbound("x"), marking="", text="a · b", footer="Tocsin owl · d-1")
    assert narrow_body(message) == "a · b\n\n-- \nTocsin owl - d-1"
