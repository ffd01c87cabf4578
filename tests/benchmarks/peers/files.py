"""Files that peers' whole commands read: pypyr's three steps, a playbook of n tasks for ansible."""

from __future__ import annotations

from protocol import job

JOB = job()

(JOB.folder / "noop.py").write_text("def run_step(context):\n    pass\n", encoding="utf-8")
(JOB.folder / "three.yaml").write_text("steps:\n" + "  - noop\n" * 3, encoding="utf-8")
tasks = "".join(
    f"    - name: step {index}\n      ansible.builtin.debug: {{msg: 'step {index}'}}\n      when: ready | default(true)\n"
    for index in range(JOB.n)
)
(JOB.folder / "playbook.yaml").write_text(
    "- hosts: localhost\n  gather_facts: false\n  tasks:\n" + tasks, encoding="utf-8"
)
