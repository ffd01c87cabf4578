"""Use cases of playbooks and their tests."""
