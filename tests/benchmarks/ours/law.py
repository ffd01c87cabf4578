"""L: load all law that ships, compiled from its files, or as the build compiled it."""

from __future__ import annotations

import time

from tests.benchmarks import protocol


def load(job: protocol.Job) -> int:
    """Load everything and return how many regimes there are."""
    from runner.playbook.catalogue import Catalog

    kept = job.variant == "kept"
    return len(Catalog(None, cache=job.folder / "cache", anew=not kept).regimes())


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
