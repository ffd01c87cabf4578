"""The recorded session of a ransomware incident is what the commands show, from ``open`` to ``report``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.ransomware_session import RECORDING, Session, play
from tests.golden_files import same


@pytest.mark.slow
def test_the_recorded_session_matches_a_new_one(tmp_path: Path) -> None:
    same(RECORDING, play(Session(tmp_path)))
