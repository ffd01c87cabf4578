"""ansible-core: W1, W2 and W4 through its command, on this machine, without gathering facts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from protocol import job, report

JOB = job()
COMMAND = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
ENVIRONMENT = os.environ | {
    "HOME": str(JOB.folder),
    "ANSIBLE_LOCALHOST_WARNING": "False",
    "ANSIBLE_NOCOLOR": "1",
}


def playbook(count: int) -> str:
    """Write a playbook of ``count`` tasks that do nothing; return its name."""
    path = JOB.folder / f"tasks{count}.yml"
    tasks = "".join(
        f"    - name: step {index}\n      ansible.builtin.debug: {{msg: x}}\n" for index in range(count)
    )
    path.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n" + tasks, encoding="utf-8")
    return str(path)


def seconds(count: int) -> float:
    """Return how long the whole command takes for ``count`` tasks."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, playbook(count)], env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def first_task() -> float:
    """Return the time from the command's start to its first task's result."""
    started = time.perf_counter()
    with subprocess.Popen(
        [*COMMAND, playbook(3)], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            if line.startswith("ok: "):
                process.kill()
                return time.perf_counter() - started
    raise SystemExit("no task ended")


match JOB.workload:
    case "W1":
        # What starting takes is not a step's doing.
        report(JOB, rate=(JOB.n - 1) / (seconds(JOB.n) - seconds(1)))
    case "W2":
        runs = JOB.n // 10
        started = time.perf_counter()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(seconds, [10] * runs))
        report(JOB, rate=JOB.n / (time.perf_counter() - started))
    case "W4":
        report(JOB, seconds=first_task())
