"""Commands of playbooks and their tests."""
