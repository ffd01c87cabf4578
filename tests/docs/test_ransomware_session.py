"""The recorded session of a ransomware incident is what the commands show, from ``open`` to ``report``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.ransomware_session import RECORDING, Session, play
from tests.golden_files import same

MOST = 49
"""Commands that a small organisation needs from ``open`` to ``report``, with the way in, the eviction and the criteria to restore."""


@pytest.mark.slow
def test_the_recorded_session_matches_a_new_one_and_is_short(tmp_path: Path) -> None:
    session = Session(tmp_path)
    same(RECORDING, play(session))
    assert len(session.shown) <= MOST
    assert not [shown for shown in session.shown if "--all" in shown.splitlines()[0]]
