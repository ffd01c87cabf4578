"""Build step: the law and the notices compiled into ``playbooks/compiled``, for the wheel and for a checkout.

``python hatch_build.py`` does the same without building: `make` calls it before what needs a catalogue.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


class CompiledCatalogue(BuildHookInterface[Any]):
    """Compiles the catalogue and adds it to what is built."""

    def initialize(  # type: ignore[explicit-override]
        self, version: str, build_data: dict[str, Any]
    ) -> None:
        """Compile before files are collected."""
        compile_catalogue()
        build_data["artifacts"].append("/playbooks/compiled/*.json")


def compile_catalogue() -> None:
    """Compile what is not compiled yet."""
    sys.path.insert(0, str(ROOT))
    from runner.app.incidents.catalogue_pinning import compile_shipped

    compile_shipped(ROOT / "playbooks" / "compiled")


if __name__ == "__main__":
    compile_catalogue()
