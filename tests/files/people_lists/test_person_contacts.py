"""Contact methods of a row: what makes the row invalid, and what only leaves a way out."""

from __future__ import annotations

import pytest

from runner.files.people_lists.person_contacts import contact_of
from runner.incident.notices.letters import Person

ADA = Person(reference="K1", name="Ada", address="1 Elm Road")


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../zone", "Berlin\0"])
def test_a_time_zone_that_does_not_exist_makes_the_row_invalid(zone: str) -> None:
    contact, problems = contact_of(ADA, {"zone": zone})
    assert contact is None
    assert len(problems) == 1


def test_a_time_zone_that_exists_is_kept() -> None:
    contact, problems = contact_of(ADA, {"zone": "Europe/Berlin"})
    assert contact is not None
    assert (contact.zone, problems) == ("Europe/Berlin", ())
