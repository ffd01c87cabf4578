"""The gateway: the only importer of integrations."""
