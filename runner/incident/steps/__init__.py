"""Steps of playbooks: readiness, progress, approvals, containers, migration."""
