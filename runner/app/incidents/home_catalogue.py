"""The catalogue of a home: its playbooks, law and notices, with the compiled ones of earlier calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.playbook.catalogue import Catalog

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService


def catalogue(service: IncidentService) -> Catalog:
    """Return the playbooks, the law and the notices of the home, with its own message classes."""
    return Catalog(service.folder, classes=service.home.classes, cache=service.cache())
