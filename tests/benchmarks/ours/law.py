"""L: load all law that ships, compiled from its files, or as kept from the last time."""

from __future__ import annotations

import time

from tests.benchmarks import protocol


def load(job: protocol.Job) -> int:
    """Load everything and return how many regimes there are."""
    from runner.playbook.catalogue import Catalog

    cache = job.folder / "cache" if job.variant == "kept" else None
    return len(Catalog(None, cache=cache).regimes())


def main() -> None:
    """Prepare, or load once and say how long it took, the imports for it included."""
    job = protocol.job()
    if job.phase == "prepare":
        load(job)
        return
    started = time.perf_counter()
    found = load(job)
    seconds = time.perf_counter() - started
    assert found >= job.n
    protocol.report(job, seconds=seconds)


if __name__ == "__main__":
    main()
