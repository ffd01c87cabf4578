"""L: load all law, as it will be when there are many regimes: compiled from its files, or as kept from the last time."""

from __future__ import annotations

import time
from pathlib import Path

from tests.benchmarks import protocol

SHIPPED = Path(__file__).parents[3] / "playbooks" / "regimes"


def many(folder: Path, n: int) -> None:
    """Write ``n`` regimes: the shipped ones again and again under other ids."""
    folder.mkdir(parents=True)
    shipped = sorted(SHIPPED.glob("*.yaml"))
    for number in range(n):
        file = shipped[number % len(shipped)]
        name = f"x{number:03d}-{file.stem}"
        text = file.read_text(encoding="utf-8").replace(f"id: {file.stem}\n", f"id: {name}\n")
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def load(job: protocol.Job) -> int:
    """Load everything and return how many regimes there are."""
    from runner.loading.catalog import Catalog

    cache = job.folder / "cache" if job.variant == "kept" else None
    return len(Catalog(job.folder / "home", cache=cache).regimes())


def main() -> None:
    """Prepare, or load once and say how long it took, the imports for it included."""
    job = protocol.job()
    if job.phase == "prepare":
        many(job.folder / "home" / "regimes", job.n)
        load(job)
        return
    started = time.perf_counter()
    found = load(job)
    seconds = time.perf_counter() - started
    assert found >= job.n
    protocol.report(job, seconds=seconds)


if __name__ == "__main__":
    main()
