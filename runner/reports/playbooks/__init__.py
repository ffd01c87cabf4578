"""Reports of playbooks and their tests."""
